// CUBIC, RFC 9438: after a loss the window returns to where it was along a cubic curve of the time since, whatever the
// round-trip time; where Reno would be faster, it is as fast as Reno. Windows in datagrams inside, as the RFC has them.

import { type Congestion, INITIAL_DATAGRAMS, LEAST_DATAGRAMS } from './congestion.ts'

export class Cubic implements Congestion {
  readonly #datagram: number
  /** cwnd, ssthresh, W_max, K, W_est and cwnd_epoch of the RFC: datagrams and seconds. */
  #window: number = INITIAL_DATAGRAMS
  #threshold = Infinity
  #most = 0
  #k = 0
  #estimate = 0
  #epoch: number | undefined
  #recovering = -Infinity
  #before:
    | { readonly window: number; readonly threshold: number; readonly most: number; readonly k: number }
    | undefined

  /** `datagram`: bytes of a full one. */
  constructor(datagram: number) {
    this.#datagram = datagram
  }

  get window(): number {
    return this.#window * this.#datagram
  }

  get starting(): boolean {
    return this.#window < this.#threshold
  }

  acked(now: number, bytes: number, sentAt: number, limited: boolean, rtt: number): void {
    if (sentAt <= this.#recovering) return
    if (!limited) {
      // Time in which nothing was to send does not count (section 5.8): the curve starts again from here.
      this.#epoch = undefined
      return
    }
    const count = bytes / this.#datagram
    if (this.starting) this.#window += count
    else this.#avoid(now, count, rtt)
  }

  lost(now: number, sentAt: number, least: number): void {
    if (sentAt <= this.#recovering) return
    this.#before = { window: this.#window, threshold: this.#threshold, most: this.#most, k: this.#k }
    this.#recovering = now
    this.#reduce(least / this.#datagram)
  }

  undo(): void {
    const before = this.#before
    if (before === undefined) return
    this.#before = undefined
    this.#recovering = -Infinity
    this.#epoch = undefined
    this.#window = Math.max(this.#window, before.window)
    this.#threshold = before.threshold
    this.#most = before.most
    this.#k = before.k
  }

  silent(now: number): void {
    this.#before = undefined
    this.#recovering = now
    this.#reduce(0)
    this.#window = LEAST_DATAGRAMS
  }

  enough(): void {
    if (this.starting) this.#threshold = this.#window
  }

  /** Section 4.6 and 4.7. */
  #reduce(least: number): void {
    this.#epoch = undefined
    // Fast convergence: a flow that did not get back to where it was leaves room for others.
    this.#most = this.#window < this.#most ? (this.#window * (1 + BETA)) / 2 : this.#window
    this.#window = Math.max(this.#window * BETA, least, LEAST_DATAGRAMS)
    this.#threshold = this.#window
  }

  /** Section 4.2 to 4.5. */
  #avoid(now: number, count: number, rtt: number): void {
    if (this.#epoch === undefined) {
      this.#epoch = now
      this.#estimate = this.#window
      if (this.#most <= this.#window) {
        this.#most = this.#window
        this.#k = 0
      } else this.#k = Math.cbrt((this.#most - this.#window) / C)
    }
    const t = (now - this.#epoch) / 1000
    const alpha = this.#estimate < this.#most ? ALPHA : 1
    this.#estimate += alpha * (count / this.#window)
    const cubic = C * (t - this.#k) ** 3 + this.#most
    if (cubic < this.#estimate) {
      this.#window = Math.max(this.#window, this.#estimate)
      return
    }
    const ahead = C * (t + rtt / 1000 - this.#k) ** 3 + this.#most
    const target = Math.min(Math.max(ahead, this.#window), 1.5 * this.#window)
    this.#window += ((target - this.#window) / this.#window) * count
  }
}

const C = 0.4
const BETA = 0.7
/** 3 (1 - beta) / (1 + beta). */
const ALPHA: number = (3 * (1 - BETA)) / (1 + BETA)
