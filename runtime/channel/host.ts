// The contract between the channels of one connection (runtime/channel/set.ts) and the endpoint that owns them:
// docs/adr/0006-channels.md. The channels decide what is sent when; the endpoint encodes, seals and owns the socket.

import type { ChannelDescriptor } from '../core/protocol.ts'
import type { Parity } from '../reliability/fec.ts'
import type { Budget } from './budget.ts'

/** Numbers that a message carries. One object, overwritten by the next message: read it before the call returns. */
export interface Numbers {
  /** Number on the channel as it goes on the wire; 0 where the format has none. */
  readonly seq: number
  /** Undefined for a whole message. */
  readonly fragment: Fragment | undefined
}

/** A piece of a message: bytes `from` to `to` of the field that is cut. */
export interface Fragment {
  readonly id: number
  readonly index: number
  readonly count: number
  readonly from: number
  readonly to: number
}

/** What a received frame says about its place in a message. */
export type PieceNumbers = Pick<Fragment, 'id' | 'index' | 'count'>

/** What goes into the acknowledgement fields of a header. One object, overwritten by the next call. */
export interface Acks {
  /** 0 acknowledges nothing. */
  readonly ack: number
  /** Bits 0 to 31 and 32 to 63, signed 32-bit patterns; bit i acknowledges `ack - 1 - i`. */
  readonly lo: number
  readonly hi: number
}

/**
 * What the endpoint does for its channels. `channel` is the place in `ChannelSetOptions.channels`. Every method may be
 * called from inside an input (`receive`, `acked`, `pump`, `wake`, `send`); from there `send` may be called, inputs not.
 */
export interface ChannelHost<M> {
  /**
   * Puts a message, or the named piece of one, on the wire. Returns the bytes it took there, or 0 when there is no room
   * now: then nothing was sent, nothing more is offered, and the endpoint calls `pump` when there is room.
   */
  transmit(channel: number, message: M, numbers: Numbers, kind: 'first' | 'again'): number
  /** A message for the application. What was given to `receive` is borrowed here too. */
  deliver(channel: number, message: M): void
  /** A copy of a borrowed message, to be delivered later. */
  hold(channel: number, message: M): M
  /**
   * An acknowledgement has to go out by itself: send the channel's `ack` frame with `acks(channel)` in it and call
   * `carried(channel)`. False: no room now; it is asked again at the next `pump`.
   */
  acknowledge(channel: number): boolean
  /** The peer has acknowledged all of a reliable message. */
  settled(channel: number, message: M): void
  /** A message that was accepted is given up: an unreliable one from a full queue, or all that is left at `end`. */
  dropped(channel: number, message: M): void
  /** There is room again on a channel that refused a message. */
  ready(channel: number): void
  /** A round trip of a reliable message was measured, milliseconds. */
  measured?(ms: number): void
  /** The connection cannot go on. Called once; afterwards every input is ignored. */
  failed(code: FailureCode, text: string): void
  /** The priority of a message, 0 to 7, where the channel's schema names a field for it. Absent: 0. */
  priority?(channel: number, message: M): number
  /** What parity covers of a received message, and of what `transmit` wrote last; borrowed. Only on channels with `fec`. */
  text?(channel: number, message: M): Uint8Array
  textSent?(channel: number): Uint8Array
  /** Sends a parity: `first` is the number, as it goes on the wire, of the first message that it covers. Bytes, or 0 when there is no room. */
  parity?(channel: number, first: number, parity: Parity): number
  /** A message is about to wait for its turn: throws what sending it would throw, as nobody is there to be told then. */
  mayWait?(channel: number, message: M, size: number): void
  /** Messages are held back by a round trip that may be too long: `proved` follows when it was measured again. */
  measure?(): void
  /** Length of the field that is cut. Called only where the channel has `fragment`. */
  cutSize(channel: number, message: M): number
  /** That field in a received piece; borrowed. */
  cutBytes(channel: number, message: M): Uint8Array
  /** The whole message: `message`, the piece that came last, with the whole field. `payload` is not used again. */
  join(channel: number, message: M, payload: Uint8Array): M
}

/** `Timeout`: retransmissions used up. `WrongState`: an ack of what was never sent. `BadValue`: pieces that contradict each other. */
export type FailureCode = 'Timeout' | 'WrongState' | 'BadValue' | 'LimitExceeded'

/** Widths of the number fields on the wire. */
export interface NumberWidths {
  /** Bits of `seq` and `ack`: 16, 32 or 64; 0 where the format has no numbers. */
  readonly seqBits: number
  /** Bits of `ack_bits`, at most 64. */
  readonly ackBits: number
  /** `connection`: one row of numbers for all channels, none sent again. Default `channel`. */
  readonly seqSpace?: 'channel' | 'connection' | undefined
  /**
   * In one row: only ordered and sequenced messages take a new number, others repeat the last one of an ordered message.
   * For peers that take every gap in their ordered channel for a loss. Default false.
   */
  readonly sparing?: boolean | undefined
  /** In one row: acknowledgements rotate through what has arrived in steps of so many, every bit set. Default: they do not. */
  readonly ackSweep?: number | undefined
  /** The first number on the wire. Default 1: then 0 stands for none and is left out when narrow numbers wrap. */
  readonly first?: 0 | 1 | undefined
  /** Bits of the fields that number pieces. Default 16. */
  readonly fragmentIdBits?: number | undefined
  readonly fragmentCountBits?: number | undefined
  /** A message without order may come twice, because packets may (profiles). */
  readonly copies?: boolean | undefined
}

export interface ChannelSetOptions<M> {
  readonly channels: readonly ChannelDescriptor[]
  readonly numbers: NumberWidths
  readonly host: ChannelHost<M>
  /** Largest encoded frame that fits into one datagram, with its numbers; one for all channels, or one for each. */
  readonly mtu: number | readonly number[]
  /** Bytes that the numbers of a piece add to a frame, where `size` does not count them. Default 0. */
  readonly pieceOverhead?: number | undefined
  /** Round-trip time seen in the handshake, milliseconds; undefined where there was none. */
  readonly handshakeRtt?: number | undefined
  /** Congestion control of the connection. Default: what its channels name. */
  readonly congestion?: CongestionName | undefined
  /** Share of lost messages that is not taken for congestion while nothing queues on the path. Default 0.04; 0 = every loss counts. */
  readonly tolerate?: number | undefined
  /** Half-done messages of all connections together, by channel (`fragment.bytes`); one for each connection when absent. */
  readonly budgets?: readonly (Budget | undefined)[] | undefined
}

/** `aimd`: the plain rules in messages, not bytes: +1, +1/window, half, two (docs/adr/0006-channels.md). */
export type CongestionName = 'newreno' | 'cubic' | 'aimd' | 'none'

/** What became of a received frame. */
export type Arrival =
  /** `held`: waits for an earlier one, or for other pieces. */
  | 'delivered'
  | 'held'
  /** Known already. */
  | 'duplicate'
  /** Older than what was delivered, or than what is remembered. */
  | 'late'
  /** No room, or too far ahead: not acknowledged, so that it comes again where it is reliable. */
  | 'refused'
  /** The connection failed by it, or before. */
  | 'failed'

/** `refused`: the queue is full (`ready` follows) or the channels have ended. `dropped`: the queue's rule dropped it. */
export type SendResult = 'sent' | 'queued' | 'refused' | 'dropped'
