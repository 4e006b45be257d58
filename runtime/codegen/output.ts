// Values on their way out, for generated encoders: what a caller gives is checked here (docs/adr/0002-decoding.md,
// "Encoding"). The good case is one comparison; everything else ends in `EncodeError` with the code of the language.
import { type Context, EncodeError, type SealedFrame } from '../wire/codec.ts'
import { ABSENT, isUnevaluable, NO_BYTES, repeatedKey, sameBytes } from './exact.ts'
import { bitsOf, wholeOf } from './given.ts'
import { NO_CONTEXT } from './input.ts'

let lastBytes: Uint8Array = NO_BYTES
let lastView: DataView = new DataView(new ArrayBuffer(0))

/** A DataView of a slab, kept for as long as the same slab is written. */
export function viewOf(into: Uint8Array): DataView {
  return into === lastBytes ? lastView : newView(into)
}

function newView(into: Uint8Array): DataView {
  lastBytes = into
  lastView = new DataView(into.buffer, into.byteOffset, into.byteLength)
  return lastView
}

/** The bytes up to `end` must be inside the slab. */
export function fitsInto(into: Uint8Array, end: number): void {
  if (end > into.length) noRoom(into, end)
}

function noRoom(into: Uint8Array, end: number): never {
  throw new RangeError(`the frame ends at ${end}, there is room up to ${into.length}`)
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
  if (size !== wanted) wrongSize(size, wanted, field)
}

function wrongSize(size: number, wanted: number, field: string): never {
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

export function noRepeats(items: readonly object[], key: string, field: string, error: string, anyCase = false): void {
  if (repeatedKey(items, key, anyCase) >= 0) throw new EncodeError(error, field, `${field}: a key occurs twice`)
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
      const size = encode(room, calm)
      // The next one is probably as large.
      if (room.length <= KEPT) scratch = room
      return size
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
/** Largest scratch memory that is kept. */
const KEPT = 256 * 1024
let scratch = new Uint8Array(4096)
