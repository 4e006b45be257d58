// One channel of a set: its queue, how its messages are cut, and its share when not everything can go at once. What a
// delivery class adds is in reliable.ts and unreliable.ts.

import { LocalError } from '../core/errors.ts'
import type { ChannelDescriptor } from '../core/protocol.ts'
import type { Budget } from './budget.ts'
import type { Acks, Arrival, ChannelHost, FailureCode, Fragment, NumberWidths, PieceNumbers } from './host.ts'
import { Outgoing, type Parcel } from './outgoing.ts'
import type { Restored } from './parity.ts'
import type { Path } from './path.ts'
import type { Row } from './row.ts'

/** What a channel needs of its set. */
export interface LaneContext<M> {
  readonly host: ChannelHost<M>
  readonly path: Path
  readonly numbers: NumberWidths
  /** The one row of numbers, where all channels share it. */
  readonly row: Row<M> | undefined
  readonly fail: (code: FailureCode, text: string) => void
  readonly counters: Counters
}

/** What happened so far, over all channels. */
export interface Counters {
  sent: number
  delivered: number
  /** Sent again because it was taken for lost, and because nothing came back for a while. */
  retransmitted: number
  probes: number
  /** Taken for lost, but it arrived. */
  duplicates: number
  /** Received, but no room for it. */
  refused: number
  /** Unreliable messages of which not all pieces came in time. */
  incomplete: number
  /** Lost, and made again of the parity of their group. */
  restored: number
}

export function nothingYet(): Counters {
  return { sent: 0, delivered: 0, retransmitted: 0, probes: 0, duplicates: 0, refused: 0, incomplete: 0, restored: 0 }
}

export interface LaneOptions {
  readonly place: number
  readonly channel: ChannelDescriptor
  readonly mtu: number
  readonly pieceOverhead: number
  readonly budget: Budget | undefined
}

/** What `offer` gives when the channel has to wait. */
export const WAIT = -1
/** What `offer` gives when there is no room below. */
export const NO_ROOM = 0

export abstract class Lane<M> {
  readonly place: number
  readonly channel: ChannelDescriptor
  readonly outgoing: Outgoing<M>
  /** The congestion window holds it back. */
  readonly governed: boolean
  /** Bytes it may send in this turn. */
  credit = 0
  /** It refused a message for lack of room and has not said yet that there is room again. */
  refusing = false
  protected readonly context: LaneContext<M>
  /** The largest frame that travels whole. */
  protected readonly mtu: number
  protected readonly budget: Budget | undefined
  /** Undefined where each message has a priority of its own. */
  readonly #weight: number | undefined
  /** Frames above this many bytes are cut; none above `mtu` can travel. */
  readonly #above: number
  readonly #pieceOverhead: number
  readonly #ids: number
  readonly #pieces: number
  #id = 0
  readonly #interval: number
  #paceAt = -Infinity
  readonly #numbers: { seq: number; fragment: Fragment | undefined } = { seq: 0, fragment: undefined }
  #fragment: { -readonly [K in keyof Fragment]: Fragment[K] } | undefined

  constructor(context: LaneContext<M>, options: LaneOptions) {
    const { channel, mtu } = options
    const { fragmentIdBits = 16, fragmentCountBits = 16 } = context.numbers
    this.context = context
    this.place = options.place
    this.channel = channel
    this.budget = options.budget
    this.outgoing = new Outgoing(channel.queue)
    this.governed = isReliable(channel) && channel.congestion !== 'none' && context.row === undefined
    this.#weight = typeof channel.priority === 'number' ? weightOf(channel.priority) : undefined
    this.mtu = mtu
    this.#above = channel.fragment === undefined ? mtu : Math.min(channel.fragment.above, mtu)
    this.#pieceOverhead = options.pieceOverhead
    this.#ids = 2 ** Math.min(fragmentIdBits, 32)
    this.#pieces = channel.fragment === undefined ? 1 : Math.min(channel.fragment.pieces, 2 ** fragmentCountBits - 1)
    this.#interval = channel.pace === undefined ? 0 : 1000 / channel.pace
  }

  /** Bytes of what arrived and waits for what is missing: for order, or to be joined. */
  abstract get heldBytes(): number

  /** Sends a whole message at once, if it may go: bytes, NO_ROOM or WAIT. */
  abstract whole(now: number, message: M, size: number): number
  /** There is something that could go, the path permitting. */
  abstract readonly wants: boolean
  /** Sends the next thing: bytes, NO_ROOM or WAIT. */
  abstract offer(now: number): number
  abstract receive(now: number, seq: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival
  abstract acked(now: number, ack: number, lo: number, hi: number): void
  abstract readonly acks: Acks
  abstract carried(): void
  /** When an acknowledgement has to go out by itself. */
  abstract readonly ackAt: number
  abstract wake(now: number): void
  /** When `wake` has something to do, or `offer` unless there is no room below. */
  abstract deadline(stalled: boolean): number
  /** A number that this channel might miss was used on another one. */
  elsewhere(_number: number): void {}

  /** A parity arrived (`fec`). */
  parity(_seq: number, _count: number, _lengths: number, _sum: Uint8Array): void {}

  /** A message that can be made again of what arrived last. Gives each once. */
  restored(): Restored | undefined {
    return undefined
  }

  /** Gives up everything; returns the messages whose fate the sender does not know. */
  abstract end(): M[]
  /** Reliable messages accepted and not yet acknowledged. */
  abstract readonly unsettled: number

  /** Share of the bytes while several channels wait: twice as much for each step of priority, that of the next message. */
  get weight(): number {
    if (this.#weight !== undefined) return this.#weight
    const { host } = this.context
    if (host.priority === undefined || this.outgoing.count === 0) return 1
    return weightOf(host.priority(this.place, this.outgoing.message))
  }

  /** How a message of `size` bytes is cut; undefined when it travels whole. Throws when it cannot be carried. */
  cut(message: M, size: number): Parcel<M> | undefined {
    if (size <= this.#above) return undefined
    const { fragment, name } = this.channel
    if (fragment === undefined)
      throw new LocalError('TooLarge', `a message of ${size} bytes; ${name} carries at most ${this.mtu}`)
    const length = this.context.host.cutSize(this.place, message)
    const around = size - length + this.#pieceOverhead
    const piece = this.#above - around
    const count = piece < 1 ? Infinity : Math.max(2, Math.ceil(length / piece))
    if (count > this.#pieces)
      throw new LocalError(
        'TooLarge',
        piece < 1
          ? `nothing of ${fragment.cut} fits into a piece: what is around it takes ${around} of ${this.#above} bytes`
          : `${fragment.cut} of ${length} bytes needs ${count} pieces of ${piece}, at most ${this.#pieces} are allowed`,
      )
    if (this.held(length, count) > fragment.bytesPerPeer)
      throw new LocalError(
        'TooLarge',
        `${fragment.cut} of ${length} bytes: the receiver holds at most ${fragment.bytesPerPeer} (bytes_per_peer)`,
      )
    const id = this.#id
    this.#id = (id + 1) % this.#ids
    return { message, id, length, size: piece, count, around, next: 0, left: count }
  }

  /** Bytes that a receiver is charged for a message while it is half done. */
  protected abstract held(length: number, count: number): number

  protected put(
    now: number,
    seq: number,
    message: M,
    parcel: Parcel<M> | undefined,
    index: number,
    kind: 'first' | 'again',
  ): number {
    const numbers = this.#numbers
    numbers.seq = seq
    if (parcel === undefined) numbers.fragment = undefined
    else {
      this.#fragment ??= { id: 0, index: 0, count: 0, from: 0, to: 0 }
      const fragment = this.#fragment
      fragment.id = parcel.id
      fragment.index = index
      fragment.count = parcel.count
      fragment.from = index * parcel.size
      fragment.to = Math.min(fragment.from + parcel.size, parcel.length)
      numbers.fragment = fragment
    }
    const bytes = this.context.host.transmit(this.place, message, numbers, kind)
    if (bytes > 0 && this.#interval > 0)
      this.#paceAt = Math.max(this.#paceAt, now - BURST * this.#interval) + this.#interval
    return bytes
  }

  /** The channel's own rate lets something go. */
  protected paced(now: number): boolean {
    return this.#interval === 0 || this.#paceAt <= now
  }

  protected get paceAt(): number {
    return this.#interval === 0 ? -Infinity : this.#paceAt
  }
}

export function isReliable(channel: ChannelDescriptor): boolean {
  return channel.delivery === 'reliable' || channel.delivery === 'reliable-ordered'
}

function weightOf(priority: number): number {
  return 2 ** Math.min(Math.max(priority, 0), MOST_PRIORITY)
}

const MOST_PRIORITY = 7
/** Messages that a paced channel may send at once after a pause. */
const BURST = 2
