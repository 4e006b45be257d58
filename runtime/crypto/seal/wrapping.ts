// A replay window over 32-bit numbers as they stand on the wire (`replay: { wraps: true }`), for profiles of peers that
// compare them so: what is more than half of all numbers behind counts as ahead, and the number at the window's far edge is
// taken without being remembered. Both let old packets open again, which is why a schema has to say that it is insecure.

import type { PacketWindow } from './replay.ts'

export class WrappingWindow implements PacketWindow {
  /** At most this far behind the highest number. */
  readonly size: number
  readonly hi = 0
  /** The number that opened last of those that were ahead; meaningless while `isEmpty`. */
  lo = 0
  isEmpty = true
  /** Bit d: the number d below `lo` has opened, for d below 32 and from there on. */
  #near = 0
  #far = 0

  constructor(size: number) {
    this.size = Math.min(size, BITS)
  }

  /** Neither seen nor too old. Changes nothing. */
  isFresh(_hi: number, lo: number): boolean {
    if (this.isEmpty || this.#isAhead(lo)) return true
    const behind = this.lo - lo
    if (behind > this.size) return false
    return behind >= BITS || !this.#has(behind)
  }

  /** The packet with this number, which `isFresh`, has opened. */
  mark(_hi: number, lo: number): void {
    if (this.isEmpty || this.#isAhead(lo)) {
      this.#shift(this.isEmpty ? BITS : lo > this.lo ? lo - this.lo : lo + 1)
      this.isEmpty = false
      this.lo = lo
    }
    const behind = this.lo - lo
    if (behind < 32) this.#near |= 1 << behind
    else if (behind < BITS) this.#far |= 1 << (behind - 32)
  }

  #isAhead(lo: number): boolean {
    return lo > this.lo || this.lo - lo > HALF
  }

  #has(behind: number): boolean {
    const bits = behind < 32 ? this.#near >>> behind : this.#far >>> (behind - 32)
    return (bits & 1) !== 0
  }

  #shift(by: number): void {
    if (by >= BITS) this.#near = this.#far = 0
    else if (by >= 32) {
      this.#far = this.#near << (by - 32)
      this.#near = 0
    } else {
      this.#far = (this.#far << by) | (this.#near >>> (32 - by))
      this.#near <<= by
    }
  }
}

const BITS = 64
const HALF = 2 ** 31
