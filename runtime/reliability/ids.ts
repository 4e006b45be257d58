// Ids of requests: a counter, or a random start and then +1 where datagrams are not sealed and a guessable id would let
// anybody answer (`ids: counter|random` in the schema). An id is never given out while a request with it is open.

import { LocalError } from '../core/errors.ts'

export interface RequestIdsOptions {
  readonly ids: 'counter' | 'random'
  /** Width of the id on the wire, 1..64. */
  readonly bits: number
  /** Give bigint, as codecs do above 53 bits. Default: whether `bits` > 53. */
  readonly wide?: boolean | undefined
  /** `n` random bytes; needed for `random`. */
  readonly random?: ((n: number) => Uint8Array) | undefined
}

export class RequestIds {
  readonly #mask: bigint
  readonly #wide: boolean
  readonly #first: bigint
  #next: bigint

  constructor(options: RequestIdsOptions) {
    const { bits } = options
    if (!Number.isInteger(bits) || bits < 1 || bits > 64)
      throw new LocalError('BadOption', `ids have 1 to 64 bits, not ${bits}`)
    this.#wide = options.wide ?? bits > 53
    if (!this.#wide && bits > 53) throw new LocalError('BadOption', `ids of ${bits} bits need wide: true`)
    this.#mask = (1n << BigInt(bits)) - 1n
    this.#first = bits === 1 ? 0n : 1n
    this.#next = this.#first
    if (options.ids === 'random') this.#next = start(bits, options.random)
  }

  /**
   * The next id that is not open. Throws LocalError when all ids of this width are open, which an in-flight bound below
   * 2^bits rules out.
   */
  next(isOpen: (id: number | bigint) => boolean): number | bigint {
    const begin = this.#next
    do {
      const id = this.#wide ? this.#next : Number(this.#next)
      // Zero is skipped: many protocols read it as "no id".
      this.#next = this.#next === this.#mask ? this.#first : this.#next + 1n
      if (!isOpen(id)) return id
    } while (this.#next !== begin)
    throw new LocalError('WrongState', 'every request id is in use: lower in_flight')
  }
}

/** One bit less than the width, so that the counter has at least half of its range before it wraps. */
function start(bits: number, random: ((n: number) => Uint8Array) | undefined): bigint {
  if (random === undefined) throw new LocalError('BadOption', 'ids: random needs a source of random bytes')
  let value = 0n
  for (const byte of random(8)) value = (value << 8n) | BigInt(byte)
  const kept = value & ((1n << BigInt(Math.max(1, bits - 1))) - 1n)
  return kept === 0n ? 1n : kept
}
