// A reliable channel, ordered or not: what it sends until it is acknowledged, and what it receives exactly once.
// Timers as RFC 9002 section 6 has them: lost by later arrivals, else a probe when nothing comes back, then less often.

import { Flight, release, type Slot } from './flight.ts'
import type { Acks, Arrival, PieceNumbers } from './host.ts'
import { Inbound } from './inbound.ts'
import { PIECE_COST } from './joining.ts'
import { Lane, type LaneContext, type LaneOptions, NO_ROOM, WAIT } from './lane.ts'
import type { Parcel } from './outgoing.ts'
import { Serial } from './serial.ts'

export class ReliableLane<M> extends Lane<M> {
  readonly #serial: Serial
  readonly #flight: Flight<M>
  readonly #inbound: Inbound<M>
  /** Nothing is sent again: what is lost is dropped. */
  readonly #once: boolean
  readonly #window: number
  readonly #span: number
  /** Bytes that the receiver holds for order. */
  readonly #ahead: number
  /** Bounds of the wait for an answer, retransmissions allowed, and how long all of them take at least. */
  readonly #rto: { readonly from: number; readonly to: number; readonly times: number; readonly patience: number }
  /** When to send something for want of an answer; how often in a row that happened, and since when. */
  #probeAt = Infinity
  #silent = 0
  #silentSince = 0
  #probes = 0
  /** Something new was acknowledged. */
  #progress = false
  /** When something was sent again last, and round trips in a row that were left out because of that. */
  #againAt = -Infinity
  #doubts = 0
  /** Acknowledgements in a row without one that could be measured. */
  #unmeasured = 0

  constructor(context: LaneContext<M>, options: LaneOptions) {
    super(context, options)
    const { channel } = options
    const { seqBits, first } = context.numbers
    this.#serial = new Serial(seqBits, first)
    this.#flight = new Flight(context.path)
    // What is ahead of a missing message has to fit the receiver's reorder buffer, where there is one. And a quarter of
    // narrow numbers: half of them tell old from new, and an acknowledgement may be a window late.
    const { messages } = channel.reorder
    const ahead = channel.delivery === 'reliable-ordered' ? messages + 1 : Math.max(channel.window, messages)
    this.#span = Math.min(ahead, Math.floor(this.#serial.space / 4))
    this.#ahead = channel.delivery === 'reliable-ordered' ? channel.reorder.bytes : Infinity
    this.#window = Math.min(channel.window, this.#span)
    this.#inbound = new Inbound(context, options, this.#serial, this.#span)
    this.#once = channel.retransmit === undefined
    this.#rto = patience(channel.retransmit)
  }

  get heldBytes(): number {
    return this.#inbound.bytes
  }

  get unsettled(): number {
    return this.outgoing.count + this.#flight.flying + this.#flight.lost
  }

  whole(now: number, message: M, size: number): number {
    if (!this.#hasWindow || this.#flight.lost > 0 || !this.paced(now)) return WAIT
    if (this.governed && !this.#admits(now, size)) return WAIT
    return this.#first(now, message, undefined, 0, size)
  }

  get wants(): boolean {
    return this.#probes > 0 || this.#flight.lost > 0 || (this.outgoing.count > 0 && this.#hasWindow)
  }

  offer(now: number): number {
    if (this.#probes > 0) return this.#probe(now)
    const lost = this.#flight.nextLost
    if (lost !== undefined) {
      if (this.governed && !this.#admits(now, lost.bytes)) return WAIT
      const bytes = this.#again(now, lost)
      if (bytes > 0) this.context.counters.retransmitted++
      return bytes
    }
    if (!this.paced(now)) return WAIT
    const { outgoing } = this
    const { parcel } = outgoing
    if (this.governed && !this.#admits(now, outgoing.nextSize)) return WAIT
    const bytes = this.#first(now, outgoing.message, parcel, parcel?.next ?? 0, outgoing.nextSize)
    if (bytes === NO_ROOM) return NO_ROOM
    if (parcel === undefined || ++parcel.next === parcel.count) outgoing.shift()
    return bytes
  }

  receive(now: number, seq: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    return this.#inbound.receive(now, this.#serial.full(seq, this.#inbound.base), piece, message, size)
  }

  acked(now: number, ack: number, lo: number, hi: number): void {
    if (ack === 0 && this.context.numbers.first !== 0) return
    const flight = this.#flight
    const { base } = flight
    const top = this.#serial.full(ack, flight.next - 1)
    if (top >= flight.next || top < 1 || (top <= 64 && claimsBelow(top, lo, hi))) {
      this.context.fail('WrongState', `an acknowledgement of ${ack}, which was never sent`)
      return
    }
    if (top < base) return
    this.#progress = false
    let sample = -1
    const reach = top - base
    // From the lowest number to the highest: what was sent first is settled first.
    if (hi !== 0 && reach > 32) sample = this.#walk(now, hi, top - 33, reach - 32, sample)
    if (lo !== 0 && reach > 0) sample = this.#walk(now, lo, top - 1, reach, sample)
    sample = this.#one(now, top, sample)
    if (!this.#progress) return
    const measured = sample >= 0 && this.#sample(now, sample)
    this.#unmeasured = measured ? 0 : this.#unmeasured + 1
    // Where nothing is acknowledged any more that was sent only once, the time-out is too short: it stays what it was
    // doubled to until something is measured (Karn; RFC 6298 section 5).
    if (this.#unmeasured <= MOST_UNMEASURED) this.#silent = 0
    else this.#silentSince = now
    this.#probes = 0
    flight.detect(now)
    if (this.#once) this.#giveUp(now)
    flight.advance()
    this.#arm(now)
  }

  get acks(): Acks {
    return this.#inbound.acks
  }

  carried(): void {
    this.#inbound.carried()
  }

  get ackAt(): number {
    return this.#inbound.ackAt
  }

  wake(now: number): void {
    this.#inbound.wake(now)
    if (now >= this.#flight.lossAt) this.#flight.detect(now)
    if (this.#once) this.#giveUp(now)
    if (now < this.#probeAt) return
    if (this.#flight.flying === 0) {
      this.#probeAt = Infinity
      return
    }
    if (this.#silent === 0) this.#silentSince = now
    this.#silent++
    if (this.#silent > this.#rto.times && now - this.#silentSince >= this.#rto.patience) {
      this.context.fail('Timeout', `nothing was acknowledged on ${this.channel.name} in ${this.#silent} attempts`)
      return
    }
    if (this.#silent === SILENT) this.context.path.silent(now)
    // Two at most (RFC 9002 section 6.2.4); twice the same one where it is alone and one was not enough.
    this.#probes = this.#silent < SILENT && this.#flight.flying + this.#flight.lost === 1 ? 1 : 2
    this.#arm(now)
  }

  deadline(stalled: boolean): number {
    const flight = this.#flight
    // Without room below an acknowledgement that is due stays so: `pump` sends it.
    const ackAt = stalled ? Infinity : this.#inbound.ackAt
    const at = Math.min(this.#probeAt, flight.lossAt, ackAt, this.#inbound.skipAt)
    if (stalled || !this.wants) return at
    const again = flight.nextLost
    const size = again?.bytes ?? this.outgoing.nextSize
    const path = this.governed ? this.context.path.paceAt(size) : -Infinity
    return Math.min(at, again === undefined ? Math.max(path, this.paceAt) : path)
  }

  end(): M[] {
    const messages: M[] = []
    const parcels = new Set<Parcel<M>>()
    for (const slot of this.#flight.drain()) {
      if (slot.parcel !== undefined && parcels.has(slot.parcel)) continue
      if (slot.parcel !== undefined) parcels.add(slot.parcel)
      messages.push(slot.message as M)
    }
    for (const { outgoing } = this; outgoing.count > 0; outgoing.shift())
      if (outgoing.parcel === undefined || !parcels.has(outgoing.parcel)) messages.push(outgoing.message)
    this.#inbound.end()
    this.#probeAt = Infinity
    this.#probes = 0
    return messages
  }

  protected held(length: number, count: number): number {
    return this.channel.delivery === 'reliable-ordered' ? length : length + count * PIECE_COST
  }

  get #hasWindow(): boolean {
    const { flying, lost, next, base, size } = this.#flight
    return flying + lost < this.#window && next - base < this.#span && size <= this.#ahead
  }

  #admits(now: number, size: number): boolean {
    const { path } = this.context
    if (path.admits(now, size)) return true
    path.limited = true
    return false
  }

  #first(now: number, message: M, parcel: Parcel<M> | undefined, index: number, size: number): number {
    const flight = this.#flight
    const bytes = this.put(now, this.#serial.wire(flight.next), message, parcel, index, 'first')
    if (bytes === NO_ROOM) return NO_ROOM
    flight.add(now, message, parcel, index, size, bytes)
    this.context.counters.sent++
    this.#arm(now)
    return bytes
  }

  #again(now: number, slot: Slot<M>): number {
    const { number, message, parcel, index } = slot
    const { times, patience } = this.#rto
    if (slot.tries > times && now - slot.firstAt >= patience) {
      this.context.fail(
        'Timeout',
        `message ${number} of ${this.channel.name} was not acknowledged in ${slot.tries} attempts`,
      )
      return NO_ROOM
    }
    const bytes = this.put(now, this.#serial.wire(number), message as M, parcel, index, 'again')
    if (bytes === NO_ROOM) return NO_ROOM
    this.#flight.again(now, slot, bytes)
    this.#againAt = now
    this.#arm(now)
    return bytes
  }

  /**
   * Sends the oldest message, and then what has waited longest, whatever the window says (RFC 9002 section 7.5). The
   * oldest first: it may be the only one that the receiver has room for.
   */
  #probe(now: number): number {
    const slot = this.#probes > 1 ? this.#flight.first : (this.#flight.nextLost ?? this.#flight.oldest)
    if (slot === undefined) {
      this.#probes = 0
      return WAIT
    }
    const bytes = this.#again(now, slot)
    if (bytes === NO_ROOM) return NO_ROOM
    this.#probes--
    this.context.counters.probes++
    return bytes
  }

  /** Drops what is lost, or too old to be acknowledged. */
  #giveUp(now: number): void {
    const flight = this.#flight
    for (;;) {
      const slot = flight.nextLost ?? flight.oldest
      if (slot === undefined || (slot.state === 'flying' && now - slot.sentAt < this.#rto.to)) break
      flight.drop(slot)
      const message = slot.message as M
      const { parcel } = slot
      release(slot)
      if (parcel !== undefined && parcel.left <= 0) continue
      // No other piece is counted after this one.
      if (parcel !== undefined) parcel.left = 0
      this.context.host.dropped(this.place, message)
    }
    flight.advance()
    this.#arm(now)
  }

  /** The wait for an answer begins anew. */
  #arm(now: number): void {
    const { oldest } = this.#flight
    if (oldest === undefined) {
      this.#probeAt = Infinity
      return
    }
    if (this.#once) {
      this.#probeAt = oldest.sentAt + this.#rto.to
      return
    }
    const { from, to } = this.#rto
    const wait = Math.min(Math.max(this.context.path.roundTrip.timeout, from), to) + (this.channel.ack?.delay ?? 0)
    this.#probeAt = now + Math.min(wait * 2 ** this.#silent, Math.max(wait, Math.min(to, LONGEST)))
  }

  /**
   * A round trip of something sent once. Its acknowledgement may be the second one, brought about by what was sent again
   * in between; then it says little, unless that goes on.
   */
  #sample(now: number, sentAt: number): boolean {
    const { path } = this.context
    if (this.#againAt > sentAt && now - sentAt > path.roundTrip.timeout && ++this.#doubts <= MOST_DOUBTS) return false
    this.#doubts = 0
    path.sample(now, sentAt)
    this.context.host.measured?.(now - sentAt)
    return true
  }

  /** Acknowledges `top - i` for every bit i below `count`. */
  #walk(now: number, bits: number, top: number, count: number, sample: number): number {
    let left = count >= 32 ? bits : bits & ((1 << count) - 1)
    while (left !== 0) {
      const bit = 31 - Math.clz32(left)
      left &= ~(1 << bit)
      sample = this.#one(now, top - bit, sample)
    }
    return sample
  }

  /** Acknowledges one number. Returns when the latest of what was sent once was sent. */
  #one(now: number, number: number, sample: number): number {
    const slot = this.#flight.at(number)
    if (slot === undefined) return sample
    this.#progress = true
    if (slot.tries === 1 && slot.sentAt > sample) sample = slot.sentAt
    this.#flight.arrived(now, slot)
    const message = slot.message as M
    const { parcel } = slot
    release(slot)
    if (parcel === undefined || --parcel.left === 0) this.context.host.settled(this.place, message)
    return sample
  }
}

/** Bits that stand for 0 and less. */
function claimsBelow(top: number, lo: number, hi: number): boolean {
  const from = top - 1
  if (from >= 64) return false
  if (from >= 32) return hi >>> (from - 32) !== 0
  return hi !== 0 || lo >>> from !== 0
}

/** `times` waits that double from one bound to the other. */
function patience(retransmit: { from: number; to: number; times: number } | undefined) {
  const { from, to, times } = retransmit ?? NEVER_AGAIN
  let sum = 0
  for (let i = 0; i <= Math.min(times, 1000); i++) sum += Math.min(from * 2 ** i, to)
  return { from, to, times, patience: sum }
}

/** Without retransmission: how long an acknowledgement is waited for. */
const NEVER_AGAIN = { from: 5000, to: 5000, times: Infinity } as const
/** From so many silent waits on the path is taken for congested, or dead. */
const SILENT = 2
const MOST_DOUBTS = 4
const MOST_UNMEASURED = 4
/** Milliseconds between probes at most, where the schema's least wait allows: how soon a path that was dead is noticed to live. */
const LONGEST = 2000
