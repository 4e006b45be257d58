// The plain rules: a window in messages, not bytes; one more for each acknowledgement up to a threshold, one more for
// each window after it; half of it after a loss, two after a timeout. Kept for profiles whose peers count so.

import type { Congestion } from './congestion.ts'

export class Aimd implements Congestion {
  /** Messages. */
  size = 2
  threshold = 64
  starting = true
  readonly #message: number
  #recovering = -Infinity

  /** `message`: bytes that count as one message. */
  constructor(message: number) {
    this.#message = message
  }

  /** Bytes. */
  get window(): number {
    return Math.floor(this.size) * this.#message
  }

  acked(_now: number, _bytes: number, _sentAt: number, limited: boolean): void {
    if (limited) this.more()
  }

  lost(now: number, sentAt: number): void {
    if (sentAt <= this.#recovering) return
    this.#recovering = now
    this.half()
  }

  undo(): void {}

  silent(now: number): void {
    this.#recovering = now
    this.restart()
  }

  enough(): void {}

  /** One acknowledgement. */
  more(): void {
    if (this.starting) {
      this.size += 1
      if (this.size >= this.threshold) this.starting = false
    } else this.size += 1 / this.size
    this.size = Math.min(this.size, MOST)
  }

  half(): void {
    this.threshold = Math.max(this.size / 2, LEAST)
    this.size = this.threshold
    this.starting = false
  }

  restart(): void {
    this.threshold = Math.max(this.size / 2, LEAST)
    this.size = LEAST
    this.starting = true
  }
}

const LEAST = 2
const MOST = 256
