// What the accessors of a generated descriptor do to plain values about to be encoded. Values of the caller are never
// changed: lists and nested objects are copied on the way.

type Plain = Record<string, unknown>

/** The value with one bit set or cleared. Bits are given as a number, as a list of names, or not at all. */
export function withBit(
  value: unknown,
  bits: Readonly<Record<string, number | bigint>>,
  name: string,
  on: unknown,
): number | bigint {
  const bit = bits[name]!
  const now = asBits(value, bits, bit)
  if (typeof now === 'bigint' || typeof bit === 'bigint' || now > 0xffffffff || bit > 0xffffffff) {
    const wide = on ? BigInt(now) | BigInt(bit) : BigInt(now) & ~BigInt(bit)
    return typeof bit === 'bigint' ? wide : Number(wide)
  }
  return on ? (now | bit) >>> 0 : (now & ~bit) >>> 0
}

/** A copy of the object under `name`, which is put in its place, to be changed. */
export function inside(value: Plain, name: string): Plain {
  const copy = { ...(value[name] as Plain | undefined) }
  value[name] = copy
  return copy
}

/** Replaces the first entry of a multimap that has this key, or appends one. */
export function setEntry(
  value: Plain,
  list: string,
  names: { readonly key: string; readonly value: string },
  key: unknown,
  to: unknown,
): void {
  const entries = [...((value[list] as readonly Plain[] | undefined) ?? [])]
  const at = entries.findIndex(entry => isSame(entry[names.key], key))
  if (at < 0) entries.push({ [names.key]: key, [names.value]: to })
  else entries[at] = { ...entries[at], [names.value]: to }
  value[list] = entries
}

/** A number as the ASCII bytes of its digits. */
export function digits(value: unknown, base: 10 | 16 = 10): Uint8Array {
  return encoder.encode(BigInt(value as number | bigint).toString(base))
}

/** What `compute` gives, or `otherwise` where the expression has no value: an absent field, a division by zero. */
export function valueOr<T, D>(otherwise: D, compute: () => T): T | D {
  try {
    return compute()
  } catch (fault) {
    if (typeof fault === 'symbol') return otherwise
    throw fault
  }
}

function asBits(
  value: unknown,
  bits: Readonly<Record<string, number | bigint>>,
  like: number | bigint,
): number | bigint {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  const none = typeof like === 'bigint' ? 0n : 0
  if (!Array.isArray(value)) return none
  return value.reduce((all: number | bigint, name: string) => withBit(all, bits, name, true), none)
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, at) => byte === b[at])
  }
  return a === b || (isNumber(a) && isNumber(b) && BigInt(a) === BigInt(b))
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

const encoder = new TextEncoder()
