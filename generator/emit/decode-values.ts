// Functions of the generated module for values inside others. `check..` decodes a value that begins at `at`, layout and
// validation, and returns the offset behind it. `read..` gives the plain value of bytes that were checked before and
// leaves the offset behind it in `input.at`. What their expressions need of the record around comes as parameters.
import type { CodeBlockWriter } from 'ts-morph'
import type { Body, Field, Type } from '../model/model.ts'
import { checkContent, wantAll } from './decode-check.ts'
import { Layout } from './decode-layout.ts'
import { checkList, readList } from './decode-lists.ts'
import { plainText } from './decode-read.ts'
import { DecodeScope } from './decode-scope.ts'
import { checkStruct, readStruct } from './decode-structs.ts'
import { checkUnion, readUnion } from './decode-unions.ts'
import type { Code, Form } from './expr.ts'
import { localName, type Names } from './names.ts'
import { className } from './naming.ts'
import { endText, position } from './position.ts'
import { type Request, requestKey, typeRequests } from './request.ts'
import { shapeOf } from './shape.ts'
import type { Unit } from './unit.ts'

/** A parameter that stands for something of a record around. */
export interface Capture {
  readonly request: Request
  readonly code: Code
  readonly shape: string
}

export interface NestedFunction {
  /** Code of a call. `last`: the path of the value when checking, whether to copy bytes when reading. */
  call(scope: DecodeScope, at: string, end: string, last: string): string
  /** The TypeScript type of what `read` gives. */
  readonly shape: string
}

/** The function that decodes a value of this type completely. */
export function checkFunction(unit: Unit, type: Type): NestedFunction {
  return {
    shape: 'number',
    call: (scope, at, end, path) => {
      const { captures, args } = captured(scope, type, false)
      const open = scope.open && !isRegion(type)
      const key = `check ${open} ${typeKey(type)} ${captures.map(captureKey).join(' ')}`
      const name = unit.function(key, `check${typeName(type)}`, (writer, own) => {
        const parameters = ['input: Input', 'at: number', 'end: number', 'path: string', ...captures.map(parameter)]
        unit.use('Input')
        writer.writeLine(`/** ${CHECKS(typeWords(type))} */`)
        writer.write(`function ${own}(${parameters.join(', ')}): number`).block(() => body(writer, captures, open))
        writer.blankLine()
      })
      return `${name}(${['input', at, end, path, ...args].join(', ')})`

      function body(writer: CodeBlockWriter, all: readonly Capture[], isOpen: boolean): void {
        if (type.kind === 'struct') return checkStruct(unit, writer, type.name, all, isOpen)
        if (type.kind === 'union') return checkUnion(unit, writer, type, all, isOpen)
        const inner = valueScope(unit, all, true, isOpen)
        if (type.kind === 'list') return checkList(inner, writer, type)
        writer.writeLine('const b = input.bytes')
        const label = { name: 'value', path: 'path', error: {} }
        const layout = new Layout(inner, writer, 'end')
        const slot = layout.value(type, position('at'), label)
        layout.flush()
        wantAll(inner, writer, slot.end)
        checkContent(inner, writer, type, slot, label)
        writer.writeLine(`return ${endText(slot.end)}`)
      }
    },
  }
}

/** The function that reads a checked value of this type. */
export function readFunction(unit: Unit, type: Type, number?: Field['number']): NestedFunction {
  const shape = shapeOf(unit.protocol, type, 'value', number)
  return {
    shape,
    call: (scope, at, end, copy) => {
      const { captures, args } = captured(scope, type, true)
      const key = `read ${number} ${typeKey(type)} ${captures.map(captureKey).join(' ')}`
      const name = unit.function(key, `read${typeName(type)}`, (writer, own) => {
        unit.use('Input')
        unit.shape(shape)
        const parameters = ['input: Input', 'at: number', 'end: number', 'copy: boolean', ...captures.map(parameter)]
        writer.write(`function ${own}(${parameters.join(', ')}): ${shape}`).block(() => {
          if (type.kind === 'struct') return readStruct(unit, writer, type.name, captures)
          if (type.kind === 'union') return readUnion(unit, writer, type, captures)
          const inner = valueScope(unit, captures, false, false)
          if (type.kind === 'list') return readList(inner, writer, type, number)
          writer.writeLine('const b = input.bytes')
          const layout = new Layout(inner, writer, 'end')
          const slot = layout.value(type.kind === 'at' ? type.of : type, position('at'), {
            name: 'value',
            path: "''",
            error: {},
          })
          const text = slot.local?.text ?? plainText(inner, type.kind === 'at' ? type.of : type, slot, 'copy', number)
          writer.writeLine(`const value = ${text}`)
          writer.writeLine(`input.at = ${endText(slot.end)}`)
          writer.writeLine('return value')
        })
        writer.blankLine()
      })
      const source = scope.decoding ? 'input' : 'this.byteInput'
      return `${name}(${[source, ...target(scope, type, at, end), copy, ...args].join(', ')})`
    },
  }
}

/** A reference is read where it points to. */
function target(scope: DecodeScope, type: Type, at: string, end: string): readonly string[] {
  if (type.kind !== 'at') return [at, end]
  return [scope.referenceText(type.offset), at]
}

/** A scope for values that have no record of their own. */
export function valueScope(
  unit: Unit,
  captures: readonly Capture[],
  checked: boolean,
  open: boolean,
  names?: Names,
): DecodeScope {
  return new DecodeScope({
    ...(names ? { names } : {}),
    unit,
    body: NO_BODY,
    frame: false,
    checked,
    reading: !checked,
    open,
    start: position('at'),
    given: new Map(captures.map(capture => [requestKey(capture.request), capture.code])),
    reserved: RESERVED,
  })
}

/** What a type asks of the record in `scope`: parameters for the function, and arguments for this call. */
export function captured(
  scope: DecodeScope,
  type: Type,
  reading: boolean,
): { captures: readonly Capture[]; args: readonly string[] } {
  const requests = typeRequests(scope.protocol, type, reading)
  const answers = requests.map(request => scope.request(request))
  const captures = requests.map((request, i) => capture(scope, request, answers[i]!))
  return { captures, args: answers.map(code => code.text) }
}

function capture(scope: DecodeScope, request: Request, answer: Code): Capture {
  const { span: _, ...plain } = answer
  const code: Code = { ...plain, text: parameterName(request), prec: 20, fails: false }
  const shape = FORM_SHAPES[answer.form] ?? (answer.type ? shapeOf(scope.protocol, answer.type, 'value') : 'unknown')
  scope.unit.shape(shape)
  return { request, code, shape: answer.absent ? `${shape} | undefined` : shape }
}

function parameterName(request: Request): string {
  const outer = 'parent'.repeat(request.up === 0 ? 0 : 1) + (request.up > 1 ? request.up : '')
  const what = request.what === 'value' ? '' : request.what
  if (request.what === 'prev') return 'prev'
  if (outer === '' && what === '') return localName(request.name)
  const words = [what, outer, request.name].filter(word => word !== '').join('_')
  const name = className(words)
  return name.charAt(0).toLowerCase() + name.slice(1)
}

function parameter(capture: Capture): string {
  return `${capture.code.text}: ${capture.shape}`
}

function captureKey(capture: Capture): string {
  return `${requestKey(capture.request)}:${capture.shape}`
}

/** A type as text that is the same for the same type. */
export function typeKey(type: Type): string {
  return JSON.stringify(type, (key, value: unknown) => {
    if (key === 'start' || key === 'end' || key === 'place') return undefined
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? [...value] : value
  })
}

/** A word for a type: `Entry`, `EntryList`, `U16`. */
export function typeName(type: Type): string {
  switch (type.kind) {
    case 'struct':
    case 'union':
    case 'enum':
    case 'bitset':
      return type.name
    case 'list':
      return `${typeName(type.of)}List`
    case 'region':
    case 'delimited':
    case 'at':
      return typeName(type.of)
    case 'int':
      return `${type.signed ? 'I' : 'U'}${type.bits}${type.little ? 'le' : ''}`
    case 'varint':
      return className(type.coding)
    default:
      return className(type.kind)
  }
}

function typeWords(type: Type): string {
  if (type.kind === 'list') return `a list of ${typeName(type.of)}`
  return `one ${typeName(type)}`
}

const CHECKS = (words: string): string => `Checks ${words} and returns the offset behind it.`

/** Whether the value stands in a region of its own, where bytes cannot be missing. */
function isRegion(type: Type): boolean {
  return type.kind === 'region' || type.kind === 'delimited' || (type.kind === 'list' && type.count.by === 'rest')
}

const FORM_SHAPES: Readonly<Partial<Record<Form, string>>> = {
  number: 'number',
  float: 'number',
  bigint: 'bigint',
  boolean: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
}
const NO_BODY: Body = { nodes: [], validate: [], check: [], usesParent: false }
export const RESERVED: readonly string[] = [
  'input',
  'at',
  'end',
  'path',
  'copy',
  'b',
  'value',
  'items',
  'p',
  'i',
  'nesting',
  'fault',
]
