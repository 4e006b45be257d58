// Round-trip time of one path: RFC 6298 section 2 (smoothing, timeout) and RFC 9002 section 5 (least time).

export interface RoundTripOptions {
  /** Estimates before anything was measured, milliseconds; then the first sample is one like any other. */
  readonly smoothed?: number | undefined
  readonly variation?: number | undefined
  /** Bounds of `timeout`, milliseconds. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

export class RoundTrip {
  /** Smoothed, milliseconds; undefined before the first sample. */
  smoothed: number | undefined
  /** Mean deviation, milliseconds. */
  variation: number
  latest = 0
  readonly #from: number
  readonly #to: number
  /** Least time of this and of the last span of ten seconds, so that a change of path is forgotten. */
  #least = Infinity
  #leastBefore = Infinity
  #spanEnds = -Infinity

  constructor(options: RoundTripOptions = {}) {
    this.smoothed = options.smoothed
    this.variation = options.variation ?? 0
    this.#from = options.from ?? 0
    this.#to = options.to ?? Infinity
  }

  /** A time that was measured, of something sent only once (Karn). */
  sample(now: number, ms: number): void {
    if (now >= this.#spanEnds) {
      this.#leastBefore = this.#least
      this.#least = Infinity
      this.#spanEnds = now + SPAN
    }
    this.latest = ms
    this.#least = Math.min(this.#least, ms)
    if (this.smoothed === undefined) {
      this.smoothed = ms
      this.variation = ms / 2
      return
    }
    this.variation += (Math.abs(this.smoothed - ms) - this.variation) / 4
    this.smoothed += (ms - this.smoothed) / 8
  }

  get least(): number {
    return Math.min(this.#least, this.#leastBefore)
  }

  /** When something without an answer is worth sending again, milliseconds after it was sent. */
  get timeout(): number {
    const wait = this.smoothed === undefined ? INITIAL : this.smoothed + Math.max(1, 4 * this.variation)
    return Math.min(Math.max(wait, this.#from), this.#to)
  }

  /** How long what was sent later may overtake, milliseconds (RFC 9002 section 6.1.2, with room for jitter). */
  get reordering(): number {
    if (this.smoothed === undefined) return INITIAL
    return (9 / 8) * Math.max(this.smoothed, this.latest) + this.variation
  }

  /** Times have grown beyond what jitter explains: something is queueing. */
  get swollen(): boolean {
    if (this.smoothed === undefined) return false
    return this.smoothed > this.least + Math.max(this.least, 4 * this.variation) + 10
  }
}

const SPAN = 10_000
/** Before anything was measured. */
const INITIAL = 250
