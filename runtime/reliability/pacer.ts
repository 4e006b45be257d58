// Spreads what a window allows over a round trip (RFC 9002 section 7.7). Unused time is kept as a burst of a few
// datagrams, so that a timer that is late, or an application that was idle, loses nothing.

export class Pacer {
  readonly #burst: number
  /** When all that was sent has had its time; the next may go from here on. */
  #at = -Infinity

  /** `burst`: bytes that may go at once. */
  constructor(burst: number) {
    this.#burst = burst
  }

  /** When the next may go. */
  get at(): number {
    return this.#at
  }

  /** `bytes` went, at a rate in bytes per millisecond. */
  sent(now: number, bytes: number, rate: number): void {
    this.#at = Math.max(this.#at, now - this.#burst / rate) + bytes / rate
  }
}
