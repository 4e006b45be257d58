// The TypeScript types of plain values (docs/adr/0002-decoding.md, "Plain values"): as decoded, and as given to an encoder.
import type { Field, Protocol, Type } from '../model/model.ts'
import { coreType, isNarrow } from './facts.ts'
import { frameTypeName } from './names.ts'

/** `value`: what decoding gives. `input`: what encoding takes. */
export type Side = 'value' | 'input'

type NumberChoice = Field['number']

/** The type of a field's value. */
export function fieldShape(protocol: Protocol, field: Field, side: Side): string {
  return shapeOf(protocol, field.type, side, field.number)
}

export function shapeOf(protocol: Protocol, type: Type, side: Side, number?: NumberChoice): string {
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
      return integerShape(isNarrow(protocol, type), side, number)
    case 'float':
      return 'number'
    case 'bool':
    case 'bit':
      return 'boolean'
    case 'bytes':
      return 'Uint8Array'
    case 'text':
      return 'string'
    case 'enum':
      return type.name
    case 'bitset':
      return side === 'input' ? `${type.name} | readonly ${type.name}Name[]` : type.name
    case 'struct':
    case 'union':
      return side === 'input' ? `${type.name}Input` : type.name
    case 'region':
    case 'delimited':
    case 'at':
      return shapeOf(protocol, type.of, side, number)
    case 'list': {
      const item = shapeOf(protocol, type.of, side, number)
      const inner = item.includes(' ') ? `(${item})` : item
      return side === 'input' ? `readonly ${inner}[]` : `${inner}[]`
    }
    case 'align':
      return 'undefined'
  }
}

export function integerShape(narrow: boolean, side: Side, number: NumberChoice): string {
  if (narrow) return 'number'
  if (number === 'number') return side === 'input' ? 'number | bigint' : 'number'
  if (number === 'pair') return side === 'input' ? 'Pair | number | bigint' : 'Pair'
  return side === 'input' ? 'bigint | number' : 'bigint'
}

/** Whether a field has a value of its own in plain objects. */
export function hasValue(field: Field): boolean {
  return !field.hidden && coreType(field.type).kind !== 'align'
}

/** Whether the caller of an encoder may leave the field out. */
export function isOptionalInput(field: Field, conditional: boolean): boolean {
  if (conditional || field.if || field.with || field.value || field.fallback || field.filled) return true
  if (field.derives?.length || field.match?.length || field.matchBits?.length || field.isId) return true
  return field.type.kind === 'at'
}

/** Names of the plain types of a frame. */
export function frameShape(protocol: Protocol, frame: string, side: Side): string {
  const name = frameTypeName(protocol, frame)
  return side === 'input' ? `${name}Input` : name
}
