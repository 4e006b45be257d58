// Exact arithmetic and helpers of expressions in generated code. What has no value throws; the place where the expression
// stands turns that into CheckFailed.

/** Thrown by expressions that have no value: a division by zero, a number out of bounds. */
export const UNEVALUABLE: unique symbol = Symbol('unevaluable')
/** Thrown where a value is absent: `or` takes its other side then. */
export const ABSENT: unique symbol = Symbol('absent')

export function isUnevaluable(fault: unknown): boolean {
  return fault === UNEVALUABLE || fault === ABSENT
}

export const NO_BYTES: Uint8Array = new Uint8Array(0)

/** The value, which must be there. */
export function there<T>(value: T | undefined): T {
  if (value === undefined) throw ABSENT
  return value
}

/** `a or b`. */
export function orElse<A, B>(first: () => A | undefined, second: () => B): A | B {
  let value: A | undefined
  try {
    value = first()
  } catch (fault) {
    if (fault !== ABSENT) throw fault
  }
  return value === undefined || value === false ? second() : value
}

export function mapped<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value)
}

export function quotient(a: number, b: number): number {
  if (b === 0) throw UNEVALUABLE
  return Math.trunc(a / b)
}

export function remainder(a: number, b: number): number {
  if (b === 0) throw UNEVALUABLE
  return a % b
}

export function bigQuotient(a: bigint, b: bigint): bigint {
  if (b === 0n) throw UNEVALUABLE
  return a / b
}

export function bigRemainder(a: bigint, b: bigint): bigint {
  if (b === 0n) throw UNEVALUABLE
  return a % b
}

export function bigShiftLeft(a: bigint, b: bigint): bigint {
  if (b < 0n || b > 127n) throw UNEVALUABLE
  return bounded(a << b)
}

export function bigShiftRight(a: bigint, b: bigint): bigint {
  if (b < 0n || b > 127n) throw UNEVALUABLE
  return a >> b
}

export function bigPower(a: bigint, b: bigint): bigint {
  if (b < 0n || (b > 128n && a * a > 1n)) throw UNEVALUABLE
  return bounded(a ** b)
}

/** Integers of the language stay within +-2^128. */
export function bounded(value: bigint): bigint {
  if (value > LIMIT || value < -LIMIT) throw UNEVALUABLE
  return value
}

export function bigMin(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

export function bigMax(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

/** Bytes that the integer needs; 0 for 0. */
export function byteWidth(value: number | bigint): number {
  const positive = BigInt(value) < 0n ? -BigInt(value) : BigInt(value)
  return positive === 0n ? 0 : Math.ceil(positive.toString(2).length / 8)
}

/** A number of `param`, `session` and so on, which may be given as number or bigint. */
export function spaceNumber(value: unknown, name: string): number {
  if (value === undefined) throw ABSENT
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new TypeError(`${name} must be an integer, got ${String(value)}`)
  return number
}

export function spaceBigint(value: unknown, name: string): bigint {
  if (value === undefined) throw ABSENT
  if (typeof value === 'bigint') return value
  if (!Number.isSafeInteger(value)) throw new TypeError(`${name} must be an integer, got ${String(value)}`)
  return BigInt(value as number)
}

/** The number of an enum value that is given by name. */
export function enumNumber<T extends number | bigint>(name: string | T, table: Readonly<Record<string, T>>): T {
  if (typeof name !== 'string') return name
  const number = table[name]
  if (number === undefined) throw UNEVALUABLE
  return number
}

/** A field of whatever variant a union holds. */
export function variantField(value: object | undefined, name: string): unknown {
  return value === undefined ? undefined : (value as Readonly<Record<string, unknown>>)[name]
}

export function allSafe(items: readonly number[]): boolean {
  return items.every(item => Number.isSafeInteger(item))
}

export function allWithin(items: readonly (number | bigint)[], min: bigint, max: bigint): boolean {
  return items.every(item => item >= min && item <= max)
}

export function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false
  return a.every((item, i) => {
    const other = b[i]
    return item instanceof Uint8Array && other instanceof Uint8Array ? sameBytes(item, other) : item === other
  })
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Index of the first item whose key was there before, or -1. `anyCase`: also where ASCII letters differ in case. */
export function repeatedKey(items: readonly object[], key: string, anyCase = false): number {
  const keys: unknown[] = []
  for (const [i, item] of items.entries()) {
    const given = (item as Readonly<Record<string, unknown>>)[key]
    const own = anyCase ? folded(given) : given
    if (keys.some(known => (own instanceof Uint8Array ? sameBytes(own, known as Uint8Array) : own === known))) return i
    keys.push(own)
  }
  return -1
}

function folded(key: unknown): unknown {
  if (typeof key === 'string') return key.replace(/[A-Z]/g, letter => letter.toLowerCase())
  if (!(key instanceof Uint8Array)) return key
  return key.map(byte => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte))
}

const LIMIT = 1n << 128n
