// The public face of the runtime: serve a protocol, connect to one, and what the two hand out.

// Node 20 knows the symbol, older tools that run this code may not.
if (Symbol.asyncDispose === undefined)
  Object.defineProperty(Symbol, 'asyncDispose', { value: Symbol.for('Symbol.asyncDispose') })

export { isLocalError, isPeerError, type LocalCode, LocalError, type PeerCode, PeerError } from './core/errors.ts'
export type { ConnectionState } from './core/phases.ts'
export type * from './core/protocol.ts'
export type {
  AnyTypes,
  FrameTypes,
  HandlersOf,
  InputOf,
  ParamsOf,
  Peer,
  ProtocolTypes,
  ReaderOf,
  ReplyOf,
  RoleName,
  RoleTypes,
  SendOptions,
  TypedProtocol,
  ValueOf,
} from './core/typed.ts'
export { unbuilt } from './core/unbuilt.ts'
export { MemoryHub } from './drivers/memory.ts'
export { type MetricsServer, type MetricsSource, serveMetrics } from './drivers/metrics.ts'
export { type DatagramOptions, datagramPath } from './drivers/udp.ts'
export { Metrics, type MetricsOptions } from './metrics/metrics.ts'
export { chooseProvider, preferProvider } from './native/choose.ts'
export { type Connection, type ConnectOptions, connect } from './service/connect.ts'
export type { Received } from './service/frame-queue.ts'
export type { Ending, PeerStats } from './service/live-peer.ts'
export * from './service/node/index.ts'
export type { CommonOptions } from './service/options.ts'
export { type ListeningAt, type ServeOptions, type Server, type ServerStats, serve } from './service/serve.ts'
export { EncodeError, type Reader } from './wire/codec.ts'
