// One direction between two addresses: what happens to a datagram on its way. Loss is Bernoulli or in bursts
// (Gilbert 1960, Elliott 1963); bandwidth has a queue of bounded bytes in front of it (drop-tail).

import { copyOf } from '../wire/copy.ts'
import type { SimRandom } from './random.ts'

/** All times in milliseconds, all probabilities 0..1. */
export interface LinkOptions {
  /** Time on the way. */
  readonly latency: number
  /** Up to this much more, uniformly; the order of datagrams stays. */
  readonly jitter: number
  /** Probability of loss, or bursts. */
  readonly loss: number | BurstLoss
  /** Probability that a datagram is held back by up to `reorderBy`, so that later ones pass it. */
  readonly reorder: number
  readonly reorderBy: number
  /** Probability of a second copy. */
  readonly duplicate: number
  /** Probability that one to three bits are flipped. */
  readonly corrupt: number
  /** Larger datagrams are lost, bytes. */
  readonly mtu: number
  /** Bytes per second. */
  readonly bandwidth: number
  /** Bytes that may wait for bandwidth; what does not fit is lost. */
  readonly queue: number
}

/** Gilbert-Elliott: a good and a bad state, each with its own loss; a step is drawn for each datagram. */
export interface BurstLoss {
  /** Probability of good -> bad. */
  readonly enter: number
  /** Probability of bad -> good: bursts are 1 / leave datagrams long on average. */
  readonly leave: number
  /** Loss in the good state. Default 0. */
  readonly good?: number
  /** Loss in the bad state. Default 1. */
  readonly bad?: number
}

/** Counted for all links of a network. */
export interface LinkCounters {
  sent: number
  bytes: number
  delivered: number
  lost: number
  tooLarge: number
  overflowed: number
  duplicated: number
  reordered: number
  corrupted: number
}

export class Link {
  options: LinkOptions
  readonly #random: SimRandom
  readonly #counters: LinkCounters
  #bad = false
  #busyUntil = -Infinity
  #lastArrival = -Infinity

  constructor(options: LinkOptions, random: SimRandom, counters: LinkCounters) {
    this.options = options
    this.#random = random
    this.#counters = counters
  }

  /** Sends a datagram: `arrive` is called for every copy that will come out, with bytes that belong to the callee. */
  send(now: number, bytes: Uint8Array, arrive: (at: number, bytes: Uint8Array) => void): void {
    const { options } = this
    const counters = this.#counters
    const random = this.#random
    counters.sent++
    counters.bytes += bytes.length
    if (bytes.length > options.mtu) {
      counters.tooLarge++
      return
    }
    const leaves = this.#leave(now, bytes.length)
    if (leaves < 0) {
      counters.overflowed++
      return
    }
    if (this.#loses()) {
      counters.lost++
      return
    }
    const copies = random.chance(options.duplicate) ? 2 : 1
    if (copies === 2) counters.duplicated++
    for (let copy = 0; copy < copies; copy++) {
      const own = copyOf(bytes)
      if (random.chance(options.corrupt)) {
        counters.corrupted++
        this.#corrupt(own)
      }
      arrive(this.#arrival(leaves), own)
    }
  }

  /** When the last byte is on the wire, or -1 when the queue is full. */
  #leave(now: number, size: number): number {
    const { bandwidth, queue } = this.options
    if (bandwidth === Infinity) return now
    const start = Math.max(now, this.#busyUntil)
    const waiting = ((start - now) * bandwidth) / 1000
    if (waiting + size > queue) return -1
    this.#busyUntil = start + (size * 1000) / bandwidth
    return this.#busyUntil
  }

  #loses(): boolean {
    const { loss } = this.options
    if (typeof loss === 'number') return this.#random.chance(loss)
    if (this.#random.chance(this.#bad ? loss.leave : loss.enter)) this.#bad = !this.#bad
    return this.#random.chance(this.#bad ? (loss.bad ?? 1) : (loss.good ?? 0))
  }

  #arrival(leaves: number): number {
    const { latency, jitter, reorder, reorderBy } = this.options
    const at = leaves + latency + (jitter > 0 ? this.#random.next() * jitter : 0)
    if (this.#random.chance(reorder)) {
      this.#counters.reordered++
      return at + this.#random.next() * reorderBy
    }
    this.#lastArrival = Math.max(at, this.#lastArrival)
    return this.#lastArrival
  }

  #corrupt(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const first = this.#random.below(bytes.length * 8)
    const flips = 1 + this.#random.below(Math.min(3, bytes.length * 8))
    // Consecutive bits, so that no flip undoes another.
    for (let k = 0; k < flips; k++) {
      const bit = (first + k) % (bytes.length * 8)
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
    }
  }
}

export const PERFECT_LINK: LinkOptions = {
  latency: 0,
  jitter: 0,
  loss: 0,
  reorder: 0,
  reorderBy: 20,
  duplicate: 0,
  corrupt: 0,
  mtu: 65_507,
  bandwidth: Infinity,
  queue: 256 * 1024,
}
