// What a node needs to know of the bytes on a connection: where a message ends, and how one is written. Made anew for each
// connection, by the hooks Reading and Writing, so that a codec may have a state (keys, counters).

import type { Secured } from '../../core/handshake-stream.ts'

/** Finds messages in the bytes of one connection. */
export interface Decoder<In> {
  /**
   * The message that begins at `at`, or undefined when more bytes are needed. It may refer to the bytes: they are borrowed
   * until the hook that gets the message returns. Throws when there is no message: the connection then ends.
   */
  decode(bytes: Uint8Array, at: number, end: number): In | undefined
  /** Behind the message that `decode` returned. */
  readonly next: number
  /** After `decode` returned undefined: bytes from `at` that must be there before it is worth another look. */
  readonly needs: number
  /** After `decode` returned undefined: bytes from `at` that were no message and are left out; `needs` counts from behind them. */
  readonly skipped?: number
  /** Whether the next message can be read, or looked at again, with exactly `needs`: no byte behind belongs to it. */
  readonly exact?: boolean
  /** The message is used on after its hook returned, and its bytes stay: what it is read through must not be used again. */
  hold?(message: In): void
  /** A message that is valid until `done`, whatever becomes of the bytes. Absent: messages never refer to the bytes. */
  keep?(message: In): In
  /** The message is handled; called for those that were held or kept. */
  done?(message: In): void
  /** Overwrites keys. */
  destroy?(): void
}

/** Writes messages of one connection, in the order in which they are sent. */
export interface Encoder<Out> {
  /** Bytes that the message takes at most, framing included. Throws NodeError InvalidInput for one that is too large. */
  sizeOf(message: Out): number
  /** Writes the message that `sizeOf` was just asked about at `at`, where `sizeOf` bytes have room. Returns the offset behind it. */
  encode(message: Out, into: Uint8Array, at: number): number
  destroy?(): void
}

/** Which side of a connection opened it. */
export type ConnectionSide = 'initiator' | 'responder'

/** What is known of a connection when its handshake is over. */
export interface Agreed {
  /** What the handshake of a schema ended with: keys, the peer's static key and payloads, frames that went by. */
  readonly secured: Secured | undefined
  /** Name of the own node. */
  readonly nodeName: string
  /** Whatever the application keeps with the connection. */
  readonly context: unknown
}

/** Makes the codec of a connection. `side` is the own side. */
export type CodecFactory<C> = (address: string, side: ConnectionSide, agreed?: Agreed) => C

export function otherSide(side: ConnectionSide): ConnectionSide {
  return side === 'initiator' ? 'responder' : 'initiator'
}
