// The reader of a frame: a flyweight class. `layOut` finds the offsets, `checkFields` validates, members give the fields.

import {
  type ClassDeclarationStructure,
  CodeBlockWriter,
  type MethodDeclarationStructure,
  type OptionalKind,
  StructureKind,
} from 'ts-morph'
import type { Body, Field, Frame, Group } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { fieldGetters, storedFields, storedMember, storedTexts } from './decode-getters.ts'
import { Layout } from './decode-layout.ts'
import { type SealMembers, Validation } from './decode-order.ts'
import { plainText } from './decode-read.ts'
import { DecodeScope, groupsOf } from './decode-scope.ts'
import { computedText, writeObject } from './decode-structs.ts'
import { drawLayout } from './draw.ts'
import { asNumber, emitExpr } from './expr.ts'
import { shownPath } from './header.ts'
import { camel, constant, frameTypeName } from './names.ts'
import { quote } from './naming.ts'
import { byteText, endText, position } from './position.ts'
import { hasValue } from './shape.ts'
import { preludes, render, WRITER } from './statements.ts'
import { sentences } from './types.ts'
import type { Unit } from './unit.ts'

type Method = OptionalKind<MethodDeclarationStructure>

/** What becomes a class: a frame, or the envelope alone, which is only decoded to say what is wrong with it. */
export interface Subject {
  readonly className: string
  readonly body: Body
  /** Undefined for the envelope. */
  readonly frame: Frame | undefined
  /** Its plain type, where that is not the frame's own. */
  readonly typeName?: string
  /** More methods, over the same offsets. */
  readonly more?: (scope: DecodeScope) => Method[]
}

export function frameClass(unit: Unit, subject: Subject): ClassDeclarationStructure {
  const { body, frame } = subject
  const scope = new DecodeScope({
    unit,
    body,
    frame: true,
    checked: true,
    open: true,
    start: position('at'),
    reserved: ['b', 'at', 'end', 'input', 'laid', 'value', 'fault'],
  })
  scope.getters = frame !== undefined
  if (frame) for (const field of storedFields(unit.protocol, body)) scope.stored.add(field)
  const texts = frame ? storedTexts(body) : []
  for (const field of texts) scope.ascii.set(field.name, `this.${scope.names.unique(camel(`${field.name}IsAscii`))}`)
  const choosing = subject.more?.(scope) ?? []
  scope.again()
  const decoding = [...choosing, ...decodeMethods(unit, scope, subject)]
  scope.decoding = false
  scope.validating = false
  scope.forgetLocals()
  for (const field of texts) scope.slots.set(field, { ...scope.slot(field), ascii: scope.ascii.get(field.name)! })
  const getters = frame
    ? fieldsOf(body.nodes)
        .filter(field => hasValue(field) && !scope.stored.has(field))
        .flatMap(field => fieldGetters(scope, field))
    : []
  const sealed = groupsOf(body.nodes).some(group => group.seal !== undefined)
  const methods = [
    ...decoding,
    ...(sealed ? [clearMethod(scope)] : []),
    frame ? objectMethod(scope, subject.typeName ?? frameTypeName(unit.protocol, frame.name)) : emptyObject(),
  ]
  const names = frame ? [frame.name, String(frame.index)] : ['', '-1']
  return {
    kind: StructureKind.Class,
    isExported: frame !== undefined,
    name: subject.className,
    extends: unit.use('FrameReader'),
    docs: [{ description: `\n${docOf(unit, subject)}` }],
    properties: [
      { name: 'frameName', hasOverrideKeyword: true, isReadonly: true, initializer: quote(names[0]!) },
      { name: 'frameIndex', hasOverrideKeyword: true, isReadonly: true, initializer: names[1]! },
      ...(sealed
        ? [
            {
              name: 'sealedFrame',
              isReadonly: true,
              type: unit.use('ReaderSeal'),
              initializer: `new ${unit.use('ReaderSeal')}(this)`,
            },
          ]
        : []),
      ...[...scope.stored].map(field => storedMember(unit.protocol, field)),
      ...[...scope.ascii.values()].map(member => ({ name: member.slice('this.'.length), initializer: 'false' })),
      ...[...scope.members].map(([name, initializer]) => ({ name, initializer })),
    ],
    getAccessors: getters,
    methods,
  }
}

function docOf(unit: Unit, { body, frame, className }: Subject): string {
  const place = frame?.place
  const head = frame
    ? sentences(
        frame.doc ?? `${frame.name}, as it stands in the bytes`,
        place && `${shownPath(place.file)}:${place.line}`,
      )
    : `What all frames share, for bytes that are none of them. ${className} only says what is wrong.`
  return `${head}\n\n${drawLayout(unit.protocol, body)}`
}

// --------------------------------------------------------------------------------------------------- decoding

function decodeMethods(unit: Unit, scope: DecodeScope, subject: Subject): Method[] {
  const { body, frame } = subject
  unit.use('Input')
  const input = [{ name: 'input', type: 'Input' }]
  const { early, late } = namesAround(body)

  const layOut = render(writer => {
    const inner = new CodeBlockWriter(WRITER)
    const end = new Layout(scope, inner, 'end').nodes(body.nodes, position('at'))
    if (scope.endless) writer.writeLine(`${scope.endless} = false`)
    writer.write(inner.toString())
    writer.writeLine(`this.byteEnd = ${endText(end)}`)
  })
  scope.forgetLocals()
  scope.validating = true
  const first = new CodeBlockWriter(WRITER)
  const validation = new Validation(scope, first, {
    open: (writer, group, members) => openSealOf(unit, scope, writer, group, members),
    afterId: frame ? undefined : (writer, field) => writer.writeLine(raiseAtId(scope, field)),
  })
  for (const [i, name] of early.entries()) {
    validation.writer = new CodeBlockWriter(WRITER)
    const node = body.nodes.find(known => known.name === name)
    const slot = node && scope.slots.get(node)
    if (slot) validation.writer.writeLine(`if (${endText(slot.end)} > input.have) input.want(${endText(slot.end)})`)
    validation.listed([name])
    const text = validation.writer.toString()
    first.write(`if (laid > ${i}) `).block(() => first.write(text))
  }
  const checks = render(writer => {
    validation.writer = writer
    if (frame?.max) {
      const most = asNumber(emitExpr(frame.max, scope))
      const text = most.fails ? `input.evaluate(at, '', () => ${most.text})` : most.text
      writer.writeLine(`if (this.byteEnd - at > ${text}) throw input.refuse('TooLarge', at, '')`)
    }
    writer.writeLine(`${scope.endless ? `if (!${scope.endless}) ` : ''}input.frame(this.byteEnd)`)
    for (const field of scope.stored) {
      const { name, type, number } = field
      writer.writeLine(`this.${name} = ${plainText(scope, type, scope.slot(field), 'false', number)}`)
    }
    scope.loaded = true
    validation.listed(late)
    validation.nodes(body.nodes, {})
    validation.rules()
    if (!frame) writer.writeLine("throw input.unknown(at, '')")
  })
  const methods: Method[] = [
    {
      name: 'decodeBytes',
      hasOverrideKeyword: true,
      parameters: input,
      returnType: 'this',
      statements: decodeStatements(unit, early, body),
    },
    {
      name: 'layOut',
      parameters: input,
      returnType: 'void',
      docs: ['Finds where everything begins and ends.'],
      statements: preludes(layOut, 'input'),
    },
  ]
  if (early.length > 0) {
    methods.push({
      name: 'checkFirst',
      parameters: [...input, { name: 'laid', type: 'number' }],
      returnType: 'void',
      docs: [`What is decided from the first bytes: ${early.join(', ')}.`],
      statements: preludes(first.toString(), 'input'),
    })
  }
  methods.push({
    name: 'checkFields',
    parameters: input,
    returnType: 'void',
    docs: ['Demands the whole frame and validates it.'],
    statements: preludes(frame ? checks : upToRefusal(checks), 'input'),
  })
  return methods
}

/** The names of `validate` in front of `framing`, and behind it. */
export function namesAround(body: Body): { readonly early: readonly string[]; readonly late: readonly string[] } {
  const framing = body.validate.indexOf('framing')
  if (framing < 0) return { early: [], late: body.validate }
  return { early: body.validate.slice(0, framing), late: body.validate.slice(framing + 1) }
}

/** Nothing is reached behind an id that is always refused. */
function upToRefusal(statements: string): string {
  const lines = statements.split('\n')
  const last = lines.findIndex(line => line.startsWith('throw input.unknown('))
  return last < 0 ? statements : lines.slice(0, last + 1).join('\n')
}

/** At the turn of the id field: no frame has this id, or none may come now. */
function raiseAtId(scope: DecodeScope, field: Field): string {
  const slot = scope.slot(field)
  const named = field.error === undefined ? '' : `, ${quote(field.error)}`
  const raise = `throw input.unknown(${byteText(slot.start)}, ${quote(field.name)}${named})`
  return slot.present ? `if (${slot.present}) ${raise}` : raise
}

function decodeStatements(unit: Unit, early: readonly string[], body: Body): string {
  return render(writer => {
    writeLayOut(unit, writer, early, body)
    writer.writeLine('this.checkFields(input)')
    writer.writeLine('return this')
  })
}

/** Lays out and checks what comes before `framing`, also where layout fails. */
export function writeLayOut(unit: Unit, writer: CodeBlockWriter, early: readonly string[], body: Body): void {
  writer.writeLine('this.byteSource = input.bytes')
  writer.writeLine('this.byteStart = input.start')
  if (early.length === 0) {
    writer.writeLine('this.layOut(input)')
    return
  }
  const order = fieldsOf(body.nodes).map(field => field.name)
  const table = unit.constant(`${constant(early.join('_'))}_FIRST`, `[${order.map(quote).join(', ')}]`)
  writer.write('try ').inlineBlock(() => writer.writeLine('this.layOut(input)'))
  writer.write(' catch (fault) ').block(() => {
    writer.writeLine(`throw input.earlier(fault, ${table}, laid => this.checkFirst(input, laid))`)
  })
  writer.writeLine(`this.checkFirst(input, ${early.length})`)
}

export function openSealOf(
  unit: Unit,
  scope: DecodeScope,
  writer: CodeBlockWriter,
  group: Group,
  members: SealMembers,
): void {
  const seal = unit.protocol.seals.get(group.seal!)!
  const slot = scope.slot(group)
  const [range] = seal.aad
  if (seal.aad.length === 1 && range?.is === 'range') {
    const start = scope.request({ up: 0, what: 'start', name: range.from?.field ?? '' })
    const end = range.to
      ? scope.request({ up: 0, what: 'end', name: range.to.field }).text
      : byteText(slot.contentStart)
    writer.writeLine(`this.sealedFrame.covers(${start.text}, ${end})`)
  }
  const args = [
    quote(seal.name),
    byteText(slot.contentStart),
    endText(slot.contentEnd),
    String(seal.overhead),
    String(seal.tag === 'prepend'),
    quote(group.error ?? seal.error),
    'this.sealedFrame',
  ]
  writer.writeLine(`${members.open} = input.open(${args.join(', ')})`)
  writer.writeLine(`${members.at} = input.plainAt`)
  writer.writeLine(`${members.end} = input.plainEnd`)
}

function objectMethod(scope: DecodeScope, name: string): Method {
  const shape = scope.unit.shape(name)
  const sealed = groupsOf(scope.body.nodes).some(group => group.seal !== undefined)
  const body = render(writer => {
    if (writeObject(scope, writer, shape, [], 'true', sealed))
      writer.writeLine(sealed ? `return value as ${shape}` : 'return value')
  })
  return {
    name: 'toObject',
    hasOverrideKeyword: true,
    returnType: shape,
    docs: ['A plain copy that may be kept.'],
    statements: preludes(body, 'this'),
  }
}

function emptyObject(): Method {
  return {
    name: 'toObject',
    hasOverrideKeyword: true,
    returnType: 'Record<string, unknown>',
    statements: ['return {}'],
  }
}

/** What a seal may ask of the fields in front of it. */
function clearMethod(scope: DecodeScope): Method {
  const inside = new Set(
    groupsOf(scope.body.nodes)
      .filter(group => group.seal !== undefined)
      .flatMap(group => fieldsOf(group.nodes)),
  )
  const clear = fieldsOf(scope.body.nodes).filter(field => !inside.has(field) && hasValue(field))
  return {
    name: 'clearField',
    parameters: [{ name: 'name', type: 'string' }],
    returnType: 'unknown',
    docs: ['The value of a field in front of what is sealed.'],
    statements: preludes(
      render(writer => {
        writer.write('switch (name)').block(() => {
          for (const field of clear) {
            const slot = scope.slot(field)
            const plain = field.from
              ? computedText(scope, field)
              : plainText(scope, field.type, slot, 'false', field.number)
            writer.writeLine(`case ${quote(field.name)}:`)
            writer.indent(() =>
              writer.writeLine(`return ${slot.present ? `${slot.present} ? ${plain} : undefined` : plain}`),
            )
          }
          writer.writeLine('default:').indent(() => writer.writeLine('return undefined'))
        })
      }),
      'this',
    ),
  }
}
