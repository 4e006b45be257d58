// Where the parts of a transfer come from: a buffer that is there, or bytes that the application feeds in.

import { LocalError } from '../core/errors.ts'

/** One part: payload bytes, and whether it is the last. */
export interface Cutting {
  readonly bytes: Uint8Array
  readonly last: boolean
}

export interface PartSource {
  /** Number of parts once it is known. */
  readonly count: number | undefined
  /** True when `next` has a part to give. */
  readonly ready: boolean
  /** The next part. Only while `ready`. */
  next(): Cutting
}

/** Cuts a buffer. The buffer must not change until the transfer ends. An empty one is one empty part. */
export class BufferSource implements PartSource {
  readonly count: number
  readonly #buffer: Uint8Array
  readonly #size: number
  #index = 0

  constructor(buffer: Uint8Array, size: number) {
    this.#buffer = buffer
    this.#size = size
    this.count = Math.max(1, Math.ceil(buffer.length / size))
  }

  get ready(): boolean {
    return this.#index < this.count
  }

  next(): Cutting {
    const start = this.#index++ * this.#size
    const bytes = this.#buffer.subarray(start, start + this.#size)
    return { bytes, last: this.#index === this.count }
  }
}

/** Cuts bytes whose end is not known yet. What was fed and not sent is bounded by whoever feeds: see `wanted`. */
export class FeedSource implements PartSource {
  readonly #size: number
  readonly #most: number
  readonly #fed: Uint8Array[] = []
  /** Bytes of the first fed piece that are gone. */
  #gone = 0
  #bytes = 0
  #ended = false
  #given = 0
  count: number | undefined

  /** `most`: bytes that may wait here. */
  constructor(size: number, most: number) {
    this.#size = size
    this.#most = most
  }

  /** Bytes that may be fed now without exceeding the bound; negative when more than that waits. */
  get wanted(): number {
    return this.#ended ? 0 : this.#most - this.#bytes
  }

  /** A full part, or the rest after the end. The last full part waits until it is known whether more comes. */
  get ready(): boolean {
    return this.#ended ? this.count === undefined : this.#bytes > this.#size
  }

  /** Adds bytes; they must not change any more. */
  feed(bytes: Uint8Array): void {
    if (this.#ended) throw new LocalError('WrongState', 'this transfer was ended: nothing can be added')
    if (bytes.length === 0) return
    this.#fed.push(bytes)
    this.#bytes += bytes.length
  }

  end(): void {
    this.#ended = true
  }

  next(): Cutting {
    const bytes = this.#take(Math.min(this.#size, this.#bytes))
    const last = this.#ended && this.#bytes === 0
    this.#given++
    if (last) this.count = this.#given
    return { bytes, last }
  }

  #take(size: number): Uint8Array {
    const first = this.#fed[0]
    if (first === undefined) return EMPTY
    this.#bytes -= size
    if (first.length - this.#gone >= size) {
      const part = first.subarray(this.#gone, this.#gone + size)
      this.#skip(size)
      return part
    }
    const part = new Uint8Array(size)
    for (let at = 0; at < size; ) {
      const piece = this.#fed[0] as Uint8Array
      const some = piece.subarray(this.#gone, this.#gone + size - at)
      part.set(some, at)
      at += some.length
      this.#skip(some.length)
    }
    return part
  }

  #skip(size: number): void {
    this.#gone += size
    if (this.#gone < (this.#fed[0] as Uint8Array).length) return
    this.#fed.shift()
    this.#gone = 0
  }
}

const EMPTY = new Uint8Array(0)
