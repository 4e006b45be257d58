// What the addon exports (src/*.c). Every argument is checked there: a wrong type is a TypeError, what lies outside of the
// memory given a RangeError or, inside a table, a failed row. Errors of the system are returned as negative numbers.

import type { NativeCalls } from '../crypto/native.ts'

export interface NativeAddon extends NativeCalls {
  /** SHA-256 of the sources it was built from. */
  readonly source: string
}

/** Where there is Linux: UDP sockets. A socket is a number. */
export interface NativeSockets {
  /** 0, or negative for what is no address. */
  packAddress(host: string, port: number, out: Uint8Array, index: number): number
  /** `host:port`, IPv6 in brackets. */
  nameAddress(addresses: Uint8Array, index: number): string
  /** `callback` is told what it is ready for (READABLE, WRITABLE), or a negative error. */
  openSocket(family: 4 | 6, flags: number, sources: number, callback: (ready: number) => void): number
  bindSocket(socket: number, address: Uint8Array): number
  connectSocket(socket: number, address: Uint8Array): number
  localAddress(socket: number, out: Uint8Array): number
  watchSocket(socket: number, events: number): number
  optionOf(socket: number, option: number, value: number): number
  closeSocket(socket: number): void
  /**
   * How many datagrams arrived; negative: an error, -EAGAIN when there is none after `spin` microseconds. `rows` are
   * offsets, lengths and sources, a third each; a source is its number, or ~number when its address is new, which is then
   * the next entry of `fresh`.
   */
  receive(socket: number, slab: Uint8Array, rows: Int32Array, fresh: Uint8Array, spin: number): number
  /**
   * How many rows from `from` on are on their way. When it is not all of them, `failed` is the error at the next row and
   * how many rows it concerns. `rows` are offsets, lengths and indexes into `addresses`, a third each.
   */
  send(
    socket: number,
    slab: Uint8Array,
    rows: Int32Array,
    addresses: Uint8Array,
    from: number,
    to: number,
    failed: Int32Array,
  ): number
  /** One datagram on a connected socket: 0, or a negative error. */
  sendOne(socket: number, slab: Uint8Array, offset: number, length: number): number
}

/** Bytes of an address in a table. */
export const ADDRESS = 32
/** Of `openSocket`. */
export const FLAGS = { reusePort: 1, v6Only: 2, gro: 4, gso: 8 } as const
/** What a socket is ready for. */
export const READABLE = 1
export const WRITABLE = 2
/** Of `optionOf`. From `hasGro` on they are read: whether the kernel joins and cuts, and the size it refused to cut to. */
export const OPTIONS = {
  sendBuffer: 0,
  receiveBuffer: 1,
  tos: 2,
  busyPoll: 3,
  hasGro: 4,
  hasGso: 5,
  gsoBelow: 6,
} as const
/** Messages of one `receive`, and a message's share of its slab. */
export const MESSAGES = 64
export const SHARE: number = 2176 + 65536
/** Datagrams that the kernel joins into one message at most. */
export const SEGMENTS = 128
