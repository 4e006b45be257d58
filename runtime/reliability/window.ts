// How many messages may be in flight: doubling at first, then one more each round trip; less when the network says so.
// Loss alone says little on a radio link, so it shrinks the window only together with growing round trips, or when it
// is more than a quarter. Silence shrinks it to the least.

import { LocalError } from '../core/errors.ts'

export interface WindowOptions {
  readonly least: number
  readonly start: number
  readonly most: number
}

export class SendWindow {
  readonly #options: WindowOptions
  #size: number
  /** Doubling ends here. */
  #threshold = Infinity
  /** Number given to the next message, and the number that ends the current round. */
  #next = 0
  #roundEnd = 0
  #lostInRound = 0
  /** Share of lost messages, over the last 32 or so. */
  #lossRate = 0

  constructor(options: WindowOptions) {
    const { least, start, most } = options
    if (!(1 <= least && least <= start && start <= most))
      throw new LocalError('BadOption', `a window needs 1 <= least <= start <= most, not ${least}, ${start}, ${most}`)
    this.#options = options
    this.#size = start
  }

  /** Messages that may be in flight. */
  get size(): number {
    return Math.floor(this.#size)
  }

  /** Number of a message that is sent now; later ones have higher numbers. */
  number(): number {
    return this.#next++
  }

  /** A message arrived. `full`: the window was used up, so a larger one would have been used. */
  arrived(number: number, full: boolean, swollen: boolean): void {
    this.#lossRate -= this.#lossRate / MEMORY
    if (full && this.#size < this.#threshold) this.#grow(1)
    this.#round(number, full, swollen)
  }

  /** A message is taken for lost. */
  lost(): void {
    this.#lostInRound++
    this.#lossRate += (1 - this.#lossRate) / MEMORY
  }

  /** Nothing came back for several timeouts. */
  silence(): void {
    if (this.#size > this.#options.least) this.#threshold = Math.max(this.#options.least, this.#size / 2)
    this.#size = this.#options.least
    this.#endRound()
  }

  /** A round ends when something arrives that was sent after it began. */
  #round(number: number, full: boolean, swollen: boolean): void {
    if (number < this.#roundEnd) return
    if (this.#lossRate > TOLERATED) {
      this.#shrink(1 / 2)
      this.#lossRate = TOLERATED / 2
    } else if (this.#lostInRound > 0 && swollen) this.#shrink(0.7)
    else if (full && this.#size >= this.#threshold) this.#grow(1)
    this.#endRound()
  }

  #endRound(): void {
    this.#roundEnd = this.#next
    this.#lostInRound = 0
  }

  #grow(by: number): void {
    this.#size = Math.min(this.#options.most, this.#size + by)
  }

  #shrink(factor: number): void {
    this.#size = Math.max(this.#options.least, this.#size * factor)
    this.#threshold = this.#size
  }
}

const MEMORY = 32
const TOLERATED = 0.25
