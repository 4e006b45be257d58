// Datagrams on their way out of a machine, gathered in batches: many datagrams, one slab, one table.

import type { Address, Batch } from './machine.ts'

/** `T`: what each datagram is tagged with. */
class OutBatch<T> implements Batch {
  slab: Uint8Array
  count = 0
  end = 0
  readonly offsets: number[] = []
  readonly lengths: number[] = []
  readonly peers: Address[] = []
  readonly tags: (T | undefined)[] = []

  constructor(size: number) {
    this.slab = new Uint8Array(size)
  }
}

/** A batch with its tags. The holder may take datagrams out of it. */
export type TaggedBatch<T> = Batch & {
  count: number
  readonly offsets: number[]
  readonly lengths: number[]
  readonly peers: Address[]
  readonly tags: (T | undefined)[]
}

/** Takes out datagrams whose length was set to 0. */
export function compact<T>(batch: TaggedBatch<T>): void {
  let kept = 0
  for (let i = 0; i < batch.count; i++) {
    if (batch.lengths[i] === 0) continue
    batch.offsets[kept] = batch.offsets[i] as number
    batch.lengths[kept] = batch.lengths[i] as number
    batch.peers[kept] = batch.peers[i] as Address
    batch.tags[kept] = batch.tags[i]
    kept++
  }
  batch.count = kept
}

/** The datagrams that the driver has not taken. */
export class Packets<T = never> {
  /** Bytes and datagrams waiting. */
  bytes = 0
  count = 0
  #batch: OutBatch<T> | undefined
  readonly #full: OutBatch<T>[] = []
  readonly #free: OutBatch<T>[] = []

  /** Memory with room for `size` bytes at `at`. Valid until the next call. */
  reserve(size: number): Uint8Array {
    const batch = this.#batch
    if (batch !== undefined && batch.count < MOST && batch.slab.length - batch.end >= size) return batch.slab
    return this.#next(size).slab
  }

  /** Where the reserved room begins. */
  get at(): number {
    return this.#batch?.end ?? 0
  }

  /** The memory that was reserved last. */
  get last(): Uint8Array {
    return this.#batch?.slab ?? NOTHING
  }

  /** A datagram for `peer` stands at `start..end` in the reserved room. */
  commit(peer: Address, start: number, end: number, tag?: T): void {
    const batch = this.#batch!
    batch.offsets[batch.count] = start
    batch.lengths[batch.count] = end - start
    batch.peers[batch.count] = peer
    batch.tags[batch.count] = tag
    batch.count++
    batch.end = end
    this.bytes += end - start
    this.count++
  }

  /** The next batch, or undefined. Belongs to the driver until `release`. */
  take(): TaggedBatch<T> | undefined {
    let batch = this.#full.shift()
    if (batch === undefined) {
      batch = this.#batch
      if (batch === undefined || batch.count === 0) return undefined
      this.#batch = undefined
    }
    this.bytes -= batch.end
    this.count -= batch.count
    return batch
  }

  release(batch: Batch): void {
    if (!(batch instanceof OutBatch)) return
    batch.tags.fill(undefined, 0, batch.tags.length)
    batch.count = 0
    batch.end = 0
    if (this.#free.length < SPARE && batch.slab.length === SLAB) this.#free.push(batch)
  }

  clear(): void {
    this.#full.length = 0
    this.#batch = undefined
    this.bytes = 0
    this.count = 0
  }

  #next(size: number): OutBatch<T> {
    if (this.#batch !== undefined && this.#batch.count > 0) this.#full.push(this.#batch)
    this.#batch = (size <= SLAB ? this.#free.pop() : undefined) ?? new OutBatch<T>(Math.max(SLAB, size))
    return this.#batch
  }
}

const NOTHING = new Uint8Array(0)
/** Datagrams of one batch: a system call takes them at once, and wakes the receiver once. */
const MOST = 512
const SLAB = 64 * 1024
/** Slabs kept for the next datagrams: what a driver takes in a turn. */
const SPARE = 32
