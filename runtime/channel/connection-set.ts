// Channels whose numbers count all packets of a connection (`seq_space: connection`), for profiles: nothing is sent again
// there, acknowledgements are only told, and a receiver knows a number once. The surface is that of ChannelSet.
//
// Sending, each channel numbers its own messages from 0: a receiver of this kind compares what it gets on a channel with
// the number of that channel's messages so far, and tolerates any number elsewhere. Receiving, numbers have holes where
// the peer used other channels.

import { ConnectionAcks } from './connection-acks.ts'
import { ConnectionOrder } from './connection-order.ts'
import type { Acks, Arrival, ChannelHost, ChannelSetOptions, Numbers, PieceNumbers, SendResult } from './host.ts'
import { type Counters, isReliable, nothingYet } from './lane.ts'
import { Outgoing } from './outgoing.ts'
import { Seen } from './seen.ts'
import { Serial } from './serial.ts'
import type { ChannelSet, PathState } from './set.ts'

/** What a session needs of its channels. */
export type Channels<M> = Pick<
  ChannelSet<M>,
  | 'send'
  | 'receive'
  | 'acked'
  | 'acks'
  | 'carried'
  | 'pump'
  | 'wake'
  | 'deadline'
  | 'unsettled'
  | 'queuedBytes'
  | 'heldBytes'
  | 'path'
  | 'counters'
  | 'proved'
  | 'moved'
  | 'end'
>

interface Lane<M> {
  readonly place: number
  readonly channel: ChannelSetOptions<M>['channels'][number]
  readonly outgoing: Outgoing<M>
  refusing: boolean
  /** Number of the last message sent. */
  sent: number
  /** Highest number delivered, and those seen, on this channel. */
  last: number
  readonly seen: Seen
  readonly order: ConnectionOrder<M> | undefined
  /** Its place among the tables of the peer; undefined where it keeps none. */
  readonly table: number | undefined
}

export class ConnectionSet<M> implements Channels<M> {
  readonly counters: Counters = nothingYet()
  readonly #host: ChannelHost<M>
  readonly #lanes: readonly Lane<M>[]
  readonly #serial: Serial
  readonly #acks: ConnectionAcks
  readonly #numbers: { -readonly [K in keyof Numbers]: Numbers[K] } = { seq: 0, fragment: undefined }
  /** When the last message under a number was sent, by the number as it goes on the wire. */
  readonly #sentAt = new Map<number, number>()
  #rtt: number | undefined
  #variation = 0
  #least = Number.POSITIVE_INFINITY
  /** Messages that wait to be acknowledged, and until when. */
  #owed = 0
  #oweUntil = Number.POSITIVE_INFINITY
  #owedBy = 0
  #stalled = false
  #ended = false

  constructor(options: ChannelSetOptions<M>, sweep: number | undefined) {
    const { channels, numbers, host, handshakeRtt } = options
    this.#host = host
    this.#serial = new Serial(numbers.seqBits, 0)
    this.#rtt = handshakeRtt
    let tables = 0
    this.#lanes = channels.map((channel, place) => ({
      place,
      channel,
      outgoing: new Outgoing<M>(channel.queue),
      refusing: false,
      sent: 0,
      last: 0,
      seen: new Seen(),
      order: channel.delivery === 'reliable-ordered' ? new ConnectionOrder<M>(channel.reorder) : undefined,
      table: isReliable(channel) ? tables++ : undefined,
    }))
    this.#acks = new ConnectionAcks(this.#serial, tables, sweep)
  }

  send(now: number, channel: number, message: M, size: number): SendResult {
    const lane = this.#lanes[channel] as Lane<M>
    if (this.#ended) return 'refused'
    if (lane.outgoing.count === 0 && !this.#stalled) {
      if (this.#put(now, lane, message)) return 'sent'
      this.#stalled = true
    }
    this.#host.mayWait?.(channel, message, size)
    if (lane.outgoing.takes(size)) {
      lane.outgoing.push(message, size, undefined)
      return 'queued'
    }
    const { full } = lane.channel.queue
    if (full === 'drop-newest' || full === 'drop-oldest') return 'dropped'
    lane.refusing = true
    return 'refused'
  }

  receive(
    now: number,
    channel: number,
    seq: number,
    _piece: PieceNumbers | undefined,
    message: M,
    size: number,
  ): Arrival {
    if (this.#ended) return 'failed'
    const lane = this.#lanes[channel] as Lane<M>
    const number = this.#note(seq)
    if (lane.table !== undefined) {
      this.#acks.kept(lane.table)
      this.#owe(now, lane)
    }
    const arrival = this.#judge(now, lane, this.#serial.full(seq, lane.last || number), number, message, size)
    if (arrival === 'duplicate') this.counters.duplicates++
    if (arrival === 'delivered') {
      this.counters.delivered++
      this.#host.deliver(channel, message)
    }
    this.#release(now)
    return arrival
  }

  /** A packet without a message arrived under this number. */
  heard(now: number, seq: number): void {
    this.#note(seq)
    this.#release(now)
  }

  /** What the peer acknowledges may be wrong around holes: it is good for a round-trip time. */
  acked(now: number, _channel: number, ack: number): void {
    const at = this.#sentAt.get(ack)
    if (at === undefined) return
    this.#sentAt.delete(ack)
    const ms = now - at
    this.#least = Math.min(this.#least, ms)
    if (this.#rtt === undefined) this.#rtt = ms
    this.#variation += (Math.abs(this.#rtt - ms) - this.#variation) / 4
    this.#rtt += (ms - this.#rtt) / 8
  }

  acks(_channel: number): Acks {
    return this.#acks.acks
  }

  carried(_channel: number): void {
    this.#acks.carried()
    this.#owed = 0
    this.#oweUntil = Number.POSITIVE_INFINITY
  }

  /** A number for a packet without a message, that a peer has seen already: the last one in order. */
  get quietNumber(): number {
    const lane = this.#lanes.find(one => one.order !== undefined)
    return lane === undefined || lane.sent === 0 ? 0 : this.#serial.wire(lane.sent)
  }

  pump(now: number): void {
    if (this.#ended) return
    this.#stalled = false
    for (const lane of this.#lanes) {
      const { outgoing } = lane
      while (outgoing.count > 0) {
        if (!this.#put(now, lane, outgoing.message)) {
          this.#stalled = true
          return
        }
        outgoing.shift()
      }
      if (!lane.refusing || !outgoing.roomy) continue
      lane.refusing = false
      this.#host.ready(lane.place)
    }
    this.#acknowledge(now)
  }

  wake(now: number): void {
    this.#release(now)
    this.pump(now)
  }

  get deadline(): number {
    let next = this.#stalled ? Number.POSITIVE_INFINITY : this.#oweUntil
    for (const { order } of this.#lanes) if (order !== undefined) next = Math.min(next, order.deadline)
    return this.#ended ? Number.POSITIVE_INFINITY : next
  }

  get unsettled(): number {
    let count = 0
    for (const { outgoing } of this.#lanes) count += outgoing.count
    return count
  }

  get queuedBytes(): number {
    return this.#lanes.reduce((sum, { outgoing }) => sum + outgoing.bytes, 0)
  }

  get heldBytes(): number {
    return this.#lanes.reduce((sum, { order }) => sum + (order?.bytes ?? 0), 0)
  }

  get path(): PathState {
    return {
      rtt: this.#rtt,
      variation: this.#variation,
      least: this.#least,
      window: Number.POSITIVE_INFINITY,
      inFlight: 0,
      rate: Number.POSITIVE_INFINITY,
    }
  }

  proved(): void {}

  moved(handshakeRtt?: number): void {
    this.#rtt = handshakeRtt
    this.#least = Number.POSITIVE_INFINITY
    this.#sentAt.clear()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const { outgoing, order, place } of this.#lanes) {
      order?.clear()
      for (; outgoing.count > 0; outgoing.shift()) this.#host.dropped(place, outgoing.message)
    }
  }

  /** `own`: its number among those of the channel, `number`: among all. */
  #judge(now: number, lane: Lane<M>, own: number, number: number, message: M, size: number): Arrival {
    const { order, place } = lane
    switch (lane.channel.delivery) {
      case 'unreliable-sequenced':
        if (own <= lane.last) return 'late'
        break
      case 'reliable':
        if (!lane.seen.add(own)) return 'duplicate'
        break
      case 'reliable-ordered': {
        const turn = (order as ConnectionOrder<M>).place(number)
        if (turn === 'late') return 'late'
        if (turn === 'later') {
          order?.hold(now, number, this.#host.hold(place, message), size)
          return 'held'
        }
      }
    }
    lane.last = Math.max(lane.last, own)
    return 'delivered'
  }

  #note(seq: number): number {
    const number = this.#serial.full(seq, Math.max(1, this.#acks.highest))
    this.#acks.arrived(number)
    for (const { order } of this.#lanes) order?.saw(number)
    return number
  }

  #release(now: number): void {
    for (const { order, place } of this.#lanes) {
      if (order === undefined) continue
      for (let message = order.next(now); message !== undefined; message = order.next(now)) {
        this.counters.delivered++
        this.#host.deliver(place, message)
      }
    }
  }

  #put(now: number, lane: Lane<M>, message: M): boolean {
    const seq = this.#serial.wire(lane.sent + 1)
    this.#numbers.seq = seq
    if (this.#host.transmit(lane.place, message, this.#numbers, 'first') === 0) return false
    lane.sent++
    this.counters.sent++
    this.#sentAt.delete(seq)
    this.#sentAt.set(seq, now)
    if (this.#sentAt.size > MOST_TIMED) for (const oldest of this.#sentAt.keys()) return this.#sentAt.delete(oldest)
    return true
  }

  #owe(now: number, { channel, place }: Lane<M>): void {
    const { after = 2, delay = 25 } = channel.ack ?? {}
    this.#owed++
    this.#owedBy = place
    this.#oweUntil = Math.min(this.#oweUntil, this.#owed >= after ? now : now + delay)
  }

  #acknowledge(now: number): void {
    if (now >= this.#oweUntil && !this.#host.acknowledge(this.#owedBy)) this.#stalled = true
  }
}

/** Numbers of which it is known when they were sent. */
const MOST_TIMED = 512
