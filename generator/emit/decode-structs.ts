// Structs and the records of variants inside other values.

import type { CodeBlockWriter } from 'ts-morph'
import type { Body } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { Layout } from './decode-layout.ts'
import { Validation } from './decode-order.ts'
import { plainText } from './decode-read.ts'
import { DecodeScope } from './decode-scope.ts'
import { type Capture, RESERVED } from './decode-values.ts'
import { fixedBodyBits } from './facts.ts'
import { endText, type Position, position } from './position.ts'
import { requestKey } from './request.ts'
import { hasValue } from './shape.ts'
import type { Unit } from './unit.ts'

/** The body of a function that checks a struct. */
export function checkStruct(
  unit: Unit,
  writer: CodeBlockWriter,
  name: string,
  captures: readonly Capture[],
  open: boolean,
): void {
  const { body } = unit.protocol.structs.get(name)!
  if (unit.depth) writer.writeLine(`input.deeper(at, path, ${unit.depthLimit})`)
  const end = checkBody(unit, writer, body, inward(captures), open, position('at'), true)
  if (unit.depth) writer.writeLine('input.depth--')
  writer.writeLine(`return ${endText(end)}`)
}

/** The body of a function that reads a struct. */
export function readStruct(unit: Unit, writer: CodeBlockWriter, name: string, captures: readonly Capture[]): void {
  const { body } = unit.protocol.structs.get(name)!
  readBody(unit, writer, body, inward(captures), position('at'), name, [])
}

/** Layout and validation of a record from `start` on; returns where it ends. */
export function checkBody(
  unit: Unit,
  writer: CodeBlockWriter,
  body: Body,
  captures: readonly Capture[],
  open: boolean,
  start: Position,
  stepped: boolean,
): Position {
  // A struct of fixed size was stepped over as a whole by whoever calls.
  const fixed = stepped && fixedBodyBits(unit.protocol, body) !== undefined
  const scope = bodyScope(unit, body, captures, !fixed, open && !fixed, start, false)
  writer.writeLine('const b = input.bytes')
  const end = new Layout(scope, writer, 'end').nodes(body.nodes, start)
  const validation = new Validation(scope, writer)
  validation.listed(body.validate)
  validation.nodes(body.nodes, {})
  validation.rules()
  return end
}

/** Reads a record that was checked; `first` are members of the object in front of its fields. */
export function readBody(
  unit: Unit,
  writer: CodeBlockWriter,
  body: Body,
  captures: readonly Capture[],
  start: Position,
  shape: string,
  first: readonly string[],
): void {
  const scope = bodyScope(unit, body, captures, false, false, start, true)
  writer.writeLine('const b = input.bytes')
  const layout = new Layout(scope, writer, 'end')
  const end = layout.nodes(body.nodes, start)
  new Validation(scope, writer).layGroups(body.nodes)
  writeObject(scope, writer, shape, first, 'copy', false, `input.at = ${endText(end)}`)
  writer.writeLine('return value')
}

/**
 * `const value: Shape = { .. }`, then what is conditional. Where nothing is and nothing else happens, the object is
 * returned at once; true when it was not.
 */
export function writeObject(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  shape: string,
  first: readonly string[],
  copy = 'copy',
  partial = false,
  last = '',
): boolean {
  scope.unit.shape(shape)
  const fields = fieldsOf(scope.body.nodes).filter(hasValue)
  const always = fields.filter(field => !scope.slot(field).present)
  const direct = always.length === fields.length && last === ''
  // What is sealed is missing where there is no key.
  const named = partial ? `const value: Partial<${shape}> = ` : `const value: ${shape} = `
  writer.write(direct ? 'return ' : named).inlineBlock(() => {
    for (const member of first) writer.writeLine(`${member},`)
    for (const field of always) {
      const text = memberText(scope, field, copy)
      writer.writeLine(text === field.name ? `${field.name},` : `${field.name}: ${text},`)
    }
  })
  writer.newLine()
  const maybe = fields.filter(field => scope.slot(field).present)
  for (let i = 0; i < maybe.length; ) {
    // Neighbours under the same first condition stand in one block.
    const [first] = scope.slot(maybe[i]!).present!.split(' && ')
    let next = i + 1
    while (next < maybe.length && scope.slot(maybe[next]!).present!.split(' && ')[0] === first) next++
    const some = maybe.slice(i, next)
    const set = (field: (typeof some)[number]): void => {
      const when = scope.when(scope.slot(field).present)
      const assign = scope.assume(when, () => `value.${field.name} = ${memberText(scope, field, copy)}`)
      writer.writeLine(when ? `if (${when}) ${assign}` : assign)
    }
    if (some.length === 1) set(some[0]!)
    else writer.write(`if (${first}) `).block(() => scope.assume(first, () => some.forEach(set)))
    i = next
  }
  if (last !== '') writer.writeLine(last)
  return !direct
}

function memberText(scope: DecodeScope, field: ReturnType<typeof fieldsOf>[number], copy: string): string {
  const slot = scope.slot(field)
  if (field.from) return computedText(scope, field)
  if (scope.stored.has(field)) return `this.${field.name}`
  if (slot.local && field.type.kind !== 'enum' && (field.number ?? 'bigint') === 'bigint') {
    return slot.kept ? `${slot.local.text}!` : slot.local.text
  }
  return plainText(scope, field.type, slot, copy, field.number)
}

/** The plain value of a field that is not on the wire. */
export function computedText(scope: DecodeScope, field: ReturnType<typeof fieldsOf>[number]): string {
  return scope.unit.asPlain(scope.valueOf(field), field.type)
}

function bodyScope(
  unit: Unit,
  body: Body,
  captures: readonly Capture[],
  checked: boolean,
  open: boolean,
  start: Position,
  reading: boolean,
): DecodeScope {
  return new DecodeScope({
    unit,
    body,
    frame: false,
    checked,
    open,
    reading,
    start,
    given: new Map(captures.map(capture => [requestKey(capture.request), capture.code])),
    reserved: RESERVED,
  })
}

/** Questions to the record around the struct, as the struct's own record asks them. */
export function inward(captures: readonly Capture[]): readonly Capture[] {
  return captures.map(capture => {
    if (capture.request.what === 'prev') return capture
    return { ...capture, request: { ...capture.request, up: capture.request.up + 1 } }
  })
}
