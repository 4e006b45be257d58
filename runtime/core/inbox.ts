// The beginning of a frame whose rest has not arrived. Memory grows with the bytes that are there, never with a length
// that somebody announced.

import { copyOf } from '../wire/copy.ts'

export class Inbox {
  /** `bytes[0..length)` is what has arrived of unfinished frames. */
  bytes: Uint8Array = EMPTY
  length = 0

  /** Takes bytes over. `most`: how large the frame can be, as far as is known. */
  append(chunk: Uint8Array, start: number, end: number, most: number): void {
    const length = this.length + end - start
    if (length > this.bytes.length) this.#grow(length, most)
    this.bytes.set(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), this.length)
    this.length = length
  }

  /** Drops `count` bytes from the front. */
  drop(count: number): void {
    if (count === 0) return
    if (count < this.length) this.bytes.copyWithin(0, count, this.length)
    this.length -= count
  }

  /** Leaves the memory to whoever still reads it; what is behind `from` moves on into memory of its own. */
  leave(from: number): void {
    const rest = copyOf(this.bytes, from, this.length)
    this.bytes = rest
    this.length = rest.length
  }

  /** Lets go of memory that only a burst needed. */
  shrink(): void {
    if (this.length === 0) this.bytes = EMPTY
  }

  clear(): void {
    this.bytes = EMPTY
    this.length = 0
  }

  #grow(length: number, most: number): void {
    const size = Math.max(length, Math.min(most, Math.max(SMALLEST, this.bytes.length * 2)))
    const grown = new Uint8Array(size)
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}

const EMPTY = new Uint8Array(0)
const SMALLEST = 4096
