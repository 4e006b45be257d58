// The machine of one stream connection: it finds frames in the bytes that arrive, in place where they are whole, and
// puts frames into the bytes that leave. What frames mean is the session's business.

import type { Codec, Context, Reader } from '../wire/codec.ts'
import type { Carrier } from './carrier.ts'
import { LocalError, PeerError, peerError } from './errors.ts'
import { type StreamFraming, streamFraming } from './framing.ts'
import { handshakeOf, type StreamHandshake } from './handshake-stream.ts'
import { Inbox } from './inbox.ts'
import { type Address, type Borrowed, type Instant, instant, type StreamMachine } from './machine.ts'
import { Outbox } from './outbox.ts'
import type { FramePlan } from './plan.ts'
import { Session } from './session.ts'
import type { Shared } from './shared.ts'
import { lostError, lostTrack, tooEarly, tooLarge, unsealed } from './stream-errors.ts'
import { Flow } from './stream-flow.ts'

export class StreamConnection implements StreamMachine, Carrier {
  readonly session: Session
  /**
   * The driver sets it while the transport takes nothing. Then `limits.queue.messages` counts; before that only bytes
   * do, because frames of one turn leave in one write.
   */
  isBlocked = false
  /** Set by a service that passes bytes on: see stream-flow.ts. */
  readonly flow: Flow = new Flow()
  /** Where the last frame written stands. */
  lastBytes: Uint8Array = NOTHING
  lastStart = 0
  lastEnd = 0
  readonly #shared: Shared
  readonly #framing: StreamFraming
  readonly #inbox = new Inbox()
  readonly #outbox = new Outbox()
  /** Whole frames are being found in the inbox, not in a chunk. */
  #inInbox = false
  #inboxKept = false
  /** Reading stopped in front of a frame that is there: too much waits already. */
  #stopped = false
  #codec: Codec
  /** A codec not in use, while another one is pinned or was. */
  #spare: Codec | undefined
  #mirror: Codec | undefined
  /** A chunk that is not read to its end. */
  #rest: Uint8Array | undefined
  #restAt = 0
  #kept = false
  /** Bytes of the inbox that count in `limits.memory`. */
  #charged = 0
  #started = false
  #ended = false
  /** While it runs, nothing else is sent or read. */
  #handshake: StreamHandshake | undefined

  constructor(shared: Shared, address: Address, now: Instant) {
    this.#shared = shared
    this.#framing = streamFraming(shared.plan.transport, shared.plan.maxFrame)
    this.session = new Session(shared, this, address, now)
    this.#codec = this.#newCodec(this.session.context)
  }

  // ------------------------------------------------------------------------------------------- for the driver

  start(now: Instant): void {
    this.#started = true
    this.#handshake = handshakeOf(this.session, bytes => this.#writeBytes(bytes))
    if (this.#handshake === undefined) this.session.open(now)
    else {
      this.#handshake.start(now)
      this.#afterHandshake(now)
    }
  }

  receive(now: Instant, chunk: Borrowed): boolean {
    this.#shared.meter.bytesIn(chunk.length)
    this.#kept = false
    if (this.#isOver) return false
    if (this.#rest !== undefined)
      throw new LocalError('BadOption', 'bytes were given to a connection that is not reading')
    let from = 0
    if (this.#handshake !== undefined) {
      from = this.#handshake.receive(chunk)
      this.#afterHandshake(now)
    }
    const { framesIn } = this.session
    if (from < chunk.length || chunk.length === 0) this.#read(now, chunk, from)
    this.flow.passed(now, chunk.length, this.session.framesIn - framesIn)
    return this.#kept
  }

  end(now: Instant): void {
    this.#ended = true
    // What arrived before the end is read first.
    if (this.#rest !== undefined && !this.#isOver) return
    this.#handshake?.ended()
    this.#afterHandshake(now)
    if (this.#inbox.length > 0 && this.session.phase === 'open')
      this.session.fault(now, peerError('Cut', 'the connection ended inside a frame', { fatal: true }))
    this.session.peerEnded(now)
  }

  lost(now: Instant, reason: string, error?: PeerError): void {
    if (error === undefined) this.#handshake?.ended()
    this.#afterHandshake(now)
    this.#handshake?.destroy()
    this.session.end(now, reason, error ?? (reason === 'closed' ? undefined : lostError(reason)))
    this.flow.feed?.end()
    this.#outbox.clear()
    this.#inbox.clear()
    this.#charge(0)
    this.#rest = undefined
  }

  transmit(): Uint8Array | undefined {
    if (this.session.phase === 'dead' || this.session.phase === 'over') return undefined
    let run = this.#outbox.take()
    if (run === undefined) {
      this.session.drained()
      run = this.#outbox.take() ?? this.flow.take()
      if (run === undefined) return undefined
    }
    this.#shared.meter.bytesOut(run.length)
    return run
  }

  release(chunk: Uint8Array): void {
    if (!this.flow.release(chunk)) this.#outbox.release()
  }

  wake(now: Instant): void {
    if (this.#handshake === undefined) this.session.wake(now)
    else {
      this.#handshake.wake(now)
      this.#afterHandshake(now)
    }
    // Nobody waits any longer for a transport that does not come to its end.
    if (this.session.phase === 'dead') this.lost(now, 'closed')
    this.flow.wake(now)
    if (this.#rest !== undefined && this.#mayRead) this.#resume(now)
    this.#inbox.shrink()
    if (this.#inbox.bytes.length !== this.#charged) this.#charge(this.#inbox.bytes.length)
    this.#outbox.shrink()
  }

  get deadline(): Instant {
    const { deadline } = this.#handshake ?? this.session
    if (this.#rest !== undefined && this.#mayRead) return instant(Number.NEGATIVE_INFINITY)
    return instant(Math.min(deadline, this.flow.deadline))
  }

  get reading(): boolean {
    return this.#rest === undefined && !this.#ended && (this.#isOver || this.#mayRead)
  }

  get closing(): 'after-flush' | 'now' | undefined {
    switch (this.session.phase) {
      case 'open':
      case 'draining':
        return undefined
      case 'flushing':
        return 'after-flush'
      default:
        return 'now'
    }
  }

  get queued(): number {
    return this.#outbox.bytes + this.flow.bytes
  }

  // ------------------------------------------------------------------------------------------ for the session

  write(_session: Session, frame: FramePlan, value: object, size: number): void {
    if (this.#handshake !== undefined) throw tooEarly(frame)
    const framing = this.#framing
    const head = framing.head(size)
    const bytes = this.#outbox.reserve(size + head + framing.tail)
    const { at } = this.#outbox
    const start = at + head
    const end = this.#codec.encode(frame.name, value, bytes, start)
    const length = end - start
    if (length > this.#shared.plan.maxFrame) throw tooLarge(frame, length, this.#shared.plan.maxFrame)
    this.#commit(bytes, at, start, end)
  }

  writeAgain(_session: Session, frame: Uint8Array): void {
    const framing = this.#framing
    const head = framing.head(frame.length)
    const bytes = this.#outbox.reserve(frame.length + head + framing.tail)
    const { at } = this.#outbox
    bytes.set(frame, at + head)
    this.#commit(bytes, at, at + head, at + head + frame.length)
  }

  get hasRoom(): boolean {
    const { messages, bytes } = this.#shared.plan.protocol.limits.queue
    return this.#outbox.bytes < bytes && (!this.isBlocked || this.#outbox.frames < messages)
  }

  codec(): Codec {
    return this.#codec
  }

  mirror(): Codec {
    this.#mirror ??= this.#newCodec(this.session.context)
    this.#mirror.context = unsealed(this.session.context)
    return this.#mirror
  }

  pin(): Codec {
    const pinned = this.#codec
    this.#codec = this.#spare ?? this.#newCodec(this.session.context)
    this.#spare = undefined
    if (this.#inInbox) this.#inboxKept = true
    else this.#kept = true
    return pinned
  }

  unpin(_session: Session, codec: Codec): void {
    this.#spare = codec
  }

  changed(): void {}

  waits(): void {}

  // -------------------------------------------------------------------------------------------------- the rest

  get #isOver(): boolean {
    const { phase } = this.session
    // What arrives while the last bytes leave is read and dropped: unread bytes would turn the close into a reset.
    return phase === 'flushing' || phase === 'dead' || phase === 'over'
  }

  get #mayRead(): boolean {
    return (
      this.#started &&
      this.session.takes &&
      this.flow.hasRoom &&
      this.#outbox.bytes < this.#shared.plan.protocol.limits.queue.bytes
    )
  }

  /** The frame at `from..to` is in the outbox, whose room begins at `at`; it is the last one. */
  #commit(bytes: Uint8Array, at: number, from: number, to: number): void {
    const end = this.#framing.wrap(bytes, at, from, to)
    this.#outbox.commit(end)
    this.lastBytes = bytes
    this.lastEnd = end - this.#framing.tail
    this.lastStart = this.lastEnd - (to - from)
  }

  /** Whole units that a service passes on; or nothing of it, where what arrives is ignored. */
  #passOn(now: Instant, bytes: Uint8Array, from: number, end: number): number {
    const { session } = this
    const { intake } = this.flow
    if (intake === undefined) return end
    session.seenAt = now
    session.now = now
    this.#stopped = !this.#mayRead
    if (this.#stopped) return from
    const at = intake.take(now, bytes, from, end)
    if (intake.keeps) {
      if (this.#inInbox) this.#inboxKept = true
      else this.#kept = true
    }
    this.#framing.needs = intake.needs
    this.#framing.exact = true
    return at
  }

  /** Bytes of the handshake, framed already. */
  #writeBytes(bytes: Uint8Array): void {
    this.#outbox.reserve(bytes.length).set(bytes, this.#outbox.at)
    this.#outbox.commit(this.#outbox.at + bytes.length)
  }

  /** The handshake may be over: the session opens, or never will. */
  #afterHandshake(now: Instant): void {
    const { outcome } = this.#handshake ?? {}
    if (outcome === undefined) return
    this.#handshake = undefined
    if (outcome instanceof PeerError) this.session.neverOpen(now, outcome)
    else {
      this.session.secure(outcome)
      this.session.open(now)
    }
  }

  #newCodec(context: Context): Codec {
    const codec = this.#shared.plan.protocol.codec()
    codec.context = context
    return codec
  }

  /** Reads `chunk` from `from` on: first what completes the inbox, then whole frames in place; keeps the rest. */
  #read(now: Instant, chunk: Uint8Array, from: number): void {
    const inbox = this.#inbox
    let at = from
    const wasStopped = this.#stopped
    this.#stopped = false
    if (wasStopped && inbox.length > 0) this.#readInbox(now)
    while (inbox.length > 0 && at < chunk.length && !this.#stopped) at = this.#complete(now, chunk, at)
    if (inbox.length === 0 && at < chunk.length && !this.#stopped) at = this.#frames(now, chunk, at, chunk.length)
    if (this.#isOver) return
    if (this.#stopped) this.#postpone(chunk, at)
    else if (at < chunk.length) inbox.append(chunk, at, chunk.length, this.#mostNeeded)
    if (inbox.bytes.length !== this.#charged) this.#charge(inbox.bytes.length)
  }

  /** Unfinished frames of all peers have one bound: whoever goes beyond it goes. */
  #charge(bytes: number): void {
    const { memory } = this.#shared
    const grows = bytes > this.#charged
    memory.held += bytes - this.#charged
    this.#charged = bytes
    if (!grows || memory.held <= memory.most) return
    this.#shared.meter.count('limit.memory')
    this.session.abort('limit', peerError('LimitExceeded', 'too many bytes of unfinished frames', { fatal: true }))
  }

  /** Adds to the inbox what its first frame needs, and reads it when it is whole. Returns where the chunk goes on. */
  #complete(now: Instant, chunk: Uint8Array, at: number): number {
    const framing = this.#framing
    const inbox = this.#inbox
    const wanted = framing.exact ? Math.max(1, framing.needs - inbox.length) : chunk.length - at
    const end = Math.min(chunk.length, at + wanted)
    inbox.append(chunk, at, end, this.#mostNeeded)
    if (!framing.exact || inbox.length >= framing.needs) this.#readInbox(now)
    return end
  }

  #readInbox(now: Instant): void {
    const inbox = this.#inbox
    this.#inInbox = true
    this.#inboxKept = false
    const read = this.#frames(now, inbox.bytes, 0, inbox.length)
    this.#inInbox = false
    if (this.#inboxKept) inbox.leave(read)
    else inbox.drop(read)
  }

  get #mostNeeded(): number {
    return this.#framing.exact ? this.#framing.needs : this.#shared.plan.maxFrame
  }

  /** Reads whole frames in `bytes[from..end)`. Returns where it stopped. */
  #frames(now: Instant, bytes: Uint8Array, from: number, end: number): number {
    const framing = this.#framing
    const { session } = this
    let at = from
    this.#stopped = false
    while (at < end && !this.#isOver) {
      if (this.flow.intake !== undefined || session.isIgnoring) return this.#passOn(now, bytes, at, end)
      if (!this.#mayRead) {
        this.#stopped = true
        break
      }
      const frame: Reader | undefined = framing.find(this.#codec, bytes, at, end)
      if (frame !== undefined) {
        const size = framing.next - at
        if (!session.charge(now, size)) {
          this.flow.rest(instant(now + RATE_PAUSE))
          this.#stopped = true
          break
        }
        at = framing.next
        session.arrived(now, frame, size)
        continue
      }
      if (framing.failure === undefined) break
      const { next, failure } = framing
      session.malformed(now, failure)
      // Where the next frame begins is not known: nothing behind this can be read.
      if (next <= at && !this.#isOver) session.abort('error', lostTrack())
      if (next <= at) break
      at = next
    }
    return at
  }

  #postpone(chunk: Uint8Array, at: number): void {
    this.#rest = chunk
    this.#restAt = at
    this.#kept = true
  }

  #resume(now: Instant): void {
    const chunk = this.#rest as Uint8Array
    this.#rest = undefined
    this.#read(now, chunk, this.#restAt)
    if (this.#rest === undefined && this.#ended) this.end(now)
  }
}

const NOTHING = new Uint8Array(0)
/** A peer over its rate is not read for this long, milliseconds. */
const RATE_PAUSE = 10
