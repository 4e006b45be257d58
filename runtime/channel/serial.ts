// Numbers on the wire and inside. Inside they are 1, 2, 3 .. up to 2^53 and never wrap; on the wire only so many bits of
// them travel, and the receiver takes the number nearest to the one it expects (serial number arithmetic, RFC 1982).
// Where numbers begin at 1, 0 on the wire means none: narrow numbers then count 1 .. 2^bits - 1 and start over at 1.

import { LocalError } from '../core/errors.ts'

export class Serial {
  /** How many different numbers there are on the wire. */
  readonly space: number
  readonly #half: number
  readonly #first: 0 | 1

  constructor(bits: number, first: 0 | 1 = 1) {
    if (!(Number.isInteger(bits) && bits >= 8 && bits <= 64))
      throw new LocalError('BadOption', `a message number has 8 to 64 bits, not ${bits}`)
    this.space = bits > 52 ? Number.MAX_SAFE_INTEGER : 2 ** bits - first
    this.#half = this.space / 2
    this.#first = first
  }

  /** What goes on the wire for a number. */
  wire(number: number): number {
    if (number <= this.#half) return number - 1 + this.#first
    return ((number - 1) % this.space) + this.#first
  }

  /** The number nearest to `near` that looks like `wire`; below 1 when there is none so small. */
  full(wire: number, near: number): number {
    const value = wire - this.#first
    const low = near - 1
    let distance = value - (low < this.space ? low : low % this.space)
    if (distance > this.#half) distance -= this.space
    else if (distance <= -this.#half) distance += this.space
    return near + distance
  }
}
