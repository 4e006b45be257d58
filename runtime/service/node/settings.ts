// Everything an operator can set about a node. The schema of a protocol has the defaults of its own (`service.node`, `limits`,
// `transports`); without one, those below.

import type { ProtocolDescriptor } from '../../core/protocol.ts'
import { NodeError } from './errors.ts'

export interface NodeLimits {
  /** Connections, those being set up included. Default 100. */
  readonly connections: number
  /** The same for one address: an IPv4 address (also where it is written inside an IPv6 one) or an IPv6 /64. Default 1. */
  readonly connectionsPerAddress: number
  /** Connections being set up, both ways. Never more than `connections`. Default 100. */
  readonly handshakes: number
  /** Budgets of each direction, inside the ones above; default: as large as those. */
  readonly inbound: number
  readonly outbound: number
  readonly inboundHandshakes: number
  readonly outboundHandshakes: number
  /** Bytes of unfinished messages, all connections together. Default 256 MiB. */
  readonly memory: number
}

/** Times in milliseconds, sizes in bytes. `idle: 0` is off; every other 0 is over at once. */
export interface HookSettings {
  readonly handshake: { readonly timeout: number }
  /**
   * `idle`: longest wait for a whole message. `queue`: messages that wait while one is handled; when it is full,
   * `backpressure` stops reading, else what does not fit is dropped. `buffer`: largest read.
   */
  readonly reading: {
    readonly idle: number
    readonly buffer: number
    readonly queue: number
    readonly backpressure: boolean
    /** What arrived before the end of the stream is handled before the connection goes. */
    readonly drain: boolean
  }
  /**
   * `timeout`: longest time for a batch to leave. `queue`: messages that wait while the transport takes none. `buffer`:
   * bytes of a batch. `rejectOversize`: a message that is too large is refused, instead of ending the connection.
   */
  readonly writing: {
    readonly timeout: number
    readonly buffer: number
    readonly queue: number
    readonly queueBytes: number
    readonly rejectOversize: boolean
  }
  readonly onConnect: { readonly abortable: boolean }
  readonly onDisconnect: { readonly timeout: number }
}

export interface NodeSettings {
  /** For logs. Default: a number, counted through the process. */
  readonly name: string
  /** Where `toggleListener` listens: `HOST:PORT`, port 0 for any. `none`: the node never listens. */
  readonly listener: string | 'none'
  readonly backlog: number
  /** Several nodes listen on one port. Refused where the platform cannot. */
  readonly reusePort: boolean
  readonly nodelay: boolean
  /** Longest wait for a TCP connection, milliseconds. */
  readonly connectTimeout: number
  /** Whether dialling the own listener is refused. */
  readonly selfConnect: 'refuse' | 'allow'
  /** Longest wait for hooks at shutdown, milliseconds. */
  readonly shutdownTimeout: number
  readonly limits: NodeLimits
  readonly hooks: HookSettings
}

export type Partially<T> = { readonly [K in keyof T]?: (T[K] extends object ? Partially<T[K]> : T[K]) | undefined }
export type NodeOptions = Partially<NodeSettings>

/** Options over defaults. Throws NodeError InvalidInput for a limit of 0. */
export function nodeSettings(options: NodeOptions, defaults: NodeSettings = DEFAULTS): NodeSettings {
  const limits = { ...defaults.limits, ...given(options.limits) } as NodeLimits
  for (const [name, value] of Object.entries(limits))
    if (!(value >= 1)) throw new NodeError('InvalidInput', `limits.${name} is ${value}; a node needs at least 1`)
  const hooks = merged(defaults.hooks, options.hooks)
  for (const name of ['reading', 'writing'] as const)
    if (!(hooks[name].queue >= 1)) throw new NodeError('InvalidInput', `hooks.${name}.queue must be at least 1`)
  return {
    ...defaults,
    ...given(options),
    name: options.name ?? (defaults.name || String(unnamed++)),
    limits: { ...limits, handshakes: Math.min(limits.handshakes, limits.connections) },
    hooks,
  } as NodeSettings
}

/** What a schema says about nodes of its protocol. `maxFrame` and framing are its codec's business. */
export function schemaSettings(protocol: ProtocolDescriptor): NodeSettings {
  const transport = protocol.transports.find(one => one.use === 'session' && one.kind !== 'udp')
  if (transport === undefined) throw new NodeError('InvalidInput', `${protocol.name} has no transport of ordered bytes`)
  const node = protocol.service?.node as NodeService | undefined
  const channel = protocol.channels.find(one => one.delivery === 'transport')
  const { hooks } = node ?? {}
  const { limits } = protocol
  const queue = { queue: channel?.queue.out ?? DEFAULTS.hooks.writing.queue, queueBytes: limits.queue.bytes }
  return {
    ...DEFAULTS,
    backlog: transport.backlog ?? DEFAULTS.backlog,
    reusePort: transport.reusePort,
    nodelay: transport.nodelay,
    connectTimeout: transport.connectTimeout,
    selfConnect: node?.selfConnect ?? DEFAULTS.selfConnect,
    shutdownTimeout: node?.shutdown ?? DEFAULTS.shutdownTimeout,
    limits: {
      ...DEFAULTS.limits,
      connections: limits.connections,
      connectionsPerAddress: limits.connectionsPerAddress,
      handshakes: limits.handshakes,
      memory: limits.memory,
    },
    hooks: {
      handshake: {
        timeout: protocol.handshake?.timeout ?? hooks?.handshake?.timeout ?? DEFAULTS.hooks.handshake.timeout,
      },
      reading: {
        ...DEFAULTS.hooks.reading,
        ...pick(hooks?.reading, ['idle', 'buffer', 'queue', 'backpressure']),
        drain: node?.drainOnClose ?? true,
      },
      writing: {
        ...DEFAULTS.hooks.writing,
        ...queue,
        ...pick(hooks?.writing, ['timeout', 'buffer', 'queue']),
        rejectOversize: channel?.queue.rejectOversize ?? true,
      },
      onConnect: { abortable: hooks?.on_connect?.abortable ?? true },
      onDisconnect: { timeout: hooks?.on_disconnect?.timeout ?? DEFAULTS.hooks.onDisconnect.timeout },
    },
  }
}

/** `service.node` of a descriptor. */
interface NodeService {
  readonly hooks?: Readonly<Record<string, HookService | undefined>>
  readonly selfConnect?: 'refuse' | 'allow'
  readonly drainOnClose?: boolean
  readonly shutdown?: number
}
interface HookService {
  readonly timeout: number
  readonly idle: number
  readonly buffer: number
  readonly queue: number
  readonly backpressure: boolean
  readonly abortable: boolean
}

function merged(defaults: HookSettings, options: Partially<HookSettings> | undefined): HookSettings {
  const hooks = Object.entries(defaults).map(([name, hook]) => [
    name,
    { ...hook, ...given(options?.[name as keyof HookSettings]) },
  ])
  return Object.fromEntries(hooks) as HookSettings
}

/** Without what is undefined. */
function given<T extends object>(options: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>
}

function pick<T extends object, K extends keyof T>(from: T | undefined, keys: readonly K[]): Partial<Pick<T, K>> {
  if (from === undefined) return {}
  return Object.fromEntries(keys.map(key => [key, from[key]])) as Partial<Pick<T, K>>
}

export const DEFAULTS: NodeSettings = {
  name: '',
  listener: '0.0.0.0:0',
  backlog: 128,
  reusePort: false,
  nodelay: true,
  connectTimeout: 1000,
  selfConnect: 'refuse',
  shutdownTimeout: 3000,
  limits: {
    connections: 100,
    connectionsPerAddress: 1,
    handshakes: 100,
    inbound: Infinity,
    outbound: Infinity,
    inboundHandshakes: Infinity,
    outboundHandshakes: Infinity,
    memory: 256 * 1024 * 1024,
  },
  hooks: {
    handshake: { timeout: 3000 },
    reading: { idle: 60_000, buffer: 65_536, queue: 64, backpressure: true, drain: true },
    writing: { timeout: 10_000, buffer: 65_536, queue: 64, queueBytes: 16 * 1024 * 1024, rejectOversize: true },
    onConnect: { abortable: true },
    onDisconnect: { timeout: 3000 },
  },
}
let unnamed = 0
