// Stateless cookies (docs/language, "Handshake"; DTLS RFC 9147 section 5.1): a MAC over the time slot and what the first
// packet and its sender are. Who returns it receives at the address he sends from; until then nothing is kept for him.

import { LocalError } from '../core/errors.ts'
import { hmac_sha256, keyed_blake2s } from '../crypto/hash.ts'

export interface CookieOptions {
  readonly mac: 'hmac-sha256' | 'blake2s'
  /** Milliseconds: a cookie is valid in its slot and the next one. */
  readonly slot: number
  /** Milliseconds for which a secret makes cookies. */
  readonly rotate: number
  /** Bytes of a cookie, 8 to 32. */
  readonly size: number
  /**
   * The secret of a period, 32 bytes, asked for once. Random; processes that share a port must agree on it, and on the
   * clock. Periods are numbered by the clock.
   */
  readonly secret: (period: number) => Uint8Array
}

export class CookieJar {
  readonly #options: CookieOptions
  readonly #slotsPerSecret: number
  readonly #slot = new Uint8Array(8)
  readonly #slotView = new DataView(this.#slot.buffer)
  #period = Number.NEGATIVE_INFINITY
  #current: Uint8Array | undefined
  #previous: Uint8Array | undefined
  /** MACs computed so far. */
  macs = 0

  constructor(options: CookieOptions) {
    const { slot, rotate, size } = options
    if (!(slot > 0 && rotate >= slot))
      throw new LocalError(
        'BadOption',
        `a cookie's secret lives for at least one slot: ${rotate} ms, slots of ${slot} ms`,
      )
    if (!(size >= 8 && size <= 32)) throw new LocalError('BadOption', `a cookie has 8 to 32 bytes, not ${size}`)
    this.#options = options
    this.#slotsPerSecret = Math.max(1, Math.floor(rotate / slot))
  }

  /** The cookie for what `over` says: address, port and fields of the first packet, joined. */
  issue(now: number, over: Uint8Array): Uint8Array {
    return this.#mac(this.#slotAt(now), over) as Uint8Array
  }

  /** Whether `cookie` was issued for the same `over` in this slot or the one before. Two MACs at most, in constant time. */
  accepts(now: number, over: Uint8Array, cookie: Uint8Array): boolean {
    if (cookie.length !== this.#options.size) return false
    const slot = this.#slotAt(now)
    const current = this.#mac(slot, over)
    if (current !== undefined && equal(current, cookie)) return true
    const last = this.#mac(slot - 1, over)
    return last !== undefined && equal(last, cookie)
  }

  /** Overwrites the secrets: every cookie is void. */
  destroy(): void {
    this.#current?.fill(0)
    this.#previous?.fill(0)
    this.#current = undefined
    this.#previous = undefined
    this.#period = Number.NEGATIVE_INFINITY
  }

  #slotAt(now: number): number {
    return Math.floor(now / this.#options.slot)
  }

  #mac(slot: number, over: Uint8Array): Uint8Array | undefined {
    const secret = this.#secretOf(Math.floor(slot / this.#slotsPerSecret))
    if (secret === undefined) return undefined
    this.#slotView.setBigInt64(0, BigInt(slot))
    this.macs++
    const { mac, size } = this.#options
    return (mac === 'blake2s' ? keyed_blake2s : hmac_sha256)(secret, this.#slot, over).subarray(0, size)
  }

  /** Of the present period or the one before; older ones are gone. */
  #secretOf(period: number): Uint8Array | undefined {
    if (period > this.#period) {
      const isNext = period === this.#period + 1
      this.#previous?.fill(0)
      if (!isNext) this.#current?.fill(0)
      this.#previous = isNext ? this.#current : undefined
      this.#current = Uint8Array.from(this.#options.secret(period))
      this.#period = period
    }
    if (period === this.#period) return this.#current
    return period === this.#period - 1 ? this.#previous : undefined
  }
}

/** Looks at every byte, whichever differs. */
function equal(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length
  for (let i = 0; i < one.length; i++) difference |= one[i]! ^ other[i]!
  return difference === 0
}
