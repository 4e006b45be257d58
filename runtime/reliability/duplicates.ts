// Which requests were seen before, so that a repeated one reaches the handler once, and what was answered, so that the
// repetition is answered again. A window of the last N keys for each source, over a bounded number of sources.

import { LocalError } from '../core/errors.ts'
import type { RequestId } from './outstanding.ts'

export interface DuplicatesOptions {
  /** Keys remembered for each source. */
  readonly window: number
  /** Sources remembered; the one silent for longest is forgotten first. */
  readonly sources: number
  /** Bytes of stored answers for all sources; the oldest answers are forgotten first, their keys stay. */
  readonly bytes: number
}

/** A request seen before. */
export interface Seen<A> {
  readonly key: RequestId
  /** Undefined while the request is still being handled, or when the answer had to be forgotten. */
  readonly answer: A | undefined
}

interface Entry<A> {
  readonly key: RequestId
  answer: A | undefined
  size: number
}

interface Source<A> {
  readonly byKey: Map<RequestId, Entry<A>>
  /** Ring of the last `window` entries; `next` is the oldest once it is full. */
  readonly ring: (Entry<A> | undefined)[]
  next: number
}

export class Duplicates<A> {
  readonly #options: DuplicatesOptions
  /** In order of use: the first is the one silent for longest. */
  readonly #sources = new Map<string, Source<A>>()
  /** Entries that hold an answer, oldest first. */
  readonly #answers = new Set<Entry<A>>()
  /** The source used last, which stands last in `#sources` already. */
  #latest: Source<A> | undefined
  #bytes = 0

  constructor(options: DuplicatesOptions) {
    for (const name of ['window', 'sources'] as const)
      if (!(options[name] >= 1)) throw new LocalError('BadOption', `${name} must be at least 1, not ${options[name]}`)
    this.#options = options
  }

  /** Bytes of stored answers. */
  get bytes(): number {
    return this.#bytes
  }

  get sources(): number {
    return this.#sources.size
  }

  /**
   * Asks whether `source` sent a request with this key before, and remembers it.
   * Undefined: it is new, handle it. Otherwise: do not handle it again.
   */
  check(source: string, key: RequestId): Seen<A> | undefined {
    const known = this.#use(source)
    const seen = known.byKey.get(key)
    if (seen !== undefined) return seen
    const entry: Entry<A> = { key, answer: undefined, size: 0 }
    const oldest = known.ring[known.next]
    if (oldest !== undefined) {
      known.byKey.delete(oldest.key)
      this.#forgetAnswer(oldest)
    }
    known.ring[known.next] = entry
    known.next = (known.next + 1) % this.#options.window
    known.byKey.set(key, entry)
    return undefined
  }

  /** Stores what was answered, `size` bytes of it, to be answered again. Nothing happens when the key has left the window. */
  answer(source: string, key: RequestId, answer: A, size: number): void {
    const entry = this.#sources.get(source)?.byKey.get(key)
    if (entry === undefined) return
    this.#forgetAnswer(entry)
    if (size > this.#options.bytes) return
    while (this.#bytes + size > this.#options.bytes) {
      for (const oldest of this.#answers) {
        this.#forgetAnswer(oldest)
        break
      }
    }
    entry.answer = answer
    entry.size = size
    this.#answers.add(entry)
    this.#bytes += size
  }

  /** Takes a key back: its request was refused before it had an effect, so a repetition is new. */
  retract(source: string, key: RequestId): void {
    const known = this.#sources.get(source)
    const entry = known?.byKey.get(key)
    if (known === undefined || entry === undefined) return
    this.#forgetAnswer(entry)
    known.byKey.delete(key)
    known.ring[known.ring.indexOf(entry)] = undefined
  }

  /** Forgets a source: its connection ended. */
  forget(source: string): void {
    const known = this.#sources.get(source)
    if (known === undefined) return
    this.#sources.delete(source)
    for (const entry of known.byKey.values()) this.#forgetAnswer(entry)
    if (this.#latest === known) this.#latest = undefined
  }

  #use(source: string): Source<A> {
    let known = this.#sources.get(source)
    if (known !== undefined) {
      if (known !== this.#latest) {
        this.#sources.delete(source)
        this.#sources.set(source, known)
        this.#latest = known
      }
      return known
    }
    if (this.#sources.size >= this.#options.sources) {
      for (const silent of this.#sources.keys()) {
        this.forget(silent)
        break
      }
    }
    known = { byKey: new Map(), ring: [], next: 0 }
    this.#sources.set(source, known)
    this.#latest = known
    return known
  }

  #forgetAnswer(entry: Entry<A>): void {
    if (!this.#answers.delete(entry)) return
    this.#bytes -= entry.size
    entry.answer = undefined
    entry.size = 0
  }
}
