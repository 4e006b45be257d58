// Sends at a steady rate: so many a second, measured from the start, so that one late moment is caught up with.

/** Waits until it is the turn of number `index` (from 0). Returns at once when there is no rate. */
export class Pace {
  readonly #interval: number
  readonly #start = performance.now()

  /** @param rate events per second; undefined = as fast as it goes */
  constructor(rate: number | undefined) {
    this.#interval = rate === undefined ? 0 : 1000 / rate
  }

  async turn(index: number, signal: AbortSignal): Promise<void> {
    const wait = this.#start + index * this.#interval - performance.now()
    // Timers are no finer than a millisecond; what is due within one goes now.
    if (this.#interval === 0 || wait < 1) return
    await sleep(wait, signal)
  }
}

/** Resolves after `ms` or when the signal aborts, whichever is first. Infinity waits for the signal. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(settle => {
    // Longer than a timer can hold is as good as forever.
    const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1))
    signal.addEventListener('abort', done, { once: true })
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      settle()
    }
  })
}
