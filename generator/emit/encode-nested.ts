// Functions that write values inside others: structs, unions and lists. `writeEntry(value, into, at)` returns the offset
// behind what it wrote. What their expressions need of the record around comes as parameters, as for decoding.

import type { CodeBlockWriter } from 'ts-morph'
import type { Body, Expr, Field, Type, Union, Variant } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { inward } from './decode-structs.ts'
import { type Capture, typeKey, typeName } from './decode-values.ts'
import { EncodeBody } from './encode-body.ts'
import { EncodeScope } from './encode-scope.ts'
import { converted } from './encode-value.ts'
import { type Ink, writeValue } from './encode-write.ts'
import { asNumber, type Code, emitExpr, type Form, intCode, plainCode } from './expr.ts'
import { fixedBits } from './facts.ts'
import { localName } from './names.ts'
import { className, quote } from './naming.ts'
import { endText, position } from './position.ts'
import { type Request, requestKey, requestsOf, typeRequests } from './request.ts'
import { shapeOf } from './shape.ts'
import type { Unit } from './unit.ts'

export interface WriteFunction {
  call(scope: EncodeScope, value: string, at: string, ink: Ink): string
}

/** The function that writes values of this type. */
export function writeFunction(unit: Unit, type: Type, number?: Field['number']): WriteFunction {
  return {
    call: (scope, value, at, ink) => {
      const requests = typeRequests(unit.protocol, type)
      const answers = requests.map(request => scope.request(request))
      const captures = requests.map((request, i) => captureOf(unit, request, answers[i]!))
      const key = `write ${number} ${typeKey(type)} ${captures.map(one => `${requestKey(one.request)}:${one.shape}`).join(' ')}`
      const extras = extraParameters(unit, type)
      const given = type.kind === 'list' ? 'items' : 'value'
      const shape = unit.shape(shapeOf(unit.protocol, type, 'input', number))
      const name = unit.function(key, `write${typeName(type)}`, (writer, self) => {
        const parameters = [
          `${given}: ${shape}`,
          'into: Uint8Array',
          'at: number',
          'field: string',
          ...extras.parameters,
          ...captures.map(one => `${one.code.text}: ${one.shape}`),
        ]
        writer.write(`function ${self}(${parameters.join(', ')}): number`).block(() => {
          if (type.kind === 'struct') writeStruct(unit, writer, type.name, captures)
          else if (type.kind === 'union') writeUnion(unit, writer, type, captures)
          else if (type.kind === 'list') writeList(unit, writer, type, captures, number)
        })
        writer.blankLine()
      })
      return `${name}(${[value, 'into', at, ink.label, ...extras.arguments(scope), ...answers.map(code => code.text)].join(', ')})`
    },
  }
}

/** `context`, `origin` and `depth`, where something inside needs them. */
export function extraParameters(
  unit: Unit,
  type: Type,
): { parameters: readonly string[]; arguments: (scope: EncodeScope) => readonly string[] } {
  const needs = nestedNeeds(unit, type)
  return {
    parameters: [
      ...(needs.context ? [`context: ${unit.use('Context')}`] : []),
      ...(needs.origin ? ['origin: number'] : []),
      ...(unit.depth ? ['depth: number'] : []),
    ],
    arguments: scope => [
      ...(needs.context ? ['context'] : []),
      ...(needs.origin ? [scope.nested ? 'origin' : 'at'] : []),
      ...(unit.depth ? [deeper(scope, type)] : []),
    ],
  }
}

/** Lists are no level of their own. */
function deeper(scope: EncodeScope, type: Type): string {
  if (type.kind === 'list') return scope.nested ? 'depth' : '0'
  return scope.nested ? 'depth + 1' : '1'
}

function writeStruct(unit: Unit, writer: CodeBlockWriter, name: string, captures: readonly Capture[]): void {
  const { body } = unit.protocol.structs.get(name)!
  if (unit.depth) writer.writeLine(`${unit.use('notTooDeep')}(depth, ${unit.depthLimit}, field)`)
  writeRecord(unit, writer, body, `${name}.`, inward(captures), 0, name)
}

function writeRecord(
  unit: Unit,
  writer: CodeBlockWriter,
  body: Body,
  label: string,
  captures: readonly Capture[],
  bit = 0,
  struct?: string,
): void {
  const scope = nestedScope(unit, body, label, captures, bit)
  writer.writeLine(`const view = ${unit.use('viewOf')}(into)`)
  underName(unit, writer, () => {
    const end = new EncodeBody(scope, writer).write()
    if (struct && captures.some(({ request }) => request.what === 'prev')) remember(scope, writer, struct)
    writer.writeLine(`return ${endText(end)}`)
  })
}

/** The next item of a list may ask for what this one left to be computed. */
function remember(scope: EncodeScope, writer: CodeBlockWriter, struct: string): void {
  const { unit, body } = scope
  for (const field of fieldsOf(body.nodes)) {
    const code = field.from && scope.values.get(field)
    if (!code) continue
    const plain = unit.asPlain(code, field.type)
    writer.writeLine(`${computedBefore(unit, struct)}.${field.name} = ${plain}${code.absent ? '!' : ''}`)
  }
}

/** Constant that holds the computed fields of the item that was written last. */
function computedBefore(unit: Unit, struct: string): string {
  return unit.constant(`${struct}_computed`, `{} as Partial<${unit.shape(`${struct}Input`)}>`)
}

/** Whether a struct has fields that are computed from what was read. */
function computes(unit: Unit, type: Type): type is Extract<Type, { kind: 'struct' | 'enum' | 'bitset' }> {
  return type.kind === 'struct' && fieldsOf(unit.protocol.structs.get(type.name)!.body.nodes).some(field => field.from)
}

/** Errors of what is inside get the name of the value around. */
function underName(unit: Unit, writer: CodeBlockWriter, inside: () => void): void {
  writer.write('try ').inlineBlock(inside).write(' catch (fault) ')
  writer.block(() => writer.writeLine(`throw ${unit.use('inField')}(fault, field)`))
}

function nestedScope(unit: Unit, body: Body, label: string, captures: readonly Capture[], bit = 0): EncodeScope {
  const given = new Map(captures.map(capture => [requestKey(capture.request), capture.code]))
  return new EncodeScope(unit, body, position('at', bit), label, given, RESERVED)
}

function writeUnion(
  unit: Unit,
  writer: CodeBlockWriter,
  type: Extract<Type, { kind: 'union' }>,
  captures: readonly Capture[],
): void {
  const union = unit.protocol.unions.get(type.name)!
  if (unit.depth) writer.writeLine(`${unit.use('notTooDeep')}(depth, ${unit.depthLimit}, field)`)
  writer.writeLine(`const view = ${unit.use('viewOf')}(into)`)
  writer.write('switch (value.is)').block(() => {
    for (const variant of union.variants) {
      writer
        .write(`case ${quote(variant.name)}: `)
        .inlineBlock(() => writeVariant(unit, writer, union, variant, type, captures))
      writer.newLine()
    }
    writer.writeLine('default:').indent(() => {
      writer.writeLine(`throw ${unit.use('noSuchVariant')}(value, ${quote(type.name)}, field)`)
    })
  })
}

function writeVariant(
  unit: Unit,
  writer: CodeBlockWriter,
  union: Union,
  variant: Variant,
  type: Extract<Type, { kind: 'union' }>,
  captures: readonly Capture[],
): void {
  const scope = nestedScope(unit, EMPTY, `${union.name}.`, captures)
  const label = 'field'
  const ink: Ink = { scope, writer, label, name: 'tag', error: undefined }
  let at = position('at')
  if (union.tag) {
    const tag = variant.other ? own(converted(scope, union.tag, 'value.tag', 'field')) : tagCode(variant)
    at = writeValue(ink, union.tag, tag, at).end
  } else {
    const outside = emitExpr(type.tag!, scope)
    const mine = variant.ids.map(id => `${outside.text} === ${outside.form === 'bigint' ? `${id}n` : id}`)
    const others = union.variants
      .flatMap(one => one.ids)
      .map(id => `${outside.text} !== ${outside.form === 'bigint' ? `${id}n` : id}`)
    const test = variant.other ? others.join(' && ') || 'true' : mine.join(' || ') || 'false'
    writer.writeLine(`if (!(${test})) ${unit.use('wrongVariant')}(field)`)
  }
  if (variant.value) {
    // A variant is a record of its own even when it is one value.
    const inner = nestedScope(unit, EMPTY, `${union.name}.`, inward(captures))
    const value = own(converted(inner, variant.value, 'value.value', 'field'))
    const name = inner.local(writer, 'content', value.text)
    const end = writeValue(
      { ...ink, scope: inner, label: 'field', name: 'value' },
      variant.value,
      { ...value, text: name },
      at,
    ).end
    writer.writeLine(`return ${endText(end)}`)
    return
  }
  const bit = at.bits % 8
  const needs = extraParameters(unit, type)
  const shape = unit.shape(`Extract<${union.name}Input, { is: ${quote(variant.name)} }>`)
  const key = `write variant ${union.name} ${variant.name} ${bit} ${captures.map(one => `${requestKey(one.request)}:${one.shape}`).join()}`
  const name = unit.function(key, `write${union.name}${variant.name}`, (inner, self) => {
    const parameters = [
      `value: ${shape}`,
      'into: Uint8Array',
      'at: number',
      'field: string',
      ...needs.parameters,
      ...captures.map(one => `${one.code.text}: ${one.shape}`),
    ]
    inner.write(`function ${self}(${parameters.join(', ')}): number`).block(() => {
      writeRecord(unit, inner, variant.body, `${union.name}.`, inward(captures), bit)
    })
    inner.blankLine()
  })
  const passed = needs.parameters.map(parameter => parameter.split(':')[0]!)
  writer.writeLine(
    `return ${name}(${['value', 'into', bit === 0 ? endText(at) : byteOf(at), 'field', ...passed, ...captures.map(one => one.code.text)].join(', ')})`,
  )
}

/** Messages about what has no name of its own carry the name that the function was given. */
function own(code: Code): Code {
  return { ...code, text: code.text.replaceAll("'field'", 'field') }
}

function byteOf(at: { base: string; bits: number }): string {
  const bytes = Math.floor(at.bits / 8)
  return bytes === 0 ? at.base : `${at.base} + ${bytes}`
}

function tagCode(variant: Variant): Code {
  return intCode(variant.ids[0]!)
}

function writeList(
  unit: Unit,
  writer: CodeBlockWriter,
  type: Extract<Type, { kind: 'list' }>,
  captures: readonly Capture[],
  number: Field['number'],
): void {
  const scope = nestedScope(unit, EMPTY, 'list.', captures)
  const ink: Ink = { scope, writer, label: 'field', name: 'item', error: undefined, number }
  const bits = fixedBits(unit.protocol, type.of)
  const loose = bits !== undefined && bits % 8 !== 0
  const tested = requestsOf(type.count.by === 'until' ? type.count.test : undefined)
  const asked = [...tested, ...typeRequests(unit.protocol, type.of)].filter(
    request => request.what === 'item' || request.what === 'prev',
  )
  writer.writeLine(`const view = ${unit.use('viewOf')}(into)`)
  writer.writeLine(`let p = ${loose ? 'at * 8' : 'at'}`)
  if (type.count.by === 'until') writer.writeLine(`if (items.length === 0) ${unit.use('exactly')}(0, 1, field)`)
  const last = computes(unit, type.of) && asked.some(({ what }) => what === 'prev') ? type.of.name : undefined
  if (last) writer.writeLine(`let last: ${unit.shape(`${last}Input`)} | undefined`)
  writer.write('for (let i = 0; i < items.length; i++)').block(() => {
    if (asked.length > 0)
      scope.listed = {
        item: itemCode(unit, type.of, 'items[i]!'),
        prev: { ...itemCode(unit, type.of, last ? 'last' : 'items[i - 1]'), absent: true },
      }
    const code = own(converted(scope, type.of, 'items[i]', 'field'))
    const plain = /^\w+$/.test(code.text) ? code : { ...code, text: scope.local(writer, 'item', code.text), prec: 20 }
    const { end } = writeValue(ink, type.of, plain, loose ? { base: 'p', bits: 0, loose: true } : position('p'))
    if (last) writer.writeLine(`last = { ...${plain.text}, ...${computedBefore(unit, last)} }`)
    if (type.count.by === 'until') {
      const test = emitExpr(type.count.test, scope)
      const text = test.absent ? `(${test.text}) === true` : `(${test.text})`
      writer.writeLine(`if (${text} !== (i === items.length - 1)) ${unit.use('exactly')}(0, 1, field)`)
    }
    writer.writeLine(`p = ${loose ? `${end.base}${end.bits === 0 ? '' : ` + ${end.bits}`}` : endText(end)}`)
  })
  writer.writeLine(`return ${loose ? '(p + 7) >>> 3' : 'p'}`)
}

function itemCode(unit: Unit, type: Type, text: string): Code {
  return plainCode(unit.protocol, text, type)
}

function captureOf(unit: Unit, request: Request, answer: Code): Capture {
  const { span: _, ...plain } = answer
  const code: Code = { ...plain, text: parameterName(request), prec: 20, fails: false }
  const shape =
    FORM_SHAPES[answer.form] ?? (answer.type ? unit.shape(shapeOf(unit.protocol, answer.type, 'input')) : 'unknown')
  return { request, code, shape: answer.absent ? `${shape} | undefined` : shape }
}

function parameterName(request: Request): string {
  if (request.what === 'prev') return 'prev'
  const outer = request.up === 0 ? '' : `parent${request.up > 1 ? request.up : ''}`
  const what = request.what === 'value' ? '' : request.what
  if (outer === '' && what === '') return localName(request.name)
  const name = className([what, outer, request.name].filter(word => word !== '').join('_'))
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** Whether something inside draws values, asks the context, or must know where the frame begins. */
function nestedNeeds(unit: Unit, type: Type): { context: boolean; origin: boolean } {
  const seen = new Set<string>()
  const found = { context: false, origin: false }
  const expr = (one: Expr | undefined): void => {
    if (!one) return
    const text = JSON.stringify(one, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))
    if (/"is":"space"|"name":"(random|now)"/.test(text)) found.context = true
    if (/"name":"offset"/.test(text)) found.origin = true
  }
  const visit = (one: Type): void => {
    switch (one.kind) {
      case 'uint':
        return expr(one.size)
      case 'align':
        found.origin = true
        return
      case 'region':
        if (one.extent.by === 'size') expr(one.extent.size)
        return visit(one.of)
      case 'delimited':
      case 'at':
        return visit(one.of)
      case 'list':
        if (one.count.by === 'count') expr(one.count.count)
        if (one.count.by === 'until') expr(one.count.test)
        return visit(one.of)
      case 'struct':
      case 'union': {
        if (one.kind === 'union') expr(one.tag)
        if (seen.has(one.name)) return
        seen.add(one.name)
        const bodies =
          one.kind === 'struct'
            ? [unit.protocol.structs.get(one.name)!.body]
            : unit.protocol.unions.get(one.name)!.variants.map(variant => variant.body)
        for (const body of bodies) record(body)
        if (one.kind === 'union')
          for (const variant of unit.protocol.unions.get(one.name)!.variants) if (variant.value) visit(variant.value)
        return
      }
      default:
    }
  }
  const record = (body: Body): void => {
    const nodes = (list: Body['nodes']): void => {
      for (const node of list) {
        expr(node.if)
        if (node.kind === 'group') {
          if (node.extent?.by === 'size') expr(node.extent.size)
          nodes(node.nodes)
          continue
        }
        for (const one of [node.value, node.fallback, node.with?.value, node.max]) expr(one)
        visit(node.type)
      }
    }
    nodes(body.nodes)
    for (const rule of body.check) expr(rule.test)
  }
  visit(type)
  return found
}

const EMPTY: Body = { nodes: [], validate: [], check: [], usesParent: false }
const RESERVED = [
  'value',
  'into',
  'at',
  'context',
  'origin',
  'depth',
  'view',
  'items',
  'item',
  'i',
  'p',
  'field',
  'prev',
]
const FORM_SHAPES: Readonly<Partial<Record<Form, string>>> = {
  number: 'number',
  float: 'number',
  bigint: 'bigint',
  boolean: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
}

export { asNumber }
