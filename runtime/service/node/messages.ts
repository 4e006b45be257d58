// Messages of a protocol that was written as a schema: framing and frames from its descriptor, typed. A message that arrives is a
// frame's reader, in place; one that is sent names its frame.

import { LocalError } from '../../core/errors.ts'
import { type StreamFraming, streamFraming } from '../../core/framing.ts'
import type { Secured } from '../../core/handshake-stream.ts'
import { resolveParams } from '../../core/params.ts'
import type { ProtocolDescriptor, TransportDescriptor } from '../../core/protocol.ts'
import type {
  AnyTypes,
  Dispatch,
  HandlersOf,
  InputOf,
  ProtocolTypes,
  ReaderOf,
  RoleName,
  RoleTypes,
  Sends,
  TypedProtocol,
} from '../../core/typed.ts'
import { loop } from '../../drivers/loop.ts'
import { TcpNetwork } from '../../drivers/network.ts'
import { randomBytes } from '../../drivers/random.ts'
import type { Codec, Context, Reader } from '../../wire/codec.ts'
import type { Agreed, CodecFactory, ConnectionSide, Decoder, Encoder } from './codec.ts'
import type { NodeConnection } from './connection.ts'
import type { Handshake, Reading, Writing } from './hooks.ts'
import { Node, type NodeExtras } from './node.ts'
import { Codecs, type Outgoing, SchemaDecoder, SchemaEncoder, SealedEncoder } from './schema-codec.ts'
import { Security } from './security.ts'
import { type NodeOptions, type NodeSettings, schemaSettings } from './settings.ts'

type ReceivedBy<T extends ProtocolTypes, R> = R extends keyof T['roles']
  ? T['roles'][R] extends RoleTypes
    ? ReaderOf<T, T['roles'][R]['receives']>
    : never
  : never

/** What role `R` sends: a frame's name and its value, which may be left out where nothing has to be said. */
export type OutgoingOf<T extends ProtocolTypes, R> =
  Sends<T, R> extends infer K
    ? K extends Sends<T, R>
      ? object extends InputOf<T, K>
        ? { readonly frame: K; readonly value?: InputOf<T, K> }
        : { readonly frame: K; readonly value: InputOf<T, K> }
      : never
    : never

/** A frame as it arrives. */
export type IncomingOf<T extends ProtocolTypes, R> = ReceivedBy<T, R> & Reader

export interface MessagesOptions {
  /** Default: the first that may both dial and accept, else the first. */
  readonly role?: string | undefined
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Values for payloads of a Noise handshake, by the name of their struct. */
  readonly payloads?: Readonly<Record<string, object>> | undefined
  /** Refuses a peer by throwing, when the handshake is over and before anything else: its keys, its payloads, its frames. */
  readonly accept?: ((secured: Secured, address: string, side: ConnectionSide) => void) | undefined
}

/** The messages of a protocol: what its nodes are configured with. */
export interface Messages<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>> {
  readonly settings: NodeSettings
  /** The hook Handshake that the schema describes; undefined where it has none. */
  readonly handshake: Handshake | undefined
  readonly decoder: CodecFactory<Decoder<IncomingOf<T, R>>>
  readonly encoder: CodecFactory<Encoder<OutgoingOf<T, R>>>
  /** The hook Reading, with one handler for each frame; a frame without one is ignored. */
  reading(handlers: Partial<NodeHandlers<T, R>>): Reading<IncomingOf<T, R>, OutgoingOf<T, R>>
  /**
   * A node of this protocol, with its limits and bounds where `options` says nothing else. The handshake of the schema is enabled, the
   * other hooks are still to be.
   */
  node(options?: NodeOptions, extras?: NodeExtras): Node<IncomingOf<T, R>, OutgoingOf<T, R>>
  /** The hook Writing. */
  readonly writing: Writing<OutgoingOf<T, R>>
}

/** The handlers of a role, called with the node's connection instead of a session's peer. */
export type NodeHandlers<T extends ProtocolTypes, R> = {
  [K in keyof HandlersOf<T, R>]-?: NonNullable<HandlersOf<T, R>[K]> extends (
    frame: infer F,
    ...rest: never[]
  ) => unknown
    ? (frame: F, from: NodeConnection<IncomingOf<T, R>, OutgoingOf<T, R>>) => unknown
    : never
}

/** Throws LocalError MissingParam or BadParam, NodeError InvalidInput where the schema has nothing that a node could speak. */
export function messages<T extends ProtocolTypes = AnyTypes, R extends RoleName<T> = RoleName<T>>(
  protocol: TypedProtocol<T>,
  options: MessagesOptions = {},
): Messages<T, R> {
  const settings = schemaSettings(protocol)
  const transport = protocol.transports.find(one => one.use === 'session' && one.kind !== 'udp') as TransportDescriptor
  const { roles } = protocol
  const role =
    options.role === undefined
      ? (roles.find(one => one.transport === 'both') ?? roles[0])
      : roles.find(one => one.name === options.role)
  if (role === undefined) throw new LocalError('BadRole', `${protocol.name} has no role "${options.role ?? ''}"`)
  const params = resolveParams(protocol, role, options.params ?? {}, { random: randomBytes })
  const maxFrame = sizeIn(transport, params)
  const context = contextOf(protocol, params)
  const { payloads = {}, accept } = options
  const security = new Security({ protocol, transport, role, params, context, payloads, accept })
  const make = (): Codec => {
    const codec = protocol.codec()
    codec.context = context
    return codec
  }
  const codecs = new Codecs(make)
  const frame = (): StreamFraming => streamFraming(transport, maxFrame)
  const { isSealed, handshake } = security
  const drops = protocol.onError.stream === 'drop'
  const decoder = (address: string, side: ConnectionSide, agreed?: Agreed): SchemaDecoder =>
    new SchemaDecoder(codecs, frame, isSealed ? security.contextFor(address, side, agreed) : undefined, drops)
  // Without keys it has no state of its own, so one does for all.
  const one = new SchemaEncoder(make(), frame(), maxFrame)
  const sealing = make()
  const encoder = (address: string, side: ConnectionSide, agreed?: Agreed): Encoder<Outgoing> =>
    isSealed ? new SealedEncoder(sealing, frame(), maxFrame, security.contextFor(address, side, agreed)) : one
  const tls = transport.kind === 'tls' ? protocol.handshake?.tls : undefined
  const timeout = settings.hooks.handshake.timeout
  const network = tls === undefined ? undefined : new TcpNetwork({ transport, settings: { tls, timeout, params } })
  const dispatch = protocol.dispatch?.[role.name] as Dispatch | undefined
  return {
    settings,
    handshake,
    decoder: decoder as never,
    encoder: encoder as never,
    writing: { codec: encoder as never },
    node(given, extras) {
      const node = new Node<IncomingOf<T, R>, OutgoingOf<T, R>>(given, { defaults: settings, network, ...extras })
      return handshake === undefined ? node : node.enableHandshake(handshake)
    },
    reading(handlers) {
      const byName = handlers as Readonly<Record<string, ((frame: Reader, from: unknown) => unknown) | undefined>>
      for (const name of Object.keys(byName))
        if (!protocol.frames.some(frame => frame.name === name))
          throw new LocalError('UnknownFrame', `${protocol.name} has no frame "${name}", but there is a handler for it`)
      const message =
        dispatch === undefined
          ? (frame: Reader, from: unknown): unknown => byName[frame.frameName]?.(frame, from)
          : (frame: Reader, from: unknown): unknown => dispatch(frame, handlers, from)
      return { codec: decoder as never, message: message as never }
    },
  }
}

function contextOf(protocol: ProtocolDescriptor, params: Readonly<Record<string, unknown>>): Context {
  const session = Object.fromEntries(protocol.session.filter(s => s.start !== undefined).map(s => [s.name, s.start]))
  return { param: params, session, key: {}, peer: {}, local: {}, random: randomBytes, now }
}

function sizeIn(transport: TransportDescriptor, params: Readonly<Record<string, unknown>>): number {
  const { maxFrame } = transport
  return typeof maxFrame === 'number' ? maxFrame : Number(params[maxFrame.param])
}

/** Unix milliseconds. */
function now(): number {
  return Math.floor(loop.epoch + loop.now())
}
