// The asking half of `replies`, for one peer and one rule: ids, attempts, timeouts, which answer belongs to which request,
// and the requests that the runtime sends by itself to see whether the peer is alive (`every`).

import type { RequestIds } from '../reliability/ids.ts'
import { Outstanding, type Request, type RequestId } from '../reliability/outstanding.ts'
import type { Codec, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Ticket } from './carrier.ts'
import { LocalError } from './errors.ts'
import { idShape, requestIds } from './ids.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { CutMessage } from './pieces.ts'
import type { FramePlan, Rule } from './plan.ts'
import type { Accessor } from './protocol.ts'
import { type Plain, roundTrip } from './recast.ts'

/** What is kept of a request until its answer is there. */
export interface Asked {
  readonly id: RequestId
  readonly frame: FramePlan
  /** With the id and the bits that ask. Only where it may have to be sent again. */
  readonly value: Plain | undefined
  /** Encoded, where it is one datagram. */
  bytes: Uint8Array | undefined
  /** How it was cut, where it is several. */
  cut: CutMessage | undefined
  /** Undefined for what the runtime asked by itself, and for a plain send whose answer is only matched. */
  readonly ticket: Ticket | undefined
  readonly isKeepAlive: boolean
}

/** How tables know an id: bytes by their hex, everything else as it is. */
export function keyOf(id: unknown): RequestId {
  return id instanceof Uint8Array ? Buffer.from(id.buffer, id.byteOffset, id.length).toString('hex') : (id as RequestId)
}

/** A codec to look at frames of this side with. */
export interface Codecs {
  readonly mirror: Codec
}

export class Requests {
  readonly rule: Rule
  /** When the next keep-alive is due. */
  keepAliveAt: Instant = NEVER
  readonly #isStream: boolean
  readonly #random: (n: number) => Uint8Array
  /** Made with the first request. */
  #open: Set<Asked> | undefined
  #table: Outstanding<Asked> | undefined
  #ids: RequestIds | undefined
  #serial = 0
  #largest: number | bigint = 0
  #lastKeepAlive = 0

  constructor(rule: Rule, isStream: boolean, random: (n: number) => Uint8Array) {
    this.rule = rule
    this.#isStream = isStream
    this.#random = random
  }

  get deadline(): Instant {
    const due = this.#table?.deadline() ?? NEVER
    return due < this.keepAliveAt ? instant(due) : this.keepAliveAt
  }

  get isFull(): boolean {
    return this.#table?.full ?? false
  }

  get size(): number {
    return this.#table?.size ?? 0
  }

  /** Open requests that somebody waits for. */
  get awaited(): number {
    let count = 0
    for (const asked of this.#open ?? []) if (asked.ticket !== undefined) count++
    return count
  }

  /**
   * A copy of `value` that asks: its bits set, a new id in its place. Without `by` the id exists only in the table.
   * Throws LocalError where the application gave an id of its own.
   */
  prepare(codecs: Codecs, frame: FramePlan, value: Plain): { id: RequestId; value: Plain } {
    const { reply } = this.rule
    const asking: Plain = { ...value }
    for (const bit of reply.ask) bit.set(asking, true)
    if (reply.by === undefined || reply.by === 'order') return { id: this.#serial++, value: asking }
    const { request } = reply.by
    this.#ids ??= this.#makeIds(codecs.mirror, frame, asking)
    if (this.#ids === undefined) return { id: ownId(codecs.mirror, frame, asking, request), value: asking }
    const id = this.#ids.next(one => this.#table?.has(one) ?? false)
    request.set(asking, id)
    return { id, value: asking }
  }

  /** A new id, and the longest there can be, for requests like this one whose table is somebody else's. */
  nextId(codec: Codec, frame: FramePlan, value: Plain): number | bigint {
    return this.#numbered(codec, frame, value).next(one => this.#table?.has(one) ?? false)
  }

  largestId(codec: Codec, frame: FramePlan, value: Plain): number | bigint {
    this.#numbered(codec, frame, value)
    return this.#largest
  }

  /** It was sent. */
  open(now: Instant, asked: Asked): void {
    this.#table ??= this.#makeTable()
    this.#table.open(now, asked.id, asked)
    this.#open ??= new Set()
    this.#open.add(asked)
  }

  /** The request that this answer belongs to, which is then closed. Undefined: late, repeated or forged. */
  answered(answer: Reader): Request<Asked> | undefined {
    const table = this.#table
    if (table === undefined || table.size === 0) return undefined
    const { by } = this.rule.reply
    const id = by === undefined || by === 'order' ? table.first()?.id : keyOf(by.reply.get(answer))
    const request = id === undefined ? undefined : table.answered(id)
    if (request !== undefined) this.#open?.delete(request.token)
    return request
  }

  /** The next request to send again or, `expired`, to give up. */
  due(now: Instant): Request<Asked> | undefined {
    const request = this.#table?.due(now)
    if (request?.expired) this.#open?.delete(request.token)
    return request
  }

  /** Forgets the request of a ticket. */
  cancel(ticket: Ticket): boolean {
    for (const asked of this.#open ?? []) {
      if (asked.ticket !== ticket) continue
      this.#table?.cancel(asked.id)
      this.#open?.delete(asked)
      return true
    }
    return false
  }

  /** Ends all, for a connection that is over. */
  *drain(): Generator<Asked> {
    this.keepAliveAt = NEVER
    for (const request of this.#table?.drain() ?? []) yield request.token
    this.#open?.clear()
  }

  /** Begins to send keep-alives, where the rule says so. */
  startKeepAlive(now: Instant): void {
    const { every } = this.rule.reply
    if (every === undefined) return
    this.#lastKeepAlive = now
    this.keepAliveAt = instant(now + every)
  }

  /**
   * A keep-alive is due: true when one is to be sent now. On datagrams one that was lost is repeated soon, because it
   * would otherwise take only two losses in a row to end a healthy connection.
   */
  keepAlive(now: Instant): boolean {
    const { every = Infinity, timeout } = this.rule.reply
    if (now < this.keepAliveAt) return false
    let unanswered = false
    for (const asked of this.#open ?? []) unanswered ||= asked.isKeepAlive
    const soon = this.#isStream ? every : Math.min(every, Math.max(SOONEST_REPEAT, timeout / REPEATS))
    const next = this.#lastKeepAlive + every
    if (!unanswered && now < next) {
      this.keepAliveAt = instant(next)
      return false
    }
    if (now >= next) this.#lastKeepAlive = now
    this.keepAliveAt = instant(now + soon)
    return !this.isFull
  }

  /** Streams lose nothing, so nothing is repeated there, but the patience is the same. */
  #makeTable(): Outstanding<Asked> {
    const { timeout, retry, inFlight } = this.rule.reply
    if (!this.#isStream || retry === undefined) return new Outstanding({ timeout, retry, inFlight })
    let patience = timeout * (retry.times + 1)
    for (let attempt = 0; attempt < retry.times; attempt++) patience += Math.min(retry.from * 2 ** attempt, retry.to)
    return new Outstanding({ timeout: patience, inFlight })
  }

  #numbered(codec: Codec, frame: FramePlan, value: Plain): RequestIds {
    const asking: Plain = { ...value }
    for (const bit of this.rule.reply.ask) bit.set(asking, true)
    this.#ids ??= this.#makeIds(codec, frame, asking)
    if (this.#ids === undefined)
      throw new LocalError('BadOption', `${frame.name} has an id that is no number: its payload cannot be transferred`)
    return this.#ids
  }

  #makeIds(codec: Codec, frame: FramePlan, value: Plain): RequestIds | undefined {
    const { by, ids } = this.rule.reply
    if (by === undefined || by === 'order') return undefined
    const shape = idShape(codec, frame.name, value, by.request)
    if (shape !== undefined) {
      const largest = (1n << BigInt(shape.bits)) - 1n
      this.#largest = shape.wide ? largest : Number(largest)
      return requestIds(shape, ids, this.#random)
    }
    // The value makes no frame, and encoding says why; or the id is no number, and the caller gives it.
    codec.encode(frame.name, value, new Uint8Array(codec.sizeOf(frame.name, value)), 0)
    return undefined
  }
}

/** An id that is no number: given by the caller, or what the schema draws for it, which is then kept for every attempt. */
function ownId(codec: Codec, frame: FramePlan, value: Plain, request: Accessor): RequestId {
  const encoded = roundTrip(codec, frame.name, value)
  const drawn = encoded && request.get(encoded)
  const id = drawn instanceof Uint8Array ? copyOf(drawn) : drawn
  if (id !== undefined) {
    request.set(value, id)
    return keyOf(id)
  }
  throw new LocalError('BadOption', `${frame.name} is matched with its answer by ${request.path}, which needs a value`)
}

/** A lost keep-alive is repeated after this part of the rule's timeout, milliseconds at least. */
const REPEATS = 10
const SOONEST_REPEAT = 250
