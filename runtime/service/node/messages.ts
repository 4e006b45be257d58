// Messages of a protocol that was written as a schema: framing and frames from its descriptor, typed. A message that arrives is a
// frame's reader, in place; one that is sent names its frame.

import { LocalError } from '../../core/errors.ts'
import { type StreamFraming, streamFraming } from '../../core/framing.ts'
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
import { TcpNetwork } from '../../drivers/network.ts'
import { randomBytes } from '../../drivers/random.ts'
import { type Codec, type Context, EncodeError, type Reader } from '../../wire/codec.ts'
import { copyOf } from '../../wire/copy.ts'
import type { CodecFactory, Decoder, Encoder } from './codec.ts'
import type { NodeConnection } from './connection.ts'
import { NodeError } from './errors.ts'
import type { Reading, Writing } from './hooks.ts'
import { Node, type NodeExtras } from './node.ts'
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
}

/** The messages of a protocol: what its nodes are configured with. */
export interface Messages<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>> {
  readonly settings: NodeSettings
  readonly decoder: CodecFactory<Decoder<IncomingOf<T, R>>>
  readonly encoder: CodecFactory<Encoder<OutgoingOf<T, R>>>
  /** The hook Reading, with one handler for each frame; a frame without one is ignored. */
  reading(handlers: Partial<NodeHandlers<T, R>>): Reading<IncomingOf<T, R>, OutgoingOf<T, R>>
  /** A node of this protocol, with its limits and bounds where `options` says nothing else. Its hooks are still to be enabled. */
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
  const make = (): Codec => {
    const codec = protocol.codec()
    codec.context = contextOf(protocol, params)
    return codec
  }
  const codecs = new Codecs(make)
  const frame = (): StreamFraming => streamFraming(transport, maxFrame)
  const decoder = (): SchemaDecoder => new SchemaDecoder(codecs, frame)
  // It has no state of its own, so one does for all.
  const one = new SchemaEncoder(make(), frame(), maxFrame)
  const encoder = (): SchemaEncoder => one
  const tls = transport.kind === 'tls' ? protocol.handshake?.tls : undefined
  const timeout = settings.hooks.handshake.timeout
  const network = tls === undefined ? undefined : new TcpNetwork({ transport, settings: { tls, timeout, params } })
  const dispatch = protocol.dispatch?.[role.name] as Dispatch | undefined
  return {
    settings,
    decoder: decoder as never,
    encoder: encoder as never,
    writing: { codec: encoder as never },
    node: (given, extras) => new Node(given, { defaults: settings, network, ...extras }),
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

/** Codecs for all connections: one is in use at a time, but for frames that a hook takes its time for. */
class Codecs {
  /** Decodes next. */
  current: Codec
  readonly #make: () => Codec
  readonly #held = new Map<Reader, Codec>()
  readonly #free: Codec[] = []

  constructor(make: () => Codec) {
    this.#make = make
    this.current = make()
  }

  /** The frame that `current` decoded last is in use until `done`. */
  hold(frame: Reader): void {
    this.#held.set(frame, this.current)
    this.current = this.#free.pop() ?? this.#make()
  }

  keep(frame: Reader): Reader {
    const bytes = copyOf(frame.byteSource, frame.byteStart, frame.byteEnd)
    const codec = this.#free.pop() ?? this.#make()
    const kept = codec.decode(bytes, 0, bytes.length, { whole: true, frame: frame.frameName }) as Reader
    this.#held.set(kept, codec)
    return kept
  }

  done(frame: Reader): void {
    const codec = this.#held.get(frame)
    this.#held.delete(frame)
    if (codec !== undefined && this.#free.length < SPARE) this.#free.push(codec)
  }
}

class SchemaDecoder implements Decoder<Reader> {
  next = 0
  needs = 0
  exact = true
  readonly #codecs: Codecs
  readonly #frame: () => StreamFraming
  /** Made when it is needed: most connections are quiet. */
  #framing: StreamFraming | undefined

  constructor(codecs: Codecs, frame: () => StreamFraming) {
    this.#codecs = codecs
    this.#frame = frame
  }

  decode(bytes: Uint8Array, at: number, end: number): Reader | undefined {
    this.#framing ??= this.#frame()
    const framing = this.#framing
    const frame = framing.find(this.#codecs.current, bytes, at, end)
    if (frame !== undefined) {
      this.next = framing.next
      return frame
    }
    const { failure } = framing
    if (failure !== undefined) {
      const place = failure.field === '' ? '' : ` in ${failure.field}`
      throw new NodeError('InvalidData', `${failure.code}${place} at byte ${failure.offset}`)
    }
    this.needs = framing.needs
    this.exact = framing.exact
    return undefined
  }

  hold(frame: Reader): void {
    this.#codecs.hold(frame)
  }

  keep(frame: Reader): Reader {
    return this.#codecs.keep(frame)
  }

  done(frame: Reader): void {
    this.#codecs.done(frame)
  }
}

interface Outgoing {
  readonly frame: string
  readonly value?: object
}

class SchemaEncoder implements Encoder<Outgoing> {
  readonly #codec: Codec
  readonly #framing: StreamFraming
  readonly #maxFrame: number
  /** What `sizeOf` said of the message that is encoded next. */
  #size = 0

  constructor(codec: Codec, framing: StreamFraming, maxFrame: number) {
    this.#codec = codec
    this.#framing = framing
    this.#maxFrame = maxFrame
  }

  sizeOf({ frame, value = NOTHING }: Outgoing): number {
    try {
      const size = this.#codec.sizeOf(frame, value)
      this.#size = size
      return size + this.#framing.head(size) + this.#framing.tail
    } catch (error) {
      throw refused(error)
    }
  }

  encode({ frame, value = NOTHING }: Outgoing, into: Uint8Array, at: number): number {
    const framing = this.#framing
    const start = at + framing.head(this.#size)
    try {
      const end = this.#codec.encode(frame, value, into, start)
      if (end - start > this.#maxFrame)
        throw new NodeError('InvalidInput', `${frame} has ${end - start} bytes, at most ${this.#maxFrame} are allowed`)
      return framing.wrap(into, at, start, end)
    } catch (error) {
      throw refused(error)
    }
  }
}

/** A value that does not fit its frame is the caller's mistake. */
function refused(error: unknown): unknown {
  if (error instanceof EncodeError || error instanceof RangeError || error instanceof LocalError)
    return new NodeError('InvalidInput', error.message, { cause: error })
  return error
}

function contextOf(protocol: ProtocolDescriptor, params: Readonly<Record<string, unknown>>): Context {
  const session = Object.fromEntries(protocol.session.filter(s => s.start !== undefined).map(s => [s.name, s.start]))
  return { param: params, session, key: {}, peer: {}, local: {}, random: randomBytes, now: () => 0 }
}

function sizeIn(transport: TransportDescriptor, params: Readonly<Record<string, unknown>>): number {
  const { maxFrame } = transport
  return typeof maxFrame === 'number' ? maxFrame : Number(params[maxFrame.param])
}

const NOTHING = {}
/** Codecs kept for use again. */
const SPARE = 64
