// Numbers in bytes, for what is no plain shift in generated code: bits that cross words, 40 to 64 bits, floats, numbers
// written as text. All read what was checked before.
import { readDecimal, readHexadecimal } from '../wire/text.ts'
import type { Input } from './input.ts'

/** 64 bits as two halves. */
export interface Pair {
  hi: number
  lo: number
}

export function pairOf(value: bigint): Pair {
  return { hi: Number(value >> 32n), lo: Number(value & 0xffffffffn) }
}

export function readU64Pair(b: Uint8Array, at: number): Pair {
  return { hi: u32(b, at), lo: u32(b, at + 4) }
}

export function readU64lePair(b: Uint8Array, at: number): Pair {
  return { hi: u32le(b, at + 4), lo: u32le(b, at) }
}

/** The upper half has the sign. */
export function readI64Pair(b: Uint8Array, at: number): Pair {
  return { hi: u32(b, at) | 0, lo: u32(b, at + 4) }
}

export function readI64lePair(b: Uint8Array, at: number): Pair {
  return { hi: u32le(b, at + 4) | 0, lo: u32le(b, at) }
}

export function readU40(b: Uint8Array, at: number): number {
  return b[at]! * 0x100000000 + u32(b, at + 1)
}

export function readU40le(b: Uint8Array, at: number): number {
  return b[at + 4]! * 0x100000000 + u32le(b, at)
}

export function readU48(b: Uint8Array, at: number): number {
  return ((b[at]! << 8) | b[at + 1]!) * 0x100000000 + u32(b, at + 2)
}

export function readU48le(b: Uint8Array, at: number): number {
  return (b[at + 4]! | (b[at + 5]! << 8)) * 0x100000000 + u32le(b, at)
}

export function readI40(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) >> 24) * 0x100000000 + u32(b, at + 1)
}

export function readI40le(b: Uint8Array, at: number): number {
  return ((b[at + 4]! << 24) >> 24) * 0x100000000 + u32le(b, at)
}

export function readI48(b: Uint8Array, at: number): number {
  return ((((b[at]! << 8) | b[at + 1]!) << 16) >> 16) * 0x100000000 + u32(b, at + 2)
}

export function readI48le(b: Uint8Array, at: number): number {
  return (((b[at + 4]! | (b[at + 5]! << 8)) << 16) >> 16) * 0x100000000 + u32le(b, at)
}

/** `bits` bits (at most 53) from bit `at` on, most significant first. */
export function readBits(b: Uint8Array, at: number, bits: number, signed: boolean): number {
  let value = 0
  for (let bit = at; bit < at + bits; ) {
    const taken = Math.min(8 - (bit & 7), at + bits - bit)
    const shift = 8 - (bit & 7) - taken
    value = value * 2 ** taken + ((b[Math.floor(bit / 8)]! >> shift) & ((1 << taken) - 1))
    bit += taken
  }
  return signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value
}

export function readBitsBig(b: Uint8Array, at: number, bits: number, signed: boolean): bigint {
  const high = BigInt(readBits(b, at, bits - 32, false))
  const value = (high << 32n) | BigInt(readBits(b, at + bits - 32, 32, false))
  return signed ? BigInt.asIntN(bits, value) : value
}

/** `bits` bits (at most 53) from bit `at` on, least significant first, bits of a byte counted from its least significant. */
export function readBitsle(b: Uint8Array, at: number, bits: number, signed: boolean): number {
  let value = 0
  for (let bit = at; bit < at + bits; ) {
    const low = bit & 7
    const taken = Math.min(8 - low, at + bits - bit)
    value += ((b[Math.floor(bit / 8)]! >> low) & ((1 << taken) - 1)) * 2 ** (bit - at)
    bit += taken
  }
  return signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value
}

export function readBitsBigle(b: Uint8Array, at: number, bits: number, signed: boolean): bigint {
  const low = BigInt(readBitsle(b, at, 32, false))
  const value = (BigInt(readBitsle(b, at + 32, bits - 32, false)) << 32n) | low
  return signed ? BigInt.asIntN(bits, value) : value
}

/** Known bits, or none of them when there are others. */
export function knownBits(value: number, mask: number): number {
  return knownBitsBig(BigInt(value), BigInt(mask)) === 0n ? 0 : value
}

export function knownBitsBig(value: bigint, mask: bigint): bigint {
  return (value & ~mask) === 0n ? value : 0n
}

// Floats go through one shared buffer, a word at a time: a DataView for each packet would cost more than the packet.
const float64 = new Float64Array(1)
const words64 = new Int32Array(float64.buffer)
const float32 = new Float32Array(1)
const word32 = new Int32Array(float32.buffer)
const LOW = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1
const HIGH = 1 - LOW

/** The float that these bits are. So short that it is part of whatever calls it, and no number goes to the heap. */
export function floatOf(word: number): number {
  word32[0] = word
  return float32[0]!
}

export function doubleOf(high: number, low: number): number {
  words64[HIGH] = high
  words64[LOW] = low
  return float64[0]!
}

/** A decimal number that was checked. */
export function decimalAt(b: Uint8Array, from: number, to: number): bigint {
  return readDecimal(b, from, to, true, true) ?? 0n
}

export function hexadecimalAt(b: Uint8Array, from: number, to: number): bigint {
  return readHexadecimal(b, from, to, true) ?? 0n
}

/** A decimal number within bounds; undefined where it is none. */
export function parseDecimalBig(
  b: Uint8Array,
  from: number,
  to: number,
  signed: boolean,
  lenient: boolean,
  low: bigint,
  high: bigint,
): bigint | undefined {
  const value = readDecimal(b, from, to, signed, lenient)
  return value === undefined || value < low || value > high ? undefined : value
}

export function parseDecimal(
  b: Uint8Array,
  from: number,
  to: number,
  signed: boolean,
  lenient: boolean,
  low: number,
  high: number,
): number | undefined {
  const value = readDecimal(b, from, to, signed, lenient)
  return value === undefined || value < low || value > high ? undefined : Number(value)
}

export function parseHexadecimalBig(
  b: Uint8Array,
  from: number,
  to: number,
  lenient: boolean,
  low: bigint,
  high: bigint,
): bigint | undefined {
  const value = readHexadecimal(b, from, to, lenient)
  return value === undefined || value < low || value > high ? undefined : value
}

export function parseHexadecimal(
  b: Uint8Array,
  from: number,
  to: number,
  lenient: boolean,
  low: number,
  high: number,
): number | undefined {
  const value = readHexadecimal(b, from, to, lenient)
  return value === undefined || value < low || value > high ? undefined : Number(value)
}

/** Looks ahead: whether the bytes up to `behind` are there, or an error. Always true. */
export function ahead(input: Input, behind: number, end: number, at: number, field: string): true {
  if (behind > end) {
    if (!input.isOpen()) throw input.refuse('Truncated', at, field)
  }
  if (behind > input.have) input.want(behind)
  return true
}

function u32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
}

function u32le(b: Uint8Array, at: number): number {
  return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0
}
