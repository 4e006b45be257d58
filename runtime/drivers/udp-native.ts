// UDP over the native accelerator: a system call reads or sends up to 64 messages, and what travels between the same two
// peers is joined by the kernel (UDP_GRO, UDP_SEGMENT). A batch that was read is one input of the machine.

import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { joinAddress, splitAddress } from '../core/address.ts'
import type { Address, Batch } from '../core/machine.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { ADDRESS, FLAGS, type NativeSockets, OPTIONS, READABLE, WRITABLE } from '../native/addon.ts'
import { loop } from './loop.ts'
import { cannotListen, type Endpoint, unreachable } from './transport.ts'
import { TurnLink } from './turn.ts'
import type { DatagramLink, DatagramOptions, DatagramSocket, DrivenDatagrams } from './udp.ts'
import { Inflow, Outflow } from './udp-native-tables.ts'

/** A bound socket without a machine yet. */
export class NativeUdpSocket implements DatagramSocket {
  readonly sockets: NativeSockets
  readonly handle: number
  readonly busyPoll: number
  host = ''
  port = 0
  peer: Address | undefined
  /** Told what the socket is ready for, or a negative error. */
  onReady: (ready: number) => void = () => {}

  /** Throws an error with the system's code. */
  constructor(
    sockets: NativeSockets,
    host: string,
    transport: TransportDescriptor,
    sources: number,
    { segments = true, busyPoll = 0 }: DatagramOptions,
  ) {
    const flags = (segments ? FLAGS.gro | FLAGS.gso : 0) | (transport.reusePort ? FLAGS.reusePort : 0)
    this.sockets = sockets
    this.busyPoll = busyPoll
    const made = sockets.openSocket(host.includes(':') ? 6 : 4, flags, sources, ready => this.onReady(ready))
    if (made < 0) throw systemError(made, 'socket')
    this.handle = made
    const size = transport.buffers ?? BUFFERS
    // The system has its own opinion about these; it works with less.
    sockets.optionOf(made, OPTIONS.receiveBuffer, size)
    sockets.optionOf(made, OPTIONS.sendBuffer, size)
    if (transport.tos !== undefined) sockets.optionOf(made, OPTIONS.tos, transport.tos)
    if (busyPoll > 0) sockets.optionOf(made, OPTIONS.busyPoll, busyPoll)
  }

  /** Binds or connects. Throws an error with the system's code; the socket is closed then. */
  attach(how: 'bindSocket' | 'connectSocket', { host, port }: Endpoint): void {
    const { sockets, handle } = this
    const address = new Uint8Array(ADDRESS)
    let failed = sockets.packAddress(host, port, address, 0)
    if (failed === 0) failed = sockets[how](handle, address)
    if (failed === 0) failed = sockets.localAddress(handle, address)
    if (failed !== 0) {
      this.close()
      throw systemError(failed, how === 'bindSocket' ? 'bind' : 'connect')
    }
    const { host: own, port: assigned } = splitAddress(sockets.nameAddress(address, 0))
    this.host = own
    this.port = assigned
    if (how === 'connectSocket') this.peer = joinAddress(host, port)
  }

  close(): void {
    this.sockets.closeSocket(this.handle)
  }
}

/** Throws LocalError BadTarget where it cannot bind. `at.host` is an address. */
export function bindNative(
  sockets: NativeSockets,
  at: Endpoint,
  transport: TransportDescriptor,
  options: DatagramOptions,
): NativeUdpSocket {
  try {
    const socket = new NativeUdpSocket(sockets, at.host, transport, MOST_SOURCES, options)
    socket.attach('bindSocket', at)
    return socket
  } catch (error) {
    throw cannotListen(error, `udp://${joinAddress(at.host, at.port)}`)
  }
}

/** Throws PeerError Unreachable. `to.host` is an address. */
export function dialNative(
  sockets: NativeSockets,
  to: Endpoint,
  transport: TransportDescriptor,
  options: DatagramOptions,
): NativeUdpSocket {
  try {
    const socket = new NativeUdpSocket(sockets, to.host, transport, 1, options)
    socket.attach('connectSocket', to)
    return socket
  } catch (error) {
    throw unreachable(error, joinAddress(to.host, to.port))
  }
}

/** Drives a datagram machine over a socket. */
export class NativeUdpLink extends TurnLink implements DatagramLink {
  readonly endpoint: DrivenDatagrams
  readonly closed: Promise<void>
  readonly #socket: NativeUdpSocket
  readonly #in: Inflow
  readonly #out: Outflow
  readonly #onTurn: () => void = () => this.#unblock()
  readonly #onSpin: () => void = () => this.#spin()
  readonly #onSpinTurn: () => void = () => {
    this.#turnAt = loop.now() + SPIN_TURN
    this.#spin()
  }
  #onClosed: () => void = () => {}
  /** The datagram at which sending was refused last. */
  #refusedAt = -1
  #isSpinning = false
  /** When others must have their turn, however much there is to wait for on the processor. */
  #turnAt = 0
  #isOver = false

  constructor(socket: NativeUdpSocket, endpoint: DrivenDatagrams) {
    super()
    this.endpoint = endpoint
    this.#socket = socket
    this.#in = new Inflow(socket.sockets, socket.handle, socket.peer)
    this.#out = new Outflow(socket.sockets, socket.handle, socket.peer)
    this.closed = new Promise(resolve => {
      this.#onClosed = resolve
    })
    socket.onReady = ready => this.#ready(ready)
    socket.sockets.watchSocket(socket.handle, READABLE)
  }

  get queued(): number {
    return this.endpoint.queued
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
    if (this.endpoint.closed && this.#out.batch === undefined) {
      this.destroy()
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
    this.#onClosed()
  }

  #ready(ready: number): void {
    if (this.#isOver) return
    if (this.#socket.busyPoll > 0) this.#turnAt = loop.now() + SPIN_TURN
    if (ready < 0) {
      this.#noted(ready)
      return
    }
    if ((ready & WRITABLE) !== 0) {
      this.#watch(READABLE)
      this.#unblock()
    }
    if ((ready & READABLE) !== 0) this.#read(0)
  }

  /** Reads until there is nothing more, but not for long: others wait for their turn. */
  #read(spin: number): void {
    for (let left = MOST_READS, wait = spin; left > 0 && !this.#isOver; left--, wait = this.#socket.busyPoll) {
      const count = this.#in.read(wait)
      if (count < 0) {
        if (count === EAGAIN) return
        if (!this.#noted(count)) return
        continue
      }
      this.isInside = true
      this.#in.isKept = this.endpoint.receive(loop.now(), this.#in)
      this.isInside = false
      this.settle()
      if (this.#in.wasLast && this.#socket.busyPoll === 0) return
    }
  }

  /** After sending, a link that polls waits for the answer on the processor. */
  #spin(): void {
    this.#isSpinning = false
    if (!this.#isOver) this.#read(this.#socket.busyPoll)
  }

  #drain(): void {
    const { endpoint } = this
    const out = this.#out
    let left = MOST_IN_A_TURN
    while (!endpoint.isBlocked) {
      if (out.batch === undefined) {
        const batch = endpoint.transmit()
        if (batch === undefined) break
        out.load(batch)
      }
      left -= out.send(left)
      if (out.isDone) this.#released(out.batch as Batch)
      else if (out.error === EAGAIN) {
        endpoint.isBlocked = true
        this.#watch(READABLE | WRITABLE)
      } else if (out.error !== 0) this.#notSent(out.error)
      if (left <= 0 && !endpoint.isBlocked) {
        // The rest of it in another turn: the receiver's buffer is no larger than ours.
        endpoint.isBlocked = true
        setImmediate(this.#onTurn)
      }
    }
    if (left < MOST_IN_A_TURN && this.#socket.busyPoll > 0 && !this.#isSpinning) {
      this.#isSpinning = true
      if (loop.latest < this.#turnAt) process.nextTick(this.#onSpin)
      else setImmediate(this.#onSpinTurn)
    }
  }

  #released(batch: Batch): void {
    this.#out.clear()
    this.#refusedAt = -1
    this.endpoint.release(batch)
  }

  /** The next datagram is refused. What an answer of the network to earlier ones caused is not about this one: once more. */
  #notSent(error: number): void {
    const out = this.#out
    const peer = out.peer
    if (error === ECONNREFUSED && this.#refusedAt !== out.next) this.#refusedAt = out.next
    else out.skip()
    if (error !== ENOBUFS) this.endpoint.unreachable(loop.now(), peer, reason(error, peer))
    if (out.isDone) this.#released(out.batch as Batch)
  }

  #unblock(): void {
    if (this.#isOver) return
    this.endpoint.isBlocked = false
    this.settle()
  }

  /** An error while reading. False when the socket is at its end. */
  #noted(error: number): boolean {
    const { peer } = this.#socket
    if (error === ENOBUFS || error === ENOMEM) return true
    // What ICMP says about a connected socket.
    if (peer !== undefined && ADVICE.has(error)) {
      this.isInside = true
      this.endpoint.unreachable(loop.now(), peer, reason(error, peer))
      this.isInside = false
      this.settle()
      return !this.#isOver
    }
    this.#failed(error)
    return false
  }

  #failed(error: number): void {
    this.endpoint.lost(loop.now(), systemError(error, 'socket').message)
    this.destroy()
  }

  #watch(events: number): void {
    this.#socket.sockets.watchSocket(this.#socket.handle, events)
  }
}

function systemError(negative: number, call: string): NodeJS.ErrnoException {
  const [code, text] = getSystemErrorMap().get(negative) ?? [`E${-negative}`, 'unknown error']
  return Object.assign(new Error(`${call}: ${code}, ${text}`), { code, errno: negative, syscall: call })
}

function reason(negative: number, peer: Address): string {
  return unreachable(systemError(negative, 'send'), peer).message
}

const { errno } = constants
const EAGAIN = -errno.EAGAIN
const ENOBUFS = -errno.ENOBUFS
const ENOMEM = -errno.ENOMEM
const ECONNREFUSED = -errno.ECONNREFUSED
const ADVICE: ReadonlySet<number> = new Set(
  [errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EMSGSIZE, errno.EPROTO, errno.EACCES].map(n => -n),
)
/** Reads of one turn. */
const MOST_READS = 4
/** Datagrams sent in one turn. */
const MOST_IN_A_TURN = 512
/** Addresses whose text is kept, of a socket that everybody may write to. */
const MOST_SOURCES = 16_384
const BUFFERS = 4 * 1024 * 1024
/** Milliseconds of waiting on the processor, answers included, between two turns of the event loop. */
const SPIN_TURN = 4
