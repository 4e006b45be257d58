// A binary min-heap of deadlines whose entries know their place, so that removing or moving one costs O(log n).
// Used for outstanding requests and for the simulated network.

/** What a heap holds: fields `at` and `place` belong to the heap while the entry is in it. */
export interface Timed {
  /** When it is due, milliseconds. Change it only through `move`. */
  at: number
  /** Position in the heap; -1 while outside. */
  place: number
}

/** Entries in order of `at`; equal times in no particular order unless `before` decides. */
export class DeadlineHeap<T extends Timed> {
  readonly #entries: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** `before(a, b)`: a comes out first. Default: the earlier one. */
  constructor(before: (a: T, b: T) => boolean = earlier) {
    this.#before = before
  }

  get size(): number {
    return this.#entries.length
  }

  /** The earliest entry, left in place. */
  peek(): T | undefined {
    return this.#entries[0]
  }

  /** When the earliest entry is due; Infinity when empty. */
  deadline(): number {
    return this.#entries[0]?.at ?? Infinity
  }

  push(entry: T): void {
    entry.place = this.#entries.length
    this.#entries.push(entry)
    this.#up(entry)
  }

  pop(): T | undefined {
    const first = this.#entries[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  /** Takes an entry out; does nothing when it is not in. */
  remove(entry: T): void {
    const place = entry.place
    if (place < 0) return
    entry.place = -1
    const last = this.#entries.pop() as T
    if (last === entry) return
    last.place = place
    this.#entries[place] = last
    this.#up(last)
    this.#down(last)
  }

  /** Gives an entry another time, putting it in when it was outside. */
  move(entry: T, at: number): void {
    entry.at = at
    if (entry.place < 0) {
      this.push(entry)
      return
    }
    this.#up(entry)
    this.#down(entry)
  }

  clear(): void {
    for (const entry of this.#entries) entry.place = -1
    this.#entries.length = 0
  }

  #up(entry: T): void {
    const entries = this.#entries
    let place = entry.place
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = entries[above] as T
      if (!this.#before(entry, other)) break
      entries[place] = other
      other.place = place
      place = above
    }
    entries[place] = entry
    entry.place = place
  }

  #down(entry: T): void {
    const entries = this.#entries
    const count = entries.length
    let place = entry.place
    for (;;) {
      let below = 2 * place + 1
      if (below >= count) break
      if (below + 1 < count && this.#before(entries[below + 1] as T, entries[below] as T)) below++
      const other = entries[below] as T
      if (!this.#before(other, entry)) break
      entries[place] = other
      other.place = place
      place = below
    }
    entries[place] = entry
    entry.place = place
  }
}

function earlier(a: Timed, b: Timed): boolean {
  return a.at < b.at
}
