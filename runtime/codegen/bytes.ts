// Bytes made by expressions of generated code: numbers as bytes, joined parts, checksums over anything but a range.
import { copyOf } from '../wire/copy.ts'
import { NO_BYTES, UNEVALUABLE } from './exact.ts'

const encoder = new TextEncoder()

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

export function textSize(text: string): number {
  return encoder.encode(text).length
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

/** A checksum of bytes as a whole. */
export function over<T>(checksum: (bytes: Uint8Array, start: number, end: number) => T, bytes: Uint8Array): T {
  return checksum(bytes, 0, bytes.length)
}

/** `bytes[start..end)` with zeros in place of `from..to`, where that lies inside. */
export function blanked(bytes: Uint8Array, start: number, end: number, from: number, to: number): Uint8Array {
  if (end <= start) return NO_BYTES
  if (from < start || to > end || from === to) return bytes.subarray(start, end)
  const copy = copyOf(bytes, start, end)
  copy.fill(0, from - start, to - start)
  return copy
}

/** A number as `size` bytes, two's complement. What does not fit has no value. */
export function numberBytes(value: number | bigint, size: number, little: boolean): Uint8Array {
  const big = BigInt(value)
  if (big !== BigInt.asUintN(8 * size, big) && big !== BigInt.asIntN(8 * size, big)) throw UNEVALUABLE
  const out = new Uint8Array(size)
  for (let i = 0, rest = big; i < size; i++, rest >>= 8n) out[little ? i : size - 1 - i] = Number(rest & 0xffn)
  return out
}

/** Bytes as a number, most significant first. */
export function bytesNumber(bytes: Uint8Array): bigint {
  if (bytes.length > 16) throw UNEVALUABLE
  let value = 0n
  for (const byte of bytes) value = (value << 8n) | BigInt(byte)
  return value
}

export function bytesNumberLe(bytes: Uint8Array): bigint {
  return bytesNumber(copyOf(bytes).reverse())
}

export function sliced(bytes: Uint8Array, from: number, length: number): Uint8Array {
  if (from < 0 || length < 0 || from + length > bytes.length) throw UNEVALUABLE
  return copyOf(bytes, from, from + length)
}

export function masked(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  if (key.length === 0) throw UNEVALUABLE
  return bytes.map((byte, i) => byte ^ key[i % key.length]!)
}

export function zeros(count: number): Uint8Array {
  if (!(count >= 0 && count <= MOST)) throw UNEVALUABLE
  return new Uint8Array(count)
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

/** A view for readers, a copy for plain objects. */
export function bytesOf(bytes: Uint8Array, from: number, to: number, copy: boolean): Uint8Array {
  return copy ? copyOf(bytes, from, to) : bytes.subarray(from, to)
}

/** Whether `bytes[from..to)` are these. */
export function bytesAre(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false
  return true
}

/** The same for ASCII letters in whatever case. */
export function bytesAreInAnyCase(bytes: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (lower(bytes[from + i]!) !== lower(wanted[i]!)) return false
  return true
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
}

const MOST = 2 ** 26
