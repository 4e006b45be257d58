// One row of numbers for all channels of a connection (`seq_space: connection`), as some published formats have it. What
// is missing on a channel may have been used on another, and acknowledgements are those of the connection. Nothing is
// sent again in such a format: a reliable message that is not acknowledged in time is dropped.

import type { Acks, NumberWidths } from './host.ts'
import type { Path } from './path.ts'
import { Received } from './received.ts'
import { Serial } from './serial.ts'

/** A reliable message that waits for its acknowledgement. */
interface Pending<M> {
  readonly place: number
  readonly message: M
  readonly at: number
  /** It is the last piece of its message, or the whole. */
  readonly last: boolean
}

export interface RowSink<M> {
  settled(place: number, message: M): void
  dropped(place: number, message: M): void
  fail(text: string): void
}

export class Row<M> {
  readonly serial: Serial
  /** When an acknowledgement has to go out by itself, and on which channel. */
  ackAt: number = Infinity
  ackPlace = 0
  readonly #sink: RowSink<M>
  readonly #path: Path
  readonly #sparing: boolean
  readonly #sweep: number
  readonly #received: Received
  readonly #acks: { ack: number; lo: number; hi: number } = { ack: 0, lo: 0, hi: 0 }
  /** By number, oldest first. */
  readonly #pending = new Map<number, Pending<M>>()
  readonly #waiting: number[] = []
  #next = 1
  /** Where sequenced messages are, when they count for themselves. */
  #sequenced = 1
  #count = 0
  #acking = 0
  #swept = 0

  constructor(numbers: NumberWidths, path: Path, sink: RowSink<M>) {
    this.serial = new Serial(numbers.seqBits, numbers.first)
    this.#received = new Received(WINDOW, Math.min(numbers.ackBits, 64))
    this.#path = path
    this.#sink = sink
    this.#sparing = numbers.sparing ?? false
    this.#sweep = numbers.ackSweep ?? 0
  }

  /** Highest number that has arrived. */
  get top(): number {
    return this.#received.top
  }

  /** The number of the next message; `counts`: its receiver compares it. */
  number(counts: boolean): number {
    if (!this.#sparing) return this.#next
    return counts ? this.#sequenced : Math.max(1, this.#next - 1)
  }

  /** It was sent. */
  used(counts: boolean): void {
    if (!this.#sparing) this.#next++
    else if (counts) this.#sequenced++
  }

  /** The number of the next ordered message: always a new one. */
  get ordered(): number {
    return this.#next
  }

  /** A reliable message was sent under a new number. */
  sent(now: number, place: number, message: M, last: boolean): void {
    this.#pending.set(this.#next++, { place, message, at: now, last })
    this.#waiting[place] = this.waiting(place) + 1
    if (this.#pending.size > WINDOW) for (const number of this.#pending.keys()) return this.#drop(number)
  }

  /** Reliable messages of a channel that wait. */
  waiting(place: number): number {
    return this.#waiting[place] ?? 0
  }

  /** A message with this number arrived on a channel. */
  arrived(now: number, number: number, place: number, ack: { after: number; delay: number } | undefined): void {
    const received = this.#received
    if (number < 1) return
    if (number > received.base + received.span) received.skip(number - KEPT)
    if (received.has(number)) received.again(number)
    else received.add(number)
    if (ack === undefined) return
    this.ackPlace = place
    if (++this.#count >= ack.after) this.ackAt = now
    else if (this.ackAt === Infinity) this.ackAt = now + ack.delay
  }

  acked(now: number, wire: number, lo: number, hi: number): void {
    if (wire === 0 && (this.serial.wire(1) === 1 || (lo === 0 && this.#next === 1))) return
    const top = this.serial.full(wire, Math.max(this.#next, this.#sequenced) - 1)
    if (top >= Math.max(this.#next, this.#sequenced)) {
      this.#sink.fail(`an acknowledgement of ${wire}, which was never sent`)
      return
    }
    for (let bit = 63; bit >= 0; bit--)
      if (((bit < 32 ? lo : hi) & (1 << (bit & 31))) !== 0) this.#settle(now, top - 1 - bit, false)
    this.#settle(now, top, true)
  }

  get acks(): Acks {
    const { top } = this.#received
    const acks = this.#acks
    if (top === 0) {
      acks.ack = acks.lo = acks.hi = 0
      return acks
    }
    const swept = this.#swept + this.#sweep
    if (this.#sweep > 0 && swept < top) {
      acks.ack = this.serial.wire(swept)
      acks.lo = acks.hi = -1
      return acks
    }
    const { ack } = this.#received
    this.#acking = ack
    acks.ack = this.serial.wire(ack)
    acks.lo = this.#received.bits(ack, 0)
    acks.hi = this.#received.bits(ack, 32)
    return acks
  }

  carried(): void {
    const { top } = this.#received
    const swept = this.#swept + this.#sweep
    this.#swept = swept < top ? swept : 0
    this.#received.acknowledged(this.#sweep > 0 ? top : this.#acking)
    if (this.#received.owes) return
    this.#count = 0
    this.ackAt = Infinity
  }

  wake(now: number): void {
    for (const [number, { at }] of this.#pending) {
      if (at + PATIENCE > now) return
      this.#drop(number)
    }
  }

  get deadline(): number {
    for (const { at } of this.#pending.values()) return Math.min(this.ackAt, at + PATIENCE)
    return this.ackAt
  }

  end(): void {
    for (const number of this.#pending.keys()) this.#drop(number)
    this.ackAt = Infinity
  }

  #settle(now: number, number: number, newest: boolean): void {
    const pending = this.#take(number)
    if (pending === undefined) return
    if (newest) this.#path.sample(now, pending.at)
    if (pending.last) this.#sink.settled(pending.place, pending.message)
  }

  #drop(number: number): void {
    const pending = this.#take(number)
    if (pending?.last) this.#sink.dropped(pending.place, pending.message)
  }

  #take(number: number): Pending<M> | undefined {
    const pending = this.#pending.get(number)
    if (pending === undefined) return undefined
    this.#pending.delete(number)
    this.#waiting[pending.place] = this.waiting(pending.place) - 1
    return pending
  }
}

/** Numbers that are told apart, in both directions; and how many below a jump are still remembered. */
const WINDOW = 1024
const KEPT = 128
/** Milliseconds until a reliable message that is not acknowledged is dropped. */
const PATIENCE = 5000
