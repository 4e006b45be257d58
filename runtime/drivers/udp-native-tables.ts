// The tables that the accelerator fills and reads: datagrams in one slab, their places in typed arrays, addresses as numbers.

import { constants } from 'node:os'
import { splitAddress } from '../core/address.ts'
import type { Address, Batch } from '../core/machine.ts'
import { ADDRESS, MESSAGES, type NativeSockets, SEGMENTS, SHARE } from '../native/addon.ts'

/** Datagrams of one read at most. */
const MOST = MESSAGES * SEGMENTS
/** Memory for reading, of all sockets of this thread: a batch is borrowed until the machine is done with it. */
const shared = tables()

/** What one call reads: a batch. Its memory is shared by all sockets of this thread, and used until the next read. */
export class Inflow implements Batch {
  slab: Uint8Array = shared.none
  count = 0
  offsets: Int32Array = shared.offsets
  readonly lengths: Int32Array = shared.lengths
  readonly peers: Address[] = shared.peers
  /** The socket had no more than this. */
  wasLast = false
  readonly #sockets: NativeSockets
  readonly #handle: number
  readonly #peer: Address | undefined
  /** Addresses by the number of their source. */
  readonly #names: Address[] = []
  /** Batches that are copied before the machine sees them. */
  #copies = 0

  constructor(sockets: NativeSockets, handle: number, peer: Address | undefined) {
    this.#sockets = sockets
    this.#handle = handle
    this.#peer = peer
  }

  /** Reads what there is, for at most `spin` microseconds. Datagrams, or a negative error. */
  read(spin: number): number {
    const { rows, fresh } = shared
    shared.slab ??= new Uint8Array(MESSAGES * SHARE)
    const count = this.#sockets.receive(this.#handle, shared.slab, rows, fresh, spin)
    this.count = count
    if (count <= 0) return count === 0 ? -constants.errno.EAGAIN : count
    this.wasLast = count < FEW
    this.slab = shared.slab
    this.offsets = shared.offsets
    this.#name(count)
    if (this.#copies > 0) this.#copy(count)
    return count
  }

  /**
   * What the machine said about the last batch. Whoever keeps one will keep others, and the slab is large: from then on each
   * batch gets memory of its own, of just its size, until none is kept for a while.
   */
  set isKept(isKept: boolean) {
    if (!isKept) {
      if (this.#copies > 0) this.#copies--
      return
    }
    if (this.#copies === 0) shared.slab = undefined
    this.#copies = COPIES
  }

  #name(count: number): void {
    const { peers } = this
    const { sources, fresh } = shared
    const only = this.#peer
    if (only !== undefined) {
      for (let i = 0; i < count; i++) peers[i] = only
      return
    }
    const names = this.#names
    let news = 0
    for (let i = 0; i < count; i++) {
      let source = sources[i] as number
      if (source < 0) {
        source = ~source
        while (names.length <= source) names.push('')
        names[source] = this.#sockets.nameAddress(fresh, news++)
      }
      peers[i] = names[source] as Address
    }
  }

  #copy(count: number): void {
    const { slab, offsets, lengths } = this
    let size = 0
    for (let i = 0; i < count; i++) size += lengths[i] as number
    const copy = new Uint8Array(size)
    let at = 0
    for (let i = 0; i < count; ) {
      // Neighbours in one go.
      const start = offsets[i] as number
      let end = start
      for (; i < count && offsets[i] === end; i++) {
        offsets[i] = at + end - start
        end += lengths[i] as number
      }
      copy.set(slab.subarray(start, end), at)
      at += end - start
    }
    this.slab = copy
  }
}

/** What one call sends: a batch of the machine, its places and addresses in tables. */
export class Outflow {
  batch: Batch | undefined
  /** The datagram that is next. */
  next = 0
  /** Why it was not sent: 0, or a negative error. */
  error = 0
  readonly #sockets: NativeSockets
  readonly #handle: number
  readonly #peer: Address | undefined
  readonly #failed = new Int32Array(2)
  readonly #targets = new Map<Address, number>()
  #addresses: Uint8Array
  #rows = new Int32Array(3 * MESSAGES)

  constructor(sockets: NativeSockets, handle: number, peer: Address | undefined) {
    this.#sockets = sockets
    this.#handle = handle
    this.#peer = peer
    this.#addresses = new Uint8Array(peer === undefined ? 64 * ADDRESS : ADDRESS)
  }

  load(batch: Batch): void {
    const { count, offsets, lengths, peers } = batch
    this.batch = batch
    this.next = 0
    this.error = 0
    if (count === 1 && this.#peer !== undefined) return
    if (count * 3 > this.#rows.length) this.#rows = new Int32Array(count * 3)
    if (this.#targets.size > MOST_TARGETS) this.#targets.clear()
    const rows = this.#rows
    const capacity = rows.length / 3
    let peer: Address | undefined
    let target = 0
    for (let i = 0; i < count; i++) {
      rows[i] = offsets[i] as number
      rows[capacity + i] = lengths[i] as number
      if (this.#peer !== undefined) continue
      if (peers[i] !== peer) {
        peer = peers[i] as Address
        target = this.#targets.get(peer) ?? this.#target(peer)
      }
      rows[2 * capacity + i] = target
    }
  }

  /** Sends up to `most` datagrams. How many are on their way; `error` says why the next one is not. */
  send(most: number): number {
    const { slab, count, offsets, lengths } = this.batch as Batch
    const { next } = this
    if (count === 1 && this.#peer !== undefined) {
      this.error = this.#sockets.sendOne(this.#handle, slab, offsets[0] as number, lengths[0] as number)
      if (this.error === 0) return ++this.next
      this.#failed[1] = 1
      return 0
    }
    const end = Math.min(count, next + most)
    const sent = this.#sockets.send(this.#handle, slab, this.#rows, this.#addresses, next, end, this.#failed)
    this.next += sent
    this.error = next + sent === end ? 0 : -(this.#failed[0] as number)
    return sent
  }

  get isDone(): boolean {
    return this.next >= (this.batch as Batch).count
  }

  /** To whom the next datagram is. */
  get peer(): Address {
    return (this.batch as Batch).peers[this.next] as Address
  }

  /** Gives up what was refused. */
  skip(): void {
    this.next += this.#failed[1] as number
    this.error = 0
  }

  clear(): void {
    this.batch = undefined
  }

  /** The place of an address in the table; -1, which sending refuses, for what is none. */
  #target(address: Address): number {
    const index = this.#targets.size
    if (index * ADDRESS === this.#addresses.length) {
      const larger = new Uint8Array(this.#addresses.length * 2)
      larger.set(this.#addresses)
      this.#addresses = larger
    }
    const { host, port } = splitAddress(address)
    if (!(port >= 0 && port <= 65_535)) return -1
    if (this.#sockets.packAddress(host, port, this.#addresses, index) !== 0) return -1
    this.#targets.set(address, index)
    return index
  }
}

function tables(): {
  none: Uint8Array
  slab: Uint8Array | undefined
  rows: Int32Array
  offsets: Int32Array
  lengths: Int32Array
  sources: Int32Array
  fresh: Uint8Array
  peers: Address[]
} {
  const rows = new Int32Array(3 * MOST)
  const [offsets, lengths, sources] = [0, 1, 2].map(i => rows.subarray(i * MOST, (i + 1) * MOST)) as Three
  const fresh = new Uint8Array(MESSAGES * ADDRESS)
  return { none: new Uint8Array(0), slab: undefined, rows, offsets, lengths, sources, fresh, peers: [] }
}

type Three = [Int32Array, Int32Array, Int32Array]

/** Fewer than this, and the socket is likely to be empty. */
const FEW = 16
/** Batches that are copied after one was kept. */
const COPIES = 64
/** Addresses that a socket sends to, before they are forgotten. */
const MOST_TARGETS = 16_384
