// Rate limit of one peer: tokens flow in with time, each packet takes one, each byte takes one of another kind.

import { LocalError } from '../core/errors.ts'

export interface RateOptions {
  /** Packets per second; Infinity = no limit. */
  readonly packets: number
  /** Bytes per second; Infinity = no limit. */
  readonly bytes: number
  /** Packets that may come at once after a pause. */
  readonly burst: number
}

export class TokenBucket {
  readonly #options: RateOptions
  readonly #byteBurst: number
  #packets: number
  #bytes: number
  #at: number

  /** Starts full. */
  constructor(options: RateOptions, now: number) {
    if (!(options.packets > 0)) throw new LocalError('BadOption', `packets must be positive, not ${options.packets}`)
    if (!(options.bytes > 0)) throw new LocalError('BadOption', `bytes must be positive, not ${options.bytes}`)
    if (!(options.burst >= 1))
      throw new LocalError('BadOption', `burst must be at least 1 packet, not ${options.burst}`)
    this.#options = options
    // As long a burst of bytes as of packets, and at least one datagram of any size.
    this.#byteBurst = Math.max(
      LARGEST_DATAGRAM,
      options.bytes * (Math.min(options.burst, options.packets) / options.packets || 1),
    )
    this.#packets = options.burst
    this.#bytes = this.#byteBurst
    this.#at = now
  }

  /** Takes what a packet of `size` bytes costs. False, and takes nothing, when it is over the rate. */
  take(now: number, size: number): boolean {
    this.#refill(now)
    if (this.#packets < 1 || this.#bytes < size) return false
    this.#packets--
    this.#bytes -= size
    return true
  }

  /** True when the bucket is full again, and so says nothing that a new one would not. */
  rested(now: number): boolean {
    this.#refill(now)
    return this.#packets >= this.#options.burst && this.#bytes >= this.#byteBurst
  }

  #refill(now: number): void {
    const elapsed = now - this.#at
    if (elapsed <= 0) return
    this.#at = now
    this.#packets = Math.min(this.#options.burst, this.#packets + (elapsed * this.#options.packets) / 1000)
    this.#bytes = Math.min(this.#byteBurst, this.#bytes + (elapsed * this.#options.bytes) / 1000)
  }
}

const LARGEST_DATAGRAM = 65_535
