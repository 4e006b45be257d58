// Numbers of the connections that one side has taken: `local.number` in the steps of a handshake. They begin with 1, and
// when they are used up they begin again, without those that are still in use.

import { LocalError } from './errors.ts'

export class Numbers {
  readonly #most: number
  readonly #used = new Set<number>()
  #last = 0

  /** `most`: the largest number. */
  constructor(most: number = MOST) {
    this.#most = most
  }

  /** All are in use. */
  get isFull(): boolean {
    return this.#used.size >= this.#most
  }

  /** The next number that nobody has. Throws LocalError when all are in use. */
  take(): number {
    if (this.isFull) throw new LocalError('BadOption', `all ${this.#most} numbers are in use`)
    do this.#last = this.#last >= this.#most ? 1 : this.#last + 1
    while (this.#used.has(this.#last))
    this.#used.add(this.#last)
    return this.#last
  }

  /** Its connection is over. */
  free(number: number): void {
    this.#used.delete(number)
  }
}

/** Formats that number connections do it in two bytes. */
const MOST = 65_535
