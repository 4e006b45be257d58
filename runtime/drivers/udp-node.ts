// UDP over node:dgram, IPv4 and IPv6: where there is no accelerator. Datagrams of one batch leave together; the kernel's
// buffers are small, so a long row of them is spread over several turns.

import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { isIP, isIPv6 } from 'node:net'
import { joinAddress, splitAddress } from '../core/address.ts'
import type { Address, Batch } from '../core/machine.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { loop } from './loop.ts'
import { cannotListen, type Endpoint, plain, unreachable } from './transport.ts'
import { TurnLink } from './turn.ts'
import type { DatagramLink, DatagramSocket, DrivenDatagrams } from './udp.ts'
import { type DatagramSender, senderOf } from './udp-node-sender.ts'

/** A bound socket without a machine yet. */
export interface NodeUdpSocket extends DatagramSocket {
  readonly socket: Socket
}

/** Rejects with LocalError BadTarget where it cannot bind. */
export async function bindNode(at: Endpoint, transport: TransportDescriptor): Promise<NodeUdpSocket> {
  const socket = createSocket(options(at.host, transport))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', error => reject(cannotListen(error, `udp://${joinAddress(at.host, at.port)}`)))
    socket.bind({ address: at.host, port: at.port }, resolve)
  })
  socket.removeAllListeners('error')
  tune(socket, transport)
  const { address, port } = socket.address()
  return { socket, host: address, port, peer: undefined, close: () => socket.close() }
}

/** Connected to one peer, whose host is an address. Rejects with PeerError Unreachable. */
export async function dialNode(to: Endpoint, transport: TransportDescriptor): Promise<NodeUdpSocket> {
  const socket = createSocket(options(to.host, transport))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', error => reject(unreachable(error, joinAddress(to.host, to.port))))
    socket.connect(to.port, to.host, resolve)
  })
  socket.removeAllListeners('error')
  tune(socket, transport)
  const { address, port } = socket.address()
  return { socket, host: address, port, peer: joinAddress(to.host, to.port), close: () => socket.close() }
}

/** Drives a datagram machine over a socket. */
export class NodeUdpLink extends TurnLink implements DatagramLink {
  readonly endpoint: DrivenDatagrams
  readonly #socket: Socket
  readonly #peer: Address | undefined
  readonly #onTurn: () => void = () => this.#unblock()
  readonly #sender: DatagramSender
  readonly #targets = new Map<Address, Endpoint>()
  /** Who wrote lately, by port. */
  readonly #names = new Map<number, { readonly host: string; readonly name: Address }>()
  readonly #one: { slab: Uint8Array } & Batch & { lengths: number[]; peers: string[] } = {
    slab: EMPTY,
    count: 1,
    offsets: [0],
    lengths: [0],
    peers: [''],
  }
  readonly #closed: Promise<void>
  /** A batch that is on its way, and the datagram of it that is next. */
  #batch: Batch | undefined
  #next = 0
  /** Datagrams handed to the socket that are not sent yet. */
  #pending = 0
  #isOver = false

  constructor({ socket, peer }: NodeUdpSocket, endpoint: DrivenDatagrams) {
    super()
    this.endpoint = endpoint
    this.#socket = socket
    this.#peer = peer
    this.#sender = senderOf(socket, error => this.#sent(error))
    this.#closed = new Promise(resolve => socket.once('close', () => resolve()))
    socket.on('message', (bytes, from) => this.#received(bytes, from))
    socket.on('error', error => this.#failed(error as NodeJS.ErrnoException))
  }

  get queued(): number {
    return this.endpoint.queued
  }

  /** Settles when the socket is closed: after the machine has come to its end. */
  get closed(): Promise<void> {
    return this.#closed
  }

  wake(): void {
    this.isInside = true
    this.endpoint.wake(loop.now())
    this.isInside = false
    this.settle()
  }

  settle(): void {
    if (this.isInside || this.#isOver) return
    this.isInside = true
    this.#drain()
    this.isInside = false
    if (this.endpoint.closed && this.#batch === undefined) {
      if (this.#pending === 0) this.destroy()
      return
    }
    loop.arm(this, this.endpoint.deadline)
  }

  /** Closes the socket at once. */
  destroy(): void {
    if (this.#isOver) return
    this.#isOver = true
    loop.disarm(this)
    this.endpoint.lost(loop.now(), 'closed')
    this.#socket.close()
  }

  #received(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#isOver) return
    const one = this.#one
    one.slab = plain(bytes)
    one.lengths[0] = bytes.length
    // An IPv4 peer of an IPv6 socket keeps the form that the socket sends to.
    one.peers[0] = this.#peer ?? this.#nameOf(from)
    this.isInside = true
    // Node makes new memory for each datagram, so what the machine keeps stays as it is.
    this.endpoint.receive(loop.now(), one)
    this.isInside = false
    one.slab = EMPTY
    this.settle()
  }

  #drain(): void {
    const { endpoint } = this
    let sent = 0
    while (!endpoint.isBlocked) {
      this.#batch ??= endpoint.transmit()
      const batch = this.#batch
      if (batch === undefined) return
      while (this.#next < batch.count && sent < MOST_IN_A_TURN) {
        this.#send(batch, this.#next++)
        sent++
      }
      if (this.#next === batch.count && this.#pending === 0) this.#released()
      else {
        endpoint.isBlocked = true
        if (this.#next < batch.count) setImmediate(this.#onTurn)
      }
    }
  }

  #send(batch: Batch, i: number): void {
    const peer = batch.peers[i] as Address
    const start = batch.offsets[i] as number
    const size = batch.lengths[i] as number
    if (this.#peer !== undefined) {
      if (this.#sender.send(batch.slab, start, size, undefined) === 'pending') this.#pending++
      return
    }
    const target = this.#target(peer)
    const { port } = target
    // A datagram may come from port 0; nothing can be sent there, and `send` would throw.
    if (!(port > 0 && port < 65_536)) {
      this.endpoint.unreachable(loop.now(), peer, `${peer} cannot be sent to`)
      return
    }
    if (this.#sender.send(batch.slab, start, size, target) === 'pending') this.#pending++
  }

  #sent(error: Error | null): void {
    this.#pending--
    if (error !== null) this.#notSent(error)
    if (this.#pending > 0 || this.#isOver) return
    const batch = this.#batch
    // The rest of it is sent in another turn.
    if (batch !== undefined && this.#next < batch.count) return
    const isLong = batch !== undefined && batch.count >= MOST_IN_A_TURN
    this.#released()
    if (isLong) setImmediate(this.#onTurn)
    else this.#unblock()
  }

  /** A full buffer loses a datagram, as the network may: that ends nothing. */
  #notSent(error: NodeJS.ErrnoException & { address?: string; port?: number }): void {
    const { code, address, port } = error
    if (code === 'ENOBUFS' || code === 'EAGAIN') return
    const peer = this.#peer ?? (address !== undefined && port !== undefined ? joinAddress(address, port) : undefined)
    if (peer !== undefined) this.endpoint.unreachable(loop.now(), peer, unreachable(error, peer).message)
  }

  #unblock(): void {
    if (this.#isOver) return
    this.endpoint.isBlocked = false
    this.settle()
  }

  #released(): void {
    if (this.#batch !== undefined) this.endpoint.release(this.#batch)
    this.#batch = undefined
    this.#next = 0
  }

  /** The same text for the same sender, as long as few share a port: it is compared and looked up for each datagram. */
  #nameOf({ address, port }: RemoteInfo): Address {
    const known = this.#names.get(port)
    if (known !== undefined && known.host === address) return known.name
    const name = joinAddress(address, port)
    if (this.#names.size >= MOST_TARGETS) this.#names.clear()
    this.#names.set(port, { host: address, name })
    return name
  }

  #target(address: Address): Endpoint {
    let target = this.#targets.get(address)
    if (target === undefined) {
      target = splitAddress(address)
      if (this.#targets.size >= MOST_TARGETS) this.#targets.clear()
      this.#targets.set(address, target)
    }
    return target
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#isOver) return
    // What ICMP says about a connected socket.
    if (this.#peer !== undefined && error.code === 'ECONNREFUSED') {
      this.endpoint.unreachable(loop.now(), this.#peer, 'connection refused')
      this.settle()
      return
    }
    this.endpoint.lost(loop.now(), error.message)
    this.destroy()
  }
}

function options(host: string, transport: TransportDescriptor): SocketOptions {
  return {
    type: isIPv6(host) ? 'udp6' : 'udp4',
    // Addresses only, so nothing is looked up, and sending happens in the call itself.
    lookup: (name, family, done) => done(null, name, typeof family === 'number' ? family : isIP(name)),
    ...(transport.reusePort && { reuseAddr: true }),
  }
}

/** Larger buffers than the system's default, as far as it allows: pieces of one message come all at once. */
function tune(socket: Socket, transport: TransportDescriptor): void {
  const size = transport.buffers ?? BUFFERS
  try {
    socket.setRecvBufferSize(size)
    socket.setSendBufferSize(size)
  } catch {
    // The system has its own opinion; it works with less.
  }
}

const EMPTY = new Uint8Array(0)
const MOST_IN_A_TURN = 64
const MOST_TARGETS = 4096
const BUFFERS = 4 * 1024 * 1024
