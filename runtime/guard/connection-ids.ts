// Connection ids: drawn at random by the side that will receive under them, nonzero, unique in its table, and not given to
// another connection for a while after the end of theirs. A packet finds its connection by a number alone.

import { LocalError } from '../core/errors.ts'

export interface ConnectionIdOptions {
  /** Width on the wire, 8 to 48. */
  readonly bits: number
  readonly random: (n: number) => Uint8Array
  /** Milliseconds for which the id of an ended connection is not used again. Default 30 s. */
  readonly rest?: number | undefined
  /** Where several workers share a port: the top `bits` of each id are `index`. */
  readonly worker?: { readonly bits: number; readonly index: number } | undefined
}

export class ConnectionIds<T> {
  readonly #options: ConnectionIdOptions
  readonly #rest: number
  readonly #owners = new Map<number, T>()
  /** Ids of ended connections. */
  readonly #resting = new Set<number>()
  /** The same in the order of their ends, from `#head` on: id, and when it may be used again. */
  #queue: number[] = []
  #head = 0

  constructor(options: ConnectionIdOptions) {
    const { bits, worker } = options
    if (!(bits >= 8 && bits <= 48)) throw new LocalError('BadOption', `connection ids have 8 to 48 bits, not ${bits}`)
    if (
      worker &&
      !(worker.bits >= 0 && worker.bits <= bits - 8 && worker.index >= 0 && worker.index < 2 ** worker.bits)
    )
      throw new LocalError('BadOption', `worker ${worker.index} does not fit into ${worker.bits} of ${bits} bits`)
    this.#options = options
    this.#rest = options.rest ?? 30_000
  }

  get size(): number {
    return this.#owners.size
  }

  /** All that have an id. */
  owners(): IterableIterator<T> {
    return this.#owners.values()
  }

  /** A new id for `owner`, or 0 when none can be found. */
  draw(owner: T, now: number): number {
    const id = this.free(now)
    if (id !== 0) this.claim(id, owner)
    return id
  }

  /** An id that can be claimed, or 0 when none can be found. */
  free(now: number): number {
    this.#wake(now)
    const { bits, worker } = this.#options
    const low = 2 ** (bits - (worker?.bits ?? 0))
    const base = (worker?.index ?? 0) * low
    for (let tries = 0; tries < DRAWS; tries++) {
      const id = base + this.#random(low)
      if (this.#isFree(id)) return id
    }
    // The table is nearly full: the next free one behind a random place.
    const from = this.#random(low)
    for (let i = 0; i < Math.min(low, MOST_STEPS); i++) {
      const id = base + ((from + i) % low)
      if (this.#isFree(id)) return id
    }
    return 0
  }

  /** The id is `owner`'s from now on: one that is free, or that somebody else drew. */
  claim(id: number, owner: T): void {
    this.#owners.set(keyOf(id), owner)
  }

  /** Whose packets carry this id. */
  owner(id: number): T | undefined {
    return this.#owners.get(keyOf(id))
  }

  /** The connection with this id ended. */
  release(id: number, now: number): void {
    const key = keyOf(id)
    if (!this.#owners.delete(key)) return
    this.#resting.add(key)
    this.#queue.push(key, now + this.#rest)
    this.#wake(now)
  }

  #isFree(id: number): boolean {
    const key = keyOf(id)
    return id !== 0 && !this.#owners.has(key) && !this.#resting.has(key)
  }

  /** Below a power of two. */
  #random(below: number): number {
    let drawn = 0
    for (const byte of this.#options.random(6)) drawn = drawn * 256 + byte
    return drawn % below
  }

  #wake(now: number): void {
    while (this.#head < this.#queue.length && this.#queue[this.#head + 1]! <= now) {
      this.#resting.delete(this.#queue[this.#head]!)
      this.#head += 2
    }
    if (this.#head < COMPACT || this.#head * 2 < this.#queue.length) return
    this.#queue = this.#queue.slice(this.#head)
    this.#head = 0
  }
}

/** Ids of 32 bits as signed numbers: V8 keeps those in the word itself, so that a lookup allocates nothing. */
function keyOf(id: number): number {
  return id <= 0xffff_ffff ? id | 0 : id
}

const DRAWS = 16
const MOST_STEPS = 2 ** 16
const COMPACT = 1024
