// How often a peer broke a rule lately: the last `max` strikes of a sliding window.

import { LocalError } from '../core/errors.ts'

export interface StrikeOptions {
  /** This many strikes within `window` are one too many to stay. */
  readonly max: number
  /** Milliseconds. */
  readonly window: number
}

export class Strikes {
  readonly #options: StrikeOptions
  /** Times of the last `max` strikes, as a ring; made at the first strike, because most peers never have one. */
  #times: Float64Array | undefined
  #next = 0

  constructor(options: StrikeOptions) {
    if (!(options.max >= 1)) throw new LocalError('BadOption', `max must be at least 1 strike, not ${options.max}`)
    this.#options = options
  }

  /** Counts a strike. True when there have now been `max` within the window. */
  strike(now: number): boolean {
    const { max, window } = this.#options
    this.#times ??= new Float64Array(max).fill(-Infinity)
    this.#times[this.#next] = now
    this.#next = (this.#next + 1) % max
    return now - (this.#times[this.#next] as number) <= window
  }
}
