// Values that a caller gives to a generated encoder, by type: each is returned as it is written, or refused with the code
// of the language (docs/adr/0002-decoding.md, "Encoding"). The good case is one comparison.
import { EncodeError } from '../wire/codec.ts'

// The good case is so short that the optimiser makes it a part of every encoder: as a call it would put floats and large
// numbers on the heap. That is why what happens otherwise stands in functions of its own.

export function u8(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value & 0xff) ? value : otherU8(value, field)
}

export function u16(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value & 0xffff) ? value : otherU16(value, field)
}

export function u32(value: unknown, field: string): number {
  return typeof value === 'number' && value === value >>> 0 ? value : otherU32(value, field)
}

export function i8(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value << 24) >> 24 ? value : intIn(value, -0x80, 0x7f, field)
}

export function i16(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value << 16) >> 16 ? value : intIn(value, -0x8000, 0x7fff, field)
}

export function i32(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value | 0) ? value : otherI32(value, field)
}

function otherU8(value: unknown, field: string): number {
  return intIn(value, 0, 0xff, field)
}

function otherU16(value: unknown, field: string): number {
  return intIn(value, 0, 0xffff, field)
}

function otherU32(value: unknown, field: string): number {
  return intIn(value, 0, 0xffffffff, field)
}

function otherI32(value: unknown, field: string): number {
  return intIn(value, -0x80000000, 0x7fffffff, field)
}

/** A whole number within bounds. Numbers, bigints and pairs of halves are taken. */
export function intIn(value: unknown, low: number, high: number, field: string): number {
  if (typeof value === 'number' && value >= low && value <= high && Number.isInteger(value)) return value
  const whole = wholeIn(value, field)
  if (whole < low || whole > high)
    throw new EncodeError('OutOfRange', field, `${field}: ${whole} is outside ${low}..${high}`)
  return Number(whole)
}

export function bigUintIn(value: unknown, high: bigint, field: string): bigint {
  const whole = typeof value === 'bigint' ? value : wholeIn(value, field)
  if (whole >= 0n && whole <= high) return whole
  throw new EncodeError('OutOfRange', field, `${field}: ${whole} is outside 0..${high}`)
}

export function bigIntIn(value: unknown, low: bigint, high: bigint, field: string): bigint {
  const whole = typeof value === 'bigint' ? value : wholeIn(value, field)
  if (whole >= low && whole <= high) return whole
  throw new EncodeError('OutOfRange', field, `${field}: ${whole} is outside ${low}..${high}`)
}

function wholeIn(value: unknown, field: string): bigint {
  const whole = wholeOf(value)
  if (whole === undefined) throw wrongType(value, 'a whole number', field)
  return whole
}

/** A bigint, a safe integer, or two halves of 64 bits. */
export function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value !== 'object' || value === null || !('hi' in value) || !('lo' in value)) return undefined
  const { hi, lo } = value
  if (!Number.isInteger(hi) || !Number.isInteger(lo)) return undefined
  return (BigInt(hi as number) << 32n) | BigInt((lo as number) >>> 0)
}

export function realIn(value: unknown, field: string): number {
  return typeof value === 'number' ? value : noNumber(value, field)
}

export function flagIn(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrongType(value, 'true or false', field)
}

function noNumber(value: unknown, field: string): never {
  throw wrongType(value, 'a number', field)
}

/** An enum value that is no known name: a number, which must be known unless others are kept. */
export function enumIn(
  value: unknown,
  table: Readonly<Record<string, number>>,
  keep: boolean,
  low: number,
  high: number,
  field: string,
  error: string,
): number {
  const whole = wholeOf(value)
  if (whole === undefined) throw noValue(value, field)
  if (!keep && !Object.values(table).includes(Number(whole)))
    throw new EncodeError(error, field, `${field}: ${whole} is no value here`)
  return intIn(whole, low, high, field)
}

export function enumInBig(
  value: unknown,
  table: Readonly<Record<string, bigint>>,
  keep: boolean,
  low: bigint,
  high: bigint,
  field: string,
  error: string,
): bigint {
  const whole = wholeOf(value)
  if (whole === undefined) throw noValue(value, field)
  if (!keep && !Object.values(table).includes(whole))
    throw new EncodeError(error, field, `${field}: ${whole} is no value here`)
  return bigIntIn(whole, low, high, field)
}

function noValue(value: unknown, field: string): EncodeError {
  if (typeof value !== 'string') return wrongType(value, 'a name', field)
  return new EncodeError('UnknownValue', field, `${field}: there is no ${value}`)
}

/** Bits as a number or as a list of names. */
export function bitsIn(value: unknown, table: Readonly<Record<string, number>>, high: number, field: string): number {
  if (typeof value === 'number' && value >= 0 && value <= high && Number.isInteger(value)) return value
  if (!Array.isArray(value)) return intIn(value, 0, high, field)
  return Number(bigUintIn(namedBits(value, table, field), BigInt(high), field))
}

export function bitsInBig(
  value: unknown,
  table: Readonly<Record<string, bigint>>,
  high: bigint,
  field: string,
): bigint {
  return bigUintIn(Array.isArray(value) ? namedBits(value, table, field) : value, high, field)
}

function namedBits(names: readonly unknown[], table: Readonly<Record<string, number | bigint>>, field: string): bigint {
  const bits = bitsOf(names, table)
  if (bits === undefined) throw new EncodeError('UnknownValue', field, `${field}: not all of these are bits`)
  return bits
}

/** Bits by name or number; undefined where one of them is unknown. */
export function bitsOf(
  names: readonly unknown[],
  table: Readonly<Record<string, number | bigint>>,
): bigint | undefined {
  let bits = 0n
  for (const name of names) {
    const known = typeof name !== 'string' ? wholeOf(name) : Object.hasOwn(table, name) ? table[name] : undefined
    if (known === undefined) return undefined
    bits |= BigInt(known)
  }
  return bits
}

/** Bits that are all defined, as a number or as a list of names. */
export function onlyBits(
  value: unknown,
  table: Readonly<Record<string, number>>,
  mask: number,
  field: string,
  error: string,
): number {
  if (typeof value === 'number' && value === (value & mask)) return value
  return Number(onlyBitsBig(value, table, BigInt(mask), field, error))
}

export function onlyBitsBig(
  value: unknown,
  table: Readonly<Record<string, number | bigint>>,
  mask: bigint,
  field: string,
  error: string,
): bigint {
  const bits = Array.isArray(value) ? namedBits(value, table, field) : wholeIn(value, field)
  if ((bits & ~mask) === 0n) return bits
  throw new EncodeError(error, field, `${field}: ${bits} has bits that are not defined`)
}

// ---------------------------------------------------------------------------------------------- other kinds

export function bytesIn(value: unknown, field: string): Uint8Array {
  return value instanceof Uint8Array ? value : noBytes(value, field)
}

export function textIn(value: unknown, field: string): string {
  return typeof value === 'string' ? value : noText(value, field)
}

function noBytes(value: unknown, field: string): never {
  throw wrongType(value, 'a Uint8Array', field)
}

function noText(value: unknown, field: string): never {
  throw wrongType(value, 'text', field)
}

export function listIn<T>(value: readonly T[] | undefined, field: string): readonly T[] {
  if (Array.isArray(value)) return value
  throw wrongType(value, 'a list', field)
}

export function recordIn<T extends object>(value: T | undefined, field: string): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) return value
  throw wrongType(value, 'an object', field)
}

function wrongType(value: unknown, wanted: string, field: string): EncodeError {
  if (value === undefined) return new EncodeError('MissingField', field, `${field}: this field has no value`)
  const got = value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value
  return new EncodeError('BadType', field, `${field}: expected ${wanted}, got ${got}`)
}
