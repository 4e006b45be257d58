// A record whose decoding is being written: where its fields stand, and how expressions reach them. A frame keeps the
// offsets it finds in members of its reader; a struct or variant keeps them in locals of its function.

import type { CodeBlockWriter } from 'ts-morph'
import type { Body, Expr, Field, Group, Node, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { entryCode, entryMember } from './decode-entries.ts'
import { rawCode, valueCode } from './decode-read.ts'
import { ANY_SIZE, ATOM, asNumber, type Code, emitExpr, plainCode, type Reach, wrap } from './expr.ts'
import { coreType } from './facts.ts'
import { Names } from './names.ts'
import { quote } from './naming.ts'
import { byteText, endText, type Position } from './position.ts'
import { endsHere, type Request, requestKey } from './request.ts'
import type { Unit } from './unit.ts'

/** Where a node stands. */
export interface Slot {
  readonly node: Node
  readonly start: Position
  readonly end: Position
  /** Without prefix and delimiter. */
  readonly contentStart: Position
  readonly contentEnd: Position
  /** Condition under which it is there; undefined when it always is. */
  readonly present: string | undefined
  /** A local that holds the value from layout on. */
  readonly local?: Code
  /** The local can still be seen behind the condition that it was read under. */
  readonly kept?: boolean
  /** Code that tells of a text, once it was checked, whether it is ASCII. */
  readonly ascii?: string
}

/** An `else` that speaks for a node. `named` replaces every error, `soft` all but running out of the region around. */
export interface Else {
  readonly named?: string | undefined
  readonly soft?: string | undefined
}

export interface ScopeOptions {
  readonly unit: Unit
  readonly body: Body
  /** Members of a reader instead of locals. */
  readonly frame: boolean
  /** Without bounds: the bytes were validated before. */
  readonly checked: boolean
  /** Reads what was checked: no errors, no paths. */
  readonly reading?: boolean
  /** Offset at which the record begins. */
  readonly start: Position
  /** Layout may run at the open end of a stream, where bytes are still to come. */
  readonly open?: boolean
  /** What the records around supply, by request. */
  readonly given?: ReadonlyMap<string, Code>
  readonly reserved?: Iterable<string>
  /** Names of the function that the record shares with another. */
  readonly names?: Names
}

export class DecodeScope implements Reach {
  readonly unit: Unit
  readonly protocol: Protocol
  readonly body: Body
  readonly frame: boolean
  readonly checked: boolean
  readonly start: Position
  readonly open: boolean
  readonly reading: boolean
  readonly slots: Map<Node, Slot> = new Map()
  /** Members that a reader needs for its offsets. */
  readonly members: Map<string, string> = new Map()
  readonly names: Names
  readonly source = 'b'
  readonly context = 'input.context'
  /** Code that is true when the body of a frame that nobody has chosen has no end. */
  endless: string | undefined
  /** In a reader: its getters may be used, in validation. */
  getters = false
  /** In a reader: fields that are members of it, and whether these have their values yet. */
  readonly stored: Set<Field> = new Set()
  loaded = false
  /** In a reader: members that tell of a text whether it is ASCII, by the name of its field. */
  readonly ascii: Map<string, string> = new Map()
  validating = false
  /** In a reader: its methods that decode, where `input` is a parameter. */
  decoding = true
  /** The field that is being worked on. */
  current: Node | undefined
  /** Where an expression stands, and the end of its region: for `remaining` and `next`. */
  here: { at: Position; end: string } | undefined
  /** `prev` and `item` of the list around the expression. */
  listed: { item?: Code; prev?: Code } = {}
  readonly given: ReadonlyMap<string, Code>
  private hoisted: string[] | undefined
  /** Members by what was asked for, the first, second.. time in a pass. */
  private readonly asked = new Map<string, string>()
  private readonly turns = new Map<string, number>()
  private readonly assumed = new Set<string>()
  private readonly sure = new Map<string, number>()
  private readonly fields: ReadonlyMap<string, Field>
  private readonly groups: ReadonlyMap<string, Group>

  constructor(options: ScopeOptions) {
    this.unit = options.unit
    this.protocol = options.unit.protocol
    this.body = options.body
    this.frame = options.frame
    this.checked = options.checked
    this.start = options.start
    this.open = options.open ?? false
    this.reading = options.reading ?? false
    this.given = options.given ?? new Map()
    this.names = options.names ?? new Names(options.reserved ?? [])
    this.fields = new Map(fieldsOf(options.body.nodes).map(field => [field.name, field]))
    this.groups = new Map(groupsOf(options.body.nodes).map(group => [group.name, group]))
    for (const code of this.given.values()) this.names.unique(code.text.replace(/^\W+|\W.*$/g, ''))
  }

  /** Declares an offset or flag that is only known at run time and returns the code that names it. */
  variable(writer: CodeBlockWriter, wanted: string, init: string, mutable = false): string {
    const zero = /^has[A-Z]/.test(wanted) ? 'false' : '0'
    if (this.frame) {
      const name = this.member(wanted, zero)
      writer.writeLine(`this.${name} = ${init}`)
      return `this.${name}`
    }
    const name = this.names.unique(wanted)
    if (this.hoisted) {
      this.hoisted.push(`let ${name} = ${zero}`)
      writer.writeLine(`${name} = ${init}`)
      return name
    }
    writer.writeLine(`${mutable ? 'let' : 'const'} ${name} = ${init}`)
    return name
  }

  /** What is left of a condition where others are known to hold. */
  when(present: string | undefined): string | undefined {
    const left = (present ?? '').split(' && ').filter(term => term !== '' && !this.assumed.has(term))
    return left.length === 0 ? undefined : left.join(' && ')
  }

  /** Runs a part that stands inside `if (present)`. */
  assume<T>(present: string | undefined, part: () => T): T {
    const added = (present ?? '').split(' && ').filter(term => term !== '' && !this.assumed.has(term))
    for (const term of added) this.assumed.add(term)
    try {
      return part()
    } finally {
      for (const term of added) this.assumed.delete(term)
    }
  }

  /** A member of the reader. What is laid out again, in another method, has the same members. */
  member(wanted: string, init: string): string {
    const turn = this.turns.get(wanted) ?? 0
    this.turns.set(wanted, turn + 1)
    const known = this.asked.get(`${wanted} ${turn}`)
    if (known) return known
    const name = this.names.unique(wanted)
    this.members.set(name, init)
    this.asked.set(`${wanted} ${turn}`, name)
    return name
  }

  /** Layout begins from the start again. */
  again(): void {
    this.turns.clear()
    this.endless = undefined
    this.slots.clear()
    this.forgetLocals()
  }

  /** A value that is read in layout because nothing else shows its end. */
  value(writer: CodeBlockWriter, wanted: string, shape: string, init: string): { name: string; kept: boolean } {
    const name = this.names.unique(wanted)
    if (!this.hoisted) {
      writer.writeLine(`const ${name} = ${init}`)
      return { name, kept: false }
    }
    this.hoisted.push(`let ${name}: ${shape} | undefined`)
    writer.writeLine(`${name} = ${init}`)
    return { name, kept: true }
  }

  /** Runs a part that stands in a block of its own; returns the declarations that must stand in front of it. */
  hoist(part: () => void): readonly string[] {
    const outer = this.hoisted
    const before = new Set(this.slots.keys())
    this.hoisted = []
    part()
    const inner = this.hoisted
    this.hoisted = outer
    for (const [node, slot] of this.slots) if (!before.has(node) && slot.local && !slot.kept) this.forget(node, slot)
    outer?.push(...inner)
    return outer ? [] : inner
  }

  /** Locals of one method mean nothing in the next. */
  forgetLocals(): void {
    for (const [node, slot] of this.slots) if (slot.local) this.forget(node, slot)
    this.sure.clear()
  }

  private forget(node: Node, slot: Slot): void {
    const { local: _, kept: __, ...rest } = slot
    this.slots.set(node, rest)
  }

  /** Whether bytes up to here were found to be there. */
  isSure(end: Position): boolean {
    return (this.sure.get(end.base) ?? -1) >= end.bits
  }

  makeSure(end: Position): void {
    this.sure.set(end.base, Math.max(end.bits, this.sure.get(end.base) ?? 0))
  }

  /** A local variable, also in a reader's method. */
  local(writer: CodeBlockWriter, wanted: string, init: string, mutable = false): string {
    const name = this.names.unique(wanted)
    writer.writeLine(`${mutable ? 'let' : 'const'} ${name} = ${init}`)
    return name
  }

  field(name: string): Field | undefined {
    return this.fields.get(name)
  }

  slot(node: Node): Slot {
    const slot = this.slots.get(node)
    if (!slot) throw new Error(`${node.name} is used before it is laid out`)
    return slot
  }

  use(name: string): string {
    return this.unit.use(name)
  }

  constant(hint: string, text: string): string {
    return this.unit.constant(hint, text)
  }

  space(space: string, name: string): string {
    return `input.context.${space}[${quote(name)}]`
  }

  get own(): { start: string; end: string } | undefined {
    const slot = this.current && this.slots.get(this.current)
    return slot && slot.start !== slot.end ? { start: byteText(slot.start), end: endText(slot.end) } : undefined
  }

  containsOwn(from: string | undefined, to: string | undefined): boolean {
    if (!this.current || to === undefined) return false
    const order = wireOrder(this.body.nodes)
    const last = this.fields.get(to) ?? this.groups.get(to)
    const first = from === undefined ? undefined : (this.fields.get(from) ?? this.groups.get(from))
    const inside = last?.kind === 'group' ? [last, ...wireOrder(last.nodes)] : [last]
    const own = order.indexOf(this.current)
    return own >= (first ? order.indexOf(first) : 0) && own <= order.indexOf(inside.at(-1)!)
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
    const number = (text: string, prec = ATOM): Code => ({ text, form: 'number', prec, ...ANY_SIZE })
    if (what === 'start' || what === 'end') return number(this.edge(what, name), 12)
    const field = this.fields.get(name)
    if (!field) {
      const group = this.groups.get(name)
      if (!group) throw new Error(`there is no field ${name} here`)
      const slot = this.slot(group)
      if (what === 'present') return { text: this.when(slot.present) ?? 'true', form: 'boolean', prec: 4.5 }
      if (what === 'offset') return number(`${byteText(slot.start)} - ${this.frameStart()}`, 12)
      return number(between(slot), 12)
    }
    if (what === 'value') return this.valueOf(field)
    if (what === 'present') {
      const slot = this.slot(field)
      if (field.from) {
        const value = emitExpr(field.from, this)
        return { text: value.absent ? `${value.text} !== undefined` : 'true', form: 'boolean', prec: 9 }
      }
      const present = this.when(slot.present)
      return { text: present ?? 'true', form: 'boolean', prec: present ? 4.5 : ATOM }
    }
    if (what === 'count') {
      const code = this.valueOf(field)
      return number(code.absent ? `(${code.text}?.length ?? 0)` : `${code.text}.length`)
    }
    const slot = this.slot(field)
    if (what === 'offset') return number(`${byteText(slot.start)} - ${this.frameStart()}`, 12)
    const present = this.when(slot.present)
    return present ? number(`(${present} ? ${between(slot)} : 0)`) : number(between(slot), 12)
  }

  /** The value of a field as expressions see it: nothing is validated. */
  valueOf(field: Field): Code {
    if (field.from) return emitExpr(field.from, this)
    const slot = this.slot(field)
    const read = slot.local ?? rawCode(this, field.type, slot)
    const plain = read.form === 'number' && field.type.kind !== 'enum' && field.number === undefined
    const isThere = !this.stored.has(field) || this.loaded
    const long = this.getters && this.validating && plain && read.text.length > 24 && !this.when(slot.present)
    const code = long && isThere ? { ...read, text: `this.${field.name}`, prec: ATOM } : read
    const present = this.when(slot.present)
    if (!present || code.absent) return code
    return { ...code, text: `(${present} ? ${code.text} : undefined)`, prec: ATOM, absent: true }
  }

  /** Offsets of a range: an absent field stands where it would. */
  private edge(side: 'start' | 'end', name: string): string {
    const node = name === '' ? undefined : (this.fields.get(name) ?? this.groups.get(name))
    if (node) {
      const slot = this.slot(node)
      return side === 'start' ? byteText(slot.start) : endText(slot.end)
    }
    if (side === 'start') return byteText(this.start)
    if (this.current) return byteText(this.slots.get(this.current)?.start ?? this.start)
    return this.endOfAll()
  }

  /** Code of the offset that a reference points to. */
  referenceText(offset: Expr): string {
    const code = asNumber(emitExpr(offset, this))
    return `${this.frame ? 'at' : 'input.start'} + ${wrap(code, 12)}`
  }

  /** Behind the last node. */
  endOfAll(): string {
    const last = this.body.nodes.at(-1)
    return last ? endText(this.slot(last).end) : byteText(this.start)
  }

  frameStart(): string {
    return this.frame ? 'at' : 'input.start'
  }

  remaining(): Code {
    if (!this.here) throw new Error('remaining has no value here')
    const text = `Math.max(0, ${this.here.end} - ${wrapped(byteText(this.here.at))})`
    return { text, form: 'number', prec: ATOM, ...ANY_SIZE }
  }

  next(type: Type): Code {
    if (!this.here) throw new Error('next() has no value here')
    return valueCode(this, type, this.here.at, this.here.end)
  }

  entry(of: Expr, name: string): Code {
    const field = of.is === 'field' ? this.fields.get(of.name) : undefined
    if (!this.frame) return entryCode(this, field, name, one => this.slot(one), 'input')
    const known = field?.map?.entries.find(entry => entry.name === name)
    if (!known) throw new Error('entries are those of a field of this record')
    return plainCode(this.protocol, `this.${entryMember(field!.name, name)}`, coreType(known.type), undefined, true)
  }
}

function between(slot: Slot): string {
  return `${endText(slot.contentEnd)} - ${wrapped(byteText(slot.contentStart))}`
}

function wrapped(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

function wireOrder(nodes: readonly Node[]): readonly Node[] {
  return nodes.flatMap(node => (node.kind === 'group' ? [node, ...wireOrder(node.nodes)] : [node]))
}

export function groupsOf(nodes: readonly Node[]): readonly Group[] {
  return nodes.flatMap(node => (node.kind === 'group' ? [node, ...groupsOf(node.nodes)] : []))
}
