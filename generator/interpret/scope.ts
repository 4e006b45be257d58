// The scope of an expression while decoding: a record, the field that is being worked on, and the place in the bytes.
import type { Context } from '../../runtime/wire/codec.ts'
import type { Protocol, Type } from '../model/model.ts'
import type { Scope } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import { place } from './place.ts'
import type { Rec } from './record.ts'
import { Cursor } from './run.ts'
import type { Value } from './value.ts'

interface Around {
  readonly cursor: Cursor
  /** In lists: the item before and, in `until`, the item just read. */
  readonly prev: () => Value
  readonly item: () => Value
  /** Offset of the `at` that is being followed; each hop goes further back. */
  readonly hop: number
  readonly depth: number
}

export class DecodeScope implements Scope {
  readonly rec: Rec
  /** Field that is being worked on: `..` ends before it. */
  readonly current: string | undefined
  private readonly around: Around

  constructor(rec: Rec, current: string | undefined, around: Around) {
    this.rec = rec
    this.current = current
    this.around = around
  }

  /** The same at another place in the bytes; `prev` and `item` only inside lists. */
  at(cursor: Cursor, prev: () => Value = this.around.prev, item: () => Value = ABSENT): DecodeScope {
    return new DecodeScope(this.rec, this.current, { ...this.around, cursor, prev, item })
  }

  hopping(hop: number): DecodeScope {
    return new DecodeScope(this.rec, this.current, { ...this.around, hop })
  }

  get protocol(): Protocol {
    return this.rec.run.protocol
  }

  get context(): Context {
    return this.rec.run.context
  }

  get parent(): Scope | undefined {
    return this.rec.outer
  }

  get hop(): number {
    return this.around.hop
  }

  get depth(): number {
    return this.around.depth
  }

  field(name: string): Value {
    return this.rec.get(name)
  }

  size(name: string): number {
    return this.rec.size(name)
  }

  offset(name: string): number {
    return this.rec.offset(name)
  }

  range(from: string | undefined, to: string | undefined): Uint8Array {
    return this.rec.range(from, to, this.current)
  }

  outerRange(from: string | undefined): Uint8Array {
    const { outer, start } = this.rec
    if (!outer) throw new Unevaluable('there is no record around this one')
    return outer.rec.rangeUpTo(from, start)
  }

  rangeSize(from: string | undefined, to: string | undefined): number {
    const { first, behind } = this.rec.between(from, to, this.current)
    return behind - first
  }

  prev(): Value {
    return this.around.prev()
  }

  item(): Value {
    return this.around.item()
  }

  remaining(): number {
    const { cursor } = this.around
    const end = Math.min(cursor.region.end, this.rec.run.available)
    return Math.max(0, end - cursor.byte)
  }

  next(type: Type): Value {
    const { cursor } = this.around
    const placed = place(type, new Cursor(cursor.at, cursor.region), this)
    if (placed.value() === undefined) throw new Unevaluable('nothing can be read here')
    return placed.value()
  }
}

export const ABSENT = (): Value => undefined
