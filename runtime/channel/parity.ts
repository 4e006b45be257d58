// Forward error correction of one channel (`fec`): the sender adds a parity to every group of messages, the receiver makes
// the one that is missing in a group. Numbers say where a message stands: group `g` has the numbers g * size + 1 and up,
// so a message carries nothing for it. A group that is closed early leaves the rest of its numbers out.

import type { ChannelDescriptor } from '../core/protocol.ts'
import { FecDecoder, FecEncoder, type Parity, type Recovered } from '../reliability/fec.ts'

/** What a receiver made of a parity. */
export interface Restored {
  /** Number of the message on its channel. */
  readonly number: number
  /** The text of the frame; borrowed until the next message. */
  readonly text: Uint8Array
}

export class ParityOut {
  /** When the group that is open has to be closed; Infinity when none is. */
  closeAt: number = Infinity
  readonly #size: number
  readonly #delay: number
  readonly #encoder: FecEncoder

  /** `most`: bytes of the longest text. */
  constructor(fec: NonNullable<ChannelDescriptor['fec']>, most: number) {
    this.#size = fec.group
    this.#delay = fec.delay
    this.#encoder = new FecEncoder(fec.group, most)
  }

  /** Number of the next message. */
  get next(): number {
    const { group, index } = this.#encoder.place
    return group * this.#size + index + 1
  }

  /** A message was sent under `next`. Gives the parity when it was the last one of its group. */
  sent(now: number, text: Uint8Array): Parity | undefined {
    if (this.closeAt === Infinity) this.closeAt = now + this.#delay
    const parity = this.#encoder.add(text)
    if (parity !== undefined) this.closeAt = Infinity
    return parity
  }

  /** Closes a group that is not full. */
  close(): Parity | undefined {
    this.closeAt = Infinity
    return this.#encoder.close()
  }

  /** Number of the first message that a parity covers. */
  first({ group }: Parity): number {
    return group * this.#size + 1
  }
}

export class ParityIn {
  /** What can be made again now; asked for once. */
  restored: Restored | undefined
  readonly #size: number
  readonly #decoder: FecDecoder

  constructor(fec: NonNullable<ChannelDescriptor['fec']>, most: number) {
    this.#size = fec.group
    this.#decoder = new FecDecoder(fec.group, most, GROUPS)
  }

  arrived(number: number, text: Uint8Array): void {
    const at = number - 1
    if (at < 0) return
    const index = at % this.#size
    this.#take(this.#decoder.add({ group: (at - index) / this.#size, index }, text))
  }

  /** `first` must be the first number of a group: a parity of anything else is none of ours. */
  parity(first: number, count: number, lengths: number, bytes: Uint8Array): void {
    const at = first - 1
    if (at < 0 || at % this.#size !== 0) return
    this.#take(this.#decoder.parity({ group: at / this.#size, count, lengths, bytes }))
  }

  #take(made: Recovered | undefined): void {
    this.restored = made && { number: made.group * this.#size + made.index + 1, text: made.bytes }
  }
}

/** Newest groups that may still be completed: as much as may be overtaken. */
const GROUPS = 8
