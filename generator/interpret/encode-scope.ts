// The scope of an expression while encoding, and the way to refuse a value with the field's path and the right code.
import { type Context, EncodeError } from '../../runtime/wire/codec.ts'
import type { Field, Frame, Protocol, Type } from '../model/model.ts'
import { bytesOf, type Chunk, EMPTY, joinChunks } from './chunk.ts'
import type { Scope } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import type { Given } from './given-record.ts'
import { depthLimit } from './sizes.ts'
import type { Value } from './value.ts'

/** One call of encode. */
export interface EncodeRun {
  readonly protocol: Protocol
  readonly context: Context
  readonly frame: Frame | undefined
  /** Only the size is wanted: nothing is drawn or sealed. */
  readonly dry: boolean
}

export class EncodeScope implements Scope {
  readonly rec: Given
  readonly current: Field | undefined
  readonly depth: number
  /** What of the field's content stands in front of the value that is being written. */
  readonly ahead: () => Chunk
  private readonly before: Value
  private readonly own: Value

  constructor(
    rec: Given,
    current: Field | undefined,
    depth: number,
    before?: Value,
    own?: Value,
    ahead: () => Chunk = NOTHING,
  ) {
    this.rec = rec
    this.current = current
    this.depth = depth
    this.before = before
    this.own = own
    this.ahead = ahead
  }

  inList(before: Value, own?: Value): EncodeScope {
    return new EncodeScope(this.rec, this.current, this.depth, before, own, this.ahead)
  }

  /** The same with more of the content in front. */
  behind(more: () => Chunk): EncodeScope {
    const ahead = (): Chunk => joinChunks([this.ahead(), more()])
    return new EncodeScope(this.rec, this.current, this.depth, this.before, this.own, ahead)
  }

  deeper(): EncodeScope {
    if (this.depth >= depthLimit(this.protocol)) throw this.refuse('LimitExceeded', 'this value is nested too deeply')
    return new EncodeScope(this.rec, this.current, this.depth + 1, this.before, this.own, this.ahead)
  }

  /** `replaceable`: the outermost `else` takes the place of the code. */
  refuse(code: string, message: string, replaceable = false): EncodeError {
    const own = replaceable ? this.outermostElse() : undefined
    const path = this.current ? [...this.rec.path, this.current.name] : this.rec.path
    const field = path.join('.')
    return new EncodeError(
      own ?? this.protocol.covers.get(code) ?? code,
      field,
      field ? `${field}: ${message}` : message,
    )
  }

  private outermostElse(): string | undefined {
    return this.rec.outer?.outermostElse() ?? this.rec.elseOf(this.current)
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
    return this.rec.range(from, to, this.current?.name)
  }

  outerRange(from: string | undefined): Uint8Array {
    const { outer } = this.rec
    if (!outer) throw new Unevaluable('there is no record around this one')
    const before = outer.rec.rangeChunk(from, undefined, outer.current?.name)
    return bytesOf(joinChunks([before, this.rec.ahead()]))
  }

  rangeSize(from: string | undefined, to: string | undefined): number {
    return Math.ceil(this.rec.rangeChunk(from, to, this.current?.name).bits / 8)
  }

  prev(): Value {
    return this.before
  }

  item(): Value {
    return this.own
  }

  remaining(): number {
    throw new Unevaluable('nobody knows what remains while it is being written')
  }

  next(_type: Type): Value {
    throw new Unevaluable('there is nothing to look ahead at while writing')
  }
}

const NOTHING = (): Chunk => EMPTY
