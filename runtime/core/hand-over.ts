// A handshake that only hands out what the session needs, and then goes on elsewhere (docs/language, "Steps" and `then`):
// explicit steps inside a stream, TLS mostly. Each side learns session values from the messages; nothing is sent that the
// schema does not name. When the last message has gone by, the stream has done its work.

import type { Codec, Context, Reader } from '../wire/codec.ts'
import { type CarryingHost, pack, unpack } from './carrying.ts'
import { LocalError, type PeerError, peerError, refused } from './errors.ts'
import { type StreamFraming, streamFraming } from './framing.ts'
import type { HandshakeScript, KeyScope, StepDescriptor } from './handshake-descriptor.ts'
import { Inbox } from './inbox.ts'
import { Lifecycle } from './lifecycle.ts'
import { type Address, type Borrowed, type Instant, instant, NEVER, type StreamMachine } from './machine.ts'
import { Outbox } from './outbox.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Plain } from './recast.ts'
import { freshContext, type Shared } from './shared.ts'

/** What both sides know when it is over. */
export interface HandedOver {
  /** The other end of the stream. */
  readonly address: Address
  /** Session values, learned or taught. They hold keys: to be overwritten when the session has its own. */
  readonly session: Record<string, unknown>
  /** What is written into packets to tell this session from others; undefined where the schema has no ids. */
  readonly id: number | undefined
  /** Frames that went by, for the states of the session. */
  readonly passed: readonly FramePlan[]
  /** The stream as an address of its packets, where they may go inside it, and milliseconds after which they do. */
  readonly fallback?: { readonly address: Address; readonly after: number } | undefined
  /** Told when a packet of the peer has opened, and where our packets go. */
  readonly reached?: ((address: Address) => void) | undefined
  /** Told when the session that comes of it is over, or never came. */
  readonly over?: (() => void) | undefined
}

export interface HandOverOptions {
  readonly shared: Shared
  readonly script: HandshakeScript
  /** Milliseconds. */
  readonly timeout: number
  /** `local.port`, `local.number`. */
  readonly local: Readonly<Record<string, unknown>>
  /** An id that nobody has, where the schema has ids and this side draws them. */
  readonly drawId?: (() => number) | undefined
  /** Called once, inside an input, before anything of it leaves. It may call `abort`. */
  readonly done: (result: HandedOver) => void
  readonly failed: (error: PeerError) => void
  /** Where the stream stays, to carry packets: it takes those of the peer. Otherwise the stream ends with the handshake. */
  readonly carries?: CarryingHost | undefined
}

/** One message that has to go by. */
interface Turn {
  readonly step: StepDescriptor
  readonly frame: FramePlan
  readonly isOurs: boolean
}

export class HandOver implements StreamMachine {
  /** The driver sets it while the transport takes nothing. */
  isBlocked = false
  deadline: Instant = NEVER
  closing: 'after-flush' | 'now' | undefined
  readonly reading = true
  readonly #options: HandOverOptions
  readonly #plan: Plan
  readonly #address: Address
  readonly #framing: StreamFraming
  readonly #codec: Codec
  readonly #mirror: Codec
  readonly #context: Context
  readonly #scope: StepScope
  readonly #lifecycle: Lifecycle
  readonly #inbox = new Inbox()
  readonly #outbox = new Outbox()
  readonly #turns: Turn[]
  readonly #passed: FramePlan[] = []
  #now: Instant = instant(0)
  #id: number | undefined
  #state: 'idle' | 'running' | 'carrying' | 'done' | 'failed' = 'idle'

  /** Throws LocalError NotBuilt where the steps need more than this engine does. */
  constructor(options: HandOverOptions, address: Address, now: Instant) {
    const { shared, script, local } = options
    const { plan } = shared
    this.#options = options
    this.#plan = plan
    this.#address = address
    const framing = script.framing ?? plan.transport.framing
    this.#framing = streamFraming({ ...plan.transport, framing }, plan.maxFrame)
    this.#context = { ...freshContext(shared, address, () => this.#now), local }
    this.#codec = shared.plan.protocol.codec()
    this.#codec.context = this.#context
    this.#mirror = shared.plan.protocol.codec()
    this.#mirror.context = { ...this.#context, dir: undefined, state: undefined }
    this.#scope = new StepScope(this.#context)
    this.#lifecycle = new Lifecycle(plan, now)
    this.#turns = turns(plan, script)
  }

  // ------------------------------------------------------------------------------------------- for the driver

  start(now: Instant): void {
    this.#now = now
    this.#state = 'running'
    this.deadline = instant(now + this.#options.timeout)
    this.#proceed(now)
  }

  receive(now: Instant, chunk: Borrowed): boolean {
    this.#now = now
    this.#options.shared.meter.bytesIn(chunk.length)
    if (this.#state !== 'running' && this.#state !== 'carrying') return false
    this.#inbox.append(chunk, 0, chunk.length, this.#plan.maxFrame)
    if (this.#state === 'running') this.#read(now)
    if (this.#state === 'carrying') this.#unpack(now)
    return false
  }

  end(now: Instant): void {
    this.#now = now
    if (this.#state === 'running') this.#fail('HandshakeFailed', 'the peer ended the connection inside the handshake')
    else {
      this.#gone(now)
      this.closing ??= 'after-flush'
    }
  }

  lost(now: Instant, reason: string, error?: PeerError): void {
    this.#now = now
    if (this.#state === 'running')
      this.#failed(error ?? broken(`the connection was lost inside the handshake: ${reason}`))
    this.#gone(now)
    this.#inbox.bytes.fill(0)
    this.#inbox.clear()
    this.#outbox.clear()
    this.deadline = NEVER
  }

  /** A packet for the peer. What the stream has no room for is dropped, as by a network. */
  carry(packet: Uint8Array): void {
    if (this.#state === 'carrying') pack(this.#outbox, packet, this.#plan.protocol.limits.queue.bytes)
  }

  /** No packets any more: the stream ends. */
  leave(now: Instant): void {
    if (this.#state !== 'carrying') return
    this.#state = 'done'
    this.deadline = instant(now + LINGER)
    this.closing = 'after-flush'
  }

  transmit(): Uint8Array | undefined {
    if (this.closing === 'now') return undefined
    const run = this.#outbox.take()
    if (run !== undefined) this.#options.shared.meter.bytesOut(run.length)
    return run
  }

  /** What was sent held keys. */
  release(chunk: Uint8Array): void {
    chunk.fill(0)
    this.#outbox.release()
  }

  wake(now: Instant): void {
    this.#now = now
    if (now < this.deadline) return
    this.deadline = NEVER
    if (this.#state === 'running') {
      this.#options.shared.meter.count('handshake.timeout')
      this.#fail('Timeout', `the handshake took longer than ${this.#options.timeout} ms`)
    } else this.closing = 'now'
  }

  /** Nobody wants it any more: nothing further is sent or told. */
  abort(): void {
    this.#state = 'failed'
    this.closing = 'now'
    this.#scope.wipe()
  }

  /** Bytes that wait to be taken. */
  get queued(): number {
    return this.#outbox.bytes
  }

  // -------------------------------------------------------------------------------------------------- the rest

  /** Sends what is ours to send; done when nothing is left. */
  #proceed(now: Instant): void {
    for (let turn = this.#turns[0]; turn !== undefined; turn = this.#turns[0]) {
      if (!turn.isOurs) return
      this.#turns.shift()
      this.#send(now, turn)
    }
    this.#finish(now)
  }

  #send(now: Instant, { step, frame }: Turn): void {
    const value: Plain = {}
    for (const { field, value: given } of step.with) field.set(value, given(this.#scope))
    const offer = this.#options.script.ids?.offer.find(one => one.in === frame.name && !one.isPayload)
    if (offer !== undefined && this.#options.drawId !== undefined) {
      this.#id = this.#options.drawId()
      value[offer.field] = this.#id
    }
    const size = this.#codec.sizeOf(frame.name, value)
    const head = this.#framing.head(size)
    const bytes = this.#outbox.reserve(head + size + this.#framing.tail)
    const { at } = this.#outbox
    const start = at + head
    const end = this.#codec.encode(frame.name, value, bytes, start)
    const reader = this.#mirror.decode(bytes, start, end, { whole: true, frame: frame.name })
    this.#outbox.commit(this.#framing.wrap(bytes, at, start, end))
    this.#options.shared.meter.sent(frame.index, end - start)
    if (reader !== undefined) this.#wentBy(now, frame, reader)
  }

  #read(now: Instant): void {
    const inbox = this.#inbox
    while (this.#state === 'running' && inbox.length > 0) {
      const reader = this.#framing.find(this.#codec, inbox.bytes, 0, inbox.length)
      if (reader === undefined) {
        const { failure } = this.#framing
        if (failure !== undefined) this.#failed(refused(failure, this.#plan.protocol.errors, true))
        return
      }
      const turn = this.#turns[0]
      const { frameName } = reader
      if (turn === undefined || turn.frame.name !== frameName) {
        this.#fail('HandshakeFailed', `${frameName} came where the handshake has ${turn?.frame.name ?? 'nothing'}`)
        return
      }
      this.#turns.shift()
      this.#options.shared.meter.received(turn.frame.index, this.#framing.next)
      this.#wentBy(now, turn.frame, reader)
      inbox.bytes.fill(0, 0, this.#framing.next)
      inbox.drop(this.#framing.next)
      this.#proceed(now)
    }
  }

  /** Both sides learn the same from a message. */
  #wentBy(now: Instant, frame: FramePlan, reader: Reader): void {
    const session: Record<string, unknown> = { ...this.#context.session }
    for (const { name, value } of frame.descriptor.learn) session[name] = owned(value(reader))
    this.#context.session = session
    this.#mirror.context.session = session
    this.#scope.session = session
    this.#scope.frames[frame.name] = reader.toObject()
    const offer = this.#options.script.ids?.offer.find(one => one.in === frame.name && !one.isPayload)
    if (offer !== undefined) this.#id = Number(this.#scope.frames[frame.name]?.[offer.field])
    this.#passed.push(frame)
    this.#context.state = this.#lifecycle.pass(now, frame, reader)
  }

  #finish(now: Instant): void {
    if (this.#state !== 'running') return
    if (this.#options.script.remainder === 'reject' && this.#inbox.length > 0) {
      this.#fail('HandshakeFailed', 'there are bytes behind the last message of the handshake')
      return
    }
    const { carries } = this.#options
    if (carries === undefined) {
      this.#state = 'done'
      this.deadline = instant(now + LINGER)
      this.closing = 'after-flush'
    } else {
      this.#state = 'carrying'
      this.deadline = NEVER
    }
    this.#scope.wipe()
    this.#options.done({
      address: this.#address,
      session: this.#context.session as Record<string, unknown>,
      id: this.#id,
      passed: this.#passed,
    })
  }

  /** Whole packets out of what has arrived. */
  #unpack(now: Instant): void {
    while (this.#state === 'carrying') {
      const packet = unpack(this.#inbox)
      if (packet === undefined) break
      this.#options.carries?.packet(now, packet)
    }
    this.#inbox.shrink()
  }

  /** The stream carries nothing more. */
  #gone(now: Instant): void {
    if (this.#state !== 'carrying') return
    this.#state = 'done'
    this.#options.carries?.ended(now)
  }

  #fail(code: 'HandshakeFailed' | 'Timeout', text: string): void {
    this.#failed(peerError(code, text, { fatal: true }))
  }

  #failed(error: PeerError): void {
    if (this.#state !== 'running') return
    this.#state = 'failed'
    this.closing = 'now'
    this.#scope.wipe()
    wipe(this.#context.session)
    this.#options.failed(error)
  }
}

/** Overwrites the bytes among these values. */
export function wipe(values: Readonly<Record<string, unknown>>): void {
  for (const value of Object.values(values)) if (value instanceof Uint8Array) value.fill(0)
}

/** A copy, where it is bytes that somebody else may overwrite. */
function owned(value: unknown): unknown {
  return value instanceof Uint8Array ? Uint8Array.from(value) : value
}

/** The steps as this side sees them: each message once, ours and theirs. */
function turns(plan: Plan, script: HandshakeScript): Turn[] {
  if (script.secrets.length > 0 || script.keys.length > 0 || script.noise !== undefined)
    throw new LocalError(
      'NotBuilt',
      `${plan.protocol.name}: a handshake that goes on elsewhere has plain steps only, no \`noise\`, \`secrets\` or \`keys\``,
    )
  return script.steps.flatMap(step => {
    const frame = plan.byName.get(step.frame)
    if (frame === undefined) return []
    const isOurs = plan.role.is.includes(step.by) || step.by === (plan.side === 'dials' ? 'dialer' : 'acceptor')
    const turn = { step, frame }
    const each =
      step.by === 'both'
        ? [
            { ...turn, isOurs: true },
            { ...turn, isOurs: false },
          ]
        : [{ ...turn, isOurs }]
    return Array.from({ length: step.times }, () => each).flat()
  })
}

function broken(text: string): PeerError {
  return peerError('HandshakeFailed', text, { fatal: true })
}

/** What expressions of keyless steps may name. */
class StepScope implements KeyScope {
  readonly param: Readonly<Record<string, unknown>>
  session: Readonly<Record<string, unknown>>
  readonly key: Readonly<Record<string, unknown>> = NONE
  readonly peer: Readonly<Record<string, unknown>>
  readonly local: Readonly<Record<string, unknown>>
  readonly frames: Record<string, Record<string, unknown>> = {}
  readonly clear: Readonly<Record<string, unknown>> = NONE
  readonly counter = 0n
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
    this.param = context.param
    this.session = context.session
    this.peer = context.peer
    this.local = context.local
  }

  publicKey(pair: string): Uint8Array {
    throw new TypeError(`there is no key pair ${pair} in plain steps`)
  }

  dh(one: string, other: string): Uint8Array {
    throw new TypeError(`there are no key pairs ${one} and ${other} in plain steps`)
  }

  random(length: number): Uint8Array {
    return this.#context.random(length)
  }

  now(): number {
    return this.#context.now()
  }

  wipe(): void {
    for (const frame of Object.values(this.frames)) wipe(frame)
  }
}

const NONE = {}
/** Milliseconds that the stream may take to end once its work is done. */
const LINGER = 1000
