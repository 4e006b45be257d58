// The requests of one session, over all its rules: sent for the first time, sent again, answered, given up; and the
// keep-alives that the runtime asks by itself.

import type { Request } from '../reliability/outstanding.ts'
import type { Codec, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Carrier, Ticket } from './carrier.ts'
import type { Emission } from './emission.ts'
import { type PeerError, peerError } from './errors.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { FramePlan, Rule } from './plan.ts'
import type { Plain } from './recast.ts'
import { type Asked, type Codecs, Requests } from './requests.ts'
import type { Session } from './session.ts'

export class Asking implements Codecs {
  readonly #session: Session
  readonly #carrier: Carrier
  readonly #emission: Emission
  /** By the index of the rule; made when first needed. */
  readonly #requests: (Requests | undefined)[] = []

  constructor(session: Session, carrier: Carrier, emission: Emission) {
    this.#session = session
    this.#carrier = carrier
    this.#emission = emission
  }

  /** Somebody waits for an answer. */
  get isPending(): boolean {
    return this.#requests.some(one => one !== undefined && one.awaited > 0)
  }

  get deadline(): Instant {
    let next: number = NEVER
    for (const one of this.#requests) if (one !== undefined) next = Math.min(next, one.deadline)
    return instant(next)
  }

  isFull(rule: Rule): boolean {
    return this.table(rule).isFull
  }

  /** Begins to send keep-alives, where the schema has them. */
  start(now: Instant): void {
    for (const rule of this.#session.plan.rules) {
      const request = this.#session.plan.byName.get(rule.reply.to[0] ?? '')
      if (rule.reply.every === undefined || !request?.maySend) continue
      if (rule.reply.with.length > 0 && !request.requestOf.includes(rule)) continue
      this.table(rule).startKeepAlive(now)
    }
  }

  /** Sends a request for the first time. False: no number for its pieces is free yet. Throws. */
  open(now: Instant, rule: Rule, frame: FramePlan, value: Plain, ticket?: Ticket, isKeepAlive = false): boolean {
    const requests = this.table(rule)
    const { id, value: asking } = requests.prepare(this, frame, value)
    if (!this.#emission.emit(now, frame, asking)) return false
    const { lastCut: cut } = this.#emission
    const mayRepeat = !this.#session.plan.isStream && !frame.isChannelled && rule.reply.retry !== undefined
    const { lastBytes, lastStart, lastEnd } = this.#carrier
    requests.open(now, {
      id,
      frame,
      value: mayRepeat && cut !== undefined ? asking : undefined,
      bytes: mayRepeat && cut === undefined ? copyOf(lastBytes, lastStart, lastEnd) : undefined,
      cut,
      ticket,
      isKeepAlive,
    })
    this.#session.soonest(requests.deadline)
    return true
  }

  /** Where answers are matched by order alone, requests sent as plain frames take their place in it. */
  placeInOrder(now: Instant, frame: FramePlan): void {
    for (const rule of frame.inOrder) {
      const requests = this.table(rule)
      if (requests.isFull) continue
      const { id } = requests.prepare(this, frame, {})
      const none = { value: undefined, bytes: undefined, cut: undefined, ticket: undefined }
      requests.open(now, { id, frame, ...none, isKeepAlive: false })
      this.#session.soonest(requests.deadline)
    }
  }

  /** The request that this answer belongs to, now closed. */
  answered(now: Instant, answer: Reader, plan: FramePlan): Request<Asked> | undefined {
    for (const rule of plan.answerTo) {
      const request = this.#requests[rule.index]?.answered(answer)
      if (request === undefined) continue
      if (request.attempts === 1) this.#session.shared.meter.roundTrip(now - request.openedAt)
      return request
    }
    return undefined
  }

  /** Does what is due. The error, when the peer has been silent for too long. */
  wake(now: Instant): PeerError | undefined {
    let silent: PeerError | undefined
    for (const requests of this.#requests) {
      if (requests === undefined) continue
      for (let one = requests.due(now); one !== undefined; one = requests.due(now)) {
        if (!one.expired) this.#again(now, one.token)
        else silent ??= this.#giveUp(requests, one.token, one.openedAt)
      }
      if (silent === undefined && requests.keepAlive(now)) this.#keepAlive(now, requests)
    }
    return silent
  }

  cancel(ticket: Ticket): void {
    for (const one of this.#requests) if (one?.cancel(ticket)) return
  }

  /** No answer will come any more. */
  end(error: PeerError): void {
    for (const requests of this.#requests)
      for (const { ticket } of requests?.drain() ?? []) ticket?.settle?.(error, undefined)
  }

  /** The requests of a rule. */
  table(rule: Rule): Requests {
    let requests = this.#requests[rule.index]
    if (requests === undefined) {
      requests = new Requests(rule, this.#session.plan.isStream, this.#session.shared.random)
      this.#requests[rule.index] = requests
    }
    return requests
  }

  /** A codec to look at frames of this side with. */
  get mirror(): Codec {
    return this.#carrier.mirror(this.#session)
  }

  #again(now: Instant, asked: Asked): void {
    this.#session.shared.meter.count('reply.retry', asked.frame.name)
    if (!this.#carrier.hasRoom) return
    if (asked.bytes !== undefined) {
      this.#carrier.writeAgain(this.#session, asked.bytes)
      return
    }
    const pieces = this.#emission.pieces(asked.frame)
    if (asked.value === undefined || asked.cut === undefined || pieces === undefined) return
    if (pieces.keepsId) this.#emission.emitPieces(now, asked.frame, asked.value, pieces, asked.cut)
    else if (this.#emission.emit(now, asked.frame, asked.value)) asked.cut = this.#emission.lastCut
  }

  #giveUp(requests: Requests, asked: Asked, openedAt: number): PeerError | undefined {
    const { reply } = requests.rule
    const text = `no ${reply.with.join(' or ')} in answer to ${asked.frame.name}`
    const error = peerError('Timeout', text, { frame: asked.frame.name, fatal: asked.isKeepAlive })
    if (!asked.isKeepAlive) {
      this.#session.shared.meter.count('reply.timeout', asked.frame.name)
      asked.ticket?.settle?.(error, undefined)
      // A late answer would be taken for that of the next request.
      return reply.by === 'order' && this.#session.plan.isStream ? error : undefined
    }
    const isAlive = this.#session.seenAt > openedAt || !this.#session.takes
    return isAlive ? undefined : error
  }

  #keepAlive(now: Instant, requests: Requests): void {
    const { rule } = requests
    const frame = this.#session.plan.byName.get(rule.reply.to[0] ?? '')
    if (frame === undefined || !this.#carrier.hasRoom || !this.#session.lifecycle.allows(frame)) return
    try {
      if (rule.reply.with.length === 0) this.#emission.emit(now, frame, {})
      else this.open(now, rule, frame, {}, undefined, true)
    } catch (error) {
      // The frame cannot be made of nothing: the schema asks for the impossible, once is enough to say so.
      requests.keepAliveAt = NEVER
      this.#session.shared.sink.error(this.#session, peerError('LimitExceeded', (error as Error).message))
    }
  }
}
