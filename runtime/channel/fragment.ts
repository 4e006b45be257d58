// Cutting a message that is too large for one datagram into pieces, and the ids that keep the pieces of different
// messages apart. How pieces are written is the schema's business (`channels.NAME.fragment`, `channel_header`).

import { LocalError } from '../core/errors.ts'
import { EncodeError } from '../wire/codec.ts'

export interface FragmenterOptions {
  /** Largest frame in bytes that travels whole, and largest piece. */
  readonly above: number
  /** Pieces of one message, at most. */
  readonly pieces: number
  /** Name of the field that is cut, for messages. */
  readonly cut: string
}

/** How a payload is cut: piece `i` holds `payload[i * size .. min((i + 1) * size, length))`. */
export interface Cut {
  readonly length: number
  /** Payload bytes of every piece but the last. */
  readonly size: number
  /** Pieces, 1 when the message travels whole. */
  readonly count: number
}

export class Fragmenter {
  readonly #options: FragmenterOptions

  constructor(options: FragmenterOptions) {
    if (!(options.above >= 1)) throw new LocalError('BadOption', `above must be at least 1 byte, not ${options.above}`)
    if (!(options.pieces >= 1)) throw new LocalError('BadOption', `pieces must be at least 1, not ${options.pieces}`)
    this.#options = options
  }

  /**
   * Says how a payload of `length` bytes is cut.
   * `overhead`: bytes of the frame around the payload when it travels whole. `pieceOverhead`: the most bytes around a
   * part of it, the fields that number the pieces included.
   * Throws EncodeError LimitExceeded when more pieces than allowed would be needed.
   */
  cut(length: number, overhead: number, pieceOverhead: number): Cut {
    const { above, pieces, cut } = this.#options
    if (overhead + length <= above) return { length, size: length, count: 1 }
    const size = above - pieceOverhead
    if (size < 1)
      throw new EncodeError(
        'LimitExceeded',
        cut,
        `nothing of ${cut} fits into a piece: the fields around it take ${pieceOverhead} of ${above} bytes`,
      )
    const count = Math.max(1, Math.ceil(length / size))
    if (count > pieces)
      throw new EncodeError(
        'LimitExceeded',
        cut,
        `${cut} of ${length} bytes needs ${count} pieces of ${size}, at most ${pieces} are allowed (${pieces * size} bytes)`,
      )
    return { length, size, count }
  }

  /** Payload bytes that fit into one message when the fields around each piece take `pieceOverhead` bytes. */
  capacity(pieceOverhead: number): number {
    return this.#options.pieces * Math.max(0, this.#options.above - pieceOverhead)
  }
}

export interface FragmentIdsOptions {
  /** Number of different ids, 256 for a byte. */
  readonly space: number
  /** How long an id rests after use, milliseconds: the receiver's timeout for half-done messages. */
  readonly rest: number
  /** First id. Default 0. */
  readonly start?: number | undefined
}

/**
 * Fragment ids for one destination. An id that is used again too early would mix two messages at a receiver that still
 * holds pieces of the first, unnoticed where each piece has a checksum of its own. So an id rests before it is reused.
 */
export class FragmentIds {
  readonly #usedAt: Float64Array
  readonly #rest: number
  #next: number

  constructor(options: FragmentIdsOptions) {
    if (!(options.space >= 1))
      throw new LocalError('BadOption', `the space of ids must be at least 1, not ${options.space}`)
    this.#usedAt = new Float64Array(Math.min(options.space, MAX_TRACKED)).fill(-Infinity)
    this.#rest = options.rest
    this.#next = (options.start ?? 0) % this.#usedAt.length
  }

  /** An id for a message sent now, or -1 when all are resting: send at `freeAt()`. */
  next(now: number): number {
    if (now < this.freeAt()) return -1
    const id = this.#next
    this.#usedAt[id] = now
    this.#next = (id + 1) % this.#usedAt.length
    return id
  }

  /** When the next id has rested; -Infinity when it was never used. */
  freeAt(): number {
    return (this.#usedAt[this.#next] ?? 0) + this.#rest
  }
}

/** Ids beyond these are not needed: 65536 messages in one resting time. */
const MAX_TRACKED = 65536
