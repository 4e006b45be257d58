// Choosing the frame (docs/adr/0002-decoding.md, "Choosing the frame"): direction and state, then the id and match values
// of the envelope. Where these stand at fixed offsets the codec switches on them; otherwise the envelope is laid out first.

import { CodeBlockWriter } from 'ts-morph'
import type { Field, Frame, Group, Literal, Node, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { writeIf } from './decode-check.ts'
import { namesAround, writeLayOut } from './decode-frame.ts'
import { Layout } from './decode-layout.ts'
import { type SealMembers, Validation } from './decode-order.ts'
import { DecodeScope, groupsOf } from './decode-scope.ts'
import { type Code, emitEquals, intCode, wrap } from './expr.ts'
import { fixedBits } from './facts.ts'
import { endText, position } from './position.ts'
import { render } from './statements.ts'
import type { Unit } from './unit.ts'

export interface Choice {
  /** Frames with an envelope, and frames without. */
  readonly tagged: readonly Frame[]
  readonly bare: readonly Frame[]
  /** Fields of the envelope that tell frames apart. */
  readonly selectors: readonly Field[]
  /** They all stand at fixed offsets, and always. */
  readonly fixed: boolean
  /** Some frame is bound to a direction or state. */
  readonly bound: boolean
}

export function choiceOf(protocol: Protocol): Choice {
  const frames = [...protocol.frames.values()]
  const tagged = frames.filter(frame => !frame.bare)
  const names = new Set(tagged.flatMap(frame => frame.match.map(match => match.path[0]!)))
  const fields = protocol.envelope ? fieldsOf(protocol.envelope.nodes) : []
  const ids = tagged.some(frame => frame.ids.length > 0)
  const selectors = fields.filter(field => names.has(field.name) || (ids && field.isId))
  return {
    tagged,
    bare: frames.filter(frame => frame.bare),
    selectors,
    fixed: selectors.every(field => fixedOffset(protocol, protocol.envelope!.nodes, field)),
    bound: frames.some(frame => frame.dirs.length > 0 || frame.states.length > 0),
  }
}

/** Bytes of the envelope that must be there to tell the frame from others; where they vary, 1. */
export function reachOf(choice: Choice, frame: Frame, scope: DecodeScope | undefined): number {
  const names = new Set(frame.match.map(match => match.path[0]!))
  const fields = choice.selectors.filter(field => names.has(field.name) || (field.isId && frame.ids.length > 0))
  if (frame.bare || fields.length === 0) return 0
  if (!choice.fixed || !scope) return 1
  return Math.max(...fields.map(field => Math.ceil(scope.slot(field).end.bits / 8)))
}

/** Whether only fields of fixed size stand in front of the field. */
function fixedOffset(protocol: Protocol, nodes: readonly Node[], field: Field): boolean {
  for (const node of nodes) {
    if (node.kind === 'group') {
      if (node.if || node.extent || node.seal !== undefined) return false
      if (fieldsOf(node.nodes).includes(field)) return fixedOffset(protocol, node.nodes, field)
    }
    if (node === field) return node.if === undefined && fixedBits(protocol, node.type) !== undefined
    if (node.if) return false
    if (node.kind === 'field' && fixedBits(protocol, node.type) === undefined) return false
    if (
      node.kind === 'group' &&
      fieldsOf(node.nodes).some(inner => inner.if || fixedBits(protocol, inner.type) === undefined)
    )
      return false
  }
  return false
}

/** How a chosen frame, and the lack of one, are written. */
export interface Outcome {
  readonly chosen: (frame: Frame) => string
  /** `wrong`: code that is true when a frame would fit but for its direction or state. */
  readonly none: (wrong: string) => string
  /** Nobody asks what the lack of a frame means. */
  readonly careless?: boolean
}

/** Writes the choice over the envelope's values in `scope`. */
export function writeChoice(scope: DecodeScope, writer: CodeBlockWriter, choice: Choice, outcome: Outcome): void {
  const id = choice.selectors.find(field => field.isId)
  const untagged = choice.tagged.filter(frame => frame.ids.length === 0)
  if (!id) return candidates(scope, writer, choice, choice.tagged, outcome)
  const numbered = choice.tagged.filter(frame => frame.ids.length > 0)
  // Frames without an id fit any id, unless their match keeps them apart from those with one.
  const apart = numbered.every(a => untagged.every(b => isApart(a, b)))
  const slot = scope.slot(id)
  const code = { ...scope.assume(slot.present, () => scope.valueOf(id)), absent: false }
  const wrong = wrongFlag(scope, writer, choice.tagged, untagged)
  const branches = (): void => {
    const end = endText(slot.end)
    if (!choice.fixed) writer.writeLine(`if (${asked(numbered)}${end} > input.have) input.want(${end})`)
    writer.write(`switch (${code.text}) `).block(() => {
      for (const one of new Set(numbered.flatMap(frame => frame.ids))) {
        const own = numbered.filter(frame => frame.ids.includes(one))
        writer.writeLine(`case ${code.form === 'bigint' ? `${one}n` : one}:`)
        writer.indent(() => {
          const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
          const sure = tests(scope, inner, choice, apart ? own : [...own, ...untagged], outcome, wrong)
          if (!sure) inner.writeLine('break')
          const text = inner.toString()
          if (/^ *const /m.test(text)) writer.inlineBlock(() => writer.write(text)).newLine()
          else writer.write(text)
        })
      }
    })
  }
  if (slot.present) writer.write(`if (${slot.present}) `).block(branches)
  else branches()
  if (!tests(scope, writer, choice, untagged, outcome, wrong)) writer.writeLine(outcome.none(wrong ?? 'false'))
}

/** One of these frames, by direction, state and match. */
export function candidates(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  choice: Choice,
  frames: readonly Frame[],
  outcome: Outcome,
): void {
  const wrong = outcome.careless ? undefined : wrongFlag(scope, writer, frames, frames)
  if (!tests(scope, writer, choice, frames, outcome, wrong)) writer.writeLine(outcome.none(wrong ?? 'false'))
}

/** A variable that says whether a frame would fit in another direction or state, where anybody asks in the end. */
function wrongFlag(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  frames: readonly Frame[],
  last: readonly Frame[],
): string | undefined {
  if (!frames.some(isBound) || last.some(frame => !isBound(frame) && frame.match.length === 0)) return undefined
  return scope.local(writer, 'wrong', 'false', true)
}

/** Code in front of a test for bytes: only where one of these frames may come. */
export function asked(frames: readonly Frame[]): string {
  if (!frames.every(isBound)) return ''
  const tests = frames.map(frame => `this.choice.fits[${frame.index}] === 1`)
  return tests.length === 1 ? `${tests[0]} && ` : `(${tests.join(' || ')}) && `
}

/** Writes the tests of these frames; returns whether one of them fits in any case. */
function tests(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  choice: Choice,
  frames: readonly Frame[],
  outcome: Outcome,
  wrong: string | undefined,
): boolean {
  for (const field of choice.selectors) {
    const askers = frames.filter(frame => frame.match.some(match => match.path[0] === field.name))
    if (askers.length === 0) continue
    const { end: behind, present } = scope.slot(field)
    const end = endText(behind)
    writer.writeLine(`if (${asked(askers)}${present ? `${present} && ` : ''}${end} > input.have) input.want(${end})`)
  }
  const named = frames.filter(frame => !frame.matchElse)
  const others = frames.filter(frame => frame.matchElse)
  const matched = new Map(frames.map(frame => [frame, frame.matchElse ? '' : matchText(scope, frame)] as const))
  const allowed = (frame: Frame): string => (isBound(frame) ? `this.choice.fits[${frame.index}] === 1` : '')
  const test = (frame: Frame): string => [allowed(frame), matched.get(frame)!].filter(text => text !== '').join(' && ')
  one(writer, named, test, outcome, scope)
  one(writer, others, test, outcome, scope)
  if (frames.some(frame => test(frame) === '')) return true
  for (const frame of wrong === undefined ? [] : frames.filter(isBound)) {
    const match = matched.get(frame)!
    writer.writeLine(match === '' ? `${wrong} = true` : `if (${match}) ${wrong} = true`)
  }
  return false
}

function isBound(frame: Frame): boolean {
  return frame.dirs.length > 0 || frame.states.length > 0
}

/** Whether some value of the envelope can only be one frame's or the other's. */
function isApart(a: Frame, b: Frame): boolean {
  return a.match.some(mine => {
    const other = b.match.find(theirs => theirs.path.join('.') === mine.path.join('.'))
    return other !== undefined && !mine.values.some(value => other.values.includes(value))
  })
}

function one(
  writer: CodeBlockWriter,
  frames: readonly Frame[],
  test: (frame: Frame) => string,
  outcome: Outcome,
  scope: DecodeScope,
): void {
  const apart = frames.every((a, i) => frames.slice(i + 1).every(b => isApart(a, b)))
  if (apart) {
    for (const frame of frames) {
      const when = test(frame)
      writer.writeLine(when === '' ? outcome.chosen(frame) : `if (${when}) ${outcome.chosen(frame)}`)
    }
    return
  }
  const bits = frames.map((frame, i) => `(${test(frame) || 'true'} ? ${2 ** i} : 0)`)
  const fits = scope.names.unique('fits')
  writer.writeLine(`const ${fits} = ${bits.join(' | ')}`)
  for (const [i, frame] of frames.entries()) {
    writer.writeLine(`if (${fits} === ${2 ** i}) ${outcome.chosen(frame)}`)
  }
  writer.writeLine(`if (${fits} !== 0) throw input.refuse('AmbiguousFrame', input.start, '')`)
}

/** Code that is true when the envelope's values are those of the frame's `match`. */
function matchText(scope: DecodeScope, frame: Frame): string {
  return frame.match
    .map(({ path, values }) => {
      const field = scope.field(path[0]!)!
      const slot = scope.slot(field)
      const value = { ...scope.valueOf(field), absent: false }
      const tests = values.map(literal => literalTest(scope, field, value, path[1], literal))
      const text = tests.length === 1 ? tests[0]! : `(${tests.join(' || ')})`
      return slot.present ? `${slot.present} && ${text}` : text
    })
    .join(' && ')
}

function literalTest(
  scope: DecodeScope,
  field: Field,
  value: Code,
  member: string | undefined,
  literal: Literal,
): string {
  const { protocol } = scope
  if (member !== undefined) {
    if (field.type.kind !== 'bitset') throw new Error(`match on ${field.name}.${member}: only bits can be matched`)
    const { bit } = protocol.bitsets.get(field.type.name)!.bits.find(known => known.name === member)!
    const mask =
      value.form === 'bigint'
        ? `0x${(1n << BigInt(bit)).toString(16)}n`
        : `0x${2 ** bit < 16 ? '0' : ''}${(2 ** bit).toString(16)}`
    const zero = value.form === 'bigint' ? '0n' : '0'
    return `(${wrap(value, 8)} & ${mask}) ${literal === true ? '!==' : '==='} ${zero}`
  }
  if (typeof literal === 'boolean') return literal ? wrap(value, 5) : `!${wrap(value, 15)}`
  if (typeof literal === 'bigint') return wrapped(emitEquals(value, intCode(literal), false, scope))
  const named =
    field.type.kind === 'enum'
      ? protocol.enums.get(field.type.name)!.values.find(one => one.name === literal)
      : undefined
  if (named) return wrapped(emitEquals(value, intCode(named.value), false, scope))
  const bytes = `Uint8Array.of(${[...new TextEncoder().encode(literal)].join(', ')})`
  const constant = scope.constant(literal, bytes)
  const code =
    value.form === 'bytes'
      ? { text: constant, form: 'bytes' as const, prec: 20 }
      : { text: `'${literal}'`, form: 'string' as const, prec: 20 }
  return wrapped(emitEquals(value, code, false, scope))
}

function wrapped(code: Code): string {
  return wrap(code, 5)
}

/** The offsets of selectors that stand at fixed places, in a scope without a class. */
export function fixedScope(unit: Unit, choice: Choice): DecodeScope {
  const body = unit.protocol.envelope ?? { nodes: [], validate: [], check: [], usesParent: false }
  const scope = new DecodeScope({ unit, body, frame: true, checked: false, start: position('at') })
  const last = choice.selectors.at(-1)
  if (!last) return scope
  const until = topNode(body.nodes, last)
  const nodes = body.nodes.slice(0, body.nodes.indexOf(until) + 1)
  render(writer => new Layout(scope, writer, 'end').nodes(nodes, position('at')))
  return scope
}

function topNode(nodes: readonly Node[], field: Field): Node {
  return nodes.find(node => node === field || (node.kind === 'group' && fieldsOf(node.nodes).includes(field)))!
}

/** The method of the envelope's class that chooses, where selectors are found only by laying it out. */
export function chooseMethod(unit: Unit, scope: DecodeScope, choice: Choice, open: SealOpener): string {
  const body = unit.protocol.envelope!
  const last = choice.selectors.map(field => body.nodes.indexOf(topNode(body.nodes, field)))
  const until = Math.max(-1, ...last)
  const sealed = body.nodes.some(node => node.kind === 'group' && hasSealAround(node, choice.selectors))
  return render(writer => {
    const { early, late } = namesAround(body)
    const validation = new Validation(scope, writer, { open })
    const plain = choice.tagged.filter(frame => frame.ids.length === 0 && frame.match.length === 0)
    if (choice.bound) {
      // Where no frame that may come asks for a field, none is looked at.
      writer.write('if (this.choice.reach === 0 && !this.choice.noneFits) ').block(() => {
        candidates(scope, writer, choice, plain, {
          chosen: frame => `return ${frame.index}`,
          none: () => 'return -1',
          careless: true,
        })
      })
    }
    new Layout(scope, writer, 'end').nodes(body.nodes.slice(0, until + 1), position('at'))
    if (sealed) {
      scope.again()
      render(unwritten => new Layout(scope, unwritten, 'end').nodes(body.nodes, position('at')))
      const walls = groupsOf(body.nodes).filter(group => group.seal !== undefined)
      const present = walls.length === 1 ? scope.slot(walls[0]!).present : undefined
      // In front of a seal everything is validated before it is opened.
      writeIf(writer, scope.when(present), inner => {
        scope.assume(present, () => {
          writeLayOut(unit, inner, early, body)
          inner.writeLine(`${scope.endless ? `if (!${scope.endless}) ` : ''}input.frame(this.byteEnd)`)
          validation.writer = inner
          validation.skip(early)
          validation.front(late, body.nodes)
        })
      })
      validation.writer = writer
    }
    scope.forgetLocals()
    for (const field of choice.selectors) validation.reachThrough(field, choice.bound)
    scope.forgetLocals()
    writeChoice(scope, writer, choice, {
      chosen: frame => `return ${frame.index}`,
      none: wrong => `return ${wrong === 'false' ? '-1' : `${wrong} ? -2 : -1`}`,
    })
  })
}

export type SealOpener = (writer: CodeBlockWriter, group: Group, members: SealMembers) => void

function hasSealAround(node: Node, selectors: readonly Field[]): boolean {
  if (node.kind === 'field') return false
  const inside = fieldsOf(node.nodes).some(field => selectors.includes(field))
  return inside && (node.seal !== undefined || node.nodes.some(inner => hasSealAround(inner, selectors)))
}
