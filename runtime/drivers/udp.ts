// Drives a datagram machine over one socket of node:dgram. Datagrams arrive one by one from Node, so a batch in is a
// batch of one; a batch out is handed to the socket datagram by datagram and released when the last has left.
import { createSocket, type RemoteInfo, type Socket, type SocketType } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Address, Batch, DatagramMachine } from '../core/machine.ts'
import { Alarm, now } from './clock.ts'

export interface DatagramOptions {
  /** Literal address. */
  readonly host: string
  /** 0: any. */
  readonly port: number
  readonly reusePort?: boolean | undefined
  /** Bytes of the kernel's buffers, both directions. */
  readonly buffers?: number | undefined
  /** Where `connect` goes: the socket then hears nobody else, and learns that nobody listens there. */
  readonly connectTo?: { readonly host: string; readonly port: number } | undefined
}

export interface DatagramDriver {
  readonly address: { readonly host: string; readonly port: number }
  /** Call after a command to the machine. */
  readonly settle: () => void
  readonly closed: Promise<void>
}

/** Binds a socket. Rejects with the system's error when the address cannot be bound. */
export async function bindDatagrams(options: DatagramOptions): Promise<Socket> {
  const type: SocketType = isIPv6(options.connectTo?.host ?? options.host) ? 'udp6' : 'udp4'
  const socket = createSocket({
    type,
    reuseAddr: options.reusePort === true,
    // Addresses are literal here: Node's resolver would cost a turn of the loop for each datagram.
    lookup: (host, _options, done) => done(null, host, type === 'udp6' ? 6 : 4),
    ...(options.buffers === undefined ? {} : { recvBufferSize: options.buffers, sendBufferSize: options.buffers }),
  })
  await new Promise<void>((bound, failed) => {
    socket.once('error', failed)
    socket.bind(options.port, options.host, () => {
      socket.off('error', failed)
      bound()
    })
  })
  const to = options.connectTo
  if (to)
    await new Promise<void>((done, failed) =>
      socket.connect(to.port, to.host, (error?: Error) => (error ? failed(error) : done())),
    )
  return socket
}

/** Takes over a bound socket. `failed` receives what the machine throws; the socket is closed then. */
export function driveDatagrams(
  socket: Socket,
  machine: DatagramMachine,
  failed: (error: unknown) => void,
): DatagramDriver {
  const { address, port } = socket.address()
  const connected = peerOf(socket)
  let gone = false
  const alarm = new Alarm(machine, () => input(() => machine.wake(now())))
  const incoming = { offsets: [0], lengths: [0], peers: [''] }

  const input = (give: () => void): void => {
    if (gone) return
    try {
      give()
      settle()
    } catch (error) {
      failed(error)
      end()
    }
  }

  const settle = (): void => {
    if (gone) return
    for (let batch = machine.transmit(); batch; batch = machine.transmit()) sendBatch(batch)
    if (machine.closed) end()
    else alarm.arm()
  }

  const sendBatch = (batch: Batch): void => {
    let left = batch.count
    for (let i = 0; i < batch.count; i++) {
      const to = batch.peers[i]!
      const done = (error: Error | null): void => {
        if (error) input(() => machine.unreachable(now(), to, (error as NodeJS.ErrnoException).code ?? error.message))
        if (--left === 0) machine.release(batch)
      }
      const offset = batch.offsets[i]!
      const length = batch.lengths[i]!
      if (connected !== undefined) {
        socket.send(batch.slab, offset, length, done)
        continue
      }
      const { host, port } = endpoint(to)
      socket.send(batch.slab, offset, length, port, host, done)
    }
  }

  let finish = (): void => {}
  const closed = new Promise<void>(settled => {
    finish = settled
  })
  const end = (): void => {
    if (gone) return
    gone = true
    alarm.stop()
    // What was handed to the socket has left or has failed: send is not queued once a socket is bound.
    socket.close(finish)
  }

  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    incoming.lengths[0] = bytes.length
    incoming.peers[0] = connected ?? keyOf(from.address, from.port)
    input(() => machine.receive(now(), { slab: bytes, count: 1, ...incoming }))
  })
  // On a connected socket the kernel reports that nobody listens there; on others nothing comes that concerns one peer.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (connected !== undefined) input(() => machine.unreachable(now(), connected, error.code ?? error.message))
  })
  input(() => {})
  return { address: { host: address, port }, settle: () => input(() => {}), closed }
}

/** `127.0.0.1:9000`, `[::1]:9000`. */
export function keyOf(host: string, port: number): Address {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

const ENDPOINTS = new Map<Address, { host: string; port: number }>()
const MOST_ENDPOINTS = 65_536

/** The parts of an address; the last ones are remembered, so that a busy peer costs one look-up. */
export function endpoint(address: Address): { host: string; port: number } {
  const known = ENDPOINTS.get(address)
  if (known) return known
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  const parts = { host, port: Number(address.slice(colon + 1)) }
  if (ENDPOINTS.size >= MOST_ENDPOINTS) ENDPOINTS.clear()
  ENDPOINTS.set(address, parts)
  return parts
}

function peerOf(socket: Socket): Address | undefined {
  try {
    const { address, port } = socket.remoteAddress()
    return keyOf(address, port)
  } catch {
    return undefined // not connected
  }
}
