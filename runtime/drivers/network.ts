// What a node needs of the world: a clock with alarms, connections and listeners. `TcpNetwork` is the real one; tests have one whose
// clock is virtual (runtime/sim/node-network.ts).

import { lookup } from 'node:dns/promises'
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, Socket } from 'node:net'
import type { Instant } from '../core/machine.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { loop, type Woken } from './loop.ts'
import { opened } from './opening.ts'
import { adopt, ReadBuffer, SocketConnected } from './socket-port.ts'
import { dialTls, listenTls, type TlsSettings } from './tls.ts'
import { addressOf, type Connected, cannotListen, type Endpoint, isAddress, type Listener } from './transport.ts'

export interface Network {
  now(): Instant
  /** Wakes `woken` at `at` or before. */
  arm(woken: Woken, at: number): void
  disarm(woken: Woken): void
  /** Calls back when this turn of the program is over. */
  soon(call: () => void): void
  /** The address of a host, where it is a name. */
  resolve(host: string): Promise<string>
  /** Rejects where it cannot listen: LocalError BadTarget. */
  listen(at: Endpoint, options: ListenOptions, events: ListenEvents): Promise<Listener>
  /** Rejects with PeerError Unreachable or Timeout, or the reason of the signal. */
  dial(to: Endpoint, options: DialOptions): Promise<Connected>
}

export interface ListenOptions {
  readonly backlog: number
  readonly reusePort: boolean
  readonly nodelay: boolean
  /** Largest read, bytes. */
  readonly buffer: number
}

export interface ListenEvents {
  accept(connected: Connected): void
  /** A connection begins a handshake of the transport; false: there is no room. Its `accept` or `failed` follows. */
  begin(address: string): boolean
  failed(address: string, reason: string): void
  /** Accepting failed; the next one may succeed. */
  error(error: Error): void
}

export interface DialOptions {
  /** Longest wait, milliseconds. */
  readonly timeout: number
  readonly nodelay: boolean
  readonly buffer: number
  /** Own address and port, where they matter. */
  readonly source?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined
  readonly signal?: AbortSignal | undefined
}

/** TCP; over it TLS where `tls` is given, with the transport that the schema describes. */
export class TcpNetwork implements Network {
  readonly #tls: { readonly settings: TlsSettings; readonly transport: TransportDescriptor } | undefined

  constructor(tls?: { readonly settings: TlsSettings; readonly transport: TransportDescriptor }) {
    this.#tls = tls
  }

  now(): Instant {
    return loop.now()
  }

  arm(woken: Woken, at: number): void {
    loop.arm(woken, at)
  }

  disarm(woken: Woken): void {
    loop.disarm(woken)
  }

  soon(call: () => void): void {
    process.nextTick(call)
  }

  async resolve(host: string): Promise<string> {
    return isAddress(host) ? host : (await lookup(host)).address
  }

  async listen(at: Endpoint, options: ListenOptions, events: ListenEvents): Promise<Listener> {
    if (this.#tls !== undefined) {
      const { settings, transport } = this.#tls
      return listenTls(at, { ...transport, backlog: options.backlog }, settings, events)
    }
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: options.nodelay })
    server.on('connection', socket => {
      const { remoteAddress, remotePort } = socket
      // It went away before it was looked at.
      if (remoteAddress === undefined || remotePort === undefined) socket.destroy()
      else {
        const { socket: moved, buffer } = adopt(socket, options.buffer)
        events.accept(new SocketConnected(moved, buffer, addressOf(remoteAddress, remotePort)))
      }
    })
    await bound(server, at, options)
    server.on('error', error => events.error(error))
    takeHandles(server, options, events)
    const { address, port } = server.address() as AddressInfo
    return { host: address, port, close: () => new Promise(resolve => server.close(() => resolve())) }
  }

  async dial(to: Endpoint, options: DialOptions): Promise<Connected> {
    const { signal, source, nodelay } = options
    signal?.throwIfAborted()
    if (this.#tls !== undefined) {
      const { settings, transport } = this.#tls
      return dialTls(to, { ...transport, connectTimeout: options.timeout }, settings, signal)
    }
    const buffer = new ReadBuffer(SMALLEST, options.buffer)
    const socket = connect({
      host: to.host,
      port: to.port,
      allowHalfOpen: true,
      noDelay: nodelay,
      ...(source?.host !== undefined && { localAddress: source.host }),
      ...(source?.port !== undefined && { localPort: source.port }),
      onread: buffer.onread,
    } as unknown as NetConnectOpts)
    // Nothing is read until somebody is there to read it.
    socket.pause()
    const name = addressOf(to.host, to.port)
    await opened(socket, 'connect', name, options.timeout, signal)
    return new SocketConnected(socket, buffer, name)
  }
}

/** For all nodes of this process. */
export const tcpNetwork: TcpNetwork = new TcpNetwork()

/** The part of libuv's server handle that is used, where there is one. */
interface ServerHandle {
  onconnection?: (status: number, handle: PeerHandle | undefined) => void
}

interface PeerHandle {
  getpeername(out: { address?: string; port?: number }): number
  setNoDelay(on: boolean): number
  close(): void
}

/**
 * Makes sockets of accepted handles directly. The server would make one of its own for each, without `onread`, whose handle then has
 * to be moved (`adopt`): that is still what happens where the handle cannot be had.
 */
function takeHandles(server: Server, options: ListenOptions, events: ListenEvents): void {
  const { _handle: listening } = server as Server & { _handle?: ServerHandle | null }
  const original = listening?.onconnection
  if (listening === undefined || listening === null || typeof original !== 'function') return
  listening.onconnection = (status, handle) => {
    if (status !== 0 || handle === undefined || typeof handle.getpeername !== 'function') {
      original.call(listening, status, handle)
      return
    }
    const peer: { address?: string; port?: number } = {}
    // It went away before it was looked at.
    if (handle.getpeername(peer) !== 0 || peer.address === undefined || peer.port === undefined) {
      handle.close()
      return
    }
    if (options.nodelay) handle.setNoDelay(true)
    const buffer = new ReadBuffer(SMALLEST, options.buffer)
    const socket = new Socket({ handle, onread: buffer.onread, allowHalfOpen: true, pauseOnCreate: true } as object)
    events.accept(new SocketConnected(socket, buffer, addressOf(peer.address, peer.port)))
  }
}

async function bound(server: Server, at: Endpoint, options: ListenOptions): Promise<void> {
  const { backlog, reusePort } = options
  const fail = (reject: (error: Error) => void) => (error: Error) =>
    reject(cannotListen(error, `tcp://${addressOf(at.host, at.port)}`))
  await new Promise<void>((resolve, reject) => {
    server.once('error', fail(reject))
    server.listen({ host: at.host, port: at.port, backlog, ...(reusePort && { reusePort }) } as object, resolve)
  })
  server.removeAllListeners('error')
}

/** First memory of a connection, bytes: most are quiet. */
const SMALLEST = 256
