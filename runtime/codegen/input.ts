// What generated decoders read from: the bytes of one frame, how far they go, and what is known on the way. One per
// codec, used again for every frame. Nothing here is on the path of a good frame except `begin` and `frame`; the rest
// finds out what is wrong once a check has failed (docs/adr/0002-decoding.md).
import { type Context, type DecodeOptions, Malformed, OPAQUE, REPLAYED, type SealedFrame } from '../wire/codec.ts'
import { isUnevaluable, NO_BYTES } from './exact.ts'

/** Names and sizes in bits of fields that stand side by side: `['magic', 16, 'version', 8]`. */
export type Run = readonly (string | number)[]

/** Built-in error -> the name it is reported under. */
export type Covers = Readonly<Record<string, string>>

export class Input {
  bytes: Uint8Array = NO_BYTES
  /** First byte of the frame. */
  start = 0
  /** Offset behind the bytes that are there. */
  have = 0
  /** The frame must find its own end; more bytes may come. */
  stream = false
  ignoreTrailing = false
  maxFrame: number = Number.POSITIVE_INFINITY
  context: Context = NO_CONTEXT
  /** Size of the frame, from the moment that its size was accepted. */
  consumed = 0
  /** Bytes of the frame that must be there before decoding can go on. */
  needs = 0
  /** Regions entered: inside one there is an end, and all bytes are there. */
  nesting = 0
  /** Structs and unions entered. */
  depth = 0
  /** References must point below this offset. */
  hop: number = Number.MAX_SAFE_INTEGER
  /** Offset behind what a `read` function read last. */
  at = 0
  /** Plain text of the seal that was opened last, and where the sealed bytes began: a seal is opened once. */
  plainAt = 0
  plainEnd = 0
  private opened = -1
  /** What it means that no frame fits. */
  private unfit = 'UnknownFrame'
  private readonly covers: Covers
  /** The last refusal was for want of bytes. */
  private ranOut = false

  constructor(covers: Covers = NO_COVERS) {
    this.covers = covers
  }

  begin(bytes: Uint8Array, start: number, end: number, options: DecodeOptions, context: Context): void {
    this.bytes = bytes
    this.start = start
    this.have = end
    this.stream = !options.whole
    this.ignoreTrailing = options.ignoreTrailing === true
    this.maxFrame = options.maxFrame ?? Number.POSITIVE_INFINITY
    this.context = context
    this.consumed = 0
    this.opened = -1
  }

  /** The moment named `framing`: the frame ends at `end`. Demands its size, then all of its bytes, then no others. */
  frame(end: number): void {
    if (end - this.start > this.maxFrame) throw this.refuse('TooLarge', this.start, '')
    if (end !== this.have) this.uneven(end)
    this.consumed = end - this.start
  }

  /** Some fields side by side do not fit before `end`: says which. On a stream they may still come. */
  cut(at: number, end: number, path: string, run: Run, bit = 0, name?: string): void {
    if (this.isOpen()) return
    let position = at * 8 + bit
    for (let i = 0; i < run.length; i += 2) {
      const next = position + Number(run[i + 1])
      if (next > end * 8) throw this.raise('Truncated', Math.floor(position / 8), joined(path, run[i]!), name)
      position = next
    }
  }

  /** A region from `at` of `size` bytes does not fit. On a stream it may still come. */
  over(at: number, size: number, field: string, name?: string): void {
    if (this.isOpen() && size >= 0 && size <= Number.MAX_SAFE_INTEGER) return
    throw this.raise('Truncated', at, field, name)
  }

  /** The rest from `at` on, of which `tail` bytes belong to what stands behind, is less than nothing. */
  short(at: number, tail: number, field: string, name?: string): void {
    if (this.isOpen()) this.want(at + tail)
    throw this.raise('Truncated', at, field, name)
  }

  /** Bytes up to each of these offsets are about to be read, in this order. */
  want(...ends: readonly number[]): void {
    for (const end of ends) {
      if (end <= this.have) continue
      if (end - this.start > this.maxFrame) throw this.refuse('TooLarge', this.start, '')
      this.needs = end - this.start
      throw NEEDS
    }
  }

  /** Whether bytes that are missing may still come: on a stream, outside any region. */
  isOpen(): boolean {
    return this.stream && this.nesting === 0
  }

  /** A built-in error at an offset in `bytes`. */
  refuse(code: string, at: number, field: string): Malformed {
    this.ranOut = code === 'Truncated'
    return new Malformed(this.covers[code] ?? code, at - this.start, field)
  }

  /** An error that a field names itself (`else`). */
  refuseAs(name: string, at: number, field: string): Malformed {
    this.ranOut = false
    return new Malformed(name, at - this.start, field)
  }

  /** What a field with `else` raises instead of a fault of its content. */
  named(fault: unknown, name: string): unknown {
    return fault instanceof Malformed ? this.refuseAs(name, fault.offset + this.start, fault.field) : fault
  }

  /** As `named`, but running out of bytes outside any region of the field keeps its own name. */
  namedUnlessCut(fault: unknown, name: string, nesting: number): unknown {
    return this.ranOut && this.nesting === nesting ? fault : this.named(fault, name)
  }

  /** One struct or union deeper; the caller takes it back when it is left. */
  deeper(at: number, path: string, limit: number): void {
    this.depth++
    if (this.depth > limit) throw this.refuse('LimitExceeded', at, path)
  }

  /** The value of an expression that may have none. */
  evaluate<T>(at: number, field: string, compute: () => T, name?: string): T {
    try {
      return compute()
    } catch (fault) {
      throw isUnevaluable(fault) ? this.raise('CheckFailed', at, field, name) : fault
    }
  }

  /** Content that was decoded up to `at` must fill its region. */
  fills(at: number, end: number, field: string, name?: string): void {
    if (at < end) throw this.raise('TrailingBytes', at, field, name)
  }

  /** Where `delimiter` stands from `at` on, or an error. */
  find(delimiter: Uint8Array, at: number, end: number, field: string, name?: string): number {
    const found = indexOf(this.bytes, delimiter, at, Math.min(end, this.have))
    if (found >= 0) return found
    if (this.isOpen()) this.want(this.have + 1)
    throw this.raise('Unterminated', at, field, name)
  }

  /** Follows a reference to `to`, which must lie in front of `here` and of the reference around. Returns what `referred` takes back. */
  refer(to: number, here: number, field: string): number {
    if (!(to >= this.start && to < here && to < this.hop)) throw this.refuse('BadReference', here, field)
    const back = this.hop
    this.hop = to
    this.nesting++
    return back
  }

  referred(back: number): void {
    this.hop = back
    this.nesting--
  }

  /**
   * Opens what is sealed in `bytes[from..to)`; where its plain text is stands in `plainAt` and `plainEnd`. False where
   * there is no key: the bytes stay as they are.
   */
  open(
    seal: string,
    from: number,
    to: number,
    overhead: number,
    prepend: boolean,
    error: string,
    frame: SealedFrame,
  ): boolean {
    const { context } = this
    if (this.opened === from) return true
    this.plainAt = from
    this.plainEnd = to
    if (context.plain) return true
    if (!context.open) return false
    if (to - from < overhead) throw this.refuse(error, from, '')
    const length = context.open(seal, this.bytes, from, to, frame)
    if (length === OPAQUE) return false
    if (length === REPLAYED) throw this.refuse('Replayed', from, '')
    if (length < 0) throw this.refuse(error, from, '')
    this.opened = from
    this.plainAt = prepend ? from + TAG : from
    this.plainEnd = this.plainAt + length
    return true
  }

  /** No frame fits what is known of the envelope; `wrong` when only direction or state stand against it. */
  unfitting(wrong: boolean): void {
    this.unfit = wrong ? 'WrongState' : 'UnknownFrame'
  }

  /** The error for such a frame, raised when its id is due. */
  unknown(at: number, field: string, name?: string): Malformed {
    return this.unfit === 'WrongState'
      ? this.refuse('WrongState', at, field)
      : this.raise('UnknownFrame', at, field, name)
  }

  /** Layout failed: what the first fields say comes first, as far as they were laid out. */
  earlier(fault: unknown, order: readonly string[], check: (laid: number) => void): unknown {
    if (!(fault instanceof Malformed)) return fault
    const cut = order.indexOf(fault.field.split('.')[0]!)
    try {
      check(cut < 0 ? order.length : cut)
    } catch (first) {
      return first === NEEDS ? fault : first
    }
    return fault
  }

  /** Back to the outermost record, where a fault ended decoding somewhere inside. */
  leave(): void {
    this.nesting = 0
    this.depth = 0
    this.hop = Number.MAX_SAFE_INTEGER
  }

  private raise(code: string, at: number, field: string, name: string | undefined): Malformed {
    if (name === undefined) return this.refuse(code, at, field)
    return this.refuseAs(name, at, field)
  }

  /** What a failed decode hands out; what is no refusal is a mistake in the program. */
  failureOf(fault: unknown): Malformed {
    if (!(fault instanceof Malformed)) throw fault
    fault.consumed = this.consumed
    return fault
  }

  private uneven(end: number): void {
    if (end > this.have) this.want(end)
    else if (!this.stream && !this.ignoreTrailing) throw this.refuse('TrailingBytes', end, '')
  }
}

/** Thrown where bytes are wanted that are not there yet. */
export const NEEDS: unique symbol = Symbol('needs')
/** The path of a field; a group has no name of its own. */
function joined(path: string, name: string | number): string {
  return name === '' ? path.replace(/\.$/, '') : `${path}${name}`
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number, end: number): number {
  const first = wanted[0]!
  const last = end - wanted.length
  for (let at = bytes.indexOf(first, from); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let i = 1
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++
    if (i === wanted.length) return at
  }
  return -1
}

/** Bytes of an authentication tag in front of the text. */
const TAG = 16
const NO_COVERS: Covers = {}

/** An input over bytes that were just written: what is in them is read back. */
export function inputOver(bytes: Uint8Array): Input {
  written.bytes = bytes
  return written
}

/** A context without keys, params or session, for frames that use none. */
export const NO_CONTEXT: Context = {
  param: {},
  session: {},
  key: {},
  peer: {},
  local: {},
  random: () => {
    throw new Error('this frame draws random bytes; give the codec a context with `random`')
  },
  now: () => {
    throw new Error('this frame holds the time; give the codec a context with `now`')
  },
}
const written = new Input()
