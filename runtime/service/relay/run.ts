// A run of whole frames as they arrived, in memory that all subscribers share.

import { copyOf } from '../../wire/copy.ts'

export class Run {
  bytes: Uint8Array
  readonly frames: number
  /** Queues and sockets that still need it. */
  #holders = 0
  /** `bytes` are still those that were read. */
  #isBorrowed: boolean
  /** Sockets that are sending what was read. */
  #lent = 0

  constructor(bytes: Uint8Array, frames: number, isBorrowed = true) {
    this.bytes = bytes
    this.frames = frames
    this.#isBorrowed = isBorrowed
  }

  /** Whether somebody refers to the memory that was read into. */
  get keepsRead(): boolean {
    return this.#lent > 0 || (this.#isBorrowed && this.#holders > 0)
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    this.#holders--
  }

  /** What a socket sends: it has these bytes until `gone`, also if the run settles meanwhile. */
  lend(): Uint8Array {
    if (this.#isBorrowed) this.#lent++
    return this.bytes
  }

  /** A socket has sent `bytes`, and holds the run no longer. */
  gone(bytes: Uint8Array): void {
    if (this.#lent > 0 && (this.#isBorrowed || bytes !== this.bytes)) this.#lent--
    this.release()
  }

  /**
   * It has to wait. What is small in a large piece of memory moves into memory of its own, once for all who wait, so
   * that queues hold at most twice the bytes that they count.
   */
  settle(): void {
    if (!this.#isBorrowed || this.bytes.length * 2 >= this.bytes.buffer.byteLength) return
    this.bytes = copyOf(this.bytes)
    this.#isBorrowed = false
  }

  /** Some of its frames, once it has settled. Whoever holds the part holds the memory: it stays with this run. */
  part(from: number, to: number, frames: number): Run {
    return new Part(this, from, to, frames)
  }
}

class Part extends Run {
  readonly #whole: Run

  constructor(whole: Run, from: number, to: number, frames: number) {
    super(whole.bytes.subarray(from, to), frames, false)
    this.#whole = whole
  }

  override hold(): void {
    this.#whole.hold()
  }

  override release(): void {
    this.#whole.release()
  }

  override settle(): void {}
}
