// From the plain value that a caller gives to a value of the language, by type. Wrong JavaScript types are BadType.
import type { EncodeError } from '../../runtime/wire/codec.ts'
import type { Type } from '../model/model.ts'
import type { EncodeScope } from './encode-scope.ts'
import { integer } from './evaluate.ts'
import { Given } from './given-record.ts'
import { type ListValue, NONE, type UnionValue, type Value } from './value.ts'

export interface GivenList extends ListValue {}

export interface GivenUnion extends UnionValue {
  readonly tag: bigint | undefined
  readonly record: Given
}

export function givenValue(type: Type, plain: unknown, scope: EncodeScope): Value {
  const wrong = (wanted: string): EncodeError => scope.refuse('BadType', `expected ${wanted}, got ${describe(plain)}`)
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number': {
      const value = wholeNumber(plain)
      if (value === undefined) throw wrong('a whole number')
      return value
    }
    case 'float':
      if (typeof plain !== 'number') throw wrong('a number')
      return plain
    case 'bool':
    case 'bit':
      if (typeof plain !== 'boolean') throw wrong('true or false')
      return plain
    case 'bytes':
      if (!(plain instanceof Uint8Array)) throw wrong('a Uint8Array')
      return plain
    case 'text':
      if (typeof plain !== 'string') throw wrong('text')
      return plain
    case 'enum': {
      const value = wholeNumber(plain)
      if (value !== undefined) return value
      if (typeof plain !== 'string') throw wrong(`a value of ${type.name}`)
      const known = scope.protocol.enums.get(type.name)!.values.find(entry => entry.name === plain)
      if (!known) throw scope.refuse('UnknownValue', `${type.name} has no ${plain}`)
      return known.value
    }
    case 'bitset':
      return bits(type.name, plain, scope, wrong)
    case 'region':
    case 'delimited':
    case 'at':
      return givenValue(type.of, plain, scope)
    case 'list':
      if (!Array.isArray(plain)) throw wrong('a list')
      return givenList(type, plain, scope)
    case 'align':
      return undefined
    case 'struct':
      if (!isObject(plain)) throw wrong('an object')
      return record(scope, scope.protocol.structs.get(type.name)!.body, plain)
    case 'union':
      if (!isObject(plain) || typeof plain.is !== 'string') throw wrong('an object with "is"')
      return union(type.name, plain, plain.is, scope)
  }
}

/** A computed value as the type stores it: `none` is empty, text is UTF-8, random bytes make a number. */
export function stored(type: Type, value: Value): Value {
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'bitset':
    case 'enum':
      if (!(value instanceof Uint8Array)) return value
      return signed(type, value)
    case 'float':
      return Number(value)
    case 'bytes':
      if (typeof value === 'string') return new TextEncoder().encode(value)
      return value === NONE ? new Uint8Array(0) : value
    case 'text':
      if (value instanceof Uint8Array) return new TextDecoder().decode(value)
      return value === NONE ? '' : value
    case 'region':
    case 'delimited':
    case 'at':
      return stored(type.of, value)
    default:
      return value
  }
}

/** What a hidden field holds: nothing but zeros. */
export function zeroValue(type: Type, scope: EncodeScope, size = 0): Value {
  switch (type.kind) {
    case 'float':
      return 0
    case 'bool':
    case 'bit':
      return false
    case 'bytes':
      return new Uint8Array(size)
    case 'text':
      return '\0'.repeat(size)
    case 'region': {
      const { extent } = type
      return zeroValue(type.of, scope, extent.by === 'size' ? Number(integer(extent.size, scope)) : 0)
    }
    case 'delimited':
    case 'at':
      return zeroValue(type.of, scope)
    case 'list': {
      const length = type.count.by === 'count' ? Number(integer(type.count.count, scope)) : 0
      return { is: 'list', length, at: () => zeroValue(type.of, scope), entry: () => undefined }
    }
    case 'struct':
      return record(scope, scope.protocol.structs.get(type.name)!.body, {}, true)
    case 'union':
      return undefined
    default:
      return 0n
  }
}

function signed(type: Type, bytes: Uint8Array): bigint {
  const value = bytes.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
  return type.kind === 'int' && type.signed ? BigInt.asIntN(type.bits, value) : value
}

function givenList(type: Extract<Type, { kind: 'list' }>, plain: readonly unknown[], scope: EncodeScope): GivenList {
  const items: Value[] = []
  for (const item of plain) {
    if (item === undefined) throw scope.refuse('MissingField', 'an item has no value')
    items.push(givenValue(type.of, item, scope.inList(items.at(-1))))
  }
  return { is: 'list', length: items.length, at: index => items[index], entry: () => undefined }
}

function union(name: string, plain: Readonly<Record<string, unknown>>, is: string, scope: EncodeScope): GivenUnion {
  const definition = scope.protocol.unions.get(name)!
  const variant = definition.variants.find(known => known.name === is)
  if (!variant) throw scope.refuse('UnknownVariant', `${name} has no ${is}`)
  const inner = scope.deeper()
  const tag = variant.other ? wholeNumber(plain.tag) : undefined
  if (variant.other && tag === undefined) throw scope.refuse('MissingField', `${is} needs its tag`)
  const fields = new Given(scope.rec.run, variant.body, variant.value ? {} : plain, scope, inner.depth)
  if (!variant.value) return { is: 'union', variant: is, tag, record: fields, get: field => fields.get(field) }
  if (plain.value === undefined) throw scope.refuse('MissingField', `${is} needs its value`)
  // A variant is a record of its own even when it is one value.
  const value = givenValue(variant.value, plain.value, fields.scope(undefined))
  return { is: 'union', variant: is, tag, record: fields, get: () => value }
}

function record(
  scope: EncodeScope,
  body: Given['body'],
  plain: Readonly<Record<string, unknown>>,
  zero = false,
): Given {
  return new Given(scope.rec.run, body, plain, scope, scope.deeper().depth, zero)
}

function bits(name: string, plain: unknown, scope: EncodeScope, wrong: (wanted: string) => EncodeError): bigint {
  const value = wholeNumber(plain)
  if (value !== undefined) return value
  if (!Array.isArray(plain)) throw wrong(`bits of ${name}`)
  return plain.reduce<bigint>((all, item) => {
    const number = wholeNumber(item)
    if (number !== undefined) return all | number
    const known = scope.protocol.bitsets.get(name)!.bits.find(bit => bit.name === item)
    if (!known) throw scope.refuse('UnknownValue', `${name} has no bit ${String(item)}`)
    return all | (1n << BigInt(known.bit))
  }, 0n)
}

/** A bigint, a safe integer, or two halves of 64 bits. */
function wholeNumber(plain: unknown): bigint | undefined {
  if (typeof plain === 'bigint') return plain
  if (typeof plain === 'number') return Number.isSafeInteger(plain) ? BigInt(plain) : undefined
  if (!isObject(plain) || typeof plain.hi !== 'number' || typeof plain.lo !== 'number') return undefined
  if (!Number.isInteger(plain.hi) || !Number.isInteger(plain.lo)) return undefined
  return (BigInt(plain.hi) << 32n) | BigInt(plain.lo >>> 0)
}

function isObject(plain: unknown): plain is Readonly<Record<string, unknown>> {
  return typeof plain === 'object' && plain !== null && !Array.isArray(plain) && !(plain instanceof Uint8Array)
}

function describe(plain: unknown): string {
  if (plain === null) return 'null'
  if (Array.isArray(plain)) return 'a list'
  if (plain instanceof Uint8Array) return 'bytes'
  return typeof plain === 'object' ? 'an object' : `${typeof plain} ${String(plain)}`
}
