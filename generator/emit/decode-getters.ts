// The members of a reader that give the fields of a frame. Numbers may be read at once, into plain members: that costs
// about a nanosecond each, whereas a getter that the caller's optimiser has no room to inline puts every float and every
// large integer on the heap. Everything else is read when asked for.

import type { GetAccessorDeclarationStructure, OptionalKind, PropertyDeclarationStructure } from 'ts-morph'
import type { Body, Field, Node, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { entryGetters } from './decode-entries.ts'
import { plainText } from './decode-read.ts'
import type { DecodeScope } from './decode-scope.ts'
import { computedText } from './decode-structs.ts'
import { coreType, isIntegral, isNarrow } from './facts.ts'
import { camel } from './names.ts'
import { byteText, endText } from './position.ts'
import { fieldShape, hasValue } from './shape.ts'
import { preludes } from './statements.ts'
import { fieldDoc } from './types.ts'

type Getter = OptionalKind<GetAccessorDeclarationStructure>

/** Floats that are always there and in front of everything sealed; in a frame of many numbers all of these. */
export function storedFields(protocol: Protocol, body: Body): readonly Field[] {
  const numbers = fieldsOf(body.nodes).filter(field => isStorable(protocol, field) && isPlainlyIn(body.nodes, field))
  return numbers.length > MANY ? numbers : numbers.filter(field => field.type.kind === 'float')
}

/** Texts that are always there and checked when a frame is decoded: their readers remember whether they are ASCII. */
export function storedTexts(body: Body): readonly Field[] {
  return fieldsOf(body.nodes).filter(
    field =>
      field.type.kind === 'region' &&
      field.type.of.kind === 'text' &&
      field.type.of.encoding === 'utf8' &&
      hasValue(field) &&
      !field.from &&
      isPlainlyIn(body.nodes, field),
  )
}

function isStorable(protocol: Protocol, field: Field): boolean {
  if (!hasValue(field) || field.from || !['int', 'float', 'bitset', 'bool', 'bit'].includes(field.type.kind))
    return false
  return !isIntegral(field.type) || isNarrow(protocol, field.type) || field.number === 'number'
}

function isPlainlyIn(nodes: readonly Node[], field: Field): boolean {
  return nodes.some(node => {
    if (node.if) return false
    if (node.kind === 'field') return node === field
    return node.extent === undefined && node.seal === undefined && isPlainlyIn(node.nodes, field)
  })
}

export function storedMember(protocol: Protocol, field: Field): OptionalKind<PropertyDeclarationStructure> {
  const isFlag = field.type.kind === 'bool' || field.type.kind === 'bit'
  const doc = fieldDoc(protocol, field, 'value')
  return { name: field.name, initializer: isFlag ? 'false' : '0', ...(doc ? { docs: [doc] } : {}) }
}

export function fieldGetters(scope: DecodeScope, field: Field): Getter[] {
  const { unit, protocol } = scope
  const slot = scope.slot(field)
  const shape = unit.shape(fieldShape(protocol, field, 'value'))
  const plain = field.from ? computedText(scope, field) : plainText(scope, field.type, slot, 'false', field.number)
  const present = withoutSeals(slot.present)
  const optional = present !== undefined
  const text = optional ? `${present} ? ${plain} : undefined` : plain
  const doc = fieldDoc(protocol, field, 'value')
  const own: Getter = {
    name: field.name,
    returnType: optional ? `${shape} | undefined` : shape,
    statements: preludes(`return ${text}`, 'this'),
    ...(doc ? { docs: [doc] } : {}),
  }
  return [own, ...spanGetters(scope, field), ...entryGetters(scope, field)]
}

/** What is sealed has no value where there is no key; whether it is open is for the reader to ask. */
function withoutSeals(present: string | undefined): string | undefined {
  const left = (present ?? '').split(' && ').filter(term => term !== '' && !/^this\.is\w+Open$/.test(term))
  return left.length === 0 ? undefined : left.join(' && ')
}

/** Where bytes are, for those who need no view. */
function spanGetters(scope: DecodeScope, field: Field): Getter[] {
  if (field.from || coreType(field.type).kind !== 'bytes' || !isPlainSpan(field)) return []
  const slot = scope.slot(field)
  const at = scope.names.unique(`${camel(field.name)}At`)
  const length = scope.names.unique(`${camel(field.name)}Length`)
  const [from, to] = [byteText(slot.contentStart), endText(slot.contentEnd)]
  const present = withoutSeals(slot.present)
  const when = (text: string, otherwise: string): string => (present ? `${present} ? ${text} : ${otherwise}` : text)
  const size = Number(slot.contentEnd.bits - slot.contentStart.bits) / 8
  const count =
    slot.contentStart.base === slot.contentEnd.base ? String(size) : `${to} - ${/ /.test(from) ? `(${from})` : from}`
  return [
    {
      name: at,
      returnType: 'number',
      docs: [`Where ${field.name} begins in \`byteSource\`.`],
      statements: preludes(`return ${when(from, '-1')}`, 'this'),
    },
    {
      name: length,
      returnType: 'number',
      docs: [`Bytes of ${field.name}.`],
      statements: preludes(`return ${when(count, '0')}`, 'this'),
    },
  ]
}

function isPlainSpan(field: Field): boolean {
  const { type } = field
  return (type.kind === 'region' || type.kind === 'delimited') && type.of.kind === 'bytes'
}

/** More getters than this an optimiser has no room for in the function that reads the fields. */
const MANY = 8
