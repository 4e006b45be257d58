// UDP: over the native accelerator where it is here and nobody refuses it, else over node:dgram. Both behave the same; what
// differs is how many datagrams a system call moves.

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Address, DatagramMachine, Instant } from '../core/machine.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { native } from '../native/load.ts'
import type { Link } from './link.ts'
import { type Endpoint, unreachable } from './transport.ts'
import { bindNative, dialNative, NativeUdpLink, NativeUdpSocket } from './udp-native.ts'
import { bindNode, dialNode, NodeUdpLink, type NodeUdpSocket } from './udp-node.ts'

/** A machine that a datagram link drives. */
export interface DrivenDatagrams extends DatagramMachine {
  /** The driver sets it while the socket takes nothing. */
  isBlocked: boolean
  /** Bytes that wait to be taken. */
  readonly queued: number
  /** The socket is gone: last input, harmless when repeated. */
  lost(now: Instant, reason: string): void
}

export interface DatagramLink extends Link {
  /** Settles when the socket is closed: after the machine has come to its end. */
  readonly closed: Promise<void>
  /** Closes the socket at once. */
  destroy(): void
}

/** A bound socket without a machine yet. */
export interface DatagramSocket {
  readonly host: string
  readonly port: number
  /** The only peer, of a client's socket. */
  readonly peer: Address | undefined
  /** Closes it without having been driven. */
  close(): void
}

export interface DatagramOptions {
  /** False: node:dgram, whatever there is. */
  readonly native?: boolean | undefined
  /** False: the kernel joins no datagrams on their way out or in (UDP_SEGMENT, UDP_GRO), for networks that cannot bear it. */
  readonly segments?: boolean | undefined
  /**
   * Microseconds that the accelerator waits for the next datagram on the processor before it sleeps: the lowest latency for
   * a busy core. Default 0. node:dgram cannot.
   */
  readonly busyPoll?: number | undefined
}

/** Which path sockets take now, and why, for people. */
export function datagramPath(): { readonly path: 'native' | 'node:dgram'; readonly reason: string } {
  const { sockets, reason } = native()
  return sockets === undefined ? { path: 'node:dgram', reason } : { path: 'native', reason }
}

/** Rejects with LocalError BadTarget where it cannot bind. */
export async function bindDatagram(
  at: Endpoint,
  transport: TransportDescriptor,
  options: DatagramOptions = {},
): Promise<DatagramSocket> {
  const { sockets } = native()
  if (sockets === undefined || options.native === false) return bindNode(at, transport)
  const host = await resolve(at.host).catch(() => at.host)
  return bindNative(sockets, { host, port: at.port }, transport, options)
}

/**
 * A socket that talks to one peer. It is connected, so that the kernel drops what others send and tells when nobody
 * listens. Rejects with PeerError Unreachable, or the reason of the signal.
 */
export async function dialDatagram(
  to: Endpoint,
  transport: TransportDescriptor,
  signal?: AbortSignal,
  options: DatagramOptions = {},
): Promise<DatagramSocket> {
  signal?.throwIfAborted()
  const at = { host: await resolve(to.host), port: to.port }
  signal?.throwIfAborted()
  const { sockets } = native()
  if (sockets === undefined || options.native === false) return dialNode(at, transport)
  return dialNative(sockets, at, transport, options)
}

/** Drives a machine over a socket of `bindDatagram` or `dialDatagram`. */
export function datagramLink(socket: DatagramSocket, machine: DrivenDatagrams): DatagramLink {
  if (socket instanceof NativeUdpSocket) return new NativeUdpLink(socket, machine)
  return new NodeUdpLink(socket as NodeUdpSocket, machine)
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host
  try {
    return (await lookup(host)).address
  } catch (error) {
    throw unreachable(error, host)
  }
}
