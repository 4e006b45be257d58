// The five hooks of a node. Each is switched on once, before the node listens or dials; one that is not on costs nothing.
// What a hook throws ends its connection, or the attempt to make one, and never the node.

import type { CodecFactory, Decoder, Encoder } from './codec.ts'
import type { NodeConnection } from './connection.ts'
import type { HandshakeStream } from './handshake-stream.ts'

/**
 * Runs on the raw stream, before anything else. Returns when both sides agree; throws, or takes too long, to end the
 * attempt: then no other hook ever hears of it. Bytes that arrived behind the handshake go to Reading.
 */
export type Handshake = (stream: HandshakeStream, signal: AbortSignal) => Promise<void> | void

export interface Reading<In, Out> {
  readonly codec: CodecFactory<Decoder<In>>
  /**
   * One message at a time for each connection, in the order of the wire; the next one waits for a promise. Borrowed: valid
   * until this returns or its promise settles.
   */
  readonly message: (message: In, from: NodeConnection<In, Out>) => unknown
}

export interface Writing<Out> {
  readonly codec: CodecFactory<Encoder<Out>>
}

/**
 * The connection is registered. It runs beside messages, and beside OnDisconnect. Where the hook is abortable (the
 * default), the end of the connection keeps it from starting or aborts `signal`; else it runs exactly once, to its end.
 */
export type OnConnect<In, Out> = (connection: NodeConnection<In, Out>, signal: AbortSignal) => Promise<void> | void

/**
 * The connection is about to be removed: it still counts, and sending still works. Exactly once for each registered one.
 * `signal` aborts when it takes too long, and the connection goes without it.
 */
export type OnDisconnect<In, Out> = (
  connection: NodeConnection<In, Out>,
  origin: DisconnectOrigin,
  signal: AbortSignal,
) => Promise<void> | void

/** What ended a connection first. `Reading`: its end, a reset, a bad message, silence, a hook that threw. */
export type DisconnectOrigin = 'User' | 'Shutdown' | 'Reading' | 'Writing' | 'OnConnectAbort'

export interface Hooks<In, Out> {
  handshake: Handshake | undefined
  reading: Reading<In, Out> | undefined
  writing: Writing<Out> | undefined
  onConnect: OnConnect<In, Out> | undefined
  onDisconnect: OnDisconnect<In, Out> | undefined
}
