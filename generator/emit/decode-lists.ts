// Lists: one loop that checks, one that reads. Items are taken one by one until the count is reached or the region ends;
// no number from the peer is trusted before the bytes are there.
import type { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Type } from '../model/model.ts'
import { checkContent } from './decode-check.ts'
import { layPrefix } from './decode-extent.ts'
import { Layout } from './decode-layout.ts'
import { typeNeedsCheck } from './decode-need.ts'
import { plainText } from './decode-read.ts'
import type { DecodeScope, Slot } from './decode-scope.ts'
import { asNumber, type Code, emitExpr, plainCode } from './expr.ts'
import { fixedBits, mayBeEmpty } from './facts.ts'
import { byteText, endText, type Position, position } from './position.ts'
import { type Label, refusal } from './refusal.ts'
import { requestsOf, typeRequests } from './request.ts'
import { shapeOf } from './shape.ts'

type ListType = Extract<Type, { kind: 'list' }>

/** The body of a function that checks a list and returns the offset behind it. */
export function checkList(scope: DecodeScope, writer: CodeBlockWriter, type: ListType): void {
  const loop = new Loop(scope, writer, type, undefined)
  const label: Label = { name: 'item', path: 'path', error: {} }
  const whole = fixedBits(scope.protocol, type)
  loop.run(at => {
    // A list of fixed size was stepped over as a whole.
    const layout = new Layout(scope, writer, 'end')
    const slot = layout.value(type.of, at, label)
    layout.flush()
    if (whole === undefined || typeNeedsCheck(scope.unit, type.of)) {
      if (scope.open && whole === undefined)
        writer.writeLine(`if (${endText(slot.end)} > input.have) input.want(${endText(slot.end)})`)
      checkContent(scope, writer, type.of, slot, label)
    }
    if (mayBeEmpty(scope.protocol, type.of)) {
      writer.writeLine(`if (${byteText(slot.end)} === p) throw ${refusal('TooMany', 'p', label, undefined)}`)
    }
    return slot
  })
  writer.writeLine(`return ${loop.endText()}`)
}

/** The body of a function that reads a checked list. */
export function readList(scope: DecodeScope, writer: CodeBlockWriter, type: ListType, number: Field['number']): void {
  const shape = shapeOf(scope.protocol, type, 'value', number)
  const loop = new Loop(scope, writer, type, number)
  writer.writeLine(`const items: ${shape} = []`)
  loop.run(at => {
    const layout = new Layout(scope, writer, 'end')
    const slot = layout.value(type.of, at, { name: 'item', path: "''", error: {} })
    writer.writeLine(`items.push(${loop.itemText(slot)})`)
    return slot
  })
  writer.writeLine(`input.at = ${loop.endText()}`)
  writer.writeLine('return items')
}

class Loop {
  private readonly scope: DecodeScope
  private readonly writer: CodeBlockWriter
  private readonly type: ListType
  private readonly number: Field['number']
  /** The condition of the list looks at two items. */
  private tracksPrev = false
  /** Items that do not fill whole bytes stand at a number of bits. */
  private readonly loose: boolean

  constructor(scope: DecodeScope, writer: CodeBlockWriter, type: ListType, number: Field['number']) {
    this.scope = scope
    this.writer = writer
    this.type = type
    this.number = number
    const bits = fixedBits(scope.protocol, type.of)
    this.loose = bits !== undefined && bits % 8 !== 0
  }

  /** The loop around an item that begins at `p`. */
  run(item: (at: Position) => Slot | Omit<Slot, 'node' | 'present'>): void {
    const { scope, writer, type } = this
    const { count } = type
    writer.writeLine('const b = input.bytes')
    let from = this.loose ? 'at * 8' : 'at'
    let total = ''
    if (count.by === 'prefix') {
      const layout = new Layout(scope, writer, 'end')
      const prefix = layPrefix(layout, count.type, position('at'), {
        name: 'item_count',
        path: scope.checked ? 'path' : "''",
        error: {},
      })
      from = this.loose ? `(${byteText(prefix.from)}) * 8` : byteText(prefix.from)
      total = prefix.size.text
    }
    if (count.by === 'count') total = this.counted(count.count)
    writer.writeLine(`let p = ${from}`)
    const tracksItems = this.declareNeighbours()
    const here: Position = this.loose ? { base: 'p', bits: 0, loose: true } : position('p')
    scope.here = { at: here, end: 'end' }
    const step = (): void => {
      const slot = item(here)
      const end = this.loose ? `${slot.end.base} + ${slot.end.bits}` : endText(slot.end)
      if (tracksItems) this.remember(slot)
      writer.writeLine(`p = ${end}`)
    }
    switch (count.by) {
      case 'rest':
        writer.write(`while (p < ${this.loose ? 'end * 8' : 'end'}) `).block(step)
        return
      case 'prefix':
      case 'count':
        writer.write(`for (let i = 0; i < ${total}; i++) `).block(step)
        return
      case 'until':
        writer.write('for (;;) ').block(() => {
          step()
          scope.here = { at: here, end: 'end' }
          writer.writeLine(`if (${this.test(count.test)}) break`)
        })
        return
      case 'while':
        scope.listed = { ...scope.listed, ...(tracksItems ? { prev: this.neighbour('item') } : {}) }
        writer.write(`while (${this.test(count.test)}) `).block(step)
        return
    }
  }

  endText(): string {
    return this.loose ? '(p + 7) >>> 3' : 'p'
  }

  /** The plain value of an item. */
  itemText(slot: Omit<Slot, 'node' | 'present'>, copy = 'copy'): string {
    const { scope, type } = this
    if (!slot.local) return plainText(scope, type.of, slot, copy, this.number)
    if (type.of.kind !== 'enum') return slot.local.text
    return plainText(scope, type.of, slot, copy, this.number)
  }

  private counted(count: Expr): string {
    const { scope, writer } = this
    const code = asNumber(emitExpr(count, scope))
    const text = code.fails ? `input.evaluate(at, path, () => ${code.text})` : code.text
    if (scope.checked && (code.low === undefined || code.low < 0n)) {
      const total = scope.local(writer, 'total', text)
      writer.writeLine(`if (${total} < 0) input.over(at, -1, path)`)
      return total
    }
    return /^[\w.]+$/.test(text) ? text : scope.local(writer, 'total', text)
  }

  /** `prev` and `item`, where expressions of the list or of its items ask for them. */
  private declareNeighbours(): boolean {
    const { scope, writer, type } = this
    const { count } = type
    const own = count.by === 'until' || count.by === 'while' ? requestsOf(count.test) : []
    const asked = [...own, ...typeRequests(scope.protocol, type.of, scope.reading)]
    if (!asked.some(request => request.what === 'item' || request.what === 'prev')) return false
    const shape = scope.unit.shape(shapeOf(scope.protocol, type.of, 'value'))
    writer.writeLine(`let item: ${shape} | undefined`)
    this.tracksPrev = own.some(request => request.what === 'prev')
    if (this.tracksPrev) writer.writeLine(`let prev: ${shape} | undefined`)
    scope.listed = { item: this.neighbour('item'), prev: this.neighbour('item') }
    return true
  }

  private neighbour(name: string): Code {
    return plainCode(this.scope.protocol, name, this.type.of, undefined, true)
  }

  private remember(slot: Omit<Slot, 'node' | 'present'>): void {
    const { writer, scope, type } = this
    if (this.tracksPrev) writer.writeLine('prev = item')
    writer.writeLine(`item = ${plainText(scope, type.of, slot, 'false')}`)
  }

  private test(test: Expr): string {
    const { scope } = this
    const before = scope.listed
    if (this.type.count.by === 'until') scope.listed = { item: this.neighbour('item'), prev: this.neighbour('prev') }
    const code = emitExpr(test, scope)
    scope.listed = before
    const text = code.absent ? `(${code.text}) === true` : code.text
    return code.fails && scope.checked ? `input.evaluate(p, path, () => ${text})` : text
  }
}
