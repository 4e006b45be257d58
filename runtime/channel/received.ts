// Which numbers of a channel have arrived: everything up to `base`, and a ring of bits for those above it. The same bits
// make the acknowledgements. Bits lie in falling order of their numbers, so that 32 of them are read off with shifts.

import { LocalError } from '../core/errors.ts'

export class Received {
  /** Everything up to here has arrived. */
  base = 0
  /** Highest number that has arrived. */
  top = 0
  /** How far above `base` a number may lie. */
  readonly span: number
  readonly #ackBits: number
  #words: Int32Array = NO_WORDS
  #mask = 31
  /** Lowest number that arrived and was not acknowledged since; above `top` when there is none. */
  #owed = 1

  constructor(span: number, ackBits: number) {
    if (!(span >= 1)) throw new LocalError('BadOption', `a window needs at least 1 message, not ${span}`)
    this.span = span
    this.#ackBits = ackBits
  }

  has(number: number): boolean {
    return number <= this.base || (number <= this.top && this.#bit(number))
  }

  /** A number between `base` and `base + span` has arrived for the first time. Moves `base` over everything that is there. */
  add(number: number): void {
    if (number < this.#owed || !this.owes) this.#owed = number
    if (number > this.top) this.top = number
    if (number !== this.base + 1) {
      if (number - this.base > this.#mask || this.#words === NO_WORDS) this.#grow(number)
      const at = -number & this.#mask
      this.#words[at >>> 5] = (this.#words[at >>> 5] as number) | (1 << (at & 31))
      return
    }
    this.base = number
    this.#advance()
  }

  /** Nothing up to here will arrive any more that has not. `base` moves on over everything that is there. */
  skip(to: number): void {
    const mask = this.#mask
    if (this.#words === NO_WORDS) {
    } else if (to - this.base > mask) this.#words.fill(0)
    else
      for (let number = this.base + 1; number <= to; number++) {
        const at = -number & mask
        this.#words[at >>> 5] = (this.#words[at >>> 5] as number) & ~(1 << (at & 31))
      }
    this.base = to
    this.top = Math.max(this.top, to)
    this.#advance()
  }

  /** A number arrived once more: its acknowledgement was lost, or is late. */
  again(number: number): void {
    if (number < this.#owed || !this.owes) this.#owed = number
  }

  /** Something is to be acknowledged. */
  get owes(): boolean {
    return this.#owed <= this.top
  }

  /** The number to acknowledge next, with those that its bits reach; the highest, unless older ones are owed. 0: none. */
  get ack(): number {
    let number = this.#owed + this.#ackBits
    if (number >= this.top || !this.owes) return this.top
    // Old ones are owed: the highest number whose bits reach down to them.
    while (!this.has(number)) number--
    return number
  }

  /** What `ack` and its bits cover has been acknowledged. */
  acknowledged(ack: number): void {
    if (this.#owed > ack) return
    let owed = ack + 1
    while (owed <= this.top && !this.has(owed)) owed++
    this.#owed = owed
  }

  /** Bits `from` to `from + 31` of the acknowledgement of `ack`: bit i stands for `ack - 1 - from - i`. */
  bits(ack: number, from: number): number {
    const first = ack - 1 - from
    const count = Math.min(32, this.#ackBits - from, first)
    if (count <= 0) return 0
    const above = first - this.base
    let bits = -1
    if (above > 0) {
      const at = -first & this.#mask
      const shift = at & 31
      bits = (this.#words[at >>> 5] as number) >>> shift
      if (shift !== 0) bits |= (this.#words[((at >>> 5) + 1) & (this.#mask >>> 5)] as number) << (32 - shift)
      if (above < 32) bits |= -1 << above
    }
    return count === 32 ? bits : bits & ((1 << count) - 1)
  }

  #advance(): void {
    while (this.base < this.top && this.#bit(this.base + 1)) {
      this.base++
      const at = -this.base & this.#mask
      this.#words[at >>> 5] = (this.#words[at >>> 5] as number) & ~(1 << (at & 31))
    }
  }

  #bit(number: number): boolean {
    const at = -number & this.#mask
    return ((this.#words[at >>> 5] as number) & (1 << (at & 31))) !== 0
  }

  /** More places, for a number further above `base` than before. */
  #grow(number: number): void {
    let size = 2 * (this.#mask + 1)
    while (number - this.base >= size) size *= 2
    const words = new Int32Array(size >>> 5)
    for (let n = this.base + 1; n <= this.base + this.#mask; n++) {
      if (!this.#bit(n)) continue
      const to = -n & (size - 1)
      words[to >>> 5] = (words[to >>> 5] as number) | (1 << (to & 31))
    }
    this.#words = words
    this.#mask = size - 1
  }
}

/** Where nothing has come out of order. Never written. */
const NO_WORDS: Int32Array = new Int32Array(1)
