// Order on a channel whose numbers count all packets of a connection: a hole may be another channel's packet, or a loss
// that nobody repairs. A message waits until all numbers before it were seen somewhere, but not for long.

/** A message that waits. */
interface Held<M> {
  readonly number: number
  readonly message: M
  readonly size: number
  readonly until: number
}

export class ConnectionOrder<M> {
  /** All up to here were seen, or are not waited for any more. */
  #frontier = 0
  readonly #above = new Set<number>()
  #held: Held<M>[] = []
  #bytes = 0
  /** The last one that was delivered. */
  #last = 0
  readonly #most: { readonly messages: number; readonly bytes: number }

  constructor(most: { readonly messages: number; readonly bytes: number }) {
    this.#most = most
  }

  /** Of the messages that wait. */
  get bytes(): number {
    return this.#bytes
  }

  /** A packet with this number was seen, on whatever channel. */
  saw(number: number): void {
    if (number <= this.#frontier) return
    this.#above.add(number)
    while (this.#above.delete(this.#frontier + 1)) this.#frontier++
    if (this.#above.size > MOST_ABOVE) this.#skip(Math.min(...this.#above) - 1)
  }

  /** Whether a message with this number is to be delivered now, kept for later, or is too late. */
  place(number: number): 'now' | 'later' | 'late' {
    if (number <= this.#last) return 'late'
    if (this.#frontier < number - 1) return 'later'
    this.#last = number
    return 'now'
  }

  hold(now: number, number: number, message: M, size: number): void {
    const at = this.#held.findIndex(one => one.number >= number)
    if (at >= 0 && this.#held[at]?.number === number) return
    const held = { number, message, size, until: now + PATIENCE }
    this.#held.splice(at < 0 ? this.#held.length : at, 0, held)
    this.#bytes += size
  }

  /** The next one whose turn has come, or for whose predecessors nobody waits any longer. */
  next(now: number): M | undefined {
    const [first] = this.#held
    if (first === undefined) return undefined
    const isFull = this.#held.length > this.#most.messages || this.#bytes > this.#most.bytes
    if (this.#frontier < first.number - 1) {
      if (now < first.until && !isFull) return undefined
      this.#skip(first.number - 1)
    }
    this.#held.shift()
    this.#bytes -= first.size
    this.#last = Math.max(this.#last, first.number)
    return first.message
  }

  get deadline(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { until } of this.#held) next = Math.min(next, until)
    return next
  }

  clear(): void {
    this.#held = []
    this.#bytes = 0
  }

  /** What is missing up to here never comes. */
  #skip(number: number): void {
    if (number <= this.#frontier) return
    this.#frontier = number
    for (const one of this.#above) if (one <= number) this.#above.delete(one)
    while (this.#above.delete(this.#frontier + 1)) this.#frontier++
  }
}

/** Milliseconds: what was overtaken arrives within that, or not at all. */
const PATIENCE = 50
const MOST_ABOVE = 1024
