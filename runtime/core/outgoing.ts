// What the application sends on one session, in order: frames, requests, transfers, and what waits because the transport,
// a number for pieces, or the number of open requests leaves no room now.

import { Transfers } from '../channel/transfers.ts'
import type { Reader } from '../wire/codec.ts'
import type { Asking } from './asking.ts'
import { type Carrier, Ticket } from './carrier.ts'
import type { Emission } from './emission.ts'
import { LocalError, type PeerError, peerError } from './errors.ts'
import { idShape, requestIds } from './ids.ts'
import { type Instant, instant } from './machine.ts'
import type { FramePlan, Rule } from './plan.ts'
import { isSet, type Plain } from './recast.ts'
import type { Session } from './session.ts'
import { transferHost } from './transfer-host.ts'

/** A send or request that could not begin. */
interface Waiting {
  readonly frame: FramePlan
  readonly value: Plain
  readonly rule: Rule | undefined
  readonly ticket: Ticket
  /** The channel that the caller named, where frames travel on any. */
  readonly channel?: string | undefined
}

export class Outgoing {
  readonly #session: Session
  readonly #carrier: Carrier
  readonly #emission: Emission
  readonly #asking: Asking
  /** By the index of the rule that acknowledges their parts; made when first needed. */
  readonly #transfers: (Transfers<Ticket> | undefined)[] = []
  #waiting: Waiting[] = []
  #proceeding = false
  /** What was sent last: most send the same frame again. */
  #last: FramePlan | undefined
  /** The answer that arrived last, while it is borrowed: what a transfer settles with. */
  #answer: Reader | undefined

  constructor(session: Session, carrier: Carrier, emission: Emission, asking: Asking) {
    this.#session = session
    this.#carrier = carrier
    this.#emission = emission
    this.#asking = asking
  }

  /** Something could be sent if there was room. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#transfers.some(one => one?.isBlocked)
  }

  /** Something was asked for and is not done: sends that wait, requests without an answer, transfers on their way. */
  get isPending(): boolean {
    return this.#waiting.length > 0 || this.#asking.isPending || this.#transfers.some(one => one?.isPending)
  }

  get deadline(): Instant {
    let next: number = this.#asking.deadline
    const { freeAt } = this.#emission
    if (this.#waiting.length > 0 && freeAt > this.#session.now) next = Math.min(next, freeAt)
    for (const one of this.#transfers) if (one !== undefined) next = Math.min(next, one.deadline())
    return instant(next)
  }

  send(now: Instant, name: string, value: Plain, channel: string | undefined): Ticket | undefined {
    const frame = this.#sendable(name)
    const named = frame.isChannelled ? channel : undefined
    const given = channel === undefined || frame.isChannelled ? value : this.#onChannel(frame, value, channel)
    const rule = frame.asksBits.length === 0 ? undefined : asking(frame, given)
    if (rule !== undefined) return this.#ask(now, frame, given, rule, new Ticket())
    if (this.#waiting.length > 0 || !this.#carrier.hasRoom || !this.#emission.emit(now, frame, given, false, named))
      return this.#wait({ frame, value: given, rule: undefined, ticket: new Ticket(), channel: named })
    if (frame.inOrder.length > 0) this.#asking.placeInOrder(now, frame)
    return undefined
  }

  request(now: Instant, name: string, value: Plain, channel: string | undefined): Ticket {
    const frame = this.#sendable(name)
    const rule = frame.requestOf.find(one => one.reply.with.length > 0)
    if (rule === undefined) {
      const { kind } = this.#session.plan.transport
      throw new LocalError('NotARequest', `nothing answers ${name} over ${kind}: use send`)
    }
    const given = channel === undefined ? value : this.#onChannel(frame, value, channel)
    return this.#ask(now, frame, given, rule, new Ticket())
  }

  repeat(now: Instant, frame: Reader): boolean {
    return this.#waiting.length === 0 && this.#emission.repeat(now, frame)
  }

  cancel(ticket: Ticket): void {
    ticket.cancelled = true
    this.#waiting = this.#waiting.filter(one => one.ticket !== ticket)
    for (const one of this.#transfers) if (one?.cancel(ticket)) return
    this.#asking.cancel(ticket)
  }

  /** An answer arrived. True: it belonged to a request and goes no further. */
  answered(now: Instant, answer: Reader, plan: FramePlan): boolean {
    if (this.#transfers.length > 0 && this.#acknowledged(now, answer, plan)) return true
    const request = this.#asking.answered(now, answer, plan)
    if (request === undefined) return false
    const { ticket, isKeepAlive } = request.token
    // Of a request sent as a plain frame, the answer is a plain frame too.
    if (ticket === undefined) return isKeepAlive
    ticket.settle?.(undefined, answer.toObject())
    this.proceed(now)
    return true
  }

  /** The transfers of frames like this one; undefined where the schema has none. */
  transfers(frame: FramePlan, value: Plain = {}): Transfers<Ticket> | undefined {
    const rule = (frame.answeredBy.find(isAutomatic) ?? frame.requestOf.find(isAutomatic)) as Rule | undefined
    const { transfer } = frame.channel ?? {}
    const receiver = this.#session.shared.transfers.get(frame.descriptor.channel ?? '')
    if (transfer === undefined || rule === undefined || receiver === undefined) return undefined
    let made = this.#transfers[rule.index]
    if (made === undefined) {
      const host = transferHost(this.#session, this.#carrier, this.#emission, this.#asking.table(rule), {
        settle: (ticket, error) =>
          ticket.settle?.(error, error === undefined ? (this.#answer?.toObject() ?? {}) : undefined),
      })
      // A peer remembers the numbers of transfers that are over, also of a connection before this one.
      const shape = idShape(this.#carrier.mirror(this.#session), frame.name, value, transfer.id)
      const first = shape === undefined ? 1 : requestIds(shape, 'random', this.#session.shared.random).next(() => false)
      made = new Transfers<Ticket>(transfer, rule.reply, host, receiver, first)
      this.#transfers[rule.index] = made
    }
    return made
  }

  /** What was due. The error, when the peer has been silent for too long. */
  wake(now: Instant): PeerError | undefined {
    const silent = this.#asking.wake(now)
    for (const one of this.#transfers) one?.wake(now)
    this.proceed(now)
    return silent
  }

  /** There is room again: begins what waits, in order. */
  proceed(now: Instant): void {
    if (this.#proceeding) return
    this.#proceeding = true
    for (const one of this.#transfers) if (one?.isBlocked) one.pump(now)
    while (this.#waiting.length > 0 && this.#carrier.hasRoom) {
      const [next] = this.#waiting as [Waiting]
      if (next.rule !== undefined && this.#asking.isFull(next.rule)) break
      try {
        if (!this.#begin(now, next)) break
        this.#waiting.shift()
        if (next.rule === undefined) next.ticket.settle?.(undefined, undefined)
      } catch (error) {
        this.#waiting.shift()
        next.ticket.settle?.(error as Error, undefined)
      }
    }
    this.#proceeding = false
    if (this.isWaiting) this.#carrier.waits(this.#session)
  }

  /** No answer will come any more. */
  unanswerable(error: PeerError): void {
    this.#asking.end(error)
    for (const one of this.#transfers) one?.end(this.#session.now)
  }

  end(error: PeerError): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { ticket } of waiting) ticket.settle?.(error, undefined)
    this.unanswerable(error)
  }

  #sendable(name: string): FramePlan {
    const { plan, lifecycle } = this.#session
    const frame = this.#last?.name === name ? this.#last : plan.byName.get(name)
    if (frame === undefined) throw new LocalError('UnknownFrame', `${plan.protocol.name} has no frame "${name}"`)
    if (!frame.maySend) throw new LocalError('WrongDirection', `the ${plan.role.name} may not send ${name}`)
    if (!lifecycle.allows(frame))
      throw new LocalError('WrongState', `${name} may not be sent in the state ${lifecycle.state}`)
    this.#last = frame
    return frame
  }

  #onChannel(frame: FramePlan, value: Plain, name: string): Plain {
    const { protocol } = this.#session.plan
    const channel = protocol.channels.find(one => one.name === name)
    const header = protocol.channelHeader?.channel
    if (channel === undefined || (frame.descriptor.channel !== name && frame.descriptor.channel !== 'any'))
      throw new LocalError('BadOption', `${frame.name} does not travel on a channel "${name}"`)
    if (header === undefined || channel.id === undefined) return value
    const given = { ...value }
    header.set(given, channel.id)
    return given
  }

  #ask(now: Instant, frame: FramePlan, value: Plain, rule: Rule, ticket: Ticket): Ticket {
    const waiting: Waiting = { frame, value, rule, ticket }
    const isFree = this.#waiting.length === 0 && this.#carrier.hasRoom && !this.#asking.isFull(rule)
    return isFree && this.#begin(now, waiting) ? ticket : this.#wait(waiting)
  }

  #begin(now: Instant, { frame, value, rule, ticket, channel }: Waiting): boolean {
    if (rule !== undefined) {
      const transfers = isAutomatic(rule) ? this.transfers(frame, value) : undefined
      if (!transfers?.send(now, frame.name, value, ticket)) return this.#asking.open(now, rule, frame, value, ticket)
      this.#emission.show(frame, value)
      this.#session.soonest(instant(transfers.deadline()))
      if (transfers.isBlocked) this.#carrier.waits(this.#session)
      return true
    }
    if (!this.#emission.emit(now, frame, value, false, channel)) return false
    if (frame.inOrder.length > 0) this.#asking.placeInOrder(now, frame)
    return true
  }

  /** An answer to a part of a transfer. */
  #acknowledged(now: Instant, answer: Reader, plan: FramePlan): boolean {
    for (const { index, reply } of plan.answerTo) {
      const transfers = this.#transfers[index]
      if (transfers === undefined || typeof reply.by !== 'object') continue
      this.#answer = answer
      const isOurs = transfers.answered(now, reply.by.reply.get(answer))
      this.#answer = undefined
      if (!isOurs) continue
      this.#session.soonest(instant(transfers.deadline()))
      if (transfers.isBlocked) this.#carrier.waits(this.#session)
      return true
    }
    return false
  }

  #wait(waiting: Waiting): Ticket {
    const { overflow, plan } = this.#session.shared
    const { queue } = plan.protocol.limits
    const most = overflow === 'reject' ? 0 : Math.max(LEAST_WAITING, queue.messages)
    if (this.#waiting.length >= most)
      throw peerError(
        'LimitExceeded',
        overflow === 'reject'
          ? `${waiting.frame.name} was not sent: the outbound queue is full (${queue.messages} frames, ${queue.bytes} bytes)`
          : `${most} sends wait for room already: await what \`send\` returns`,
      )
    this.#waiting.push(waiting)
    this.#session.rearm()
    this.#carrier.waits(this.#session)
    return waiting.ticket
  }
}

/** The rule whose answer this value asks for: all its bits are set. */
function asking(frame: FramePlan, value: Plain): Rule | undefined {
  for (const rule of frame.asksBits) {
    if (value[rule.askFields[0] as string] === undefined) continue
    if (rule.reply.ask.every(bit => isSet(value, bit))) return rule
  }
  return undefined
}

/** Parts of transfers are acknowledged by the runtime, each by its id. */
function isAutomatic({ reply }: Rule): boolean {
  return reply.auto === 'before-delivery' && typeof reply.by === 'object'
}

/** Sends that may wait at least, whatever `limits.queue` says. */
const LEAST_WAITING = 1024
