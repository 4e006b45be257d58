// The public face of nodes.

export type { Agreed, CodecFactory, ConnectionSide, Decoder, Encoder } from './codec.ts'
export type { NodeConnection } from './connection.ts'
export { isNodeError, NodeError, type NodeErrorCode, ShuttingDown } from './errors.ts'
export type { HandshakeStream } from './handshake-stream.ts'
export type { DisconnectOrigin, Handshake, OnConnect, OnDisconnect, Reading, Writing } from './hooks.ts'
export {
  type IncomingOf,
  type Messages,
  type MessagesOptions,
  messages,
  type NodeHandlers,
  type OutgoingOf,
} from './messages.ts'
export { type ConnectOptions as NodeConnectOptions, type Fault, Node, type NodeExtras } from './node.ts'
export { fixed, lines, type Prefix, prefixed, type RawFraming, unframed } from './raw.ts'
export type { HookSettings, NodeLimits, NodeOptions, NodeSettings } from './settings.ts'
export { type Heuristics, Traffic } from './stats.ts'
export { connectNodes, dials, expectedConnections, type Topology } from './topology.ts'
