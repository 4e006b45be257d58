// One peer: everything that the schema says about frames beyond their bytes. States and directions, learned values,
// requests and answers, repeated requests, keep-alives, pieces, limits, and how it ends. It is the same over streams and
// datagrams; the machine it lives in (its carrier) finds frames in what arrives and puts frames into what leaves.

import type { Malformed, Reader } from '../wire/codec.ts'
import { Answers } from './answers.ts'
import { Arrivals } from './arrivals.ts'
import { Asking } from './asking.ts'
import type { Carrier, Ticket } from './carrier.ts'
import type { SessionChannels } from './channels.ts'
import { Conduct, overdue } from './conduct.ts'
import { Delivery } from './delivery.ts'
import { Emission } from './emission.ts'
import { named, PeerError, peerError, refused } from './errors.ts'
import type { Secured } from './handshake-stream.ts'
import { CLOSED } from './lifecycle.ts'
import { type Address, type Instant, instant, NEVER } from './machine.ts'
import { Messages } from './messages.ts'
import { Outgoing } from './outgoing.ts'
import type { ConnectionState } from './phases.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'
import { sessionChannels } from './session-channels.ts'
import { SessionRecord } from './session-record.ts'
import { sealsOf } from './session-seals.ts'
import type { Shared } from './shared.ts'

export type { Shared } from './shared.ts'

export class Session extends SessionRecord {
  /** Messages that are laid into frames of one size, and their end. */
  readonly messages: Messages
  readonly #carrier: Carrier
  readonly #emission: Emission
  readonly #asking: Asking
  readonly #out: Outgoing
  readonly #delivery: Delivery
  readonly #arrivals: Arrivals
  readonly #conduct: Conduct
  #closeAt: Instant = NEVER
  #closing: { readonly reason: string; readonly error: PeerError | undefined } | undefined

  /** `opening`: it is open only with `open`; before that nothing is sent on it. */
  constructor(shared: Shared, carrier: Carrier, address: Address, now: Instant, phase: 'opening' | 'open' = 'open') {
    super(shared, address, now, phase)
    this.#carrier = carrier
    this.messages = new Messages(this)
    this.#emission = new Emission(this, carrier)
    this.#asking = new Asking(this, carrier, this.#emission)
    this.#out = new Outgoing(this, carrier, this.#emission, this.#asking)
    const answers = new Answers(this, carrier, this.#emission)
    this.#delivery = new Delivery(this, carrier, answers)
    const parts = { emission: this.#emission, out: this.#out, answers, delivery: this.#delivery }
    this.#arrivals = new Arrivals(this, carrier, parts)
    this.#conduct = new Conduct(shared, now)
  }

  // ------------------------------------------------------------------------------------------ from the carrier

  /** The connection is there. */
  open(now: Instant): void {
    if (this.enter('opened')) this.openedAt = now
    else {
      this.lifecycle.restart(now)
      this.changedState(this.state)
    }
    this.now = now
    this.seenAt = now
    this.shared.meter.count('open')
    // Where every frame carries a number of their one row, they are there from the beginning.
    if (this.plan.protocol.channelHeader?.seqSpace === 'connection') this.makeChannels(now)
    this.#asking.start(now)
    this.shared.sink.open(this)
    this.rearm()
  }

  /** The handshake is over: what it agreed on, and the keys of this session. Before `open`. */
  secure(secured: Secured): void {
    this.secured = secured
    this.seals = sealsOf(this, secured)
    this.context.key = secured.keys
    this.context.open = this.seals?.open
    this.context.seal = this.seals?.seal
  }

  /** The handshake failed. */
  neverOpen(now: Instant, error: PeerError): void {
    this.now = now
    this.shared.meter.count('error', error.code)
    this.shared.meter.count(error.code === 'Timeout' ? 'handshake.timeout' : 'handshake.failed', error.code)
    this.#fail(now, error, 'handshake')
  }

  /** The application is busy with a frame. */
  get isDelivering(): boolean {
    return this.#delivery.isBusy
  }

  /** What arrives is dropped unseen in the present state. */
  get isIgnoring(): boolean {
    return this.lifecycle.ignores(this.context.dir)
  }

  /** False: the application has as many frames as it may have; give no more. */
  get takes(): boolean {
    return this.#delivery.hasRoom
  }

  /** A packet under our id did not open: anybody can send one, so it is a fault of this peer only where the schema says so
   * (profiles). False: it is not. */
  unopened(now: Instant, code: string): boolean {
    const { strikes } = this.plan.protocol.limits
    if (strikes?.authenticated !== false) return false
    this.fault(now, new PeerError(code, 'a packet did not open'))
    return true
  }

  /** False: the peer sends faster than `limits.rate`; the frame is not to be counted as arrived. */
  charge(now: Instant, size: number): boolean {
    return this.#conduct.charge(now, size)
  }

  /** Something arrived that says nothing to the application: the peer is there, and what it acknowledges. */
  heard(now: Instant, frame: Reader, plan: FramePlan, size: number): void {
    this.seenAt = now
    this.now = now
    this.bytesIn += size
    this.#emission.channels?.arrived(now, frame, plan)
  }

  /** The last frame of a batch has arrived. */
  settled(now: Instant): void {
    const { channels } = this.#emission
    // A goodbye may stand right behind what would be acknowledged: nobody is told any more.
    if (channels?.isTouched && this.phase !== 'dead') channels.pump(now)
    if (this.phase === 'draining') this.#finish(now)
  }

  /** Where the schema has some, and something has travelled on them. */
  get channels(): SessionChannels | undefined {
    return this.#emission.channels
  }

  /** The channels, made when something travels on them first: most peers of a large server say nothing most of the time. */
  makeChannels(now: Instant): SessionChannels | undefined {
    if (this.phase === 'opening' || !this.plan.hasChannels) return undefined
    const [carrier, emission] = [this.#carrier, this.#emission]
    const parts = { session: this, carrier, emission, arrivals: this.#arrivals, out: this.#out }
    emission.channels ??= sessionChannels(parts, now)
    return emission.channels
  }

  /** A frame arrived and passed the codec. Borrowed. */
  arrived(now: Instant, frame: Reader, size: number): void {
    const plan = this.plan.frames[frame.frameIndex] as FramePlan
    const { shared } = this
    this.seenAt = now
    this.now = now
    this.framesIn++
    this.bytesIn += size
    shared.meter.received(plan.index, size)
    if (this.saidGoodbye) return
    if (plan.isPlain && !this.#delivery.isBusy) {
      if (shared.sink.tap !== undefined) shared.sink.tap(this, 'in', frame)
      this.#delivery.deliver(now, frame, plan, undefined)
    } else this.#arrivals.consider(now, frame, plan)
    if (this.phase === 'draining') this.#finish(now)
  }

  /** Bytes that are no frame. The carrier looks at `phase` afterwards. */
  malformed(now: Instant, failure: Malformed): void {
    this.seenAt = now
    this.now = now
    const fatal = this.plan.protocol.errors[failure.code]?.fatal ?? this.plan.isStream
    this.fault(now, refused(failure, this.plan.protocol.errors, fatal))
  }

  /** Everything queued was taken: there is room for what waits. True while something still waits. */
  drained(): boolean {
    if (this.phase === 'over' || this.phase === 'dead') return false
    this.channels?.pump(this.now)
    this.#out.proceed(this.now)
    if (this.phase === 'draining') this.#finish(this.now)
    return this.#out.isWaiting
  }

  /** The peer sends no more, but may still read. */
  peerEnded(now: Instant): void {
    this.now = now
    this.#out.unanswerable(peerError('Closed', 'the peer ended the connection before it answered'))
    if (this.phase === 'open' && this.messages.isCut) {
      const error = peerError('Cut', 'the connection ended before what was sent on it came to its end', { fatal: true })
      this.fault(now, error)
      this.close(now, 'cut', error)
    } else this.close(now, 'end')
  }

  wake(now: Instant): void {
    this.now = now
    if (now < this.deadline || this.phase === 'over') return
    if (now >= this.#closeAt) this.abort('timeout')
    else if (this.phase === 'open' || this.phase === 'draining') this.#watch(now)
    if (this.phase === 'draining') this.#finish(now)
    this.rearm()
  }

  /** The transport is gone, or the endpoint lets go of this peer. Last input. */
  end(now: Instant, reason: string, error?: PeerError): void {
    if (!this.enter('gone')) return
    this.now = now
    this.deadline = NEVER
    const closing = this.#closing ?? { reason, error }
    this.seals?.destroy()
    this.shared.meter.count('close', closing.reason)
    this.#emission.channels?.end()
    const why = closing.error ?? peerError('Closed', `the connection is closed (${closing.reason})`)
    this.#out.end(why)
    this.#delivery.end()
    this.shared.sink.close(this, closing.reason, closing.error)
  }

  // -------------------------------------------------------------------------------------- from the application

  /**
   * Sends a frame. Undefined: it was taken. A ticket: it waits for room, for an id, or for the acknowledgement it asks
   * for. Throws EncodeError for a value the schema does not allow, LocalError and PeerError where it cannot be sent.
   */
  send(now: Instant, name: string, value: Plain, channel?: string): Ticket | undefined {
    if (this.phase !== 'open') throw this.closedError()
    this.now = now
    return this.#out.send(now, name, value, channel)
  }

  /** Sends a request; the ticket settles with the reply. */
  request(now: Instant, name: string, value: Plain, channel?: string): Ticket {
    if (this.phase !== 'open') throw this.closedError()
    this.now = now
    return this.#out.request(now, name, value, channel)
  }

  /** Sends a frame that arrived back as it is. False: it cannot go out so, or not now. */
  repeat(now: Instant, frame: Reader): boolean {
    this.now = now
    return this.phase === 'open' && this.#out.repeat(now, frame)
  }

  /** Sends a frame whatever the state says: an answer to somebody who may be in the wrong one. */
  say(now: Instant, name: string, value: Plain): void {
    const frame = this.plan.byName.get(name)
    if (frame === undefined || this.phase !== 'open') return
    this.now = now
    this.#emission.emit(now, frame, value)
  }

  /** Gives a ticket up: it does not settle any more. What was sent stays sent. */
  cancel(ticket: Ticket): void {
    this.#out.cancel(ticket)
  }

  /** Answers the request that the sink is busy with, or is being shown. `{ frame, value }` where there is a choice. */
  reply(now: Instant, value: unknown): void {
    this.#delivery.reply(now, value)
  }

  /** The application is done with the frame for which the sink returned BUSY. */
  done(now: Instant): void {
    this.now = now
    this.#delivery.done(now)
    if (this.phase === 'draining') this.#finish(now)
    this.rearm()
  }

  /** Ends the connection: what was taken is sent first, and the frame that says goodbye, within the close timeout. */
  close(now: Instant, reason = 'closed', error?: PeerError): void {
    if (this.phase === 'opening') this.abort(reason, error)
    if (!this.enter('closed')) return
    this.now = now
    this.#closing ??= { reason, error }
    this.#closeAt = instant(now + this.shared.closeTimeout)
    this.#finish(now)
    this.rearm()
  }

  /** Ends the connection at once: what is queued is lost. */
  abort(reason: string, error?: PeerError): void {
    if (!this.enter('aborted')) return
    this.#closing ??= { reason, error }
    this.#carrier.changed(this)
  }

  /** A frame that ends the connection was delivered. */
  goodbye(now: Instant, frame: FramePlan): void {
    if (!this.enter(frame.descriptor.close === 'now' ? 'left' : 'goodbye')) return
    this.#closing ??= { reason: 'bye', error: undefined }
    this.#closeAt = instant(now + this.shared.closeTimeout)
    this.rearm()
    this.#carrier.changed(this)
  }

  /** The peer broke a rule, or something failed: counted, told, and where the schema says so the end. */
  fault(now: Instant, fault: PeerError): void {
    const error = named(fault, this.plan.protocol.covers)
    this.shared.meter.count('error', error.code)
    this.shared.sink.error(this, error)
    if (this.#conduct.isTooMuch(now, error)) this.#fail(now, error)
  }

  /** A frame went by, in either direction: the state it leads to. */
  passed(now: Instant, frame: FramePlan, reader: Reader | undefined): void {
    if (this.lifecycle.stays(frame)) return
    const before = this.lifecycle.state
    const state = this.lifecycle.pass(now, frame, reader)
    if (state === before) return
    this.context.state = state
    if (state === CLOSED) this.close(now, this.saidGoodbye ? 'bye' : 'closed')
    this.rearm()
  }

  /** Works out when to be woken next. */
  rearm(): void {
    const { idle } = this.plan.protocol.limits
    let next: number = this.#closeAt
    if (this.phase === 'open' || this.phase === 'draining')
      next = Math.min(next, this.lifecycle.deadline, this.#out.deadline, this.channels?.deadline ?? NEVER)
    if (this.phase === 'open') next = Math.min(next, this.seenAt + idle)
    if (this.phase === 'dead' || this.phase === 'over') next = NEVER
    const before = this.deadline
    this.deadline = instant(next)
    if (next < before) this.#carrier.changed(this)
  }

  /** Only comes closer: cheaper than `rearm`, for requests. */
  soonest(at: Instant): void {
    if (at >= this.deadline) return
    this.deadline = at
    this.#carrier.changed(this)
  }

  // -------------------------------------------------------------------------------------------------- the rest

  /** Idle, silent, too long in a state, requests without an answer. */
  #watch(now: Instant): void {
    // What is not read because the application is slow is no silence of the peer.
    if (!this.takes) this.seenAt = now
    const late = overdue(this, now)
    if (late !== undefined) {
      this.#fail(now, late.error, late.reason)
      return
    }
    this.channels?.wake(now)
    const silent = this.phase === 'dead' ? undefined : this.#out.wake(now)
    if (silent !== undefined) this.#fail(now, silent, 'timeout')
  }

  /** The peer, or the way to it, has become impossible to go on with. */
  fail(now: Instant, failure: PeerError): void {
    const error = named(failure, this.plan.protocol.covers)
    this.shared.meter.count('error', error.code)
    this.shared.sink.error(this, error)
    this.#fail(now, error)
  }

  /** Ends the connection because of an error, and tells the peer where the schema has a frame for that. */
  #fail(now: Instant, error: PeerError, reason = 'error'): void {
    if (this.phase !== 'open' && this.phase !== 'draining') return
    if (reason !== 'error') this.shared.sink.error(this, error)
    this.#closing = { reason, error }
    this.saidGoodbye = true
    if (reason === 'error' && this.plan.tell !== undefined) this.#emission.tell(now, this.plan.tell)
    else if (this.isSealed && this.plan.bye !== undefined) this.#emission.tell(now, this.plan.bye)
    this.enter('failed')
    this.#closeAt = instant(now + Math.min(this.shared.closeTimeout, FAILED_CLOSE))
    this.rearm()
    this.#carrier.changed(this)
  }

  /** Goes from draining to flushing once nothing is left to wait for. */
  #finish(now: Instant): void {
    if (this.#out.isPending || this.#delivery.isBusy || (this.channels?.unsettled ?? 0) > 0) return
    if (!this.saidGoodbye) this.messages.finish(now, (frame, value) => this.#emission.emit(now, frame, value))
    if (this.plan.bye !== undefined && !this.saidGoodbye) this.#emission.tell(now, this.plan.bye)
    this.enter('finished')
    this.#carrier.changed(this)
  }

  protected changedState(state: ConnectionState): void {
    this.shared.sink.state?.(this, state)
  }

  closedError(): PeerError {
    if (this.phase === 'opening') return peerError('WrongState', 'the handshake of this connection is not done')
    return (
      this.#closing?.error ?? peerError('Closed', `the connection is closed (${this.#closing?.reason ?? 'closed'})`)
    )
  }
}

/** A connection that failed does not linger, milliseconds. */
const FAILED_CLOSE = 1000
