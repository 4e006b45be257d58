// Putting the pieces of reliable messages together. The pieces of a message have consecutive numbers, so number minus
// index names the message: no id can be used twice, and none has to rest. What was acknowledged may not be given up, so
// what has no room is refused and comes again; only what no honest sender sends is an error. Memory follows bytes received.

import type { FragmentDescriptor } from '../core/protocol.ts'
import { copyOf } from '../wire/copy.ts'
import type { Budget } from './budget.ts'
import type { PieceNumbers } from './host.ts'

/** `payload`: the message is complete. `refused`: no room, nothing was kept. */
export type Joined =
  | 'held'
  | 'refused'
  | { readonly payload: Uint8Array }
  | { readonly wrong: string; readonly full?: true }

/** Of an ordered channel: pieces come one after the other, so there is one message at a time and one buffer. */
export class PiecesInOrder {
  readonly #fragment: FragmentDescriptor
  readonly #budget: Budget | undefined
  #buffer: Uint8Array = EMPTY
  #size = 0
  #count = 0
  #next = 0

  constructor(fragment: FragmentDescriptor, budget: Budget | undefined) {
    this.#fragment = fragment
    this.#budget = budget
  }

  /** Inside a message: a whole one cannot come next. */
  get open(): boolean {
    return this.#next > 0
  }

  /** Whether it is the piece that comes next. */
  continues({ index, count }: PieceNumbers): boolean {
    return index === this.#next && (index === 0 || count === this.#count)
  }

  /** Bytes taken up. */
  get bytes(): number {
    return this.#buffer.length
  }

  /** `acknowledged`: it cannot be refused any more. */
  add({ index, count }: PieceNumbers, bytes: Uint8Array, acknowledged: boolean): Joined {
    if (index !== this.#next) return { wrong: `piece ${index} of a message where piece ${this.#next} comes next` }
    if (index > 0 && count !== this.#count) return { wrong: `a message of ${this.#count} pieces now says ${count}` }
    const size = this.#size + bytes.length
    if (size > this.#fragment.bytesPerPeer)
      return { wrong: `a message of more than ${this.#fragment.bytesPerPeer} bytes`, full: true }
    if (!this.#reserve(size, acknowledged)) return 'refused'
    this.#buffer.set(bytes, this.#size)
    this.#size = size
    this.#count = count
    this.#next = index + 1
    if (this.#next < count) return 'held'
    const payload = this.#buffer.subarray(0, size)
    this.clear()
    return { payload }
  }

  clear(): void {
    this.#budget?.give(this.#buffer.length)
    this.#buffer = EMPTY
    this.#size = this.#next = this.#count = 0
  }

  /** Twice what has come, at most. */
  #reserve(size: number, acknowledged: boolean): boolean {
    const before = this.#buffer
    if (size <= before.length) return true
    const capacity = Math.min(Math.max(size, 2 * before.length), Math.max(size, this.#fragment.bytesPerPeer))
    if (acknowledged) this.#budget?.owe(capacity - before.length)
    else if (this.#budget?.take(capacity - before.length) === false) return false
    this.#buffer = new Uint8Array(capacity)
    this.#buffer.set(before.subarray(0, this.#size))
    return true
  }
}

interface Session {
  readonly start: number
  readonly count: number
  readonly pieces: (Uint8Array | undefined)[]
  held: number
  /** Payload bytes, and what is charged for them. */
  size: number
  charged: number
}

/** Of an unordered channel: several messages, of which the one that holds the next number can always go on. */
export class PiecesInAnyOrder {
  readonly #fragment: FragmentDescriptor
  readonly #budget: Budget | undefined
  /** Bytes that may wait beside the message in front. */
  readonly #ahead: number
  readonly #sessions = new Map<number, Session>()
  #front: Session | undefined
  #charged = 0

  constructor(fragment: FragmentDescriptor, ahead: number, budget: Budget | undefined) {
    this.#fragment = fragment
    this.#ahead = ahead
    this.#budget = budget
  }

  get bytes(): number {
    return this.#charged
  }

  get sessions(): number {
    return this.#sessions.size
  }

  /** Takes the piece with this number; `base`: everything up to it has arrived. */
  add(number: number, base: number, { index, count }: PieceNumbers, bytes: Uint8Array): Joined {
    const start = number - index
    const known = this.#sessions.get(start)
    if (known !== undefined && known.count !== count)
      return { wrong: `a message of ${known.count} pieces now says ${count}` }
    const cost = bytes.length + PIECE_COST
    const isFront = start <= base + 1 && base + 1 < start + count
    const room = this.#room(known, base, isFront)
    if (cost > room) {
      if (!isFront) return 'refused'
      return { wrong: `half-done messages of more than ${this.#fragment.bytesPerPeer} bytes`, full: true }
    }
    if (known === undefined && this.#sessions.size >= this.#fragment.sessions) {
      if (number !== base + 1) return 'refused'
      return { wrong: `more than ${this.#fragment.sessions} half-done messages`, full: true }
    }
    if (this.#budget?.take(cost) === false) return 'refused'
    const session = known ?? this.#open(start, count)
    if (isFront) this.#front = session
    session.pieces[index] = copyOf(bytes)
    session.held++
    session.size += bytes.length
    session.charged += cost
    this.#charged += cost
    if (session.held < count) return 'held'
    this.#close(session)
    return { payload: joined(session) }
  }

  clear(): void {
    this.#budget?.give(this.#charged)
    this.#charged = 0
    this.#sessions.clear()
    this.#front = undefined
  }

  #open(start: number, count: number): Session {
    const session: Session = { start, count, pieces: [], held: 0, size: 0, charged: 0 }
    this.#sessions.set(start, session)
    return session
  }

  #close(session: Session): void {
    this.#sessions.delete(session.start)
    this.#charged -= session.charged
    this.#budget?.give(session.charged)
    if (this.#front === session) this.#front = undefined
  }

  /** Bytes that a message may still take. */
  #room(session: Session | undefined, base: number, isFront: boolean): number {
    if (isFront) return this.#fragment.bytesPerPeer - (session?.charged ?? 0)
    const front = this.#front
    const inFront = front !== undefined && front.start + front.count - 1 > base ? front : this.#find(base)
    return this.#ahead - (this.#charged - (inFront?.charged ?? 0))
  }

  #find(base: number): Session | undefined {
    this.#front = undefined
    for (const session of this.#sessions.values())
      if (session.start <= base + 1 && base + 1 < session.start + session.count) this.#front = session
    return this.#front
  }
}

function joined(session: Session): Uint8Array {
  const payload = new Uint8Array(session.size)
  let at = 0
  for (const piece of session.pieces) {
    payload.set(piece as Uint8Array, at)
    at += (piece as Uint8Array).length
  }
  return payload
}

/** Memory of a held piece beside its bytes, so that a flood of empty pieces is bounded too. */
export const PIECE_COST = 192
const EMPTY = new Uint8Array(0)
