// `connect`: opens a connection to one peer and runs the protocol on it.

import { splitAddress } from '../core/address.ts'
import { carriedAddress } from '../core/carried.ts'
import { datagramEndpoint } from '../core/endpoint.ts'
import type { HandedOver } from '../core/hand-over.ts'
import type { HandOverPlaces } from '../core/hand-over-places.ts'
import type { Plan } from '../core/plan.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { SecureEndpoint } from '../core/secure-endpoint.ts'
import type { Session } from '../core/session.ts'
import type { AnyTypes, Peer, ProtocolTypes, RoleName, TypedProtocol } from '../core/typed.ts'
import type { Link } from '../drivers/link.ts'
import { MemoryHub } from '../drivers/memory.ts'
import { dialTcp } from '../drivers/tcp.ts'
import { dialTls } from '../drivers/tls.ts'
import type { Connected } from '../drivers/transport.ts'
import { type DatagramLink, datagramLink, dialDatagram } from '../drivers/udp.ts'
import type { Application } from './application.ts'
import { FrameQueue, type Received } from './frame-queue.ts'
import { handsOver, nextPort, takeOver } from './hand-over.ts'
import { type Ending, LivePeer, type PeerStats } from './live-peer.ts'
import { type AnyOptions, type CommonOptions, type Handling, prepare } from './options.ts'
import { drive, ownPeer, side, tlsSettings } from './parts.ts'
import { memoryTarget } from './serve.ts'
import { StreamWay } from './stream-way.ts'
import { parseTarget, type Target } from './target.ts'

export type ConnectOptions<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>> = CommonOptions<T, R> &
  Handling<T, R>

export interface Connection<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>>
  extends Peer<T, R>,
    AsyncIterable<Received<Peer<T, R>>> {
  readonly stats: PeerStats
  /** What the schema gives up, to be shown to whoever runs it. */
  readonly insecure: readonly string[]
  /** Settles when the connection is over, also when that was an error. */
  readonly closed: Promise<Ending>
  /** Ends it at once; what is queued is lost. */
  abort(reason?: string): void
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Connects. `target` is `tcp://HOST:PORT`, `tls://` or `udp://`; without a scheme the schema's first transport is
 * meant, without a port its port. Settles when the connection is open: over TLS after the handshake, over UDP at once.
 * Throws LocalError (NotBuilt, MissingParam, BadParam, BadRole, BadTarget); rejects with PeerError (Unreachable, Timeout,
 * HandshakeFailed) or the reason of the signal.
 */
export async function connect<T extends ProtocolTypes = AnyTypes, R extends RoleName<T> = T['dials'] & RoleName<T>>(
  protocol: TypedProtocol<T>,
  target: string | MemoryHub,
  options: ConnectOptions<T, R> = {},
): Promise<Connection<T, R>> {
  const given = options as unknown as AnyOptions
  const to = target instanceof MemoryHub ? memoryTarget(protocol) : parseTarget(protocol, target)
  const { plan, params } = prepare(protocol, 'dials', given, to.host)
  const made = plan(to.transport)
  const queue = new FrameQueue<Received<LivePeer>>(made.protocol.limits.queue.messages)
  const { signal } = given
  const places = target instanceof MemoryHub ? undefined : handsOver(protocol, to.transport)
  const connection =
    places !== undefined
      ? await dialHandedOver(to, places, plan, params, given, queue)
      : to.transport.kind === 'udp'
        ? await dialDatagrams(to, made, params, given, queue)
        : await dialStream(target, to, made, params, given, queue)
  await opened(connection, signal)
  const onAbort = (): void => connection.abort('aborted')
  signal?.addEventListener('abort', onAbort, { once: true })
  void connection.closed.then(() => signal?.removeEventListener('abort', onAbort))
  return connection as unknown as Connection<T, R>
}

type Params = Readonly<Record<string, unknown>>
type Queue = FrameQueue<Received<LivePeer>>

/** Gets the keys first, then goes on where they are for. */
async function dialHandedOver(
  to: Target,
  places: HandOverPlaces,
  plan: (transport: TransportDescriptor) => Plan,
  params: Params,
  given: AnyOptions,
  queue: Queue,
): Promise<ClientConnection> {
  const stage = plan(places.from)
  const session = plan(places.to)
  const { shared } = side(stage, params, { meter: given.meter }, queue, ownPeer)
  const connected = await dial(to, to, stage, params, given.signal)
  const timeout = stage.protocol.handshake?.timeout ?? Number.POSITIVE_INFINITY
  const after = places.script.continuation?.fallback
  const way = after === undefined ? undefined : new StreamWay(carriedAddress(connected.address), after)
  const steps = { shared, script: places.script, timeout, local: {}, carries: way }
  const { handed, run } = await takeOver(connected, steps, given.signal)
  const { host } = splitAddress(connected.address)
  const next = { transport: places.to, host, port: nextPort(places, handed, params) }
  try {
    return await dialDatagrams(next, session, params, given, queue, handed, way?.through(run))
  } catch (error) {
    run.abort()
    throw error
  }
}

/** `handed`: what a handshake elsewhere has told. */
async function dialDatagrams(
  to: Target,
  made: Plan,
  params: Params,
  given: AnyOptions,
  queue: Queue,
  handed?: HandedOver,
  way?: StreamWay,
): Promise<ClientConnection> {
  const { insecure } = made.protocol
  let link: DatagramLink | undefined
  const peerOf = (session: Session): ClientConnection =>
    (session.owner ??= new ClientConnection(
      session,
      link as DatagramLink,
      own.application,
      insecure,
    )) as ClientConnection
  const own = side(made, params, given, queue, peerOf)
  const endpoint = datagramEndpoint(own.shared, false)
  const socket = await dialDatagram(to, to.transport, given.signal, given.datagram)
  const isHanded = handed !== undefined && endpoint instanceof SecureEndpoint
  const driven = isHanded && way !== undefined ? way.around(endpoint) : endpoint
  link = datagramLink(socket, driven)
  if (way !== undefined) way.link = link
  const peer = socket.peer as string
  const connection = peerOf(
    isHanded ? endpoint.proceed(link.now(), peer, { ...handed, ...way?.ends }) : endpoint.connect(link.now(), peer),
  )
  connection.transportClosed = link.closed
  link.soon()
  return connection
}

async function dialStream(
  target: string | MemoryHub,
  to: Target,
  made: Plan,
  params: Params,
  given: AnyOptions,
  queue: Queue,
): Promise<ClientConnection> {
  const own = side(made, params, given, queue, ownPeer)
  const dialled = await dial(target, to, made, params, given.signal)
  const { peer: connection } = drive(
    own,
    dialled,
    (session, link) => new ClientConnection(session, link, own.application, made.protocol.insecure),
  )
  return connection
}

class ClientConnection extends LivePeer {
  readonly insecure: readonly string[]
  /** The socket, where it outlives the session a little. */
  transportClosed: Promise<void> | undefined
  readonly #application: Application

  constructor(session: Session, link: Link, application: Application, insecure: readonly string[]) {
    super(session, link)
    this.insecure = insecure
    this.#application = application
  }

  override ended(ending: Ending): void {
    super.ended(ending)
    this.#application.queue.end()
  }

  override async close(reason?: string): Promise<void> {
    await super.close(reason)
    await this.transportClosed
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Received<LivePeer>> {
    this.#application.startQueueing()
    return this.#application.queue.iterate()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** Waits for the handshake, and for whatever a client does before its connection counts as open. */
async function opened(connection: ClientConnection, signal: AbortSignal | undefined): Promise<void> {
  const onAbort = (): void => connection.abort('aborted')
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await connection.opened
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

async function dial(
  target: string | MemoryHub | Target,
  to: Target,
  made: Parameters<typeof tlsSettings>[0],
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  if (target instanceof MemoryHub) return target.dial()
  if (to.transport.kind === 'tls') return dialTls(to, to.transport, tlsSettings(made, params), signal)
  return dialTcp(to, to.transport, signal)
}
