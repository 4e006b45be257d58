// Writing what no single DataView call writes: odd widths, bits, variable lengths, text. Every function returns the offset
// behind what it wrote, and throws RangeError where the slab ends, EncodeError where the value does not fit its type.
import { EncodeError } from '../wire/codec.ts'
import { fitsBytes, sizeUtf8 } from '../wire/text.ts'
import {
  sizeLeb128,
  sizeLeb128Big,
  sizeQuicBig,
  sizeSleb128Big,
  writeLeb128,
  writeLeb128Big,
  writeQuicBig,
  writeSleb128Big,
  writeVlq,
  writeVlqBig,
  zigzag,
  zigzagBig,
} from '../wire/varint.ts'
import { bigIntIn, bigUintIn } from './given.ts'
import type { Pair } from './numbers.ts'
import { fitsInto } from './output.ts'

/** `bits` bits at bit `at`, most significant first; the bits around them stay. */
export function putBits(into: Uint8Array, at: number, bits: number, value: number): void {
  putBitsBig(into, at, bits, BigInt(value))
}

export function putBitsBig(into: Uint8Array, at: number, bits: number, value: bigint): void {
  fitsInto(into, Math.ceil((at + bits) / 8))
  let rest = BigInt.asUintN(bits, value)
  for (let end = at + bits; end > at; ) {
    const low = (8 - (end % 8)) % 8
    const taken = Math.min(8 - low, end - at)
    const mask = ((1 << taken) - 1) << low
    const byte = Math.floor((end - 1) / 8)
    into[byte] = (into[byte]! & ~mask) | (Number(rest & BigInt((1 << taken) - 1)) << low)
    rest >>= BigInt(taken)
    end -= taken
  }
}

/** `bits` bits at bit `at`, least significant first, bits of a byte counted from its least significant one. */
export function putBitsle(into: Uint8Array, at: number, bits: number, value: number): void {
  putBitsBigle(into, at, bits, BigInt(value))
}

export function putBitsBigle(into: Uint8Array, at: number, bits: number, value: bigint): void {
  fitsInto(into, Math.ceil((at + bits) / 8))
  let rest = BigInt.asUintN(bits, value)
  for (let bit = at; bit < at + bits; ) {
    const low = bit % 8
    const taken = Math.min(8 - low, at + bits - bit)
    const mask = ((1 << taken) - 1) << low
    const byte = Math.floor(bit / 8)
    into[byte] = (into[byte]! & ~mask) | (Number(rest & BigInt((1 << taken) - 1)) << low)
    rest >>= BigInt(taken)
    bit += taken
  }
}

/** A number of `size` whole bytes, two's complement. */
export function putInt(into: Uint8Array, at: number, size: number, value: number): number {
  fitsInto(into, at + size)
  for (let i = size - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) into[at + i] = rest & 0xff
  return at + size
}

export function putIntle(into: Uint8Array, at: number, size: number, value: number): number {
  fitsInto(into, at + size)
  for (let i = 0, rest = value; i < size; i++, rest = Math.floor(rest / 256)) into[at + i] = rest & 0xff
  return at + size
}

export function putBigInt(into: Uint8Array, at: number, size: number, value: bigint): number {
  fitsInto(into, at + size)
  for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) into[at + i] = Number(rest & 0xffn)
  return at + size
}

export function putBigIntle(into: Uint8Array, at: number, size: number, value: bigint): number {
  fitsInto(into, at + size)
  for (let i = 0, rest = value; i < size; i++, rest >>= 8n) into[at + i] = Number(rest & 0xffn)
  return at + size
}

/** 64 bits as the caller has them: two halves and numbers need no bigint. */
export function putU64(view: DataView, at: number, value: unknown, field: string, little: boolean): void {
  if (typeof value === 'number' && value >= 0 && Number.isSafeInteger(value)) {
    putHalves(view, at, Math.floor(value / 0x100000000), value, little)
  } else if (!isPair(value) || value.hi !== value.hi >>> 0) {
    view.setBigUint64(at, bigUintIn(value, MOST_U64, field), little)
  } else {
    putHalves(view, at, value.hi, value.lo, little)
  }
}

/** As `putU64`; the upper half has the sign. */
export function putI64(view: DataView, at: number, value: unknown, field: string, little: boolean): void {
  if (typeof value === 'number' && Number.isSafeInteger(value)) {
    putHalves(view, at, Math.floor(value / 0x100000000), value, little)
  } else if (!isPair(value) || value.hi !== (value.hi | 0)) {
    view.setBigInt64(at, bigIntIn(value, -MOST_I64 - 1n, MOST_I64, field), little)
  } else {
    putHalves(view, at, value.hi, value.lo, little)
  }
}

function isPair(value: unknown): value is Pair {
  if (typeof value !== 'object' || value === null) return false
  const { hi, lo } = value as Pair
  return typeof hi === 'number' && typeof lo === 'number' && lo === lo >>> 0
}

function putHalves(view: DataView, at: number, hi: number, lo: number, little: boolean): void {
  view.setUint32(little ? at + 4 : at, hi, little)
  view.setUint32(little ? at : at + 4, lo, little)
}

/** `uint(n)`: n is 0 to 8. */
export function putUint(into: Uint8Array, at: number, size: number, value: bigint, field: string): number {
  fitsUint(size, value, field)
  return putBigInt(into, at, size, value)
}

export function putUintle(into: Uint8Array, at: number, size: number, value: bigint, field: string): number {
  fitsUint(size, value, field)
  return putBigIntle(into, at, size, value)
}

function fitsUint(size: number, value: bigint, field: string): void {
  if (size < 0 || size > 8) throw new EncodeError('OutOfRange', field, `${field}: an integer of ${size} bytes`)
  if (BigInt.asUintN(8 * size, value) !== value)
    throw new EncodeError('OutOfRange', field, `${field}: ${value} does not fit ${size} bytes`)
}

export function putZeros(into: Uint8Array, at: number, count: number): number {
  fitsInto(into, at + count)
  into.fill(0, at, at + count)
  return at + count
}

// --------------------------------------------------------------------------------------------------- varints

export function putLeb128(into: Uint8Array, at: number, value: number, max: number, field: string): number {
  fitsVarint(into, at, value < 0 ? max + 1 : sizeLeb128(value), max, field)
  return writeLeb128(into, at, value)
}

export function putLeb128Big(into: Uint8Array, at: number, value: bigint, max: number, field: string): number {
  fitsVarint(into, at, value < 0n ? max + 1 : sizeLeb128Big(value), max, field)
  return writeLeb128Big(into, at, value)
}

export function putSleb128(into: Uint8Array, at: number, value: number, max: number, field: string): number {
  return putSleb128Big(into, at, BigInt(value), max, field)
}

export function putSleb128Big(into: Uint8Array, at: number, value: bigint, max: number, field: string): number {
  fitsVarint(into, at, sizeSleb128Big(value), max, field)
  return writeSleb128Big(into, at, value)
}

export function putZigzag(into: Uint8Array, at: number, value: number, max: number, field: string): number {
  return putLeb128(into, at, zigzag(value), max, field)
}

export function putZigzagBig(into: Uint8Array, at: number, value: bigint, max: number, field: string): number {
  return putLeb128Big(into, at, zigzagBig(value), max, field)
}

export function putVlq(into: Uint8Array, at: number, value: number, max: number, field: string): number {
  fitsVarint(into, at, value < 0 ? max + 1 : sizeLeb128(value), max, field)
  return writeVlq(into, at, value)
}

export function putVlqBig(into: Uint8Array, at: number, value: bigint, max: number, field: string): number {
  fitsVarint(into, at, value < 0n ? max + 1 : sizeLeb128Big(value), max, field)
  return writeVlqBig(into, at, value)
}

export function putQuic(into: Uint8Array, at: number, value: number, max: number, field: string): number {
  return putQuicBig(into, at, BigInt(value), max, field)
}

export function putQuicBig(into: Uint8Array, at: number, value: bigint, max: number, field: string): number {
  fitsVarint(into, at, value < 0n ? 0 : sizeQuicBig(value), max, field)
  return writeQuicBig(into, at, value)
}

function fitsVarint(into: Uint8Array, at: number, size: number, max: number, field: string): void {
  if (size < 1 || size > max)
    throw new EncodeError('OutOfRange', field, `${field}: this number takes more than ${max} bytes`)
  fitsInto(into, at + size)
}

type Put<T> = (into: Uint8Array, at: number, value: T, max: number, field: string) => number

/**
 * A varint in front of content that was written at `at + 1`: moves the content where the varint takes more than a byte.
 * Returns the offset behind the content.
 */
export function putPrefix<T>(
  put: Put<T>,
  into: Uint8Array,
  at: number,
  end: number,
  value: T,
  max: number,
  field: string,
): number {
  const room = new Uint8Array(10)
  const size = put(room, 0, value, max, field)
  fitsInto(into, end - 1 + size)
  if (size > 1) into.copyWithin(at + size, at + 1, end)
  for (let i = 0; i < size; i++) into[at + i] = room[i]!
  return end - 1 + size
}

// ------------------------------------------------------------------------------------------------------ text

/** Text as UTF-8; half of a surrogate pair is `error`. */
export function putUtf8(into: Uint8Array, at: number, text: string, field: string, error = 'BadText'): number {
  const { length } = text
  if (length <= SHORT && at + length <= into.length) {
    let i = 0
    for (; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) break
      into[at + i] = unit
    }
    if (i === length) return at + length
  }
  const size = sizeUtf8(text)
  if (size < 0) throw new EncodeError(error, field, `${field}: half of a surrogate pair cannot be written`)
  fitsInto(into, at + size)
  encoder.encodeInto(text, into.subarray(at, at + size))
  return at + size
}

export function putAscii(into: Uint8Array, at: number, text: string, field: string, error = 'BadText'): number {
  if (!fitsBytes(text, 0x80)) throw new EncodeError(error, field, `${field}: not all characters are ASCII`)
  return putLatin1(into, at, text)
}

export function putLatin1In(into: Uint8Array, at: number, text: string, field: string, error = 'BadText'): number {
  if (!fitsBytes(text, 0x100)) throw new EncodeError(error, field, `${field}: not all characters are Latin-1`)
  return putLatin1(into, at, text)
}

export function putLatin1(into: Uint8Array, at: number, text: string): number {
  fitsInto(into, at + text.length)
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i)
  return at + text.length
}

/** The delimiter behind content that must not contain it. */
export function putDelimiter(
  into: Uint8Array,
  from: number,
  end: number,
  delimiter: Uint8Array,
  field: string,
  error = 'BadValue',
): void {
  for (let at = from; at + delimiter.length <= end; at++) {
    let i = 0
    while (i < delimiter.length && into[at + i] === delimiter[i]) i++
    if (i === delimiter.length) throw new EncodeError(error, field, `${field}: the value contains its delimiter`)
  }
  into.set(delimiter, end)
}

/** Bytes that `text` takes. Text that cannot be written counts as nothing: the encoder says why. */
export function utf8Size(text: unknown): number {
  return typeof text === 'string' ? Math.max(0, sizeUtf8(text)) : 0
}

export function latin1Size(text: unknown): number {
  return typeof text === 'string' ? text.length : 0
}

/** Bytes of a number as text; what is no number counts as nothing. */
export function numberSize(value: unknown, base: 10 | 16): number {
  return typeof value === 'number' || typeof value === 'bigint' ? value.toString(base).length : 0
}

export function leb128Size(value: unknown): number {
  const whole = wholeNumber(value)
  return whole < 0n ? 0 : sizeLeb128Big(whole)
}

export function sleb128Size(value: unknown): number {
  return sizeSleb128Big(wholeNumber(value))
}

export function zigzagSize(value: unknown): number {
  return sizeLeb128Big(zigzagBig(wholeNumber(value)))
}

export function quicSize(value: unknown): number {
  const whole = wholeNumber(value)
  return whole < 0n ? 0 : sizeQuicBig(whole)
}

/** Content with its length in front. */
export function withPrefix(prefix: (size: number) => number, content: number): number {
  return prefix(content) + content
}

function wholeNumber(value: unknown): bigint {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : 0n
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

const SHORT = 64
const MOST_U64 = (1n << 64n) - 1n
const MOST_I64 = (1n << 63n) - 1n
const encoder = new TextEncoder()
const decoder = new TextDecoder()
