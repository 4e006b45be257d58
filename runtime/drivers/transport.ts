// What drivers have in common: connections that were made or accepted and wait to be driven, listeners, addresses, and
// what the operating system's errors mean.

import { isIP } from 'node:net'
import { joinAddress } from '../core/address.ts'
import { LocalError, type PeerError, peerError } from '../core/errors.ts'
import type { Address } from '../core/machine.ts'
import type { PortEvents, StreamPort } from './stream-link.ts'

/** A stream connection without a machine yet. Nothing is read before `start`. */
export interface Connected {
  /** The other side. */
  readonly address: Address
  /** Ties it to whoever handles its events. Once. */
  port(events: PortEvents): StreamPort
  start(): void
  /** Ends it without having been driven. */
  refuse(): void
}

/** One end of a pipe that is made of two ports in this process. */
export function connectedBy(port: StreamPort & { events: PortEvents | undefined }, address: Address): Connected {
  return {
    address,
    port: events => {
      port.events = events
      return port
    },
    start: () => port.resume(),
    refuse: () => port.destroy(),
  }
}

export interface Listener {
  /** As bound: the port is the one that was assigned where 0 was asked for. */
  readonly host: string
  readonly port: number
  /** Takes no more connections. Those accepted go on. */
  close(): Promise<void>
}

export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** `host:port`, IPv6 in brackets; an IPv4 address that came through an IPv6 socket is written as IPv4. */
export function addressOf(host: string, port: number): Address {
  const plain = host.startsWith('::ffff:') && host.includes('.') ? host.slice('::ffff:'.length) : host
  return joinAddress(plain, port)
}

/** What a failed attempt to reach somebody is, in the words of the runtime. */
export function unreachable(error: unknown, to: string): PeerError {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ETIMEDOUT') return peerError('Timeout', `${to} did not answer in time`, { fatal: true })
  const text = (code !== undefined && REASONS[code]) || message || String(error)
  return peerError('Unreachable', `${to}: ${text}`, { fatal: true })
}

/** What a failed attempt to listen is. */
export function cannotListen(error: unknown, at: string): LocalError {
  const { code, message } = error as NodeJS.ErrnoException
  const text = (code !== undefined && REASONS[code]) || message
  return new LocalError('BadTarget', `cannot listen on ${at}: ${text}`, { cause: error })
}

/**
 * The same memory without being a Buffer, whose `slice` is no copy: handlers see parts of it, and may well call that.
 */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

export function isAddress(host: string): boolean {
  return isIP(host) !== 0
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by the peer',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name could not be resolved',
  EMSGSIZE: 'the datagram is too large',
}
