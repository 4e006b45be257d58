// A record whose encoding is being written: which values are known as locals, what stands where already. An expression
// that asks for what is not written yet throws NotYet; its field is filled in later.

import type { CodeBlockWriter } from 'ts-morph'
import type { Body, Expr, Field, Group, Node, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { entryCode } from './decode-entries.ts'
import type { Slot } from './decode-scope.ts'
import { ANY_SIZE, ATOM, type Code, type Reach } from './expr.ts'
import { coreType, fixedBits } from './facts.ts'
import { Names } from './names.ts'
import { quote } from './naming.ts'
import { byteText, endText, type Position } from './position.ts'
import { endsHere, type Request, requestKey } from './request.ts'
import type { Unit } from './unit.ts'

/** Thrown while an expression is written that needs bytes which are not there yet. */
export class NotYet extends Error {}

export class EncodeScope implements Reach {
  readonly unit: Unit
  readonly protocol: Protocol
  readonly body: Body
  readonly start: Position
  readonly names: Names
  readonly source = 'into'
  readonly context = 'context'
  /** Where what is written stands. */
  readonly places: Map<Node, Omit<Slot, 'node' | 'present'>> = new Map()
  /** Conditions of fields and groups, as code. */
  readonly present: Map<Node, string | undefined> = new Map()
  /** Raw values, as code. */
  readonly values: Map<Field, Code> = new Map()
  /** Fields of which the bytes are filled in later. */
  readonly pending: Set<Node> = new Set()
  readonly given: ReadonlyMap<string, Code>
  listed: { item?: Code; prev?: Code } = {}
  /** Integers are stored byte by byte: a frame without floats and 64 bits needs no DataView. */
  bytewise = false
  current: Node | undefined
  /** Holds a size or count against `actual`, the code of what was written, when what it needs is written. */
  later: (wanted: Expr, actual: string) => void = () => {
    throw new NotYet()
  }
  /** Supplies the condition of a field or group that was not asked for yet. */
  settle: (node: Node) => string | undefined = () => undefined
  /** Supplies the value of a field that has none yet. */
  resolve: (field: Field) => Code = () => {
    throw new NotYet()
  }
  /** Names in messages are those of the record; a nested one puts its own in front (`within`). */
  readonly label = ''
  /** A struct or variant, not a frame. */
  readonly nested: boolean
  private readonly fields: ReadonlyMap<string, Field>
  private readonly groups: ReadonlyMap<string, Group>
  private readonly order = new Map<Node, number>()
  private first = 0
  private sizesOnly = false

  constructor(
    unit: Unit,
    body: Body,
    start: Position,
    label: string,
    given: ReadonlyMap<string, Code>,
    reserved: Iterable<string>,
  ) {
    this.unit = unit
    this.protocol = unit.protocol
    this.body = body
    this.start = start
    this.nested = label !== ''
    this.given = given
    this.names = new Names(reserved)
    for (const code of given.values()) this.names.unique(code.text)
    this.fields = new Map(fieldsOf(body.nodes).map(field => [field.name, field]))
    const groups = new Map<string, Group>()
    const visit = (nodes: readonly Node[]): void => {
      for (const node of nodes) {
        this.order.set(node, this.order.size)
        if (node.kind === 'field') continue
        groups.set(node.name, node)
        visit(node.nodes)
      }
    }
    visit(body.nodes)
    this.groups = groups
  }

  local(writer: CodeBlockWriter, wanted: string, init: string, mutable = false): string {
    const name = this.names.unique(wanted)
    writer.writeLine(`${mutable ? 'let' : 'const'} ${name} = ${init}`)
    return name
  }

  field(name: string): Field | undefined {
    return this.fields.get(name)
  }

  use(name: string): string {
    return this.unit.use(name)
  }

  constant(hint: string, text: string): string {
    return this.unit.constant(hint, text)
  }

  space(space: string, name: string): string {
    return `context.${space}[${quote(name)}]`
  }

  get own(): { start: string; end: string } | undefined {
    const place = this.current && this.places.get(this.current)
    return place && { start: byteText(place.start), end: endText(place.end) }
  }

  containsOwn(from: string | undefined, to: string | undefined): boolean {
    if (!this.current || to === undefined) return false
    const own = this.order.get(this.current) ?? 0
    const first = from === undefined ? 0 : this.orderOf(from)
    return own >= first && own <= this.orderOf(to)
  }

  private orderOf(name: string): number {
    const node = this.fields.get(name) ?? this.groups.get(name)
    if (!node) return -1
    return node.kind === 'group' ? this.order.get(node)! + countNodes(node.nodes) : this.order.get(node)!
  }

  sizing<T>(part: () => T): T {
    const before = this.sizesOnly
    this.sizesOnly = true
    try {
      return part()
    } finally {
      this.sizesOnly = before
    }
  }

  request(request: Request): Code {
    if (request.what === 'item' && this.listed.item) return this.listed.item
    if (request.what === 'prev' && this.listed.prev) return this.listed.prev
    const given = this.given.get(requestKey(request))
    if (given) return given
    if (endsHere(request)) return { text: byteText(this.start), form: 'number', prec: 12, ...ANY_SIZE }
    if (request.up > 0 || request.what === 'prev' || request.what === 'item') {
      throw new Error(`there is no record around to take ${request.name || request.what} from`)
    }
    return this.answer(request)
  }

  private answer({ what, name }: Request): Code {
    const number = (text: string, prec = 12): Code => ({ text, form: 'number', prec, ...ANY_SIZE })
    if (what === 'start' || what === 'end') return number(this.edge(what, name))
    const field = this.fields.get(name)
    const node = field ?? this.groups.get(name)
    if (!node) throw new Error(`there is no field ${name} here`)
    if (what === 'present') {
      const text = this.presence(node)
      return { text: text ?? 'true', form: 'boolean', prec: text ? 9 : ATOM }
    }
    if (what === 'value') return this.resolve(field!)
    if (what === 'count') {
      const code = this.resolve(field!)
      return number(code.absent ? `(${code.text}?.length ?? 0)` : `${code.text}.length`, ATOM)
    }
    if (what === 'offset') return number(`${byteText(this.placeOf(node).start)} - ${this.frameStart}`)
    return this.size(node, number)
  }

  /** Code of the first byte of the frame. */
  get frameStart(): string {
    return this.nested ? 'origin' : 'at'
  }

  private size(node: Node, number: (text: string, prec?: number) => Code): Code {
    if (node.kind === 'field') {
      const bits = fixedBits(this.protocol, node.type)
      if (bits !== undefined && !this.presence(node))
        return {
          text: String(Math.ceil(bits / 8)),
          form: 'number',
          prec: ATOM,
          low: BigInt(Math.ceil(bits / 8)),
          high: BigInt(Math.ceil(bits / 8)),
        }
      if (coreType(node.type).kind === 'bytes' && !this.places.has(node)) {
        const code = this.resolve(node)
        return number(code.absent ? `(${code.text}?.length ?? 0)` : `${code.text}.length`, ATOM)
      }
    }
    const place = this.placeOf(node)
    const text = `${endText(place.contentEnd)} - ${paren(byteText(place.contentStart))}`
    const present = this.presence(node)
    return present ? number(`(${present} ? ${text} : 0)`, ATOM) : number(text)
  }

  presence(node: Node): string | undefined {
    return this.present.has(node) ? this.present.get(node) : this.settle(node)
  }

  private placeOf(node: Node): Omit<Slot, 'node' | 'present'> {
    const place = this.places.get(node)
    if (!place) throw new NotYet()
    return place
  }

  /** Offsets of a range, of which every field must be written, but for the one that asks. */
  private edge(side: 'start' | 'end', name: string): string {
    const node = name === '' ? undefined : (this.fields.get(name) ?? this.groups.get(name))
    // A range is asked for by its start, then by its end.
    if (side === 'start') this.first = node ? this.order.get(node)! : 0
    const last = node ? this.orderOf(name) : this.current ? this.order.get(this.current)! - 1 : Number.POSITIVE_INFINITY
    for (const waiting of this.pending) {
      const order = this.order.get(waiting)!
      if (!this.sizesOnly && waiting !== this.current && side === 'end' && order >= this.first && order <= last)
        throw new NotYet()
    }
    if (node) {
      const place = this.placeOf(node)
      return side === 'start' ? byteText(place.start) : endText(place.end)
    }
    if (side === 'start') return byteText(this.start)
    if (!this.current) throw new NotYet()
    return byteText(this.placeOf(this.current).start)
  }

  /** Whether a size or count is a field that the encoder derives from what it sizes. */
  isDerived(size: Expr): boolean {
    return size.is === 'field' && (this.fields.get(size.name)?.derives?.length ?? 0) > 0
  }

  /** The text of an expression, or a call that turns its failure into CheckFailed. */
  safely(code: Code, label: string): string {
    if (!code.fails && !code.absent) return code.text
    const text = code.absent ? `${this.use('there')}(${code.text})` : code.text
    return `${this.use('evaluated')}(${label}, () => ${text})`
  }

  remaining(): Code {
    throw new Error('remaining is not known while writing')
  }

  next(): Code {
    throw new Error('there is nothing to look ahead at while writing')
  }

  /** An entry of a multimap that is written already: read back from there. */
  entry(of: Expr, name: string): Code {
    const field = of.is === 'field' ? this.fields.get(of.name) : undefined
    const code = entryCode(this, field, name, one => this.placeOf(one), `${this.use('inputOver')}(into)`)
    const present = this.presence(field!)
    return present ? { ...code, text: `(${present} ? ${code.text} : undefined)` } : code
  }
}

function countNodes(nodes: readonly Node[]): number {
  return nodes.reduce((sum, node) => sum + 1 + (node.kind === 'group' ? countNodes(node.nodes) : 0), 0)
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}
