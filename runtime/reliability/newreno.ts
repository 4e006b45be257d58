// NewReno: RFC 5681 and RFC 6582 as RFC 9002 section 7 and appendix B put them for datagrams. Bytes; appropriate byte
// counting (RFC 3465) with the acknowledged bytes themselves.

import { type Congestion, INITIAL_DATAGRAMS, LEAST_DATAGRAMS } from './congestion.ts'

export class NewReno implements Congestion {
  window: number
  threshold: number = Infinity
  readonly #datagram: number
  /** What was sent before this moment belongs to the round in which the window was last reduced. */
  #recovering = -Infinity
  #before: { readonly window: number; readonly threshold: number } | undefined

  /** `datagram`: bytes of a full one. */
  constructor(datagram: number) {
    this.#datagram = datagram
    this.window = INITIAL_DATAGRAMS * datagram
  }

  get starting(): boolean {
    return this.window < this.threshold
  }

  acked(_now: number, bytes: number, sentAt: number, limited: boolean): void {
    if (sentAt <= this.#recovering || !limited) return
    if (this.starting) this.window += bytes
    else this.window += (this.#datagram * bytes) / this.window
  }

  lost(now: number, sentAt: number, least: number): void {
    if (sentAt <= this.#recovering) return
    this.#before = { window: this.window, threshold: this.threshold }
    this.#recovering = now
    this.window = Math.max(this.window / 2, least, LEAST_DATAGRAMS * this.#datagram)
    this.threshold = this.window
  }

  undo(): void {
    const before = this.#before
    if (before === undefined) return
    this.#before = undefined
    this.#recovering = -Infinity
    this.window = Math.max(this.window, before.window)
    this.threshold = before.threshold
  }

  silent(now: number): void {
    this.#before = undefined
    this.#recovering = now
    this.threshold = Math.max(this.window / 2, LEAST_DATAGRAMS * this.#datagram)
    this.window = LEAST_DATAGRAMS * this.#datagram
  }

  enough(): void {
    if (this.starting) this.threshold = this.window
  }
}
