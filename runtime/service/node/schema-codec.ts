// Frames of a schema as the messages of a node: found in the bytes that arrive, and written, by the codec that was generated for
// them. Codecs and framings are shared; what a connection has of its own is its keys, where its schema seals.

import { LocalError } from '../../core/errors.ts'
import type { StreamFraming } from '../../core/framing.ts'
import { type Codec, type Context, EncodeError, type Reader } from '../../wire/codec.ts'
import { copyOf } from '../../wire/copy.ts'
import type { Decoder, Encoder } from './codec.ts'
import { NodeError } from './errors.ts'
import type { SecuredContext } from './security.ts'

/** Codecs for all connections: one is in use at a time, but for frames that a hook takes its time for. */
export class Codecs {
  /** Decodes next. */
  current: Codec
  readonly #make: () => Codec
  readonly #held = new Map<Reader, Codec>()
  readonly #free: Codec[] = []

  constructor(make: () => Codec) {
    this.#make = make
    this.current = make()
  }

  /** The frame that `current` decoded last is in use until `done`. */
  hold(frame: Reader): void {
    this.#held.set(frame, this.current)
    this.current = this.#free.pop() ?? this.#make()
  }

  /** `context`: of a connection with keys of its own. */
  keep(frame: Reader, context: Context | undefined): Reader {
    const bytes = copyOf(frame.byteSource, frame.byteStart, frame.byteEnd)
    const codec = this.#free.pop() ?? this.#make()
    if (context !== undefined) codec.context = context
    const kept = codec.decode(bytes, 0, bytes.length, { whole: true, frame: frame.frameName }) as Reader
    this.#held.set(kept, codec)
    return kept
  }

  done(frame: Reader): void {
    const codec = this.#held.get(frame)
    this.#held.delete(frame)
    if (codec !== undefined && this.#free.length < SPARE) this.#free.push(codec)
  }
}

export class SchemaDecoder implements Decoder<Reader> {
  next = 0
  needs = 0
  exact = true
  skipped = 0
  /** Frames that cannot be read are left out (`on_error`); under a seal that would hide an attack. */
  readonly #drops: boolean
  readonly #codecs: Codecs
  readonly #frame: () => StreamFraming
  readonly #secured: SecuredContext | undefined
  /** Made when it is needed: most connections are quiet. */
  #framing: StreamFraming | undefined

  constructor(codecs: Codecs, frame: () => StreamFraming, secured: SecuredContext | undefined, drops: boolean) {
    this.#codecs = codecs
    this.#drops = drops && secured === undefined
    this.#frame = frame
    this.#secured = secured
  }

  decode(bytes: Uint8Array, at: number, end: number): Reader | undefined {
    this.#framing ??= this.#frame()
    const framing = this.#framing
    const codec = this.#codecs.current
    if (this.#secured !== undefined) codec.context = this.#secured.context
    let from = at
    let frame = framing.find(codec, bytes, from, end)
    while (frame === undefined && this.#drops && framing.failure !== undefined && framing.next > from) {
      from = framing.next
      frame = framing.find(codec, bytes, from, end)
    }
    if (frame !== undefined) {
      this.next = framing.next
      return frame
    }
    const { failure } = framing
    if (failure !== undefined) {
      const place = failure.field === '' ? '' : ` in ${failure.field}`
      throw new NodeError('InvalidData', `${failure.code}${place} at byte ${failure.offset}`)
    }
    this.skipped = from - at
    this.needs = framing.needs
    this.exact = framing.exact
    return undefined
  }

  hold(frame: Reader): void {
    this.#codecs.hold(frame)
  }

  keep(frame: Reader): Reader {
    return this.#codecs.keep(frame, this.#secured?.copied)
  }

  done(frame: Reader): void {
    this.#codecs.done(frame)
  }

  /** The keys of both directions: a connection ends as a whole. */
  destroy(): void {
    this.#secured?.seals.destroy()
  }
}

export interface Outgoing {
  readonly frame: string
  readonly value?: object
}

export class SchemaEncoder implements Encoder<Outgoing> {
  readonly #codec: Codec
  readonly #framing: StreamFraming
  readonly #maxFrame: number
  /** What `sizeOf` said of the message that is encoded next. */
  #size = 0

  constructor(codec: Codec, framing: StreamFraming, maxFrame: number) {
    this.#codec = codec
    this.#framing = framing
    this.#maxFrame = maxFrame
  }

  sizeOf({ frame, value = NOTHING }: Outgoing): number {
    try {
      const size = this.#codec.sizeOf(frame, value)
      this.#size = size
      return size + this.#framing.head(size) + this.#framing.tail
    } catch (error) {
      throw refused(error)
    }
  }

  encode({ frame, value = NOTHING }: Outgoing, into: Uint8Array, at: number): number {
    const framing = this.#framing
    const start = at + framing.head(this.#size)
    try {
      const end = this.#codec.encode(frame, value, into, start)
      if (end - start > this.#maxFrame)
        throw new NodeError('InvalidInput', `${frame} has ${end - start} bytes, at most ${this.#maxFrame} are allowed`)
      return framing.wrap(into, at, start, end)
    } catch (error) {
      throw refused(error)
    }
  }
}

/** The frames of one connection with keys of its own. Sealing spends a number, so everything that can be refused is before it. */
export class SealedEncoder implements Encoder<Outgoing> {
  readonly #codec: Codec
  readonly #framing: StreamFraming
  readonly #maxFrame: number
  readonly #secured: SecuredContext
  #value: object = NOTHING
  #size = 0

  constructor(codec: Codec, framing: StreamFraming, maxFrame: number, secured: SecuredContext) {
    this.#codec = codec
    this.#framing = framing
    this.#maxFrame = maxFrame
    this.#secured = secured
  }

  sizeOf({ frame, value = NOTHING }: Outgoing): number {
    const { context, stamp } = this.#secured
    this.#codec.context = context
    try {
      this.#value = stamp(frame, value)
      this.#size = this.#codec.sizeOf(frame, this.#value)
    } catch (error) {
      throw refused(error)
    }
    if (this.#size > this.#maxFrame)
      throw new NodeError('InvalidInput', `${frame} has ${this.#size} bytes, at most ${this.#maxFrame} are allowed`)
    return this.#size + this.#framing.head(this.#size) + this.#framing.tail
  }

  encode({ frame }: Outgoing, into: Uint8Array, at: number): number {
    const start = at + this.#framing.head(this.#size)
    this.#codec.context = this.#secured.context
    const end = this.#codec.encode(frame, this.#value, into, start)
    return this.#framing.wrap(into, at, start, end)
  }

  destroy(): void {
    this.#secured.seals.destroy()
  }
}

/** A value that does not fit its frame is the caller's mistake. */
function refused(error: unknown): unknown {
  if (error instanceof EncodeError || error instanceof RangeError || error instanceof LocalError)
    return new NodeError('InvalidInput', error.message, { cause: error })
  return error
}

const NOTHING = {}
/** Codecs kept for use again. */
const SPARE = 64
