// What one session sends: frames, requests and their repetition, pieces, and what waits because the transport, an id or
// the number of open requests leaves no room now.

import type { Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import { type Carrier, Ticket } from './carrier.ts'
import { LocalError, type PeerError, peerError } from './errors.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import { type CutMessage, Pieces, pieceFields } from './pieces.ts'
import type { FramePlan, Rule } from './plan.ts'
import { isSet, type Plain } from './recast.ts'
import { type Asked, Requests } from './requests.ts'
import type { Session } from './session.ts'

/** A send or request that could not begin. */
interface Waiting {
  readonly frame: FramePlan
  readonly value: Plain
  readonly rule: Rule | undefined
  readonly ticket: Ticket
}

export class Outgoing {
  readonly #session: Session
  readonly #carrier: Carrier
  /** By the index of the rule; made when first needed. */
  readonly #requests: (Requests | undefined)[] = []
  readonly #pieces = new Map<string, Pieces>()
  #waiting: Waiting[] = []
  #proceeding = false
  /** How the frame emitted last was cut. */
  #lastCut: CutMessage | undefined

  constructor(session: Session, carrier: Carrier) {
    this.#session = session
    this.#carrier = carrier
  }

  /** Sends and requests that could not begin. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0
  }

  /** Something was asked for and is not done: sends that wait, requests without an answer. */
  get isPending(): boolean {
    return this.#waiting.length > 0 || this.#requests.some(one => one !== undefined && one.awaited > 0)
  }

  get deadline(): Instant {
    let next: number = NEVER
    for (const one of this.#requests) if (one !== undefined) next = Math.min(next, one.deadline)
    if (this.#waiting.length > 0)
      for (const one of this.#pieces.values()) if (one.freeAt > this.#session.now) next = Math.min(next, one.freeAt)
    return instant(next)
  }

  start(now: Instant): void {
    for (const rule of this.#session.plan.rules) {
      const request = this.#session.plan.byName.get(rule.reply.to[0] ?? '')
      if (rule.reply.every === undefined || !request?.maySend) continue
      if (rule.reply.with.length > 0 && !request.requestOf.includes(rule)) continue
      this.#table(rule).startKeepAlive(now)
    }
  }

  send(now: Instant, name: string, value: Plain, channel: string | undefined): Ticket | undefined {
    const frame = this.#sendable(name)
    const given = channel === undefined ? value : this.#onChannel(frame, value, channel)
    const rule = frame.asksBits.length === 0 ? undefined : asking(frame, given)
    if (rule !== undefined) return this.#ask(now, frame, given, rule, new Ticket())
    if (this.#waiting.length > 0 || !this.#carrier.hasRoom || !this.emit(now, frame, given))
      return this.#wait({ frame, value: given, rule: undefined, ticket: new Ticket() })
    if (frame.inOrder.length > 0) this.#matchInOrder(now, frame)
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
    const plan = this.#session.plan.frames[frame.frameIndex] as FramePlan
    const size = frame.byteEnd - frame.byteStart
    if (this.#waiting.length > 0 || !this.#carrier.hasRoom || !this.#session.lifecycle.allows(plan)) return false
    if (plan.fragment !== undefined && size > plan.fragment.above) return false
    this.#carrier.writeAgain(this.#session, frame.byteSource.subarray(frame.byteStart, frame.byteEnd))
    this.#sent(now, plan, true)
    return true
  }

  cancel(ticket: Ticket): void {
    ticket.cancelled = true
    this.#waiting = this.#waiting.filter(one => one.ticket !== ticket)
    for (const one of this.#requests) if (one?.cancel(ticket)) return
  }

  /** Writes a frame, in pieces where it must be. False: no number for its pieces is free yet. Throws. */
  emit(now: Instant, frame: FramePlan, value: Plain): boolean {
    const codec = this.#carrier.codec(this.#session)
    const size = codec.sizeOf(frame.name, value)
    if (frame.fragment !== undefined && size > frame.fragment.above) {
      const pieces = this.pieces(frame)
      if (pieces !== undefined) {
        const cut = pieces.cut(now, codec, frame, value, size)
        if (cut === undefined) return false
        if (cut.cut.count > 1) {
          this.#emitPieces(now, frame, value, pieces, cut)
          return true
        }
      }
    }
    this.#carrier.write(this.#session, frame, value, size)
    this.#sent(now, frame, true)
    return true
  }

  /** A frame that is sent whether there is room or not, where the schema can make it of nothing: goodbye, an error. */
  tell(now: Instant, frame: FramePlan): void {
    if (!this.#session.lifecycle.allows(frame)) return
    try {
      this.emit(now, frame, {})
    } catch {
      // It has fields that nobody gave: then there is nothing to tell.
    }
  }

  /** How frames of this kind are cut; undefined where the schema has no fields for it. */
  pieces(frame: FramePlan): Pieces | undefined {
    const { channel } = frame.descriptor
    const known = this.#pieces.get(channel ?? '')
    if (known !== undefined) return known
    const fields = pieceFields(this.#session.plan.protocol.channelHeader)
    if (fields === undefined || frame.fragment === undefined) return undefined
    const made = new Pieces(fields, frame.fragment)
    this.#pieces.set(channel ?? '', made)
    return made
  }

  /** A frame in memory of its own, made of a joined value. Undefined where the schema does not allow it whole. */
  build(frame: FramePlan, value: Plain): Reader | undefined {
    const codec = this.#carrier.codec(this.#session)
    try {
      const bytes = new Uint8Array(codec.sizeOf(frame.name, value))
      const end = codec.encode(frame.name, value, bytes, 0)
      return codec.decode(bytes, 0, end, { whole: true, frame: frame.name })
    } catch {
      return undefined
    }
  }

  /** An answer arrived. True: it belonged to a request and goes no further. */
  answered(now: Instant, answer: Reader, plan: FramePlan): boolean {
    for (const rule of plan.answerTo) {
      const request = this.#requests[rule.index]?.answered(answer)
      if (request === undefined) continue
      const { ticket, isKeepAlive } = request.token
      if (request.attempts === 1) this.#session.shared.meter.roundTrip(now - request.openedAt)
      // Of a request sent as a plain frame, the answer is a plain frame too.
      if (ticket === undefined) return isKeepAlive
      ticket.settle?.(undefined, answer.toObject())
      this.proceed(now)
      return true
    }
    return false
  }

  /** What was due. The error, when the peer has been silent for too long. */
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
    this.proceed(now)
    return silent
  }

  /** There is room again: begins what waits, in order. */
  proceed(now: Instant): void {
    if (this.#proceeding) return
    this.#proceeding = true
    while (this.#waiting.length > 0 && this.#carrier.hasRoom) {
      const [next] = this.#waiting as [Waiting]
      if (next.rule !== undefined && this.#table(next.rule).isFull) break
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
  }

  /** No answer will come any more. */
  unanswerable(error: PeerError): void {
    for (const requests of this.#requests)
      for (const { ticket } of requests?.drain() ?? []) ticket?.settle?.(error, undefined)
  }

  end(error: PeerError): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { ticket } of waiting) ticket.settle?.(error, undefined)
    this.unanswerable(error)
  }

  #sendable(name: string): FramePlan {
    const { plan, lifecycle } = this.#session
    const frame = plan.byName.get(name)
    if (frame === undefined) throw new LocalError('UnknownFrame', `${plan.protocol.name} has no frame "${name}"`)
    if (!frame.maySend) throw new LocalError('WrongDirection', `the ${plan.role.name} may not send ${name}`)
    if (!lifecycle.allows(frame))
      throw new LocalError('WrongState', `${name} may not be sent in the state ${lifecycle.state}`)
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
    const isFree = this.#waiting.length === 0 && this.#carrier.hasRoom && !this.#table(rule).isFull
    return isFree && this.#begin(now, waiting) ? ticket : this.#wait(waiting)
  }

  #begin(now: Instant, { frame, value, rule, ticket }: Waiting): boolean {
    if (rule !== undefined) return this.#open(now, this.#table(rule), frame, value, ticket, false)
    if (!this.emit(now, frame, value)) return false
    this.#matchInOrder(now, frame)
    return true
  }

  /** Sends a request for the first time. */
  #open(
    now: Instant,
    requests: Requests,
    frame: FramePlan,
    value: Plain,
    ticket: Ticket | undefined,
    isKeepAlive: boolean,
  ): boolean {
    const { id, value: asking } = requests.prepare(this.#carrier.mirror(this.#session), frame, value)
    this.#lastCut = undefined
    if (!this.emit(now, frame, asking)) return false
    const cut = this.#lastCut as CutMessage | undefined
    const mayRepeat = !this.#session.plan.isStream && requests.rule.reply.retry !== undefined
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

  #emitPieces(now: Instant, frame: FramePlan, value: Plain, pieces: Pieces, message: CutMessage): void {
    const codec = this.#carrier.codec(this.#session)
    for (let index = 0; index < message.cut.count; index++) {
      const piece = pieces.piece(frame, value, message, index)
      this.#carrier.write(this.#session, frame, piece, codec.sizeOf(frame.name, piece))
      this.#sent(now, frame, index === 0)
    }
    this.#lastCut = message
  }

  #again(now: Instant, asked: Asked): void {
    this.#session.shared.meter.count('reply.retry', asked.frame.name)
    if (!this.#carrier.hasRoom) return
    if (asked.bytes !== undefined) {
      this.#carrier.writeAgain(this.#session, asked.bytes)
      return
    }
    const pieces = this.pieces(asked.frame)
    if (asked.value === undefined || asked.cut === undefined || pieces === undefined) return
    if (pieces.keepsId) this.#emitPieces(now, asked.frame, asked.value, pieces, asked.cut)
    else if (this.emit(now, asked.frame, asked.value)) asked.cut = this.#lastCut
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
    const frame = this.#session.plan.byName.get(requests.rule.reply.to[0] ?? '')
    if (frame === undefined || !this.#carrier.hasRoom || !this.#session.lifecycle.allows(frame)) return
    try {
      if (requests.rule.reply.with.length === 0) this.emit(now, frame, {})
      else this.#open(now, requests, frame, {}, undefined, true)
    } catch (error) {
      // The frame cannot be made of nothing: the schema asks for the impossible, once is enough to say so.
      requests.keepAliveAt = NEVER
      this.#session.shared.sink.error(this.#session, peerError('LimitExceeded', (error as Error).message))
    }
  }

  /** Where answers are matched by order alone, requests sent as plain frames take their place in it. */
  #matchInOrder(now: Instant, frame: FramePlan): void {
    for (const rule of frame.inOrder) {
      const requests = this.#table(rule)
      if (requests.isFull) continue
      const { id } = requests.prepare(this.#carrier.mirror(this.#session), frame, {})
      const none = { value: undefined, bytes: undefined, cut: undefined, ticket: undefined }
      requests.open(now, { id, frame, ...none, isKeepAlive: false })
      this.#session.soonest(requests.deadline)
    }
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

  #table(rule: Rule): Requests {
    let requests = this.#requests[rule.index]
    if (requests === undefined) {
      requests = new Requests(rule, this.#session.plan.isStream, this.#session.shared.random)
      this.#requests[rule.index] = requests
    }
    return requests
  }

  /** A frame of ours stands in the outbox. `isFirst`: not a further piece of the same message. */
  #sent(now: Instant, frame: FramePlan, isFirst: boolean): void {
    const session = this.#session
    const { lastBytes: bytes, lastStart: start, lastEnd: end } = this.#carrier
    session.framesOut++
    session.bytesOut += end - start
    session.shared.meter.sent(frame.index, end - start)
    const { learn, repeat } = frame.descriptor
    const looks = session.lifecycle.looksInto(frame) || learn.length > 0
    if (looks || session.shared.sink.tap !== undefined) {
      const mirror = this.#carrier.mirror(session)
      const reader = mirror.decode(bytes, start, end, { whole: true, ignoreTrailing: true, frame: frame.name })
      if (reader !== undefined) {
        session.shared.sink.tap?.(session, 'out', reader)
        if (isFirst && looks) session.learn(now, frame, reader)
        if (isFirst) session.passed(now, frame, reader)
      }
    } else if (isFirst) session.passed(now, frame, undefined)
    if (!session.plan.isStream && repeat > 1) {
      const copy = copyOf(bytes, start, end)
      for (let i = 1; i < repeat; i++) this.#carrier.writeAgain(session, copy)
    }
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

/** Sends that may wait at least, whatever `limits.queue` says. */
const LEAST_WAITING = 1024
