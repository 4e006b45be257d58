// TCP over node:net.

import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import type { TransportDescriptor } from '../core/protocol.ts'
import { opened } from './opening.ts'
import { adopt, ReadBuffer, SocketConnected } from './socket-port.ts'
import { addressOf, type Connected, cannotListen, type Endpoint, type Listener } from './transport.ts'

/** Listens. Rejects with LocalError BadTarget where it cannot. */
export async function listenTcp(
  at: Endpoint,
  transport: TransportDescriptor,
  accept: (connected: Connected) => void,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: transport.nodelay })
  server.on('connection', socket => accept(accepted(socket, transport)))
  return listening(server, at, transport)
}

/** Starts a server of node:net or node:tls. */
export async function listening(server: Server, at: Endpoint, transport: TransportDescriptor): Promise<Listener> {
  const name = `${transport.kind}://${addressOf(at.host, at.port)}`
  const backlog = transport.backlog === undefined ? {} : { backlog: transport.backlog }
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(cannotListen(error, name)))
    server.listen({ host: at.host, port: at.port, ...backlog }, resolve)
  })
  // Errors of accepting (no file descriptors left) end nothing; the next connection may succeed.
  server.removeAllListeners('error').on('error', () => {})
  const bound = server.address() as AddressInfo
  return {
    host: bound.address,
    port: bound.port,
    close: () => new Promise(resolve => server.close(() => resolve())),
  }
}

/** Connects. Rejects with PeerError Unreachable or Timeout, or with the reason of the signal. */
export async function dialTcp(to: Endpoint, transport: TransportDescriptor, signal?: AbortSignal): Promise<Connected> {
  signal?.throwIfAborted()
  const buffer = new ReadBuffer()
  const options = { host: to.host, port: to.port, allowHalfOpen: true, noDelay: transport.nodelay }
  const socket = connect({ ...options, onread: buffer.onread } as unknown as NetConnectOpts)
  // Nothing is read until somebody is there to read it.
  socket.pause()
  await opened(socket, 'connect', addressOf(to.host, to.port), transport.connectTimeout, signal)
  return connected(socket, buffer, transport)
}

/** `address`: where the peer is, where it may have gone already. */
export function connected(
  socket: Socket,
  buffer: ReadBuffer | undefined,
  { nodelay }: TransportDescriptor,
  address: string = addressOf(socket.remoteAddress ?? '', socket.remotePort ?? 0),
): Connected {
  if (nodelay) socket.setNoDelay(true)
  return new SocketConnected(socket, buffer, address)
}

function accepted(socket: Socket, transport: TransportDescriptor): Connected {
  const { remoteAddress = '', remotePort = 0 } = socket
  const { socket: adopted, buffer } = adopt(socket)
  return connected(adopted, buffer, transport, addressOf(remoteAddress, remotePort))
}
