// `serve`: listens on one or several transports of a protocol and runs it for everybody who connects.

import { datagramEndpoint } from '../core/endpoint.ts'
import { LocalError } from '../core/errors.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import type { Session } from '../core/session.ts'
import type { AnyTypes, Peer, ProtocolTypes, RoleName, TypedProtocol } from '../core/typed.ts'
import { MemoryHub } from '../drivers/memory.ts'
import { listenTcp } from '../drivers/tcp.ts'
import { listenTls } from '../drivers/tls.ts'
import { addressOf } from '../drivers/transport.ts'
import { bindDatagram, type DatagramLink, type DatagramOptions, datagramLink } from '../drivers/udp.ts'
import { FrameQueue, type Received } from './frame-queue.ts'
import { handsOver } from './hand-over.ts'
import { listenHandOver } from './hand-over-listen.ts'
import { LivePeer } from './live-peer.ts'
import { type AnyOptions, type CommonOptions, type Handling, prepare } from './options.ts'
import { ownPeer, type Side, side, staticPublicKey, tlsSettings } from './parts.ts'
import { StreamServer } from './stream-server.ts'
import { parseTarget, type Target } from './target.ts'

export type ServeOptions<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>> = Listen &
  CommonOptions<T, R> &
  Handling<T, R>

interface Listen {
  /**
   * Where to listen: `tcp://HOST:PORT`, `tls://`, `udp://`, several of them, or a MemoryHub. Default: the schema's first
   * transport and its port, on 127.0.0.1. Port 0 is any free one.
   */
  readonly listen?: string | MemoryHub | readonly (string | MemoryHub)[] | undefined
  /**
   * Where a handshake hands sessions over to datagrams: the port for those. Default: the number of the port that the
   * handshake listens at, or any free one where that was 0 and its number is taken.
   */
  readonly datagrams?: number | undefined
}

export interface ListeningAt {
  readonly transport: string
  readonly host: string
  readonly port: number
}

export interface ServerStats {
  /** Open now. */
  readonly connections: number
  /** Since the start, of connections that are over too. */
  readonly framesIn: number
  readonly framesOut: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export interface Server<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>>
  extends AsyncIterable<Received<Peer<T, R>>> {
  readonly addresses: readonly ListeningAt[]
  /** The first of them as `connect` takes it: `tcp://127.0.0.1:6969`. */
  readonly url: string
  readonly port: number
  /** What clients have to know of it beforehand: its static public key, where the handshake has one. */
  readonly publicKey: Uint8Array | undefined
  readonly peers: Iterable<Peer<T, R>>
  readonly stats: ServerStats
  /** What the schema gives up, to be shown to whoever runs it. */
  readonly insecure: readonly string[]
  /** Settles when the server is closed. */
  readonly closed: Promise<void>
  /** Takes no more connections, says goodbye to all, and settles when they are over. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A place where sessions begin: one address, or two where the first hands them over to the second. */
export interface Listening {
  readonly at: readonly ListeningAt[]
  readonly side: Side
  /** Stops listening and ends all connections. */
  close(): Promise<void>
}

/**
 * Serves a protocol. Settles when it listens.
 * Throws LocalError: NotBuilt where the schema needs an engine that does not exist yet, MissingParam, BadParam, BadRole,
 * BadTarget where it cannot listen.
 */
export async function serve<T extends ProtocolTypes = AnyTypes, R extends RoleName<T> = T['accepts'] & RoleName<T>>(
  protocol: TypedProtocol<T>,
  options: ServeOptions<T, R> = {},
): Promise<Server<T, R>> {
  options.signal?.throwIfAborted()
  const given = options as unknown as Listen & AnyOptions
  const wanted = given.listen ?? ''
  const places = Array.isArray(wanted) ? (wanted as (string | MemoryHub)[]) : [wanted as string | MemoryHub]
  if (places.length === 0) throw new LocalError('BadOption', 'listen is empty: name at least one address')
  const queue = new FrameQueue<Received<LivePeer>>(given.limits?.queue?.messages ?? protocol.limits.queue.messages)
  const { plan, params } = prepare(protocol, 'accepts', given, undefined)
  const all: Listening[] = []
  try {
    const make =
      (transport: TransportDescriptor) =>
      (peerOf: (session: Session) => LivePeer): Side =>
        side(plan(transport), params, given, queue, peerOf)
    for (const place of places) {
      if (place instanceof MemoryHub) {
        all.push(await listenMemory(place, make(memoryTarget(protocol).transport)))
        continue
      }
      const target = parseTarget(protocol, place)
      const handed = handsOver(protocol, target.transport)
      all.push(
        handed === undefined
          ? await listen(target, make(target.transport), params, given.datagram)
          : await listenHandOver(target, given.datagrams, handed, {
              plan,
              params,
              make: make(handed.to),
              sockets: given.datagram,
            }),
      )
    }
  } catch (error) {
    await Promise.all(all.map(one => one.close()))
    throw error
  }
  return new RunningServer(protocol.insecure, all, queue, given) as unknown as Server<T, R>
}

class RunningServer {
  readonly insecure: readonly string[]
  readonly closed: Promise<void>
  readonly #all: readonly Listening[]
  readonly #queue: FrameQueue<Received<LivePeer>>
  readonly #ungauge: (() => void)[]
  #onClosed: () => void = () => {}
  #closing: Promise<void> | undefined

  constructor(
    insecure: readonly string[],
    all: readonly Listening[],
    queue: FrameQueue<Received<LivePeer>>,
    { meter, signal }: AnyOptions,
  ) {
    this.insecure = insecure
    this.#all = all
    this.#queue = queue
    this.closed = new Promise(resolve => {
      this.#onClosed = resolve
    })
    this.#ungauge = meter === undefined ? [] : [meter.gauge('connections', () => this.stats.connections)]
    signal?.addEventListener('abort', () => void this.close(), { once: true })
  }

  get addresses(): readonly ListeningAt[] {
    return this.#all.flatMap(one => one.at)
  }

  get url(): string {
    const { transport, host, port } = this.addresses[0]!
    return `${transport}://${addressOf(host, port)}`
  }

  get publicKey(): Uint8Array | undefined {
    return staticPublicKey(this.#all[0]!.side.shared)
  }

  get port(): number {
    return this.addresses[0]!.port
  }

  get peers(): Iterable<LivePeer> {
    return this.#all.flatMap(one => [...one.side.application.peers])
  }

  get stats(): ServerStats {
    const sum = { connections: 0, framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 }
    for (const { application } of this.#all.map(one => one.side)) {
      sum.connections += application.peers.size
      for (const from of [application.past, ...[...application.peers].map(peer => peer.session)]) {
        sum.framesIn += from.framesIn
        sum.framesOut += from.framesOut
        sum.bytesIn += from.bytesIn
        sum.bytesOut += from.bytesOut
      }
    }
    return sum
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Received<LivePeer>> {
    for (const one of this.#all) one.side.application.startQueueing()
    return this.#queue.iterate()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.all(this.#all.map(one => one.close()))
    for (const ungauge of this.#ungauge) ungauge()
    this.#queue.end()
    this.#onClosed()
  }
}

export type MakeSide = (peerOf: (session: Session) => LivePeer) => Side

async function listen(
  target: Target,
  make: MakeSide,
  params: Readonly<Record<string, unknown>>,
  options: DatagramOptions | undefined,
): Promise<Listening> {
  const { transport, host, port } = target
  const { kind } = transport
  if (kind === 'udp') {
    let link: DatagramLink | undefined
    const made = make(session => new LivePeer(session, link as DatagramLink))
    const endpoint = datagramEndpoint(made.shared, true)
    const socket = await bindDatagram({ host, port }, transport, options)
    link = datagramLink(socket, endpoint)
    return {
      at: [{ transport: kind, host: socket.host, port: socket.port }],
      side: made,
      close: async () => {
        endpoint.close(link.now())
        link.soon()
        await link.closed
      },
    }
  }
  const made = make(ownPeer)
  const server = new StreamServer(made)
  const accept = server.accept.bind(server)
  const listener =
    kind === 'tcp'
      ? await listenTcp({ host, port }, transport, accept)
      : await listenTls({ host, port }, transport, tlsSettings(made.shared.plan, params), {
          begin: server.begin.bind(server),
          accept,
          failed: server.failed.bind(server),
        })
  return {
    at: [{ transport: kind, host: listener.host, port: listener.port }],
    side: made,
    close: async () => void (await Promise.all([listener.close(), server.close()])),
  }
}

async function listenMemory(hub: MemoryHub, make: MakeSide): Promise<Listening> {
  const made = make(ownPeer)
  const server = new StreamServer(made)
  const stop = hub.listen(connected => server.accept(connected))
  return {
    at: [{ transport: 'memory', host: 'memory', port: 0 }],
    side: made,
    close: async () => {
      stop()
      await server.close()
    },
  }
}

/** In memory a protocol runs as over its first stream transport that needs no handshake of its own. */
export function memoryTarget(protocol: TypedProtocol<never> | Parameters<typeof parseTarget>[0]): Target {
  const transport =
    protocol.transports.find(one => one.kind === 'tcp') ?? protocol.transports.find(one => one.kind === 'tls')
  if (transport === undefined)
    throw new LocalError('BadTarget', `${protocol.name} has no stream transport to run in memory`)
  return { transport, host: 'memory', port: 0 }
}
