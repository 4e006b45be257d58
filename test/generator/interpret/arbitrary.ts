// Random plain values of a frame, from the model: what callers give. Computed fields are left to the encoder, so most
// values can be written; those that break a rule are refused and tell nothing.
import fc from 'fast-check'
import { fixedBits } from '../../../generator/interpret/sizes.ts'
import type { Field, Frame, Node, Protocol, Type } from '../../../generator/model/model.ts'
import { fieldsOf } from '../../../generator/model/walk.ts'

export function frameValue(protocol: Protocol, frame: Frame): fc.Arbitrary<Record<string, unknown>> {
  return recordValue(protocol, frame.body.nodes, 3)
}

function recordValue(protocol: Protocol, nodes: readonly Node[], depth: number): fc.Arbitrary<Record<string, unknown>> {
  const entries = fieldsOf(nodes).flatMap(field => {
    const given =
      !field.hidden && !field.with && !field.value && !field.derives && !field.isId && !field.match && !field.from
    return given ? [[field.name, fieldValue(protocol, field, depth)] as const] : []
  })
  const model: Record<string, fc.Arbitrary<unknown>> = {}
  for (const [name, value] of entries) model[name] = value
  return fc
    .record(model)
    .map(record => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== ABSENT)))
}

function fieldValue(protocol: Protocol, field: Field, depth: number): fc.Arbitrary<unknown> {
  const { range } = field
  const value = range
    ? fc
        .bigInt({ min: range.min, max: range.max })
        .map(number => (fitsNumber(field.type, protocol) ? Number(number) : number))
    : typeValue(protocol, field.type, depth)
  const absent = field.if !== undefined || field.fallback !== undefined
  return absent ? fc.oneof({ weight: 2, arbitrary: fc.constant(ABSENT) }, value) : value
}

function typeValue(protocol: Protocol, type: Type, depth: number): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'int':
      return whole(
        type.signed ? -(1n << BigInt(type.bits - 1)) : 0n,
        type.bits - (type.signed ? 1 : 0),
        type.bits <= 53,
      )
    case 'number':
      return typeValue(protocol, type.of, depth)
    case 'uint':
      return whole(0n, 8, false)
    case 'varint': {
      const bits = type.coding === 'quic' ? 62 : 7 * type.max
      const signed = type.coding === 'sleb128' || type.coding === 'zigzag'
      return whole(signed ? -(1n << BigInt(bits - 1)) : 0n, bits - (signed ? 1 : 0), bits <= 53)
    }
    case 'float':
      // JSON has no -0.
      return (type.bits === 64 ? fc.double({ noNaN: true }) : fc.float({ noNaN: true })).map(value => value + 0)
    case 'bool':
    case 'bit':
      return fc.boolean()
    case 'bytes':
      return fc.uint8Array({ maxLength: 8 })
    case 'text':
      return type.encoding === 'utf8' ? fc.string({ unit: 'binary', maxLength: 6 }) : fc.string({ maxLength: 6 })
    case 'region': {
      const fixed = fixedBits(protocol, type)
      if (fixed === undefined || type.of.kind !== 'bytes') return typeValue(protocol, type.of, depth)
      return fc.uint8Array({ minLength: fixed / 8, maxLength: fixed / 8 })
    }
    case 'delimited':
      return typeValue(protocol, type.of, depth)
    case 'list': {
      const { count } = type
      const fixed = count.by === 'count' && count.count.is === 'int' ? Number(count.count.value) : undefined
      const lengths = fixed === undefined ? { maxLength: depth > 0 ? 3 : 0 } : { minLength: fixed, maxLength: fixed }
      return fc.array(typeValue(protocol, type.of, depth), lengths)
    }
    case 'enum':
      return fc.constantFrom(...protocol.enums.get(type.name)!.values.map(value => value.name))
    case 'bitset': {
      const { bits, undefined: policy, type: number } = protocol.bitsets.get(type.name)!
      const named = fc.subarray(bits.map(bit => bit.name))
      return policy === 'keep' ? fc.oneof(named, typeValue(protocol, number, depth)) : named
    }
    case 'struct':
      return depth > 0
        ? fc.oneof(recordValue(protocol, protocol.structs.get(type.name)!.body.nodes, depth - 1))
        : fc.constant(ABSENT)
    case 'union':
      return fc.oneof(
        ...protocol.unions.get(type.name)!.variants.map(variant => {
          const head = variant.other
            ? { is: fc.constant(variant.name), tag: fc.integer({ min: 100, max: 200 }) }
            : { is: fc.constant(variant.name) }
          const value = variant.value ? { value: typeValue(protocol, variant.value, depth) } : {}
          const fields = recordValue(protocol, variant.body.nodes, depth - 1)
          return fc.tuple(fc.record({ ...head, ...value }), fields).map(([own, more]) => ({ ...own, ...more }))
        }),
      )
    default:
      return fc.constant(ABSENT)
  }
}

function whole(min: bigint, bits: number, number: boolean): fc.Arbitrary<number | bigint> {
  const max = (1n << BigInt(bits)) - 1n
  const all = fc.oneof(fc.bigInt({ min: min < -3n ? -3n : min, max: max < 4n ? max : 4n }), fc.bigInt({ min, max }))
  return number ? all.map(Number) : all
}

function fitsNumber(type: Type, protocol: Protocol): boolean {
  return (fixedBits(protocol, type) ?? 64) <= 53
}

export const ABSENT: unique symbol = Symbol('absent')
