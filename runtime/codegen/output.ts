// Values on their way out, for generated encoders: what a caller gives is checked here (docs/adr/0002-decoding.md,
// "Encoding"). The good case is one comparison; everything else ends in `EncodeError` with the code of the language.
import { type Context, EncodeError, type SealedFrame } from '../wire/codec.ts'
import { ABSENT, isUnevaluable, NO_BYTES, repeatedKey, sameBytes } from './exact.ts'
import { NO_CONTEXT } from './input.ts'

let lastBytes: Uint8Array = NO_BYTES
let lastView: DataView = new DataView(new ArrayBuffer(0))

/** A DataView of a slab, kept for as long as the same slab is written. */
export function viewOf(into: Uint8Array): DataView {
  if (into === lastBytes) return lastView
  lastBytes = into
  lastView = new DataView(into.buffer, into.byteOffset, into.byteLength)
  return lastView
}

/** The bytes up to `end` must be inside the slab. */
export function fitsInto(into: Uint8Array, end: number): void {
  if (end > into.length) throw new RangeError(`the frame ends at ${end}, there is room up to ${into.length}`)
}

// -------------------------------------------------------------------------------------------------- numbers

export function u8(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value & 0xff) ? value : intIn(value, 0, 0xff, field)
}

export function u16(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value & 0xffff) ? value : intIn(value, 0, 0xffff, field)
}

export function u32(value: unknown, field: string): number {
  return typeof value === 'number' && value === value >>> 0 ? value : intIn(value, 0, 0xffffffff, field)
}

export function i8(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value << 24) >> 24 ? value : intIn(value, -0x80, 0x7f, field)
}

export function i16(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value << 16) >> 16 ? value : intIn(value, -0x8000, 0x7fff, field)
}

export function i32(value: unknown, field: string): number {
  return typeof value === 'number' && value === (value | 0) ? value : intIn(value, -0x80000000, 0x7fffffff, field)
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

function wholeOf(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined
  if (typeof value !== 'object' || value === null || !('hi' in value) || !('lo' in value)) return undefined
  const { hi, lo } = value
  if (!Number.isInteger(hi) || !Number.isInteger(lo)) return undefined
  return (BigInt(hi as number) << 32n) | BigInt((lo as number) >>> 0)
}

export function realIn(value: unknown, field: string): number {
  if (typeof value === 'number') return value
  throw wrongType(value, 'a number', field)
}

export function flagIn(value: unknown, field: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrongType(value, 'true or false', field)
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

/** Undefined where one of them is unknown. */
function bitsOf(names: readonly unknown[], table: Readonly<Record<string, number | bigint>>): bigint | undefined {
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
  if (value instanceof Uint8Array) return value
  throw wrongType(value, 'a Uint8Array', field)
}

export function textIn(value: unknown, field: string): string {
  if (typeof value === 'string') return value
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

// --------------------------------------------------------------------------------------------------- checks

/**
 * A computed field may be given, but only as it is. `also` is another way to say it: the number of an enum value, or the
 * names of the bits of a set.
 */
export function agree(
  given: unknown,
  own: unknown,
  field: string,
  error: string,
  also?: number | bigint | Readonly<Record<string, number | bigint>>,
): void {
  if (given === own || same(given, own)) return
  if (typeof also === 'object' ? sameBits(given, own, also) : same(given, also)) return
  throw new EncodeError(error, field, `${field}: this field is computed, another value was given`)
}

function same(given: unknown, own: unknown): boolean {
  if (given === own) return true
  if (given instanceof Uint8Array) return own instanceof Uint8Array && sameBytes(given, own)
  if (Array.isArray(given)) {
    return Array.isArray(own) && given.length === own.length && given.every((item, i) => same(item, own[i]))
  }
  const whole = wholeOf(given)
  return whole !== undefined && whole === wholeOf(own)
}

function sameBits(given: unknown, own: unknown, table: Readonly<Record<string, number | bigint>>): boolean {
  if (!Array.isArray(given)) return false
  const bits = bitsOf(given, table)
  return bits !== undefined && bits === wholeOf(own)
}

/** One of the values that select the frame, as it is stored. `named` are the same as a caller gives them. */
export function oneOf<T>(
  given: unknown,
  named: readonly unknown[],
  values: readonly T[],
  field: string,
  error: string,
): T {
  for (let i = 0; i < values.length; i++) if (same(given, named[i]) || same(given, values[i])) return values[i]!
  throw new EncodeError(error, field, `${field}: with this value it would be another frame`)
}

/** Numbers that several fields derive must agree; absent ones say nothing. */
export function agreed(field: string, ...numbers: readonly (number | undefined)[]): number {
  let known: number | undefined
  for (const number of numbers) {
    if (number === undefined) continue
    if (known !== undefined && number !== known) {
      throw new EncodeError('SizeMismatch', field, `${field}: what it measures disagrees, ${known} and ${number}`)
    }
    known = number
  }
  return known ?? 0
}

/** A size or count that an expression gives. */
export function exactly(size: number, wanted: number, field: string): void {
  if (size !== wanted)
    throw new EncodeError('SizeMismatch', field, `${field}: this takes ${size}, it must be ${wanted}`)
}

export function atMost(size: number, most: number, field: string, error: string): void {
  if (size > most) throw new EncodeError(error, field, `${field}: ${size}, at most ${most}`)
}

/** Numbers of a field, or of all items, within a range. */
export function within(value: unknown, min: bigint, max: bigint, field: string, error: string): void {
  if (Array.isArray(value)) {
    for (const item of value) within(item, min, max, field, error)
  } else if ((value as number | bigint) < min || (value as number | bigint) > max) {
    outside(value, field, error)
  }
}

export function outside(value: unknown, field: string, error: string): never {
  throw new EncodeError(error, field, `${field}: ${String(value)} is outside its range`)
}

/** Whole numbers that JavaScript's numbers hold exactly. */
export function exact(value: unknown, field: string, error: string): void {
  if (Array.isArray(value)) {
    for (const item of value) exact(item, field, error)
    return
  }
  const whole = wholeOf(value)
  if (whole === undefined || !Number.isSafeInteger(Number(whole))) {
    throw new EncodeError(error, field, `${field}: ${String(value)} is not exact as a number`)
  }
}

export function noRepeats(items: readonly object[], key: string, field: string, error: string): void {
  if (repeatedKey(items, key) >= 0) throw new EncodeError(error, field, `${field}: a key occurs twice`)
}

export function mismatch(field: string): never {
  throw new EncodeError('ConditionMismatch', field, `${field}: this was given, but its condition does not hold`)
}

/** A conditional field was given and should not be, or the other way round. */
export function unlike(field: string, given: boolean): never {
  if (given) mismatch(field)
  throw new EncodeError('MissingField', field, `${field}: this field has no value`)
}

export function broken(field: string, error: string): never {
  throw new EncodeError(error, field, field === '' ? 'a rule does not hold' : `${field}: a rule does not hold`)
}

/** The value of an expression that may have none. */
export function evaluated<T>(field: string, compute: () => T): T {
  try {
    return compute()
  } catch (fault) {
    if (!isUnevaluable(fault)) throw fault
    const reason = fault === ABSENT ? 'a value that it needs is absent' : 'it has no value'
    throw new EncodeError('CheckFailed', field, `${field}: ${reason}`)
  }
}

export function notTooDeep(depth: number, limit: number, name: string): void {
  if (depth > limit) throw new EncodeError('LimitExceeded', name, `${name}: nested more than ${limit} deep`)
}

export function noSuchVariant(value: { readonly is?: unknown }, union: string, field: string): EncodeError {
  if (typeof value.is !== 'string') return new EncodeError('BadType', field, `${field}: expected an object with "is"`)
  return new EncodeError('UnknownVariant', field, `${field}: ${union} has no ${value.is}`)
}

/** An error of something inside a struct or variant, under the name that this has. */
export function inField(fault: unknown, field: string): unknown {
  if (!(fault instanceof EncodeError)) return fault
  const own = fault.field === '' ? field : `${field}.${fault.field}`
  const text =
    fault.field !== '' && fault.message.startsWith(`${fault.field}: `)
      ? fault.message.slice(fault.field.length + 2)
      : fault.message
  return new EncodeError(fault.code, own, `${own}: ${text}`)
}

export function wrongVariant(field: string): never {
  throw new EncodeError('BadValue', field, `${field}: the tag selects another variant`)
}

export function noSuchFrame(protocol: string, frame: string, known: readonly string[]): Error {
  return new Error(`${protocol} has no frame ${frame}; it has ${known.join(', ')}`)
}

/** `covers` renames errors of encoding too. */
export function coveredError(fault: unknown, covers: Readonly<Record<string, string>>): unknown {
  if (!(fault instanceof EncodeError)) return fault
  const name = covers[fault.code]
  return name === undefined ? fault : new EncodeError(name, fault.field, fault.message)
}

// --------------------------------------------------------------------------------------------------- sealing

/** Seals `into[start..end)` in place, or leaves it as plain text where that is wanted. */
export function sealInto(
  context: Context,
  seal: string,
  into: Uint8Array,
  start: number,
  end: number,
  frame: SealedFrame,
): void {
  if (context.plain) return
  if (!context.seal) throw new EncodeError('WrongState', '', `there is no key for the seal ${seal}`)
  context.seal(seal, into, start, end, frame)
}

/** Bytes that an encoder takes, found by running it: nothing is drawn or sealed. */
export function measured(
  encode: (into: Uint8Array, context: Context) => number,
  context: Context = NO_CONTEXT,
): number {
  const calm: Context = {
    ...context,
    random: n => new Uint8Array(n),
    now: () => 0,
    seal: (_seal, _into, _start, end) => end,
    plain: false,
  }
  for (let room = scratch; ; room = new Uint8Array(4 * room.length)) {
    try {
      return encode(room, calm)
    } catch (fault) {
      if (!(fault instanceof RangeError) || room.length > MOST) throw fault
    }
  }
}

export function bytesSize(value: unknown): number {
  return value instanceof Uint8Array ? value.length : 0
}

export function listSize(value: unknown): number {
  return Array.isArray(value) ? value.length : 0
}

export function sumOf<T>(items: readonly T[] | undefined, size: (item: T) => number): number {
  let sum = 0
  if (Array.isArray(items)) for (const item of items) sum += size(item)
  return sum
}

const MOST = 2 ** 30
const scratch = new Uint8Array(4096)
