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
  /** Bit `lo mod size`. Made with the first packet: a peer that never sends costs nothing. */
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
    const bit = lo & (this.size - 1)
    return ((this.#bits as Uint32Array)[bit >>> 5]! & (1 << (bit & 31))) === 0
  }

  /** The packet with this number, which `isFresh`, has opened. */
  mark(hi: number, lo: number): void {
    this.#bits ??= new Uint32Array(this.size / 32)
    const ahead = this.isEmpty ? this.size : distance(hi, lo, this.hi, this.lo)
    if (ahead > 0) {
      this.#forget(ahead, lo)
      this.isEmpty = false
      this.hi = hi
      this.lo = lo
    }
    const bit = lo & (this.size - 1)
    this.#bits[bit >>> 5]! |= 1 << (bit & 31)
  }

  /** Clears the bits of the `count` numbers up to `lo`, which now stand for newer numbers. */
  #forget(count: number, lo: number): void {
    const bits = this.#bits as Uint32Array
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
