// Ids, counters and bits of packets read and written at the places that a schema gives them, before anything is decoded.
// Numbers of 64 bits are two halves, because a bigint for every packet costs more than the rest of the header.

import type { BitPlace, BytePlace, SealLayout } from '../../core/seal-descriptor.ts'

/** Bits inside one byte of the frame that begins at `frame`. */
export function readBits(place: BitPlace, bytes: Uint8Array, frame: number): number {
  return (bytes[frame + place.at]! >> place.shift) & place.mask
}

/** The other bits of the byte stay. Bits of `value` that do not fit are dropped: fields count modulo their width. */
export function writeBits(place: BitPlace, bytes: Uint8Array, frame: number, value: number): void {
  const at = frame + place.at
  bytes[at] = (bytes[at]! & ~(place.mask << place.shift)) | ((value & place.mask) << place.shift)
}

/** The lowest 32 bits of an integer. */
export function readLow(place: BytePlace, bytes: Uint8Array, frame: number): number {
  const { size, little } = place
  const at = frame + place.at
  if (size >= 4) return little ? read32le(bytes, at) : read32(bytes, at + size - 4)
  return readFew(bytes, at, size, little)
}

/** The bits above the lowest 32. */
export function readHigh(place: BytePlace, bytes: Uint8Array, frame: number): number {
  const { size, little } = place
  if (size <= 4) return 0
  const at = frame + place.at
  if (size === 8) return little ? read32le(bytes, at + 4) : read32(bytes, at)
  return little ? readFew(bytes, at + 4, size - 4, true) : readFew(bytes, at, size - 4, false)
}

/** An integer of at most 6 bytes: connection ids. */
export function readNumber(place: BytePlace, bytes: Uint8Array, frame: number): number {
  return readHigh(place, bytes, frame) * WORD + readLow(place, bytes, frame)
}

/** As many low bytes of `hi * 2^32 + lo` as the place has. */
export function writeWords(place: BytePlace, bytes: Uint8Array, frame: number, hi: number, lo: number): void {
  putWords(bytes, frame + place.at, place.size, place.little, hi, lo)
}

/** The low `size` bytes of a number in two halves; more than 8 bytes have zeros in front. */
export function putWords(bytes: Uint8Array, at: number, size: number, little: boolean, hi: number, lo: number): void {
  if (size === 8) {
    put32(bytes, little ? at + 4 : at, little, hi)
    put32(bytes, little ? at : at + 4, little, lo)
  } else if (size === 4) put32(bytes, at, little, lo)
  else putFew(bytes, at, size, little, hi, lo)
}

/** Whether the frame that begins at `frame` is one of those that the seal covers. */
export function isSealed(layout: SealLayout, bytes: Uint8Array, frame: number): boolean {
  const { test } = layout
  return test === undefined || test.values.includes(readBits(test.place, bytes, frame))
}

/** How far one number is above another; exact below 2^53, of the right sign always. */
export function distance(hi: number, lo: number, fromHi: number, fromLo: number): number {
  return (hi - fromHi) * WORD + (lo - fromLo)
}

function putFew(bytes: Uint8Array, at: number, size: number, little: boolean, hi: number, lo: number): void {
  for (let i = 0; i < size; i++) {
    const byte = i < 4 ? lo >>> (8 * i) : i < 8 ? hi >>> (8 * (i - 4)) : 0
    bytes[little ? at + i : at + size - 1 - i] = byte
  }
}

function put32(bytes: Uint8Array, at: number, little: boolean, value: number): void {
  bytes[little ? at : at + 3] = value
  bytes[little ? at + 1 : at + 2] = value >>> 8
  bytes[little ? at + 2 : at + 1] = value >>> 16
  bytes[little ? at + 3 : at] = value >>> 24
}

function readFew(bytes: Uint8Array, at: number, size: number, little: boolean): number {
  let value = 0
  for (let i = 0; i < size; i++) value = (value << 8) | bytes[little ? at + size - 1 - i : at + i]!
  return value >>> 0
}

function read32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function read32le(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

const WORD = 0x1_0000_0000
