// Validation of a record: the names in `validate`, then wire order, then hard `with`, then `check`. A sealed group is a
// wall: everything in front of it comes first, then it is opened (docs/adr/0002-decoding.md, "Validation").
import type { Expr, Group, Node } from '../model/model.ts'
import { repeatedKey } from './entries.ts'
import { evaluate } from './evaluate.ts'
import { Fault, NeedBytes, Unevaluable } from './fault.ts'
import { usesOf } from './names.ts'
import { NotLaid, type Rec } from './record.ts'
import { openSeal } from './seal.ts'
import type { FieldSlot, GroupSlot, Slot } from './slot.ts'
import { equal, isList, type Value } from './value.ts'

/** What a frame adds to the validation of its record. */
export interface FrameRules {
  /** The moment `framing`. */
  readonly framing: () => void
  /** Largest frame. */
  readonly most: number
  /** After the id field was validated, or at the end: no frame fits. */
  readonly unknown?: ((slot: FieldSlot | undefined) => never) | undefined
}

export function validateBody(rec: Rec, frame?: FrameRules): void {
  const validation = new Validation(rec, frame)
  validation.names(frame !== undefined)
  validation.nodes(rec.body.nodes)
  validation.rules()
  frame?.unknown?.(undefined)
}

/** Validates everything in front of the first wall, and opens nothing: what the choice of a frame needs of its envelope. */
export function validateFront(rec: Rec, frame: FrameRules): void {
  const validation = new Validation(rec, frame)
  validation.names(true)
  try {
    validation.nodes(rec.body.nodes, true)
  } catch (thrown) {
    if (!(thrown instanceof AtWall)) throw thrown
  }
}

/** After layout failed: the names in front of `framing` that were laid out. */
export function validateBeforeFraming(rec: Rec, frame: FrameRules): void {
  const names = rec.body.validate
  const end = names.indexOf('framing')
  const validation = new Validation(rec, frame)
  for (const name of names.slice(0, Math.max(0, end))) {
    const node = rec.plan.names.get(name)
    const slot = node && rec.slots.get(node)
    if (!slot) continue
    try {
      validation.slot(slot)
    } catch (thrown) {
      // Not enough is there to say more about this one; the failure of layout stands.
      if (!(thrown instanceof NotLaid) && !(thrown instanceof NeedBytes)) throw thrown
    }
  }
}

/** Thrown where validation may not open a seal. */
class AtWall {}

class Validation {
  private readonly rec: Rec
  private readonly frame: FrameRules | undefined
  private readonly doneRules = new Set<object>()

  constructor(rec: Rec, frame: FrameRules | undefined) {
    this.rec = rec
    this.frame = frame
  }

  /** The names in `validate` that stand in front of the next wall. */
  names(first: boolean): void {
    const listed = this.rec.body.validate
    if (first && !listed.includes('framing')) this.frame?.framing()
    const wall = this.nextWall()
    for (const name of listed) {
      if (name === 'framing') {
        if (first) this.frame?.framing()
        continue
      }
      const node = this.rec.plan.names.get(name)
      if (!node || !this.inFront(name, wall) || this.rec.hidden(name)) continue
      const slot = this.rec.find(name)
      if (slot) this.slot(slot)
    }
  }

  nodes(nodes: readonly Node[], stopAtWall = false): void {
    for (const node of nodes) {
      const slot = this.rec.slots.get(node)
      if (!slot?.present) continue
      if (slot.kind === 'field') this.field(slot)
      else this.group(slot, stopAtWall)
    }
  }

  slot(slot: Slot): void {
    if (!slot.present) return
    if (slot.kind === 'field') this.field(slot)
    else if (slot.seal !== 'closed') this.group(slot, false)
  }

  rules(): void {
    this.runRules(Number.POSITIVE_INFINITY)
  }

  private group(slot: GroupSlot, stopAtWall: boolean): void {
    if (slot.seal === 'closed') {
      if (stopAtWall) throw new AtWall()
      this.runRules(this.rec.plan.order.get(slot.node)!)
      this.rec.guarded(slot, undefined, () => openSeal(this.rec, slot))
      if (slot.seal === ('opaque' as GroupSlot['seal'])) return
      this.rec.layInside(slot)
      this.names(false)
    }
    if (slot.seal === 'opaque') return
    if (slot.range) this.rec.layInside(slot)
    this.nodes(slot.node.nodes, stopAtWall)
    const { inside, range } = slot
    if (!inside || !range || inside.at >= range.end * 8) return
    this.rec.guarded(slot, undefined, () => {
      throw new Fault('TrailingBytes', inside.byte)
    })
  }

  private field(slot: FieldSlot): void {
    if (slot.done || !slot.placed) return
    const { node, placed } = slot
    this.rec.guarded(slot, node.name, () => this.content(slot, placed))
    slot.done = true
    if (node.isId) this.frame?.unknown?.(slot)
  }

  private content(slot: FieldSlot, placed: NonNullable<FieldSlot['placed']>): void {
    const { node } = slot
    const at = Math.floor(slot.start / 8)
    placed.validate()
    if (node.number === 'number') eachInteger(placed.value(), value => safe(value, at))
    const scope = this.rec.scope(node.name, slot.cursor)
    if (node.map?.duplicates === 'reject') {
      const second = repeatedKey(node.map, placed.value())
      if (second >= 0) throw new Fault('BadValue', itemStart(placed, second))
    }
    if (node.value && !equal(placed.value(), evaluate(node.value, scope))) throw new Fault('BadValue', at)
    const { range } = node
    if (range) {
      eachNumber(placed.value(), value => {
        if (value < range.min || value > range.max) throw new Fault('OutOfRange', at)
      })
    }
    if (!node.max) return
    const most = evaluate(node.max, scope)
    if (typeof most !== 'bigint') throw new Unevaluable('a limit is an integer')
    const value = placed.value()
    if (isList(value) && BigInt(value.length) > most) throw new Fault('TooMany', at)
    if (!isList(value) && BigInt(this.rec.size(node.name)) > most) throw new Fault('TooLarge', at)
  }

  /** Hard `with`, then `check`, of what stands in front of the wall at `wall`; each once. */
  private runRules(wall: number): void {
    for (const slot of this.fieldsInOrder()) {
      const rule = slot.node.with
      if (!rule || !this.ready(rule, rule.value, wall, slot.node.name)) continue
      const scope = this.rec.scope(slot.node.name, slot.cursor)
      const bare = { start: slot.start, guards: [] }
      this.rec.guarded(bare, slot.node.name, () => {
        if (!equal(this.rec.get(slot.node.name), evaluate(rule.value, scope)))
          throw new Fault(rule.error, Math.floor(slot.start / 8))
      })
    }
    for (const rule of this.rec.body.check) {
      if (!this.ready(rule, rule.test, wall)) continue
      const scope = this.rec.scope(undefined, this.rec.cursor)
      this.rec.guarded({ start: this.rec.start, guards: [] }, undefined, () => {
        if (evaluate(rule.test, scope) !== true) throw new Fault(rule.error, Math.floor(this.rec.start / 8))
      })
    }
  }

  /** Whether a rule's turn has come; marks it as done. */
  private ready(rule: object, expr: Expr, wall: number, about?: string): boolean {
    if (this.doneRules.has(rule)) return false
    const uses = usesOf(expr)
    const names = about === undefined ? [...uses.names] : [about, ...uses.names]
    if (wall !== Number.POSITIVE_INFINITY && (uses.open || names.some(name => !this.inFront(name, wall)))) return false
    this.doneRules.add(rule)
    return !names.some(name => this.rec.hidden(name))
  }

  private fieldsInOrder(): readonly FieldSlot[] {
    return this.rec.fields()
  }

  private inFront(name: string, wall: number): boolean {
    const node = this.rec.plan.names.get(name)
    return node === undefined || this.rec.plan.order.get(node)! < wall
  }

  /** Wire order of the first seal that is still closed. */
  private nextWall(): number {
    const closed = [...this.rec.plan.order.keys()].filter((node): node is Group => {
      if (node.kind === 'field' || node.seal === undefined) return false
      const slot = this.rec.groupSlot(node)
      return slot ? slot.present && slot.seal === 'closed' : this.mayCome(node)
    })
    return Math.min(Number.POSITIVE_INFINITY, ...closed.map(node => this.rec.plan.order.get(node)!))
  }

  /** A group in another one that was set aside and is not laid out yet. */
  private mayCome(node: Group): boolean {
    const homes = this.rec.plan.homes.get(node)!
    return homes.every(home => this.rec.groupSlot(home)?.present !== false)
  }
}

function itemStart(placed: NonNullable<FieldSlot['placed']>, index: number): number {
  // A multimap may stand in regions; its items are the parts of the innermost list.
  let at = placed
  while (at.type.kind !== 'list') at = at.parts!()[0]!
  return Math.floor(at.parts!()[index]!.start / 8)
}

function eachInteger(value: Value, see: (value: bigint) => void): void {
  if (typeof value === 'bigint') see(value)
  else if (isList(value)) for (let i = 0; i < value.length; i++) eachInteger(value.at(i), see)
}

function eachNumber(value: Value, see: (value: bigint | number) => void): void {
  if (typeof value === 'bigint' || typeof value === 'number') see(value)
  else if (isList(value)) for (let i = 0; i < value.length; i++) eachNumber(value.at(i), see)
}

function safe(value: bigint, at: number): void {
  if (value > SAFE || value < -SAFE) throw new Fault('OutOfRange', at)
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
