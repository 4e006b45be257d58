// A record that is being decoded: the fields of a frame, a struct or a variant, laid out in wire order. Validation and
// the walls of sealed groups are in validate.ts.
import { copyOf } from '../../runtime/wire/copy.ts'
import type { Body, Field, Group, Node } from '../model/model.ts'
import { withEntries } from './entries.ts'
import { evaluate, truth } from './evaluate.ts'
import { Fault, type Region, Unevaluable, within } from './fault.ts'
import { extentOf, place } from './place.ts'
import type { Placed } from './placed.ts'
import { type Plan, planOf } from './plan.ts'
import { Cursor, lazy, type Run } from './run.ts'
import { ABSENT, DecodeScope } from './scope.ts'
import type { FieldSlot, GroupSlot, Guard, Slot } from './slot.ts'
import { validateBody } from './validate.ts'
import { asBytes, type StructValue, type Value } from './value.ts'

export class Rec implements StructValue {
  readonly is = 'struct'
  readonly run: Run
  readonly body: Body
  readonly outer: DecodeScope | undefined
  readonly slots: Map<Node, Slot> = new Map()
  readonly cursor: Cursor
  readonly start: number
  readonly depth: number
  readonly plan: Plan
  private readonly steps: Generator<void>
  /** An opaque body that has no end on a stream: layout stopped in front of it. */
  endless = false

  constructor(run: Run, body: Body, outer: DecodeScope | undefined, cursor: Cursor, depth: number) {
    this.run = run
    this.body = body
    this.outer = outer
    this.cursor = cursor
    this.start = cursor.at
    this.depth = depth
    this.plan = planOf(body)
    this.steps = this.lay(body.nodes, cursor, [])
  }

  layAll(): void {
    for (const _ of this.steps);
  }

  /** Lays out until every one of these names was met (or can only be met by opening something). */
  layThrough(names: ReadonlySet<string>): void {
    const missing = (): boolean => [...names].some(name => !this.met(name))
    while (missing()) if (this.steps.next().done) return
  }

  /** Whether layout reached the name or the group that holds it. */
  met(name: string): boolean {
    const node = this.plan.names.get(name)
    return node === undefined || this.slots.has(node) || this.homesOf(name).some(home => this.slots.has(home))
  }

  scope(current: string | undefined, cursor: Cursor): DecodeScope {
    const prev = (): Value => this.outer?.prev()
    return new DecodeScope(this, current, {
      cursor,
      prev,
      item: ABSENT,
      hop: this.outer?.hop ?? Number.POSITIVE_INFINITY,
      depth: this.depth,
    })
  }

  get(name: string): Value {
    const slot = this.find(name)
    if (slot?.kind !== 'field' || !slot.present) return undefined
    return withEntries(slot.node.map, slot.placed!.value(), this.run)
  }

  size(name: string): number {
    const slot = this.find(name)
    if (!slot?.present) return 0
    if (slot.kind === 'field' && slot.node.from) return asBytes(this.get(name))?.length ?? 0
    if (slot.kind === 'field') return bytesBetween(slot.placed!.contentStart, slot.placed!.contentEnd)
    return slot.range ? slot.range.end - slot.range.start : bytesBetween(slot.start, slot.end)
  }

  offset(name: string): number {
    const slot = this.find(name)
    if (!slot?.present) throw new Unevaluable(`${name} is absent`)
    return Math.floor(slot.start / 8)
  }

  /** Bytes between two fields, as offsets. */
  between(
    from: string | undefined,
    to: string | undefined,
    current: string | undefined,
  ): { first: number; behind: number } {
    const start = from === undefined ? this.start : this.edge(from, 'start')
    const end = to !== undefined ? this.edge(to, 'end') : current ? this.edge(current, 'start') : this.cursor.at
    const first = Math.floor(start / 8)
    return { first, behind: Math.max(first, Math.ceil(end / 8)) }
  }

  range(from: string | undefined, to: string | undefined, current: string | undefined): Uint8Array {
    const { first, behind } = this.between(from, to, current)
    if (behind === first) return new Uint8Array(0)
    const bytes = this.run.view(first, behind)
    // A struct inside that is being laid out has no slot yet; it is not in the range then.
    const node = current === undefined ? undefined : this.plan.names.get(current)
    const own = node && this.slots.get(node)
    if (!own || own.start < first * 8 || own.end > behind * 8 || own.start === own.end) return bytes
    // A checksum inside its own range counts as zero.
    const copy = copyOf(bytes)
    copy.fill(0, Math.floor(own.start / 8) - first, Math.ceil(own.end / 8) - first)
    return copy
  }

  /** Bytes from a field to a place further on, in bits. */
  rangeUpTo(from: string | undefined, end: number): Uint8Array {
    const start = from === undefined ? this.start : this.edge(from, 'start')
    return this.run.view(Math.floor(start / 8), Math.max(Math.floor(start / 8), Math.ceil(end / 8)))
  }

  /** Of an absent field: where it would stand. */
  private edge(name: string, side: 'start' | 'end'): number {
    const slot = this.find(name)
    if (!slot) throw new NotLaid(name)
    return slot[side]
  }

  /** The slot of a name, laying out the group it stands in. Undefined where a seal keeps it away. */
  find(name: string): Slot | undefined {
    const node = this.plan.names.get(name)
    if (!node) return undefined
    const known = this.slots.get(node)
    if (known) return known
    for (const home of this.homesOf(name)) {
      const group = this.slots.get(home)
      if (group?.kind !== 'group') break
      if (!group.present || group.seal === 'opaque') return undefined
      if (group.seal === 'closed') throw new NotLaid(name)
      this.layForeign(group)
    }
    const slot = this.slots.get(node)
    if (!slot) throw new NotLaid(name)
    return slot
  }

  /** A group is laid out because an expression asks for a field in it: its faults are its own. */
  private layForeign(group: GroupSlot): void {
    try {
      this.layInside(group)
    } catch (thrown) {
      if (thrown instanceof Fault) thrown.foreignTo = this
      throw thrown
    }
  }

  /** Whether the name cannot be known for want of a key. */
  hidden(name: string): boolean {
    return this.homesOf(name).some(home => this.groupSlot(home)?.seal === 'opaque')
  }

  /** The closed seal that the name stands behind, if any. */
  sealOf(name: string): GroupSlot | undefined {
    return this.homesOf(name)
      .map(home => this.groupSlot(home))
      .find(slot => slot?.present && slot.seal === 'closed')
  }

  /** The innermost open group that the name stands in, where its own slot is not laid out yet. */
  groupOf(name: string): GroupSlot | undefined {
    const node = this.plan.names.get(name)
    if (!node || this.slots.has(node)) return undefined
    for (const home of this.homesOf(name)) {
      const slot = this.groupSlot(home)
      if (!slot?.present || slot.seal === 'opaque' || slot.seal === 'closed') return undefined
      if (!slot.inside) return slot
    }
    return undefined
  }

  groupSlot(group: Group): GroupSlot | undefined {
    return this.slots.get(group) as GroupSlot | undefined
  }

  /** The groups set aside that a name stands in, outermost first. */
  private homesOf(name: string): readonly Group[] {
    const node = this.plan.names.get(name)
    return (node && this.plan.homes.get(node)) ?? []
  }

  /** Lays out the nodes of a group that was set aside. */
  layInside(group: GroupSlot): Cursor {
    if (group.inside) return group.inside
    const { start, end } = group.range!
    this.run.need(end)
    const inside = new Cursor(start * 8, { end })
    group.inside = inside
    for (const _ of this.lay(group.node.nodes, inside, group.guards));
    return inside
  }

  /** Runs a step on behalf of a slot: an expression without value is CheckFailed there, and `else` applies. */
  guarded<T>(slot: { start: number; guards: readonly Guard[] }, name: string | undefined, step: () => T): T {
    const work = (): T => {
      try {
        return step()
      } catch (thrown) {
        if (thrown instanceof Unevaluable) throw new Fault('CheckFailed', Math.floor(slot.start / 8))
        throw thrown
      }
    }
    const spare =
      (region: Region) =>
      (fault: Fault): boolean =>
        fault.ranOut !== region
    const named = (): T => within(name, undefined, () => false, foreign)
    const foreign = (): T => {
      try {
        return work()
      } catch (thrown) {
        if (thrown instanceof Fault && thrown.foreignTo === this) throw new Foreign(thrown)
        throw thrown
      }
    }
    const run = slot.guards.reduce<() => T>(
      (inner, guard) => () => within(undefined, guard.error, spare(guard.region), inner),
      named,
    )
    try {
      return run()
    } catch (thrown) {
      throw thrown instanceof Foreign ? thrown.fault : thrown
    }
  }

  validate(): void {
    validateBody(this)
  }

  /** Fields that are there, with their values, in wire order. */
  fields(): readonly FieldSlot[] {
    return [...this.slots.values()]
      .filter((slot): slot is FieldSlot => slot.kind === 'field' && slot.present)
      .sort((a, b) => this.plan.order.get(a.node)! - this.plan.order.get(b.node)!)
  }

  parts(): readonly Placed[] {
    return this.fields().map(slot => slot.placed!)
  }

  private *lay(nodes: readonly Node[], cursor: Cursor, guards: readonly Guard[]): Generator<void> {
    for (const node of nodes) {
      if (node.kind === 'field') {
        this.layField(node, cursor, guards)
        yield
        continue
      }
      const own = [{ error: node.error, region: cursor.region }, ...guards]
      const base = { start: cursor.at, guards: own }
      const present = this.guarded(base, undefined, () => !node.if || truth(node.if, this.scope(node.name, cursor)))
      const slot: GroupSlot = {
        kind: 'group',
        node,
        present,
        ...base,
        end: cursor.at,
        range: undefined,
        seal: node.seal === undefined ? 'none' : 'closed',
        inside: undefined,
      }
      if (!present) {
        this.slots.set(node, slot)
        this.absent(node.nodes, cursor, own)
      } else if (node.opaque) {
        if (!this.layOpaque(slot, node, cursor)) return
        this.slots.set(node, slot)
      } else if (node.extent || node.seal !== undefined) {
        slot.range = this.guarded(slot, undefined, () => this.setAside(node, cursor))
        slot.end = cursor.at
        this.slots.set(node, slot)
      } else {
        yield* this.lay(node.nodes, cursor, own)
        if (this.endless) return
        slot.end = cursor.at
        this.slots.set(node, slot)
      }
      yield
    }
  }

  private layField(node: Field, cursor: Cursor, around: readonly Guard[]): void {
    const guards = [{ error: node.error, region: cursor.region }, ...around]
    const start = cursor.at
    const scope = this.scope(node.name, cursor)
    const slot = this.guarded({ start, guards }, node.name, (): FieldSlot => {
      const base = { kind: 'field' as const, node, start, guards, cursor, done: false }
      if (node.if && !truth(node.if, scope)) return { ...base, present: false, end: start, placed: undefined }
      if (node.from) return { ...base, present: true, end: start, placed: this.computed(node, start, scope) }
      const placed = place(node.type, cursor, scope)
      return { ...base, present: true, end: cursor.at, placed }
    })
    this.slots.set(node, slot)
  }

  /** A field that is not on the wire. */
  private computed(node: Field, at: number, scope: DecodeScope): Placed {
    const value = lazy(() => evaluate(node.from!, scope))
    return {
      type: node.type,
      start: at,
      end: at,
      contentStart: at,
      contentEnd: at,
      value,
      validate: () => void value(),
    }
  }

  private absent(nodes: readonly Node[], cursor: Cursor, guards: readonly Guard[]): void {
    for (const node of nodes) {
      const base = { present: false, start: cursor.at, end: cursor.at, guards }
      if (node.kind === 'field') {
        this.slots.set(node, { kind: 'field', node, ...base, placed: undefined, cursor, done: false })
        continue
      }
      this.slots.set(node, { kind: 'group', node, ...base, range: undefined, seal: 'none', inside: undefined })
      this.absent(node.nodes, cursor, guards)
    }
  }

  private setAside(node: Group, cursor: Cursor): { start: number; end: number } {
    const extent = node.extent ?? { by: 'rest' as const, tail: 0 }
    const scope = this.scope(node.name, cursor)
    if (node.seal === undefined || !this.run.context.plain || extent.by !== 'size')
      return extentOf(extent, cursor, scope)
    const overhead = BigInt(this.run.protocol.seals.get(node.seal)!.overhead)
    const { size } = extent
    const number = { ...size, is: 'int' as const, value: overhead }
    return extentOf(
      { by: 'size', size: { ...size, is: 'binary', operator: '-', left: size, right: number } },
      cursor,
      scope,
    )
  }

  /** The body of a frame that nothing is known about. False where it has no end. */
  private layOpaque(slot: GroupSlot, node: Group, cursor: Cursor): boolean {
    slot.seal = 'opaque'
    const rest = node.extent === undefined || node.extent.by === 'rest'
    if (rest && !this.framesHaveFields(node.name)) return true
    if (rest && cursor.region.end === Number.POSITIVE_INFINITY) {
      this.endless = true
      return false
    }
    slot.range = this.guarded(slot, undefined, () => this.setAside(node, cursor))
    slot.end = cursor.at
    return true
  }

  private framesHaveFields(group: string): boolean {
    return [...this.run.protocol.frames.values()].some(frame => {
      const own = frame.bare ? undefined : groupNamed(frame.body.nodes, group)
      return own !== undefined && own.nodes.length > 0
    })
  }
}

/** Carries a fault past the field that only asked. */
class Foreign {
  readonly fault: Fault

  constructor(fault: Fault) {
    this.fault = fault
  }
}

/** A name that layout did not reach. */
export class NotLaid extends Unevaluable {
  constructor(name: string) {
    super(`${name} is not known yet`)
  }
}

function groupNamed(nodes: readonly Node[], name: string): Group | undefined {
  for (const node of nodes) {
    if (node.kind === 'field') continue
    if (node.name === name) return node
    const inner = groupNamed(node.nodes, name)
    if (inner) return inner
  }
  return undefined
}

function bytesBetween(start: number, end: number): number {
  return Math.ceil(end / 8) - Math.floor(start / 8)
}
