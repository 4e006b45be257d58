// `connect`: opens a connection to one peer and runs the protocol on it.

import { DatagramEndpoint } from '../core/datagram.ts'
import type { Session } from '../core/session.ts'
import type { AnyTypes, Peer, ProtocolTypes, RoleName, TypedProtocol } from '../core/typed.ts'
import type { Link } from '../drivers/link.ts'
import { MemoryHub } from '../drivers/memory.ts'
import { dialTcp } from '../drivers/tcp.ts'
import { dialTls } from '../drivers/tls.ts'
import type { Connected } from '../drivers/transport.ts'
import { dialUdp, UdpLink } from '../drivers/udp.ts'
import type { Application } from './application.ts'
import { FrameQueue, type Received } from './frame-queue.ts'
import { type Ending, LivePeer, type PeerStats } from './live-peer.ts'
import { type AnyOptions, type CommonOptions, type Handling, prepare } from './options.ts'
import { drive, ownPeer, side, tlsSettings } from './parts.ts'
import { memoryTarget } from './serve.ts'
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
  let connection: ClientConnection
  if (to.transport.kind === 'udp') {
    const socket = await dialUdp(to, to.transport, signal)
    let link: UdpLink | undefined
    const own = side(made, params, given, queue, session => {
      connection = new ClientConnection(session, link as UdpLink, own.application, protocol.insecure)
      return connection
    })
    const endpoint = new DatagramEndpoint(own.shared, false)
    link = new UdpLink(socket, endpoint)
    const session = endpoint.connect(link.now(), socket.peer as string)
    connection = session.owner as ClientConnection
    connection.transportClosed = link.closed
    link.soon()
  } else {
    const own = side(made, params, given, queue, ownPeer)
    const dialled = await dial(target, to, made, params, signal)
    connection = drive(
      own,
      dialled,
      (session, link) => new ClientConnection(session, link, own.application, protocol.insecure),
    ).peer
  }
  const onAbort = (): void => connection.abort('aborted')
  signal?.addEventListener('abort', onAbort, { once: true })
  void connection.closed.then(() => signal?.removeEventListener('abort', onAbort))
  return connection as unknown as Connection<T, R>
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

async function dial(
  target: string | MemoryHub,
  to: Target,
  made: Parameters<typeof tlsSettings>[0],
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<Connected> {
  if (target instanceof MemoryHub) return target.dial()
  if (to.transport.kind === 'tls') return dialTls(to, to.transport, tlsSettings(made, params), signal)
  return dialTcp(to, to.transport, signal)
}
