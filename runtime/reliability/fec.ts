// Forward error correction by exclusive or: one parity for each group of messages, from which any one that is lost can be
// made again. The lengths are folded in the same way, so that what is made has its own length and not the longest.
// How a group, a place in it and the parity travel is the caller's business.

import { LocalError } from '../core/errors.ts'

/** Of a group: what its messages add up to. `bytes` is borrowed until the next message. */
export interface Parity {
  readonly group: number
  /** Messages in the group: fewer than usual when it was closed early. */
  readonly count: number
  /** Exclusive or of their lengths, and of their bytes, each continued with zeros to the longest. */
  readonly lengths: number
  readonly bytes: Uint8Array
}

/** Where a message stands. */
export interface Place {
  readonly group: number
  readonly index: number
}

export class FecEncoder {
  readonly #size: number
  readonly #sum: Uint8Array
  #group = 0
  #count = 0
  #lengths = 0
  #longest = 0

  /** `size`: messages in a group; `most`: bytes of the longest message. */
  constructor(size: number, most: number) {
    this.#size = checked(size)
    this.#sum = new Uint8Array(most)
  }

  /** Where the next message stands. */
  get place(): Place {
    return { group: this.#group, index: this.#count }
  }

  /** Takes a message that is sent. Gives the parity when it completes its group: send it too. */
  add(bytes: Uint8Array): Parity | undefined {
    if (bytes.length > this.#sum.length)
      throw new LocalError(
        'TooLarge',
        `a message of ${bytes.length} bytes; parity is made for at most ${this.#sum.length}`,
      )
    if (this.#count === 0) this.#begin()
    fold(this.#sum, bytes)
    this.#lengths ^= bytes.length
    this.#longest = Math.max(this.#longest, bytes.length)
    return ++this.#count === this.#size ? this.close() : undefined
  }

  /** Ends a group early, so that its last messages are covered too. Undefined when there are none. */
  close(): Parity | undefined {
    if (this.#count === 0) return undefined
    const parity = {
      group: this.#group,
      count: this.#count,
      lengths: this.#lengths,
      bytes: this.#sum.subarray(0, this.#longest),
    }
    this.#group++
    this.#count = 0
    return parity
  }

  #begin(): void {
    this.#sum.fill(0, 0, this.#longest)
    this.#lengths = this.#longest = 0
  }
}

/** A group of which not everything has come. */
interface Group {
  number: number
  readonly sum: Uint8Array
  readonly seen: Uint8Array
  held: number
  lengths: number
  /** Messages, once the parity has come; 0 before. */
  count: number
  longest: number
}

export interface Recovered extends Place {
  /** Borrowed until the next call. */
  readonly bytes: Uint8Array
}

/** Bounded: it remembers sums of the newest groups, not messages. */
export class FecDecoder {
  readonly #size: number
  readonly #most: number
  readonly #groups: (Group | undefined)[]
  #newest = -1

  /** `groups`: how many of the newest may still be completed. */
  constructor(size: number, most: number, groups: number) {
    this.#size = checked(size)
    this.#most = most
    this.#groups = new Array<Group | undefined>(groups).fill(undefined)
  }

  /** A message arrived. Gives the one that is missing in its group, when there is no other. */
  add({ group, index }: Place, bytes: Uint8Array): Recovered | undefined {
    if (!(index >= 0 && index < this.#size) || bytes.length > this.#most) return undefined
    const sums = this.#find(group)
    if (sums === undefined || sums.seen[index] === 1 || (sums.count > 0 && index >= sums.count)) return undefined
    sums.seen[index] = 1
    sums.held++
    this.#fold(sums, bytes, bytes.length)
    return this.#recover(sums)
  }

  /** A parity arrived. */
  parity({ group, count, lengths, bytes }: Parity): Recovered | undefined {
    if (!(count >= 1 && count <= this.#size) || bytes.length > this.#most) return undefined
    const sums = this.#find(group)
    if (sums === undefined || sums.count > 0) return undefined
    sums.count = count
    this.#fold(sums, bytes, lengths)
    return this.#recover(sums)
  }

  #fold(sums: Group, bytes: Uint8Array, length: number): void {
    fold(sums.sum, bytes)
    sums.lengths ^= length
    sums.longest = Math.max(sums.longest, bytes.length)
  }

  /** When all but one and the parity are there, the sum is the missing one. */
  #recover(sums: Group): Recovered | undefined {
    if (sums.count === 0 || sums.held !== sums.count - 1) return undefined
    const index = sums.seen.indexOf(0)
    if (index < 0 || index >= sums.count) return undefined
    sums.seen[index] = 1
    sums.held++
    // Contradictory input makes a length that cannot be, or something where there should be nothing.
    if (sums.lengths > sums.longest || sums.lengths < 0) return undefined
    for (let i = sums.lengths; i < sums.longest; i++) if (sums.sum[i] !== 0) return undefined
    return { group: sums.number, index, bytes: sums.sum.subarray(0, sums.lengths) }
  }

  #find(number: number): Group | undefined {
    const place = number % this.#groups.length
    const known = this.#groups[place]
    if (known?.number === number) return known
    if (!(number > this.#newest - this.#groups.length)) return undefined
    if (known !== undefined && known.number > number) return undefined
    this.#newest = Math.max(this.#newest, number)
    if (known === undefined) {
      const group: Group = {
        number,
        sum: new Uint8Array(this.#most),
        seen: new Uint8Array(this.#size),
        held: 0,
        lengths: 0,
        count: 0,
        longest: 0,
      }
      this.#groups[place] = group
      return group
    }
    known.sum.fill(0, 0, known.longest)
    known.seen.fill(0)
    known.number = number
    known.held = known.lengths = known.count = known.longest = 0
    return known
  }
}

function fold(sum: Uint8Array, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) sum[i] = (sum[i] as number) ^ (bytes[i] as number)
}

function checked(size: number): number {
  if (Number.isInteger(size) && size >= 1 && size <= MOST) return size
  throw new LocalError('BadOption', `a group has 1 to ${MOST} messages, not ${size}`)
}

const MOST = 255
