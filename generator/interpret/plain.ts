// Plain values (docs/adr/0002-decoding.md, "Plain values") of what was decoded: what `toObject` gives.
import { copyOf } from '../../runtime/wire/copy.ts'
import type { Field, IntType, Protocol, Type } from '../model/model.ts'
import type { DecodedUnion } from './compose.ts'
import type { Rec } from './record.ts'
import { isList, type Value } from './value.ts'

/** Fields flat, hidden and absent ones left out. Everything is a copy. */
export function plainRecord(rec: Rec): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const { node, placed } of rec.fields()) {
    if (node.hidden || node.type.kind === 'align') continue
    const value = placed!.value()
    if (value === undefined) continue
    put(object, node.name, plainOf(rec.run.protocol, node.type, value, node.number))
  }
  return object
}

/** The plain form of a value of this type. */
export function plainOf(protocol: Protocol, type: Type, value: Value, number?: Field['number']): unknown {
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
      return plainNumber(bitsOf(type), value as bigint, number)
    case 'number':
      return plainNumber(type.of.bits, value as bigint, number)
    case 'bitset':
      return plainNumber(protocol.bitsets.get(type.name)!.type.bits, value as bigint, number)
    case 'enum': {
      const definition = protocol.enums.get(type.name)!
      const known = definition.values.find(entry => entry.value === value)
      return known ? known.name : plainNumber(bitsOf(definition.type), value as bigint, number)
    }
    case 'bytes':
      return copyOf(value as Uint8Array)
    case 'region':
    case 'delimited':
    case 'at':
      return plainOf(protocol, type.of, value, number)
    case 'list': {
      const items: unknown[] = []
      if (isList(value))
        for (let i = 0; i < value.length; i++) items.push(plainOf(protocol, type.of, value.at(i), number))
      return items
    }
    case 'struct':
      return plainRecord(value as Rec)
    case 'union':
      return plainUnion(protocol, type.name, value as DecodedUnion)
    default:
      return value
  }
}

/** Bits that decide between number and bigint. */
export function bitsOf(type: IntType | Extract<Type, { kind: 'varint' | 'uint' }>): number {
  if (type.kind === 'int') return type.bits
  if (type.kind === 'uint') return 64
  return type.coding === 'quic' ? 62 : 7 * type.max
}

function plainNumber(bits: number, value: bigint, number: Field['number']): unknown {
  if (bits <= 53 || number === 'number') return Number(value)
  if (number !== 'pair') return value
  return { hi: Number(value >> 32n), lo: Number(BigInt.asUintN(32, value)) }
}

function plainUnion(protocol: Protocol, name: string, value: DecodedUnion): Record<string, unknown> {
  const variant = protocol.unions.get(name)!.variants.find(known => known.name === value.variant)!
  const object: Record<string, unknown> = { is: value.variant }
  if (value.tag !== undefined) {
    const { tag } = protocol.unions.get(name)!
    object.tag = tag ? plainOf(protocol, tag, value.tag) : narrow(value.tag)
  }
  if (variant.value) object.value = plainOf(protocol, variant.value, value.get('value'))
  else if (value.record) Object.assign(object, plainRecord(value.record))
  return object
}

/** A tag from outside has no type of its own here. */
function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Also for a field called `__proto__`, which plain assignment would turn into something else. */
function put(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}
