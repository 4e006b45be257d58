// Which packet numbers have opened: a window of bits behind the highest one (RFC 4303 section 3.4.3, RFC 6479). One window
// serves all keys of a direction, because numbers go on over a rekey. It moves only for packets that opened.

import { LocalError } from '../../core/errors.ts'
import { distance } from './places.ts'

/** Which numbers have opened. */
export interface PacketWindow {
  readonly size: number
  readonly hi: number
  readonly lo: number
  readonly isEmpty: boolean
  isFresh(hi: number, lo: number): boolean
  mark(hi: number, lo: number): void
}

export class ReplayWindow implements PacketWindow {
  /** Numbers this far behind the highest are still told apart: a power of two, at least as many as asked for. */
  readonly size: number
  /** The highest number that opened, in two halves; meaningless while `isEmpty`. */
  hi = 0
  lo = 0
  isEmpty = true
  /** Numbers in a row that opened, up to the highest, while there are no bits. */
  #run = 0
  /** Bit `lo mod size`. Made when a number is missing or late: most peers cost nothing. */
  #bits: Uint32Array | undefined

  constructor(size: number) {
    if (!(size >= 1 && size <= LARGEST))
      throw new LocalError('BadOption', `a replay window has 1 to ${LARGEST} numbers, not ${size}`)
    this.size = 2 ** Math.max(5, Math.ceil(Math.log2(size)))
  }

  /** Neither seen nor too old to know. Changes nothing. */
  isFresh(hi: number, lo: number): boolean {
    if (this.isEmpty) return true
    const ahead = distance(hi, lo, this.hi, this.lo)
    if (ahead > 0) return true
    if (ahead <= -this.size) return false
    const bits = this.#bits
    if (bits === undefined) return ahead <= -this.#run
    const bit = lo & (this.size - 1)
    return (bits[bit >>> 5]! & (1 << (bit & 31))) === 0
  }

  /** The packet with this number, which `isFresh`, has opened. */
  mark(hi: number, lo: number): void {
    const ahead = this.isEmpty ? this.size : distance(hi, lo, this.hi, this.lo)
    if (this.#bits === undefined && (this.isEmpty || ahead === 1)) {
      this.#run++
      this.isEmpty = false
      this.hi = hi
      this.lo = lo
      return
    }
    const bits = this.#bits ?? this.#spread()
    if (ahead > 0) {
      this.#forget(bits, ahead, lo)
      this.hi = hi
      this.lo = lo
    }
    const bit = lo & (this.size - 1)
    bits[bit >>> 5]! |= 1 << (bit & 31)
  }

  /** The row so far as bits. */
  #spread(): Uint32Array {
    const bits = new Uint32Array(this.size / 32)
    for (let i = 0; i < Math.min(this.#run, this.size); i++) {
      const bit = (this.lo - i) & (this.size - 1)
      bits[bit >>> 5]! |= 1 << (bit & 31)
    }
    this.#bits = bits
    return bits
  }

  /** Clears the bits of the `count` numbers up to `lo`, which now stand for newer numbers. */
  #forget(bits: Uint32Array, count: number, lo: number): void {
    if (count >= this.size) {
      bits.fill(0)
      return
    }
    for (let i = 0; i < count; i++) {
      const bit = (lo - i) & (this.size - 1)
      bits[bit >>> 5]! &= ~(1 << (bit & 31))
    }
  }
}

/** 128 KiB of bits. */
const LARGEST = 2 ** 20
