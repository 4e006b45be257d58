// What a session needs of the machine it lives in (a stream connection or a datagram endpoint), and what it tells the
// application.

import type { Codec, Reader } from '../wire/codec.ts'
import type { PeerError } from './errors.ts'
import type { Address, Instant } from './machine.ts'
import type { FramePlan, Rule } from './plan.ts'
import type { Session } from './session.ts'

/** How frames of a session get out, and who holds the bytes of those that came in. */
export interface Carrier {
  /**
   * Encodes a frame of at most `size` bytes and queues it; then it is the last frame. `isOwn`: the value is a copy that
   * nobody else has. Throws.
   */
  write(session: Session, frame: FramePlan, value: object, size: number, isOwn?: boolean): void
  /** Queues a frame that was encoded before; then it is the last frame. */
  writeAgain(session: Session, frame: Uint8Array): void
  /** Where the last frame stands, until the next call. */
  readonly lastBytes: Uint8Array
  readonly lastStart: number
  readonly lastEnd: number
  /** Fields that the carrier writes into every frame. */
  readonly owned?: Readonly<Record<string, unknown>> | undefined
  /** Round trip seen before the session was open, milliseconds. */
  readonly rtt?: number | undefined
  /** Bytes and frames that wait to be sent are within `limits.queue`. */
  readonly hasRoom: boolean
  /** For what arrives and leaves. Its context is the session's while the session is called. */
  codec(session: Session): Codec
  /** For looking at frames of this side: another one. */
  mirror(session: Session): Codec
  /** The frame being delivered stays in use after the call: its bytes and its codec are left alone until `unpin`. */
  pin(session: Session): Codec
  unpin(session: Session, codec: Codec): void
  /** The deadline of the session came closer, or its phase changed. */
  changed(session: Session): void
  /** Of datagrams. The session keeps messages back until the turn ends: it is told when the driver takes what there is. */
  gathers?(session: Session): void
  /** Asks for a round trip that the peer cannot shorten: the channels are told what came of it. */
  measure?(now: Instant): void
  /** The session has something to send and no room: tell it when everything queued was taken. */
  waits(session: Session): void
}

/** The application's side of a session. Called during inputs; may give commands to the session. */
export interface Sink {
  open(session: Session): void
  /**
   * A frame for the application, borrowed until this returns, or until `session.done` when it returns BUSY.
   * `rule`: it is a request that the application may answer by `session.reply`.
   */
  frame(session: Session, frame: Reader, plan: FramePlan, rule: Rule | undefined): boolean
  /** The peer did something wrong, or the network did. The connection goes on unless `error.fatal`. */
  error(session: Session, error: PeerError): void
  /** It is over. Last call. */
  close(session: Session, reason: string, error: PeerError | undefined): void
  /** Every frame, as it goes by. `frame` is borrowed until this returns. */
  tap?(session: Session, direction: 'in' | 'out', frame: Reader): void
  /** Something arrived from nobody known that is no frame, or has no place here. */
  stray?(address: Address, error: PeerError): void
}

/** Returned by `Sink.frame`: the application is not done with the frame. */
export const BUSY = true
export const DONE = false

/** A send or request that is not finished. `settle` is called once, with the error or the reply. */
export class Ticket {
  settle: ((error: Error | undefined, reply: Record<string, unknown> | undefined) => void) | undefined
  /** Set by `Session.cancel`. */
  cancelled = false
}
