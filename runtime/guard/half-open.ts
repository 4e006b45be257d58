// Handshakes that a validated address has begun and not finished: what the responder must keep of them, so that a repeated
// first packet is answered with the same bytes and costs no key agreement. Bounded in number, in bytes and in time.

import { LocalError } from '../core/errors.ts'
import { addressKey } from './address.ts'
import { attemptKey, EndedAttempts } from './attempts.ts'

export interface HalfOpenOptions {
  /** Entries in all: the oldest goes. Entries of one place (IPv4 /32, IPv6 /64): no more are begun. */
  readonly most: number
  readonly mostPerAddress: number
  /** Milliseconds. */
  readonly timeout: number
  /** Bytes of an answer at most. Default 1500, which with the state of a handshake stays below 2 KiB. */
  readonly mostBytes?: number | undefined
  /** Where attempts go that are over. */
  readonly ended?: EndedAttempts | undefined
}

export interface HalfOpenEntry<S> {
  readonly key: string
  readonly address: string
  readonly state: S
  /** The answer, for whoever sends the first packet again. */
  readonly reply: Uint8Array
  readonly deadline: number
}

export class HalfOpen<S> {
  readonly ended: EndedAttempts
  readonly #options: HalfOpenOptions
  readonly #entries = new Map<string, Linked<S>>()
  /** Before the oldest entry; entries are linked by age, which is also the order of their deadlines. */
  readonly #ends: Ends<S> = {} as Ends<S>
  readonly #places = new Map<string, number>()

  constructor(options: HalfOpenOptions) {
    if (!(options.most >= 1 && options.mostPerAddress >= 1))
      throw new LocalError('BadOption', 'at least one handshake must be possible, in all and from one address')
    this.#options = options
    this.ended = options.ended ?? new EndedAttempts()
    this.#ends.older = this.#ends
    this.#ends.newer = this.#ends
  }

  get size(): number {
    return this.#entries.size
  }

  /** When `expire` has something to do. */
  get deadline(): number {
    return this.#oldest()?.deadline ?? Number.POSITIVE_INFINITY
  }

  /** The attempt that this first packet belongs to. `first`: its ephemeral key, or its first bytes. */
  find(address: string, first: Uint8Array): HalfOpenEntry<S> | undefined {
    return this.#entries.get(attemptKey(address, first))
  }

  /** Whether the attempt is over: confirmed, given up or sent away a short time ago. */
  hasEnded(address: string, first: Uint8Array, now: number): boolean {
    return this.ended.has(attemptKey(address, first), now)
  }

  /** Whether one more handshake may be begun from there. To be asked before any key agreement. */
  admits(address: string): boolean {
    return this.countOf(address) < this.#options.mostPerAddress
  }

  /** Handshakes under way from the place that `address` belongs to. */
  countOf(address: string): number {
    return this.#places.get(addressKey(address)) ?? 0
  }

  /** Keeps an attempt with its answer, which is copied. `evicted` had to go for it, and may try again. */
  add(
    now: number,
    address: string,
    first: Uint8Array,
    state: S,
    reply: Uint8Array,
  ): { readonly entry: HalfOpenEntry<S>; readonly evicted: HalfOpenEntry<S> | undefined } {
    const { most, timeout, mostBytes = MOST_BYTES } = this.#options
    if (reply.length > mostBytes)
      throw new LocalError('TooLarge', `the answer to a first packet has ${reply.length} bytes, ${mostBytes} at most`)
    const key = attemptKey(address, first)
    if (this.#entries.has(key)) throw new LocalError('WrongState', 'this handshake is in the table already')
    if (!this.admits(address)) throw new LocalError('WrongState', 'too many handshakes from there: ask `admits` before')
    const evicted = this.#entries.size >= most ? this.#oldest() : undefined
    if (evicted !== undefined) this.#drop(evicted)
    const { older } = this.#ends
    const entry = { key, address, state, reply: reply.slice(), deadline: now + timeout, older, newer: this.#ends }
    older.newer = entry
    this.#ends.older = entry
    this.#entries.set(key, entry)
    const place = addressKey(address)
    this.#places.set(place, this.countOf(address) + 1)
    return { entry, evicted }
  }

  /** The handshake is confirmed, or over: its first packet counts no more. False when it was not in the table. */
  end(entry: HalfOpenEntry<S>, now: number): boolean {
    if (!this.#drop(entry)) return false
    this.ended.add(entry.key, now)
    return true
  }

  /** Removes and returns what took too long. */
  expire(now: number): HalfOpenEntry<S>[] {
    const late: HalfOpenEntry<S>[] = []
    for (let entry = this.#oldest(); entry !== undefined && entry.deadline <= now; entry = this.#oldest()) {
      this.end(entry, now)
      late.push(entry)
    }
    return late
  }

  #drop(entry: HalfOpenEntry<S>): boolean {
    const known = this.#entries.get(entry.key)
    if (known === undefined || known !== entry) return false
    this.#entries.delete(entry.key)
    known.older.newer = known.newer
    known.newer.older = known.older
    const place = addressKey(entry.address)
    const left = this.countOf(entry.address) - 1
    if (left === 0) this.#places.delete(place)
    else this.#places.set(place, left)
    return true
  }

  #oldest(): HalfOpenEntry<S> | undefined {
    const { newer } = this.#ends
    return newer === this.#ends ? undefined : (newer as Linked<S>)
  }
}

/** A list of its own, because the first entry of a Map is found slowly once many before it were deleted. */
interface Ends<S> {
  older: Ends<S>
  newer: Ends<S>
}

type Linked<S> = HalfOpenEntry<S> & Ends<S>

const MOST_BYTES = 1500
