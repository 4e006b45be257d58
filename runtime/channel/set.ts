// All channels of one datagram connection: what is sent when, what is delivered, what is acknowledged. Sans-IO: the
// endpoint gives messages, received frames, acknowledgements and the time; it is asked to transmit and to deliver
// (runtime/channel/host.ts). docs/adr/0006-channels.md is the contract with an example.

import { LocalError } from '../core/errors.ts'
import type { ChannelDescriptor } from '../core/protocol.ts'
import type {
  Acks,
  Arrival,
  ChannelHost,
  ChannelSetOptions,
  CongestionName,
  FailureCode,
  NumberWidths,
  PieceNumbers,
  SendResult,
} from './host.ts'
import { type Counters, isReliable, type Lane, type LaneContext, NO_ROOM, nothingYet, WAIT } from './lane.ts'
import type { Restored } from './parity.ts'
import { Path } from './path.ts'
import { ReliableLane } from './reliable.ts'
import { Row } from './row.ts'
import { RowLane } from './row-lane.ts'
import { UnreliableLane } from './unreliable.ts'

export class ChannelSet<M> {
  readonly counters: Counters = nothingYet()
  readonly #host: ChannelHost<M>
  readonly #path: Path
  /** One row of numbers for all channels, where the format has it so. */
  readonly #row: Row<M> | undefined
  readonly #lanes: readonly Lane<M>[]
  readonly #quantum: number
  /** Whose turn it is when not everything can go. */
  #turn = 0
  /** The host had no room. */
  #stalled = false
  #ended = false

  constructor(options: ChannelSetOptions<M>) {
    const { channels, numbers, host } = options
    this.#host = host
    const mtuOf = (place: number): number =>
      typeof options.mtu === 'number' ? options.mtu : (options.mtu[place] ?? options.mtu[0] ?? 0)
    const datagram = Math.max(...channels.map((_, place) => mtuOf(place)), 1)
    this.#quantum = datagram
    this.#path = new Path({
      congestion: options.congestion ?? congestionOf(channels),
      datagram,
      handshakeRtt: options.handshakeRtt,
      tolerate: options.tolerate ?? TOLERATED,
      held: () => host.measure?.(),
    })
    this.#row = numbers.seqSpace === 'connection' ? this.#oneRow(channels, numbers) : undefined
    const context: LaneContext<M> = {
      host,
      path: this.#path,
      numbers,
      row: this.#row,
      counters: this.counters,
      fail: (code, text) => this.#fail(code, text),
    }
    this.#lanes = channels.map((channel, place) => {
      const lane = {
        place,
        channel,
        mtu: mtuOf(place),
        pieceOverhead: options.pieceOverhead ?? 0,
        budget: options.budgets?.[place],
      }
      if (!isReliable(channel)) return new UnreliableLane(context, lane)
      if (numbers.seqBits === 0)
        throw new LocalError('BadOption', `${channel.name} is ${channel.delivery}, but its frames carry no number`)
      return this.#row === undefined ? new ReliableLane(context, lane) : new RowLane(context, lane, this.#row)
    })
  }

  /**
   * A message to send: its size is that of the encoded frame without what the endpoint adds to each datagram. It belongs
   * to the channels until `settled` or `dropped`, or at once when the result is `sent` on an unreliable channel, `refused`
   * or `dropped`. Throws LocalError TooLarge when it can never be carried.
   */
  send(now: number, channel: number, message: M, size: number): SendResult {
    if (this.#ended) return 'refused'
    const lane = this.#lane(channel)
    const { outgoing } = lane
    const parcel = lane.cut(message, size)
    if (parcel === undefined && outgoing.count === 0 && !this.#stalled && !(this.#path.limited && lane.governed)) {
      const bytes = lane.whole(now, message, size)
      if (bytes > 0) return 'sent'
      if (bytes === NO_ROOM) this.#stalled = true
      if (this.#ended) return 'refused'
    }
    this.#host.mayWait?.(channel, message, size)
    if (!outgoing.takes(size)) {
      const result = this.#full(lane, size)
      if (result !== 'queued') return result
    }
    outgoing.push(message, size, parcel)
    if (parcel === undefined) return 'queued'
    this.#serve(now)
    return outgoing.count === 0 ? 'sent' : 'queued'
  }

  /**
   * A frame arrived: `seq` as read (0 where there is none), the numbers of the piece where it is one, the borrowed message
   * and its size. Its acknowledgement fields go to `acked`, before this. Call `pump` after the last frame of a batch.
   */
  receive(
    now: number,
    channel: number,
    seq: number,
    piece: PieceNumbers | undefined,
    message: M,
    size: number,
  ): Arrival {
    if (this.#ended) return 'failed'
    const lane = this.#lane(channel)
    const row = this.#row
    if (row === undefined) return lane.receive(now, seq, piece, message, size)
    const number = row.serial.full(seq, row.top)
    row.arrived(now, number, channel, lane.channel.ack)
    const arrival = lane.receive(now, seq, piece, message, size)
    for (const other of this.#lanes) if (other !== lane && !this.#ended) other.elsewhere(number)
    return arrival
  }

  /** A parity arrived: `seq` as read is the number of the first of `count` messages. Ask `restored` next. */
  parity(channel: number, seq: number, count: number, lengths: number, sum: Uint8Array): void {
    if (!this.#ended) this.#lane(channel).parity(seq, count, lengths, sum)
  }

  /** After `receive` and `parity`: the text of a message that was lost. What it decodes to is received like any other. */
  restored(channel: number): Restored | undefined {
    return this.#ended ? undefined : this.#lane(channel).restored()
  }

  /** Acknowledgement fields arrived: `ack` as read, bits 0..31 and 32..63 as 32-bit patterns. Call `pump` after the batch. */
  acked(now: number, channel: number, ack: number, lo: number, hi: number): void {
    if (this.#ended) return
    if (this.#row === undefined) this.#lane(channel).acked(now, ack, lo, hi)
    else this.#row.acked(now, ack, lo, hi)
  }

  /** What goes into the acknowledgement fields of a frame on this channel. Valid until the next call. */
  acks(channel: number): Acks {
    return this.#row?.acks ?? this.#lane(channel).acks
  }

  /** The last result of `acks` for this channel is on the wire. */
  carried(channel: number): void {
    if (this.#row === undefined) this.#lane(channel).carried()
    else this.#row.carried()
  }

  /** There is room to send: acknowledgements that are due, then whatever may go. */
  pump(now: number): void {
    if (this.#ended) return
    this.#stalled = false
    this.#acknowledge(now)
    if (!this.#stalled) this.#serve(now)
    this.#announce()
  }

  /** Time has passed. */
  wake(now: number): void {
    if (this.#ended) return
    this.#row?.wake(now)
    for (const lane of this.#lanes) {
      lane.wake(now)
      if (this.#ended) return
    }
    this.pump(now)
  }

  /** When to call `wake`; Infinity when there is no need. */
  get deadline(): number {
    if (this.#ended) return Infinity
    let at = this.#row?.deadline ?? Infinity
    for (const lane of this.#lanes) at = Math.min(at, lane.deadline(this.#stalled))
    return Math.max(at, 0)
  }

  /** Reliable messages that were accepted and are not acknowledged: 0 when the connection can close without loss. */
  get unsettled(): number {
    let count = 0
    for (const lane of this.#lanes) count += lane.unsettled
    return count
  }

  /** Bytes that wait to be sent. */
  get queuedBytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.outgoing.bytes, 0)
  }

  /** Bytes of what arrived and waits for what is missing. */
  get heldBytes(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.heldBytes, 0)
  }

  /** The path as it is now. Milliseconds, bytes, bytes per second. */
  get path(): PathState {
    const { roundTrip, window, inFlight, rate } = this.#path
    return {
      rtt: roundTrip.smoothed,
      variation: roundTrip.variation,
      least: roundTrip.least,
      window,
      inFlight,
      rate: rate * 1000,
    }
  }

  /** A round trip of something that only the peer can have answered, and not before it arrived. */
  proved(ms: number): void {
    this.#path.proved(ms)
  }

  /** The peer is reached another way now: what was measured, and the window, begin anew. */
  moved(handshakeRtt?: number): void {
    this.#path.moved(handshakeRtt)
  }

  /** The connection is over: all that was accepted and not settled is `dropped`. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#row?.end()
    for (const lane of this.#lanes) for (const message of lane.end()) this.#host.dropped(lane.place, message)
  }

  #oneRow(channels: readonly ChannelDescriptor[], numbers: NumberWidths): Row<M> {
    const again = channels.find(channel => isReliable(channel) && channel.retransmit !== undefined)
    if (again !== undefined)
      throw new LocalError(
        'NotBuilt',
        `${again.name} retransmits, and all channels share one row of numbers (seq_space: connection): no engine runs both; retransmit: none`,
      )
    return new Row(numbers, this.#path, {
      settled: (place, message) => this.#host.settled(place, message),
      dropped: (place, message) => this.#host.dropped(place, message),
      fail: text => this.#fail('WrongState', text),
    })
  }

  #lane(channel: number): Lane<M> {
    const lane = this.#lanes[channel]
    if (lane === undefined)
      throw new LocalError('BadOption', `there is no channel ${channel}, only 0 to ${this.#lanes.length - 1}`)
    return lane
  }

  #acknowledge(now: number): void {
    if (this.#row !== undefined) this.#carry(now, this.#row, this.#row.ackPlace)
    for (const lane of this.#lanes) {
      if (this.#stalled || this.#ended) return
      if (lane.ackAt <= now) this.#carry(now, lane, lane.place)
    }
  }

  /** Has acknowledgements sent until all that are due are covered. */
  #carry(now: number, source: { readonly ackAt: number; readonly acks: Acks }, place: number): void {
    while (source.ackAt <= now) {
      const { ack } = source.acks
      if (!this.#host.acknowledge(place)) {
        this.#stalled = true
        return
      }
      if (source.ackAt <= now && source.acks.ack === ack)
        throw new LocalError('WrongState', 'acknowledge returned true, but carried was not called for what it sent')
    }
  }

  /**
   * Shares what can go among the channels: deficit round robin (Shreedhar and Varghese, 1995), by weight. A channel that
   * has to wait for the path passes its turn on without losing its credit.
   */
  #serve(now: number): void {
    const lanes = this.#lanes
    let idle = 0
    let waits = false
    while (idle < lanes.length && !this.#ended) {
      const lane = lanes[this.#turn] as Lane<M>
      if (!lane.wants) {
        lane.credit = 0
        idle++
        this.#next()
        continue
      }
      if (lane.credit <= 0) lane.credit += lane.weight * this.#quantum
      const bytes = lane.offer(now)
      if (bytes === NO_ROOM) {
        this.#stalled = true
        return
      }
      if (bytes === WAIT) {
        waits = true
        idle++
        this.#next()
        continue
      }
      idle = 0
      lane.credit -= bytes
      if (lane.credit <= 0) this.#next()
    }
    if (!waits) this.#path.limited = false
  }

  #next(): void {
    this.#turn = this.#turn + 1 < this.#lanes.length ? this.#turn + 1 : 0
  }

  /** The queue of a channel is full: `queued` when there is room after all. */
  #full(lane: Lane<M>, size: number): SendResult {
    switch (lane.channel.queue.full) {
      case 'drop-newest':
        return 'dropped'
      case 'drop-oldest':
        return this.#dropOldest(lane, size)
      case 'close':
        this.#fail('LimitExceeded', `the queue of ${lane.channel.name} is full`)
        return 'refused'
      default:
        lane.refusing = true
        return 'refused'
    }
  }

  #dropOldest(lane: Lane<M>, size: number): SendResult {
    const { outgoing } = lane
    while (!outgoing.takes(size)) {
      // What is on its way in pieces on a reliable channel has to arrive.
      if (outgoing.count === 0 || (isReliable(lane.channel) && (outgoing.parcel?.next ?? 0) > 0)) return 'dropped'
      const { message } = outgoing
      outgoing.shift()
      this.#host.dropped(lane.place, message)
    }
    return 'queued'
  }

  #announce(): void {
    for (const lane of this.#lanes) {
      if (!lane.refusing || !lane.outgoing.roomy) continue
      lane.refusing = false
      this.#host.ready(lane.place)
    }
  }

  #fail(code: FailureCode, text: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#host.failed(code, text)
    this.#row?.end()
    for (const lane of this.#lanes) for (const message of lane.end()) this.#host.dropped(lane.place, message)
  }
}

/** Undefined and Infinity before anything was measured. */
export interface PathState {
  readonly rtt: number | undefined
  readonly variation: number
  readonly least: number
  readonly window: number
  readonly inFlight: number
  readonly rate: number
}

/** The channels of a connection share one window, so they have to agree how it moves. */
function congestionOf(channels: readonly ChannelDescriptor[]): CongestionName {
  const names = new Set(channels.filter(isReliable).map(channel => channel.congestion))
  names.delete('none')
  const [name, ...others] = names
  if (others.length > 0)
    throw new LocalError(
      'BadOption',
      `channels of one connection share a congestion window: ${[...names].join(' or ')}?`,
    )
  if (name === 'bbr') throw new LocalError('NotBuilt', 'no engine runs congestion: bbr yet; newreno, cubic and none do')
  return name ?? 'none'
}

const TOLERATED = 0.04
