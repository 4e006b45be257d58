// How the messages of a handshake stand in a stream: as frames of the schema, or as bare bytes in some framing, or in none
// where their length is known beforehand.

import type { Codec, Context, DecodeOptions, Malformed, Reader } from '../wire/codec.ts'
import { refused } from './errors.ts'
import { type StreamFraming, streamFraming } from './framing.ts'
import type { Plan } from './plan.ts'
import type { Framing } from './protocol.ts'

/** One kind of handshake: messages go out and come in until it is done. */
export interface Exchange {
  readonly isDone: boolean
  /** Sends what is ours to send now. First call, and again after every message read. */
  proceed(): void
  /** Reads the message at `at`; returns the offset behind it, or `at` while it is not all there. Throws PeerError. */
  read(bytes: Uint8Array, at: number, end: number): number
}

/** Where messages go, already framed, and who is told of frames that went by in either direction. */
export interface ExchangeHost {
  send(bytes: Uint8Array): void
  passed(frame: string, reader: Reader): void
}

/** Frames of the schema, each expected by name. */
export class FrameMessages {
  readonly #codec: Expecting
  readonly #framing: StreamFraming
  readonly #plan: Plan
  readonly #host: ExchangeHost

  constructor(plan: Plan, context: Context, framing: Framing | undefined, host: ExchangeHost) {
    this.#plan = plan
    this.#host = host
    this.#codec = new Expecting(plan.protocol.codec(), context)
    this.#framing = framingOf(plan, framing)
  }

  /** Sends a frame. Returns it as a plain value, defaults and random values filled in. */
  write(frame: string, value: object): Record<string, unknown> {
    const codec = this.#codec
    const framing = this.#framing
    const size = codec.sizeOf(frame, value)
    const head = framing.head(size)
    const bytes = new Uint8Array(head + size + framing.tail)
    const from = codec.encode(frame, value, bytes, head)
    const end = framing.wrap(bytes, 0, head, from)
    // Handed over first: the host takes a copy of what it keeps.
    this.#host.send(bytes.slice(0, end))
    const start = end - framing.tail - (from - head)
    codec.expected = frame
    const reader = codec.decode(bytes, start, end - framing.tail, { whole: true })
    if (reader === undefined) throw codec.failure
    const plain = reader.toObject()
    this.#host.passed(frame, reader)
    return plain
  }

  /** The frame at `at`, borrowed, and where the next one begins; undefined while it is not all there. */
  read(frame: string, bytes: Uint8Array, at: number, end: number): { reader: Reader; next: number } | undefined {
    this.#codec.expected = frame
    const reader = this.#framing.find(this.#codec, bytes, at, end)
    const { failure } = this.#framing
    if (reader !== undefined) return { reader, next: this.#framing.next }
    if (failure !== undefined) throw refused(failure, this.#plan.protocol.errors, true)
    return undefined
  }

  /** The frame that `read` gave is what it should be. */
  accept(frame: string, reader: Reader): void {
    this.#host.passed(frame, reader)
  }
}

/** Messages that are bare bytes. */
export class ByteMessages {
  readonly #framing: StreamFraming | undefined
  readonly #codec = new BareBytes()
  readonly #plan: Plan
  readonly #host: ExchangeHost

  constructor(plan: Plan, framing: Framing | undefined, host: ExchangeHost) {
    this.#plan = plan
    this.#host = host
    this.#framing = isBare(framing ?? plan.transport.framing) ? undefined : framingOf(plan, framing)
  }

  write(message: Uint8Array): void {
    const framing = this.#framing
    if (framing === undefined) {
      this.#host.send(message)
      return
    }
    const head = framing.head(message.length)
    const bytes = new Uint8Array(head + message.length + framing.tail)
    bytes.set(message, head)
    this.#host.send(bytes.subarray(0, framing.wrap(bytes, 0, head, head + message.length)))
  }

  /** `size`: how long it is where nothing in the stream says so. */
  read(size: number, bytes: Uint8Array, at: number, end: number): { message: Uint8Array; next: number } | undefined {
    const framing = this.#framing
    if (framing === undefined)
      return end - at < size ? undefined : { message: bytes.subarray(at, at + size), next: at + size }
    const reader = framing.find(this.#codec, bytes, at, end)
    if (reader !== undefined) return { message: bytes.subarray(reader.byteStart, reader.byteEnd), next: framing.next }
    if (framing.failure !== undefined) throw refused(framing.failure, this.#plan.protocol.errors, true)
    return undefined
  }
}

/** A stream in this framing does not say by itself where bare bytes end. */
export function isBare({ kind }: Framing): boolean {
  return kind === 'self' || kind === 'raw' || kind === 'packed' || kind === 'datagram'
}

function framingOf(plan: Plan, framing: Framing | undefined): StreamFraming {
  return streamFraming(framing === undefined ? plan.transport : { ...plan.transport, framing }, plan.maxFrame)
}

/** A codec that reads whatever comes as the frame that is expected. */
class Expecting implements Codec {
  expected = ''
  readonly #codec: Codec

  constructor(codec: Codec, context: Context) {
    this.#codec = codec
    codec.context = context
  }

  get frameNames(): readonly string[] {
    return this.#codec.frameNames
  }

  get context(): Context {
    return this.#codec.context
  }

  set context(context: Context) {
    this.#codec.context = context
  }

  get needs(): number {
    return this.#codec.needs
  }

  get failure(): Malformed | undefined {
    return this.#codec.failure
  }

  decode(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined {
    return this.#codec.decode(bytes, start, end, { ...options, frame: this.expected })
  }

  sizeOf(frame: string, value: object): number {
    return this.#codec.sizeOf(frame, value)
  }

  encode(frame: string, value: object, into: Uint8Array, at: number): number {
    return this.#codec.encode(frame, value, into, at)
  }
}

/** Bytes as a frame, for framings that ask a codec what a frame is. */
class BareBytes implements Codec, Reader {
  readonly frameNames: readonly string[] = ['']
  readonly frameName = ''
  readonly frameIndex = 0
  readonly needs = 0
  readonly failure = undefined
  context: Context = NO_CONTEXT
  byteSource: Uint8Array = NOTHING
  byteStart = 0
  byteEnd = 0

  decode(bytes: Uint8Array, start: number, end: number): Reader {
    this.byteSource = bytes
    this.byteStart = start
    this.byteEnd = end
    return this
  }

  sizeOf(): number {
    return 0
  }

  encode(_frame: string, _value: object, _into: Uint8Array, at: number): number {
    return at
  }

  toObject(): Record<string, unknown> {
    return {}
  }
}

const NOTHING = new Uint8Array(0)
const NO_CONTEXT: Context = {
  param: {},
  session: {},
  key: {},
  peer: {},
  local: {},
  random: n => new Uint8Array(n),
  now: () => 0,
}
