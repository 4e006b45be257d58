// Values as expressions see them. Integers, enums and bit sets are bigint; text is string; structs, unions and lists are
// views onto a record that is being decoded or encoded, so that expressions run the same in both directions.
import type { Multimap } from '../model/model.ts'

export type Value = bigint | number | boolean | string | Uint8Array | StructValue | UnionValue | ListValue | undefined

export interface StructValue {
  readonly is: 'struct'
  /** Undefined when absent. */
  get(name: string): Value
  /** Bytes of a field's content. */
  size(name: string): number
}

export interface UnionValue {
  readonly is: 'union'
  readonly variant: string
  /** A field of the variant, or `value` of a variant that is one value. */
  get(name: string): Value
}

export interface ListValue {
  readonly is: 'list'
  readonly length: number
  at(index: number): Value
  /** Set on a field with `map`. */
  readonly map?: Multimap | undefined
  /** A well-known entry of a multimap. */
  entry(name: string): Value
}

export function isStruct(value: Value): value is StructValue {
  return typeof value === 'object' && 'is' in value && value.is === 'struct'
}

export function isUnion(value: Value): value is UnionValue {
  return typeof value === 'object' && 'is' in value && value.is === 'union'
}

export function isList(value: Value): value is ListValue {
  return typeof value === 'object' && 'is' in value && value.is === 'list'
}

/** Equality of the language: numbers by value, text against bytes as UTF-8, lists item by item. */
export function equal(a: Value, b: Value): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    const left = asBytes(a)
    const right = asBytes(b)
    return left !== undefined && right !== undefined && sameBytes(left, right)
  }
  if (isList(a) && isList(b)) {
    if (a.length !== b.length) return false
    for (let i = 0; i < a.length; i++) if (!equal(a.at(i), b.at(i))) return false
    return true
  }
  if (typeof a === 'number' && typeof b === 'bigint') return a === Number(b)
  if (typeof a === 'bigint' && typeof b === 'number') return Number(a) === b
  return a === b
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

/** Bytes of bytes or text; an empty list counts as no bytes (`none`). Undefined for anything else. */
export function asBytes(value: Value): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return encoder.encode(value)
  return isList(value) && value.length === 0 ? NO_BYTES : undefined
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const encoder = new TextEncoder()
const NO_BYTES = new Uint8Array(0)

/** The literal `none`: equal to an empty list, text or byte string. */
export const NONE: ListValue = { is: 'list', length: 0, at: () => undefined, entry: () => undefined }
