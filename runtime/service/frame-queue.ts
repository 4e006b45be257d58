// Frames for `for await`: copies, bounded. While nobody iterates the newest are kept; while somebody does, a full queue stops
// the peers that filled it.

/** What an async iterator gives: `frame` is the name, `value` a plain copy. */
export interface Received<P> {
  readonly frame: string
  readonly value: Record<string, unknown>
  readonly peer: P
}

export class FrameQueue<T> {
  readonly #most: number
  readonly #items: T[] = []
  #readers: ((result: IteratorResult<T, undefined>) => void)[] = []
  /** Called when there is room again. */
  #held: (() => void)[] = []
  #iterators = 0
  #ended = false

  constructor(most: number) {
    this.#most = Math.max(1, most)
  }

  /** True when the one who pushed has to wait until `resume` is called. */
  push(item: T, resume: () => void): boolean {
    if (this.#ended) return false
    const reader = this.#readers.shift()
    if (reader !== undefined) {
      reader({ done: false, value: item })
      return false
    }
    this.#items.push(item)
    if (this.#items.length < this.#most) return false
    if (this.#iterators === 0) {
      this.#items.shift()
      return false
    }
    this.#held.push(resume)
    return true
  }

  /** Nothing more comes. What is queued can still be read. */
  end(): void {
    this.#ended = true
    const readers = this.#readers
    this.#readers = []
    for (const reader of readers) reader({ done: true, value: undefined })
    this.#release()
  }

  iterate(): AsyncIterableIterator<T> {
    this.#iterators++
    let isOver = false
    const finish = (): Promise<IteratorResult<T, undefined>> => {
      if (!isOver) this.#iterators--
      isOver = true
      if (this.#iterators === 0) this.#release()
      return Promise.resolve({ done: true, value: undefined })
    }
    const iterator: AsyncIterableIterator<T> = {
      next: () => (isOver ? finish() : this.#next()),
      return: finish,
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    const item = this.#items.shift()
    if (item !== undefined) {
      if (this.#items.length < this.#most) this.#release()
      return Promise.resolve({ done: false, value: item })
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined })
    return new Promise(resolve => this.#readers.push(resolve))
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    for (const resume of held) resume()
  }
}
