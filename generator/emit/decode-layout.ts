// The first pass over a record: where everything begins and ends (docs/adr/0002-decoding.md, "Layout"). Fields of fixed
// size that stand side by side are one length check; what a size or condition needs is read when it is needed.
import { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Group, Node, Type } from '../model/model.ts'
import { layAlign, layDelimited, layExtent, layUint, layVarint } from './decode-extent.ts'
import { behindCount } from './decode-items.ts'
import { rawCode } from './decode-read.ts'
import { type DecodeScope, type Else, groupsOf, type Slot } from './decode-scope.ts'
import { checkFunction, readFunction } from './decode-values.ts'
import { type Code, plainCode, truth } from './expr.ts'
import { fixedBits, type VarintType } from './facts.ts'
import { camel, localName } from './names.ts'
import { quote } from './naming.ts'
import { aligned, bitText, byteText, endText, type Position, plus, position, sum } from './position.ts'
import { groupPath, type Label, pathOf, prefixPath, runConstant, tried } from './refusal.ts'
import { requestsOf, typeRequests } from './request.ts'

interface Pending {
  readonly start: Position
  bits: number
  readonly fields: [string, number][]
}

export class Layout {
  readonly scope: DecodeScope
  readonly writer: CodeBlockWriter
  /** Code of the end of the region. */
  readonly end: string
  private pending: Pending | undefined
  readonly error: Else

  constructor(scope: DecodeScope, writer: CodeBlockWriter, end: string, error: Else = {}) {
    this.scope = scope
    this.writer = writer
    this.end = end
    this.error = error
  }

  /** Lays out nodes from `at` on and returns where they end. */
  nodes(nodes: readonly Node[], at: Position, present?: string): Position {
    const end = this.inOrder(nodes, at, present)
    this.flush()
    return end
  }

  private inOrder(nodes: readonly Node[], at: Position, present: string | undefined): Position {
    const { scope } = this
    let from = at
    for (const [i, node] of nodes.entries()) {
      scope.current = node
      from = node.kind === 'field' ? this.field(node, from, present) : this.group(node, from, present)
      const behind = nodes.slice(i + 1)
      if (!scope.endless || this.end !== 'end' || behind.length === 0) continue
      if (scope.when(`!${scope.endless}`) === undefined) continue
      // Nothing behind a body without an end can be found.
      const has = both(present, `!${scope.endless}`)
      this.flush()
      return this.block('behind', from, `!${scope.endless}`, inner => {
        const end = inner.inOrder(behind, from, has)
        inner.flush()
        return end
      })
    }
    return from
  }

  /** The body of a frame that is not known. On a stream it has no end, where nothing says how long it is. */
  private opaque(node: Group, at: Position, label: Label, present: string | undefined): Position {
    const { scope, writer } = this
    const rest = node.extent === undefined || node.extent.by === 'rest'
    if (rest && !framesHaveFields(scope, node.name)) {
      scope.slots.set(node, { node, start: at, end: at, contentStart: at, contentEnd: at, present })
      return at
    }
    const lay = (inner: Layout, has: string | undefined): Position => {
      const slot = inner.setAside(node, aligned(at), label)
      scope.slots.set(node, { ...slot, node, present: has })
      return slot.end
    }
    if (!rest || !scope.frame || this.end !== 'end') return lay(this, present)
    this.flush()
    scope.endless = `this.${scope.member('isEndless', 'false')}`
    writer.writeLine(`${scope.endless} = input.isOpen()`)
    const has = `!${scope.endless}`
    return this.block(node.name, at, has, inner => lay(inner, both(present, has)), node, present)
  }

  // ------------------------------------------------------------------------------------------------- fields

  private field(node: Field, at: Position, present: string | undefined): Position {
    const { scope } = this
    const error = { named: this.error.named, soft: this.error.soft ?? node.error }
    const label: Label = { name: node.name, path: pathOf(scope, node.name), error }
    if (node.from) {
      const has = node.if ? this.condition(node.if, node.name, at, label) : undefined
      scope.slots.set(node, { node, start: at, end: at, contentStart: at, contentEnd: at, present: both(present, has) })
      return at
    }
    if (!node.if) {
      const slot = this.value(node.type, at, label)
      scope.slots.set(node, { ...slot, node, present })
      return slot.end
    }
    this.flush()
    const has = this.condition(node.if, node.name, at, label)
    const bits = fixedBits(scope.protocol, node.type)
    if (bits !== undefined) return this.maybeFixed(node, at, bits, has, present, label)
    const lay = (inner: Layout): Position => {
      const slot = inner.value(node.type, aligned(at), label)
      inner.flush()
      scope.slots.set(node, { ...slot, node, present: both(present, has) })
      return slot.end
    }
    return this.block(node.name, at, has, lay, node, present)
  }

  /** A conditional field of fixed size: its end depends on whether it is there. */
  private maybeFixed(
    node: Field,
    at: Position,
    bits: number,
    has: string,
    present: string | undefined,
    label: Label,
  ): Position {
    const { scope, writer } = this
    const loose = at.loose || at.bits % 8 !== 0 || bits % 8 !== 0
    const from = loose && !at.loose ? position(`${bitText(at)}`) : at
    const size = loose ? bits : bits / 8
    const start = loose ? sum(from.base, from.bits) : byteText(at)
    const end = scope.variable(
      writer,
      `${camel(node.name)}${loose ? 'EndBit' : 'End'}`,
      `${start} + (${has} ? ${size} : 0)`,
    )
    const behind: Position = loose ? { base: end, bits: 0, loose: true } : position(end)
    if (scope.checked) this.cut(at, endText(behind), [[label.name, bits]])
    const content = plus(at, bits)
    scope.slots.set(node, {
      node,
      start: at,
      end: behind,
      contentStart: at,
      contentEnd: content,
      present: both(present, has),
    })
    return behind
  }

  /** Part of the layout that only happens when `has`. Variables declared inside are visible behind it. */
  private block(
    name: string,
    at: Position,
    has: string,
    lay: (inner: Layout) => Position,
    node?: Node,
    present?: string,
  ): Position {
    const { scope, writer } = this
    const start = aligned(at)
    const end = scope.variable(writer, `${camel(name)}End`, byteText(start), true)
    const inside = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    const inner = new Layout(scope, inside, this.end, this.error)
    const hoisted = scope.hoist(() => {
      const behind = scope.assume(has, () => lay(inner))
      inside.writeLine(`${end} = ${endText(behind)}`)
    })
    for (const line of hoisted) writer.writeLine(line)
    writer.write(`if (${has}) `).block(() => writer.write(inside.toString()))
    const slot = node && scope.slots.get(node)
    if (slot) scope.slots.set(slot.node, { ...slot, end: position(end), present: both(present, has) })
    return position(end)
  }

  private condition(test: Expr, name: string, at: Position, label: Label): string {
    this.scope.here = { at, end: this.end }
    this.flush()
    this.reads([test], at)
    const code = truth(test, this.scope)
    const text = this.safely(code, at, label)
    return this.scope.variable(this.writer, `has${camel(`x_${name}`).slice(1)}`, text)
  }

  // ------------------------------------------------------------------------------------------------- groups

  private group(node: Group, at: Position, present: string | undefined): Position {
    const { scope } = this
    const label: Label = {
      name: node.name,
      nameless: true,
      path: groupPath(scope),
      error: { ...this.error, soft: this.error.soft ?? node.error },
    }
    const lay = (inner: Layout, from: Position, has: string | undefined): Position => {
      if (node.opaque) return inner.opaque(node, from, label, has)
      if (node.extent || node.seal !== undefined) {
        const slot = inner.setAside(node, aligned(from), label)
        scope.slots.set(node, { ...slot, node, present: has })
        return slot.end
      }
      const error = { named: this.error.named, soft: this.error.soft ?? node.error }
      const nested = new Layout(scope, inner.writer, inner.end, error)
      nested.pending = inner.pending
      const end = nested.inOrder(node.nodes, from, has)
      inner.pending = nested.pending
      scope.slots.set(node, { node, start: from, end, contentStart: from, contentEnd: end, present: has })
      return end
    }
    if (!node.if) return lay(this, at, present)
    this.flush()
    const has = this.condition(node.if, node.name, at, label)
    const inBlock = (inner: Layout): Position => {
      const end = lay(inner, aligned(at), both(present, has))
      inner.flush()
      return end
    }
    return this.block(node.name, at, has, inBlock, node, present)
  }

  private setAside(node: Group, at: Position, label: Label): Omit<Slot, 'node' | 'present'> {
    if (node.seal === undefined || node.extent?.by !== 'size') {
      return layExtent(this, node.extent ?? { by: 'rest', tail: 0 }, at, label)
    }
    // Plain text needs no room for a tag.
    const { overhead } = this.scope.protocol.seals.get(node.seal)!
    return layExtent(this, node.extent, at, label, ` - (input.context.plain ? ${overhead} : 0)`)
  }

  // ------------------------------------------------------------------------------------------------- values

  /** Lays out one value. */
  value(type: Type, at: Position, label: Label): Omit<Slot, 'node' | 'present'> {
    const { scope } = this
    const bits = fixedBits(scope.protocol, type)
    if (bits !== undefined) {
      this.step(at, bits, label)
      const end = plus(at, bits)
      return { start: at, end, contentStart: at, contentEnd: end }
    }
    const start = aligned(at)
    switch (type.kind) {
      case 'region':
        return layExtent(this, type.extent, start, label)
      case 'delimited':
        return layDelimited(this, type, start, label)
      case 'bytes':
      case 'text':
      case 'number':
        return layExtent(this, { by: 'rest', tail: 0 }, start, label)
      case 'list':
        if (type.count.by === 'rest') return layExtent(this, { by: 'rest', tail: type.count.tail }, start, label)
        return this.atOnce(type, start, label)
      case 'varint':
        return layVarint(this, type, start, label)
      case 'enum':
        return layVarint(this, scope.protocol.enums.get(type.name)!.type as VarintType, start, label)
      case 'uint':
        return layUint(this, type, start, label)
      case 'align':
        return layAlign(this, type.to, start, label)
      default:
        return this.atOnce(type, start, label)
    }
  }

  /** Over fields of fixed size: checked together with their neighbours. */
  step(at: Position, bits: number, label: Label): void {
    if (!this.scope.checked || bits === 0) return
    if (this.pending && (this.pending.start.base !== at.base || at.loose)) this.flush()
    this.pending ??= { start: at, bits: 0, fields: [] }
    this.pending.fields.push([label.nameless ? '' : label.name, bits])
    this.pending.bits += bits
    if (at.loose) this.flush()
  }

  flush(): void {
    const { pending } = this
    this.pending = undefined
    if (!pending) return
    this.cut(pending.start, endText(plus(pending.start, pending.bits)), pending.fields)
  }

  private cut(at: Position, end: string, fields: readonly [string, number][]): void {
    const { scope, writer } = this
    const bit = at.loose ? 0 : at.bits % 8
    const run = runConstant(scope, fields)
    const named = this.error.named ? `, ${quote(this.error.named)}` : ''
    const more = bit > 0 || named ? `, ${bit}${named}` : ''
    writer.writeLine(
      `if (${end} > ${this.end}) input.cut(${byteText(at)}, ${this.end}, ${prefixPath(scope)}, ${run}${more})`,
    )
  }

  over(first: string, size: string, test: string, label: Label): void {
    const named = this.error.named ? `, ${quote(this.error.named)}` : ''
    this.writer.writeLine(`if (${test}) input.over(${first}, ${size}, ${label.path}${named})`)
  }

  /** What shows its end only by being decoded. */
  private atOnce(type: Type, at: Position, label: Label): Omit<Slot, 'node' | 'present'> {
    const { scope, writer } = this
    this.flush()
    scope.here = { at, end: this.end }
    const requests = typeRequests(scope.protocol, type, scope.reading)
    this.readRequests(requests, at)
    const end = `${camel(label.name)}End`
    if (!scope.checked) {
      const read = readFunction(scope.unit, type)
      const call = read.call(scope, byteText(at), this.end, 'copy')
      const { name, kept } = scope.value(writer, localName(label.name), read.shape, call)
      const behind = position(scope.variable(writer, end, 'input.at'))
      const local = { ...plainCode(scope.protocol, name, type, undefined, kept) }
      return { start: at, end: behind, contentStart: behindCount(scope, type, at), contentEnd: behind, local, kept }
    }
    const check = checkFunction(scope.unit, type)
    const call = check.call(scope, byteText(at), this.end, label.path)
    if (label.error.named === undefined && label.error.soft === undefined) {
      const name = scope.variable(writer, end, call)
      return { start: at, end: position(name), contentStart: behindCount(scope, type, at), contentEnd: position(name) }
    }
    const name = scope.variable(writer, end, '0', true)
    tried(writer, label.error, true, () => writer.writeLine(`${name} = ${call}`))
    return { start: at, end: position(name), contentStart: behindCount(scope, type, at), contentEnd: position(name) }
  }

  /** `const name = call`, in a try where an `else` speaks for it. */
  guarded(label: Label, layout: boolean, name: string, type: string, call: string): void {
    const { scope, writer } = this
    if (!scope.checked || (label.error.named === undefined && label.error.soft === undefined)) {
      writer.writeLine(`const ${name} = ${call}`)
      return
    }
    writer.writeLine(`let ${name}: ${type}`)
    tried(writer, label.error, layout, () => writer.writeLine(`${name} = ${call}`))
  }

  /** Makes sure that the numbers which expressions need are there, and reads them once. */
  reads(exprs: readonly Expr[], at: Position): void {
    this.readRequests(requestsOf(...exprs), at)
  }

  private readRequests(requests: ReturnType<typeof requestsOf>, _at: Position): void {
    const { scope, writer } = this
    for (const request of requests) {
      if (request.up > 0 || request.what !== 'value') continue
      const field = scope.field(request.name)
      if (!field) continue
      if (field.from) {
        this.readRequests(requestsOf(field.from), _at)
        continue
      }
      const slot = scope.slots.get(field)
      if (!slot || slot.local) continue
      this.want(slot.end)
      if (slot.present || !isScalar(scope, field.type)) continue
      const code = rawCode(scope, field.type, slot)
      const name = scope.local(writer, localName(field.name), code.text)
      scope.slots.set(field, { ...slot, local: { ...code, text: name, prec: 20 } })
    }
  }

  /** On a stream the bytes before `end` may not be there yet. */
  want(end: Position): void {
    const { scope, writer } = this
    if (!scope.checked || !scope.open || scope.isSure(end)) return
    const have = scope.frame && this.end === 'end' ? 'end' : 'input.have'
    writer.writeLine(`if (${endText(end)} > ${have}) input.want(${endText(end)})`)
    scope.makeSure(end)
  }

  /** The text of an expression, or a call that turns its failure into CheckFailed. */
  safely(code: Code, at: Position, label: Label): string {
    if (!code.fails && !code.absent) return code.text
    const name = this.error.named ?? label.error.soft
    const text = code.absent ? `${this.scope.use('there')}(${code.text})` : code.text
    return `input.evaluate(${byteText(at)}, ${label.path}, () => ${text}${name ? `, ${quote(name)}` : ''})`
  }
}

/** Whether any frame has fields of its own in this group. */
function framesHaveFields(scope: DecodeScope, group: string): boolean {
  return [...scope.protocol.frames.values()].some(
    frame => !frame.bare && groupsOf(frame.body.nodes).some(own => own.name === group && own.nodes.length > 0),
  )
}

function both(a: string | undefined, b: string | undefined): string | undefined {
  return a === undefined || a === b ? b : b === undefined ? a : `${a} && ${b}`
}

function isScalar(scope: DecodeScope, type: Type): boolean {
  return (
    ['int', 'enum', 'bitset', 'bool', 'bit', 'float'].includes(type.kind) &&
    fixedBits(scope.protocol, type) !== undefined
  )
}
