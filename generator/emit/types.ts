// Emits `types.ts`: the plain values of a protocol. One type for each struct, union and frame, one more for what its
// encoder takes, a table of values for each enum and bit set. Names and order are the schema's.

import {
  type OptionalKind,
  type PropertySignatureStructure,
  StructureKind,
  type TypeAliasDeclarationStructure,
  Writers,
} from 'ts-morph'
import type { Bitset, Body, Enum, Expr, Field, Node, Protocol, Struct, Union, Variant } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { coreType, intBounds, isNarrow } from './facts.ts'
import { type EmitOptions, printFile, type Statements } from './file.ts'
import { frameTypeName } from './names.ts'
import { propertyKey, quote } from './naming.ts'
import { exprText } from './notation.ts'
import { fieldShape, hasValue, isOptionalInput, type Side, shapeOf } from './shape.ts'

/** The text of `types.ts`. */
export function emitTypes(protocol: Protocol, options: EmitOptions): string {
  const statements: Statements[] = []
  if (usesPairs(protocol)) {
    statements.push({
      kind: StructureKind.ImportDeclaration,
      isTypeOnly: true,
      namedImports: ['Pair'],
      moduleSpecifier: options.runtime,
    })
  }
  for (const one of protocol.enums.values()) statements.push(...enumTypes(protocol, one))
  for (const one of protocol.bitsets.values()) statements.push(...bitsetTypes(protocol, one))
  for (const one of protocol.structs.values()) statements.push(...structTypes(protocol, one))
  for (const one of protocol.unions.values()) statements.push(...unionTypes(protocol, one))
  for (const frame of protocol.frames.values()) {
    const name = frameTypeName(protocol, frame.name)
    statements.push(bodyType(protocol, name, frame.doc, frame.body, 'value'))
    statements.push(bodyType(protocol, `${name}Input`, `What encoding ${frame.name} takes.`, frame.body, 'input'))
  }
  return printFile(protocol, statements)
}

function enumTypes(protocol: Protocol, one: Enum): Statements[] {
  const narrow = isNarrow(protocol, one.type)
  const members = one.values.map(({ name, value }) => `${propertyKey(name)}: ${narrow ? value : `${value}n`},`)
  const kept = one.unknown === 'keep' ? (narrow ? ' | number' : ' | bigint') : ''
  const note = one.unknown === 'keep' ? 'Other numbers are kept.' : `Any other number is ${one.unknown}.`
  return [
    writer => {
      writer.writeLine(docLine(sentences(one.doc, note)))
      writer.write(`export const ${one.name} = `)
      writer.inlineBlock(() => members.forEach(member => writer.writeLine(member))).write(' as const')
    },
    alias(one.name, undefined, `keyof typeof ${one.name}${kept}`),
  ]
}

function bitsetTypes(protocol: Protocol, one: Bitset): Statements[] {
  const narrow = isNarrow(protocol, { kind: 'bitset', name: one.name })
  const hex = (bit: number): string => `0x${(1n << BigInt(bit)).toString(16).padStart(2, '0')}${narrow ? '' : 'n'}`
  return [
    writer => {
      writer.writeLine(docLine(sentences(one.doc, BIT_POLICY[one.undefined] ?? `Any other bit is ${one.undefined}.`)))
      writer.write(`export const ${one.name} = `)
      writer
        .inlineBlock(() => one.bits.forEach(({ name, bit }) => writer.writeLine(`${propertyKey(name)}: ${hex(bit)},`)))
        .write(' as const')
    },
    alias(
      one.name,
      'The bits as they travel; test them with the constants of the same name.',
      narrow ? 'number' : 'bigint',
    ),
    alias(`${one.name}Name`, undefined, `keyof typeof ${one.name}`),
  ]
}

function structTypes(protocol: Protocol, one: Struct): Statements[] {
  return [
    bodyType(protocol, one.name, one.doc, one.body, 'value'),
    bodyType(protocol, `${one.name}Input`, undefined, one.body, 'input'),
  ]
}

function unionTypes(protocol: Protocol, one: Union): Statements[] {
  const side = (which: Side): Statements => ({
    kind: StructureKind.TypeAlias,
    isExported: true,
    name: which === 'input' ? `${one.name}Input` : one.name,
    ...(which === 'value' && one.doc ? { docs: [one.doc] } : {}),
    type: writer => {
      if (one.variants.length === 0) writer.write('never')
      one.variants.forEach((variant, i) => {
        if (i > 0) writer.newLine().write('| ')
        Writers.objectType({ properties: variantMembers(protocol, one, variant, which) })(writer)
      })
    },
  })
  return [side('value'), side('input')]
}

function variantMembers(protocol: Protocol, union: Union, variant: Variant, side: Side): Member[] {
  const members: Member[] = [{ name: 'is', type: quote(variant.name) }]
  if (variant.other) {
    const shape = union.tag ? shapeOf(protocol, union.tag, side) : 'number | bigint'
    members.push({ name: 'tag', type: shape, docs: ['The tag that no other variant has.'] })
  }
  if (variant.value) return [...members, { name: 'value', type: shapeOf(protocol, variant.value, side) }]
  return [...members, ...bodyMembers(protocol, variant.body.nodes, side, false)]
}

function bodyType(protocol: Protocol, name: string, doc: string | undefined, body: Body, side: Side): Statements {
  return alias(name, doc, Writers.objectType({ properties: bodyMembers(protocol, body.nodes, side, false) }))
}

type Member = OptionalKind<PropertySignatureStructure>

function bodyMembers(protocol: Protocol, nodes: readonly Node[], side: Side, conditional: boolean): Member[] {
  return nodes.flatMap(node => {
    if (node.kind === 'group') return bodyMembers(protocol, node.nodes, side, conditional || node.if !== undefined)
    if (!hasValue(node)) return []
    const optional =
      side === 'input'
        ? isOptionalInput(node, conditional) || isStamped(protocol, node)
        : conditional || node.if !== undefined
    const shape = fieldShape(protocol, node, side)
    const doc = fieldDoc(protocol, node, side)
    return [
      {
        name: propertyKey(node.name),
        type: side === 'input' && optional ? `${shape} | undefined` : shape,
        hasQuestionToken: optional,
        ...(doc ? { docs: [doc] } : {}),
      },
    ]
  })
}

/** The counter of a seal: whoever seals the frame writes it. */
function isStamped({ document }: Protocol, { name }: Field): boolean {
  const seals = Object.values((document.seal ?? {}) as Readonly<Record<string, { counter?: { field?: string } }>>)
  return seals.some(seal => seal?.counter?.field === name)
}

/** What the schema says about a field, in sentences. */
export function fieldDoc(protocol: Protocol, field: Field, side: Side): string {
  const notes: (string | undefined)[] = [field.doc]
  if (field.unit) notes.push(`In ${field.unit}${field.scale === undefined ? '' : `, times ${field.scale}`}.`)
  else if (field.scale !== undefined) notes.push(`The real value is ${field.scale} times this.`)
  if (field.time) notes.push(TIMES[field.time])
  if (field.range) notes.push(`${field.range.min} to ${field.range.max}.`)
  if (field.max?.is === 'int') notes.push(`At most ${field.max.value}${maxUnit(field)}.`)
  if (side === 'input') notes.push(origin(protocol, field))
  return sentences(...notes)
}

function maxUnit(field: Field): string {
  return coreType(field.type).kind === 'list' ? ' items' : ' bytes'
}

function origin(protocol: Protocol, field: Field): string | undefined {
  const fixed = field.with?.value ?? field.value
  if (fixed) return `Always ${exprText(fixed)}.`
  if (field.derives?.length) return `Computed from ${field.derives.map(({ of }) => of).join(', ')} unless given.`
  if (field.isId) return 'The id of the frame.'
  if (field.fallback) return fallbackNote(protocol, field, field.fallback)
  return undefined
}

function fallbackNote(protocol: Protocol, field: Field, fallback: Expr): string | undefined {
  if (fallback.is === 'int' && fallback.value === 0n && intBounds(protocol, field.type).low === 0n)
    return '0 unless given.'
  return fallback.is === 'none' ? 'Empty unless given.' : `${exprText(fallback)} unless given.`
}

function alias(name: string, doc: string | undefined, type: TypeAliasDeclarationStructure['type']): Statements {
  return { kind: StructureKind.TypeAlias, isExported: true, name, type, ...(doc ? { docs: [doc] } : {}) }
}

function docLine(text: string): string {
  return `/** ${text} */`
}

/** Joined with a full stop after each, `*` and `/` kept apart so that the comment does not end. */
export function sentences(...parts: readonly (string | undefined)[]): string {
  const full = parts
    .filter(part => part !== undefined && part !== '')
    .map(part => (/[.!?]$/.test(part!) ? part! : `${part}.`))
  return full.join(' ').replaceAll('*/', '* /')
}

function usesPairs(protocol: Protocol): boolean {
  const bodies = [
    ...[...protocol.frames.values()].map(frame => frame.body),
    ...[...protocol.structs.values()].map(one => one.body),
    ...[...protocol.unions.values()].flatMap(one => one.variants.map(variant => variant.body)),
  ]
  return bodies.some(body => fieldsOf(body.nodes).some(field => field.number === 'pair'))
}

const BIT_POLICY: Readonly<Record<string, string>> = {
  keep: 'Other bits are kept.',
  clear: 'Other bits are cleared when read.',
  empty: 'With any other bit set it reads as 0.',
}
const TIMES: Readonly<Record<string, string>> = {
  unix: 'Unix seconds.',
  unix_ms: 'Unix milliseconds.',
  fixed_1900: 'Seconds since 1900 in 32.32 fixed point.',
}
