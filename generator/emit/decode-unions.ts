// Tagged unions: a `switch` over the tag, one function for each variant with fields.
import type { CodeBlockWriter } from 'ts-morph'
import type { Type, Union, Variant } from '../model/model.ts'
import { checkContent, wantAll } from './decode-check.ts'
import { Layout } from './decode-layout.ts'
import { plainText, rawCode } from './decode-read.ts'
import type { DecodeScope } from './decode-scope.ts'
import { checkBody, inward, readBody } from './decode-structs.ts'
import { type Capture, valueScope } from './decode-values.ts'
import { asNumber, type Code, emitExpr } from './expr.ts'
import { isNarrow } from './facts.ts'
import { quote } from './naming.ts'
import { byteText, endText, type Position, position } from './position.ts'
import { type Label, refusal } from './refusal.ts'
import type { Unit } from './unit.ts'

type UnionType = Extract<Type, { kind: 'union' }>

/** The body of a function that checks a union. */
export function checkUnion(
  unit: Unit,
  writer: CodeBlockWriter,
  type: UnionType,
  captures: readonly Capture[],
  open: boolean,
): void {
  const union = unit.protocol.unions.get(type.name)!
  const scope = valueScope(unit, captures, true, open)
  const label: Label = { name: 'tag', path: 'path', error: {} }
  if (unit.depth) writer.writeLine(`input.deeper(at, path, ${unit.depthLimit})`)
  writer.writeLine('const b = input.bytes')
  const { tag, behind } = tagOf(scope, writer, type, union, label)
  writer.writeLine(`let behind = ${endText(behind)}`)
  // A variant is a record of its own even when it is one value.
  const inner = valueScope(unit, inward(captures), true, open, scope.names)
  const unknown = `throw ${refusal(union.error, 'at', label, undefined)}`
  choose(writer, union, tag, unknown, variant => {
    if (variant.value) {
      const layout = new Layout(inner, writer, 'end')
      const slot = layout.value(variant.value, behind, { ...label, name: 'value' })
      layout.flush()
      wantAll(inner, writer, slot.end)
      checkContent(inner, writer, variant.value, slot, { ...label, name: 'value' })
      writer.writeLine(`behind = ${endText(slot.end)}`)
      return 'break'
    }
    writer.writeLine(`behind = ${variantCheck(unit, union, variant, captures, open, behind)}`)
    return 'break'
  })
  if (unit.depth) writer.writeLine('input.depth--')
  writer.writeLine('return behind')
}

/** The body of a function that reads a union. */
export function readUnion(unit: Unit, writer: CodeBlockWriter, type: UnionType, captures: readonly Capture[]): void {
  const union = unit.protocol.unions.get(type.name)!
  const scope = valueScope(unit, captures, false, false)
  writer.writeLine('const b = input.bytes')
  const { tag, behind } = tagOf(scope, writer, type, union, { name: 'tag', path: "''", error: {} })
  const inner = valueScope(unit, inward(captures), false, false, scope.names)
  choose(writer, union, tag, `throw input.refuse(${quote(union.error)}, at, '')`, variant => {
    const members = [`is: ${quote(variant.name)}`, ...(variant.other ? [`tag: ${plainTag(scope, union, tag)}`] : [])]
    if (!variant.value) {
      writer.writeLine(`return ${variantRead(unit, union, variant, captures, behind, tag)}`)
      return undefined
    }
    const layout = new Layout(inner, writer, 'end')
    const slot = layout.value(variant.value, behind, { name: 'value', path: "''", error: {} })
    const text =
      slot.local && variant.value.kind !== 'enum' ? slot.local.text : plainText(inner, variant.value, slot, 'copy')
    const name = inner.local(writer, 'content', text)
    writer.writeLine(`input.at = ${endText(slot.end)}`)
    writer.writeLine(`return { ${[...members, `value: ${name}`].join(', ')} }`)
    return undefined
  })
}

/** Reads the tag; `behind` is where the variant begins. */
function tagOf(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  type: UnionType,
  union: Union,
  label: Label,
): { tag: Code; behind: Position } {
  if (!union.tag) {
    const code = emitExpr(type.tag!, scope)
    const text = code.fails && scope.checked ? `input.evaluate(at, ${label.path}, () => ${code.text})` : code.text
    const name = scope.local(writer, 'tag', text)
    return { tag: { ...code, text: name, prec: 20 }, behind: position('at') }
  }
  const layout = new Layout(scope, writer, 'end')
  const slot = layout.value(union.tag, position('at'), label)
  layout.flush()
  if (scope.checked) {
    wantAll(scope, writer, slot.end)
    checkContent(scope, writer, union.tag, slot, label)
  }
  const code = slot.local ?? rawCode(scope, union.tag, slot)
  const name = slot.local ? slot.local.text : scope.local(writer, 'tag', code.text)
  return { tag: { ...code, text: name, prec: 20 }, behind: slot.end }
}

/** `switch (tag) { case 1: .. }`. An `other` variant takes every tag that is left. */
function choose(
  writer: CodeBlockWriter,
  union: Union,
  tag: Code,
  unknown: string,
  write: (variant: Variant) => 'break' | undefined,
): void {
  const branch = (variant: Variant): void => {
    writer.inlineBlock(() => {
      if (write(variant)) writer.writeLine('break')
    })
    writer.newLine()
  }
  writer.write(`switch (${tag.text}) `).block(() => {
    for (const variant of union.variants.filter(one => !one.other)) {
      const cases = variant.ids.map(id => `case ${tag.form === 'bigint' ? `${id}n` : id}:`)
      for (const line of cases.slice(0, -1)) writer.writeLine(line)
      writer.write(`${cases.at(-1)} `)
      branch(variant)
    }
    const other = union.variants.find(one => one.other)
    writer.write('default: ')
    if (other) branch(other)
    else writer.newLine().indent(() => writer.writeLine(unknown))
  })
}

function variantCheck(
  unit: Unit,
  union: Union,
  variant: Variant,
  captures: readonly Capture[],
  open: boolean,
  at: Position,
): string {
  const bit = at.bits % 8
  const parameters = ['input: Input', 'at: number', 'end: number', 'path: string', ...captures.map(typed)]
  const key = `check variant ${open} ${union.name} ${variant.name} ${bit} ${captures.map(typed).join()}`
  const name = unit.function(key, `check${union.name}${variant.name}`, (writer, own) => {
    writer.write(`function ${own}(${parameters.join(', ')}): number`).block(() => {
      const end = checkBody(unit, writer, variant.body, inward(captures), open, position('at', bit), false)
      writer.writeLine(`return ${endText(end)}`)
    })
    writer.blankLine()
  })
  return `${name}(${['input', byteText(at), 'end', 'path', ...captures.map(capture => capture.code.text)].join(', ')})`
}

function variantRead(
  unit: Unit,
  union: Union,
  variant: Variant,
  captures: readonly Capture[],
  at: Position,
  tag: Code,
): string {
  const bit = at.bits % 8
  const tagged = variant.other ? [`tag: ${tag.form}`] : []
  const parameters = ['input: Input', 'at: number', 'end: number', 'copy: boolean', ...captures.map(typed), ...tagged]
  const key = `read variant ${union.name} ${variant.name} ${bit} ${captures.map(typed).join()}`
  const shape = `Extract<${union.name}, { is: ${quote(variant.name)} }>`
  unit.shape(union.name)
  const name = unit.function(key, `read${union.name}${variant.name}`, (writer, own) => {
    writer.write(`function ${own}(${parameters.join(', ')}): ${shape}`).block(() => {
      const first = [`is: ${quote(variant.name)}`, ...(variant.other ? ['tag'] : [])]
      readBody(unit, writer, variant.body, inward(captures), position('at', bit), shape, first)
    })
    writer.blankLine()
  })
  const args = ['input', byteText(at), 'end', 'copy', ...captures.map(capture => capture.code.text)]
  return `${name}(${[...args, ...(variant.other ? [asNumber(tag).text] : [])].join(', ')})`
}

function plainTag(scope: DecodeScope, union: Union, tag: Code): string {
  if (!union.tag) return tag.text
  if (union.tag.kind === 'enum') return `${tag.text}`
  return isNarrow(scope.protocol, union.tag) || tag.form === 'bigint' ? tag.text : asNumber(tag).text
}

function typed(capture: Capture): string {
  return `${capture.code.text}: ${capture.shape}`
}
