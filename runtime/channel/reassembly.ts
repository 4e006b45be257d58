// Putting the pieces of a message together again. Nothing is allocated by what a piece declares except an index of at
// most `pieces` places; bytes are held only when they have arrived, bounded in all, per peer, in sessions and in time.

import { LocalError } from '../core/errors.ts'
import type { FragmentDescriptor } from '../core/protocol.ts'
import { copyOf } from '../wire/copy.ts'
import { fingerprint } from './fingerprint.ts'

export type ReassemblyOptions = Pick<
  FragmentDescriptor,
  'above' | 'pieces' | 'timeout' | 'sessions' | 'bytes' | 'bytesPerPeer' | 'duplicates' | 'full' | 'acceptFullCopies'
>

export type FragmentId = number | bigint | string

/** What a piece says about itself. */
export interface Piece {
  readonly source: string
  readonly id: FragmentId
  readonly index: number
  readonly count: number
  /** Borrowed; copied when held. */
  readonly bytes: Uint8Array
  /** Encoded size of the frame without the fields that number the piece; needed for full copies only. */
  readonly plainSize?: number | undefined
}

/** What became of a piece. */
export type Outcome<H> =
  /** `held`: waits for others. `duplicate`: was there already. `late`: its message is complete. */
  | { readonly kind: 'held' | 'duplicate' | 'late' }
  | { readonly kind: 'refused'; readonly code: 'BadValue' | 'LimitExceeded' | 'Duplicate'; readonly message: string }
  /** `head` is what the caller kept of piece 0. `copy`: the piece held the whole message. */
  | { readonly kind: 'complete'; readonly payload: Uint8Array; readonly head: H; readonly copy: boolean }

interface Session<H> {
  readonly peer: Peer<H>
  readonly id: FragmentId
  readonly count: number
  readonly expires: number
  readonly pieces: (Uint8Array | undefined)[]
  held: number
  /** Payload bytes. */
  size: number
  /** Bytes charged, bookkeeping included. */
  charged: number
  head: H | undefined
}

/** A message that is done: its late pieces must not open a new session. */
interface Done<H> {
  readonly peer: Peer<H>
  readonly id: FragmentId
  readonly count: number
  readonly expires: number
  /** Of a full copy: which copies were seen, and of what. */
  readonly copies: Set<number> | undefined
  readonly print: number
}

interface Peer<H> {
  readonly source: string
  readonly sessions: Map<FragmentId, Session<H>>
  readonly done: Map<FragmentId, Done<H>>
  charged: number
}

export class Reassembly<H> {
  readonly #options: ReassemblyOptions
  readonly #peers = new Map<string, Peer<H>>()
  /** Oldest first; all expire after the same time, so this is the order of expiry too. */
  readonly #sessions = new Set<Session<H>>()
  readonly #done = new Set<Done<H>>()
  #charged = 0

  constructor(options: ReassemblyOptions) {
    for (const name of ['pieces', 'sessions', 'bytes', 'bytesPerPeer', 'timeout'] as const)
      if (!(options[name] >= 1)) throw new LocalError('BadOption', `${name} must be at least 1, not ${options[name]}`)
    this.#options = options
  }

  /** Half-done messages. */
  get sessions(): number {
    return this.#sessions.size
  }

  /** Bytes held for them, bookkeeping included. */
  get bytes(): number {
    return this.#charged
  }

  /** Takes a piece. `head` is called for piece 0 (or a full copy) to keep what else its frame says. */
  receive(now: number, piece: Piece, head: () => H): Outcome<H> {
    this.expire(now)
    const { count, index } = piece
    if (!Number.isInteger(count) || count < 1 || count > this.#options.pieces)
      return {
        kind: 'refused',
        code: 'BadValue',
        message: `a message of ${count} pieces; 1 to ${this.#options.pieces} are allowed`,
      }
    if (!Number.isInteger(index) || index < 0 || index >= count)
      return { kind: 'refused', code: 'BadValue', message: `piece ${index} of ${count}` }
    if (this.#options.acceptFullCopies && isFullCopy(piece, this.#options.above)) return this.#copy(now, piece, head)
    if (count === 1) return { kind: 'complete', payload: copyOf(piece.bytes), head: head(), copy: false }
    const peer = this.#peers.get(piece.source)
    if (peer?.done.has(piece.id)) return LATE
    const session = peer?.sessions.get(piece.id)
    if (session === undefined) return this.#first(now, piece, head)
    if (session.count !== count)
      return { kind: 'refused', code: 'BadValue', message: `a message of ${session.count} pieces now says ${count}` }
    if (session.pieces[index] !== undefined)
      return this.#options.duplicates === 'ignore'
        ? DUPLICATE
        : { kind: 'refused', code: 'Duplicate', message: `piece ${index} came twice` }
    return this.#add(now, session, piece, head)
  }

  /** Drops what is older than the timeout. Returns the number of messages given up. */
  expire(now: number): number {
    let count = 0
    for (const session of this.#sessions) {
      if (session.expires > now) break
      this.#drop(session)
      count++
    }
    for (const done of this.#done) {
      if (done.expires > now) break
      this.#forget(done)
    }
    return count
  }

  /** When `expire` has something to do; Infinity when nothing is held. */
  deadline(): number {
    for (const session of this.#sessions) return session.expires
    return Infinity
  }

  /** Drops everything of a source: its connection ended. */
  forget(source: string): void {
    const peer = this.#peers.get(source)
    if (peer === undefined) return
    for (const session of peer.sessions.values()) this.#drop(session)
    for (const done of peer.done.values()) this.#forget(done)
  }

  #first(now: number, piece: Piece, head: () => H): Outcome<H> {
    if (this.#sessions.size >= this.#options.sessions) {
      if (this.#options.full === 'drop-newest')
        return { kind: 'refused', code: 'LimitExceeded', message: `${this.#options.sessions} half-done messages` }
      for (const oldest of this.#sessions) {
        this.#drop(oldest)
        break
      }
    }
    const peer = this.#peer(piece.source)
    const expires = now + this.#options.timeout
    const { id, count } = piece
    const session: Session<H> = { peer, id, count, expires, pieces: [], held: 0, size: 0, charged: 0, head: undefined }
    this.#sessions.add(session)
    peer.sessions.set(id, session)
    const outcome = this.#add(now, session, piece, head)
    if (outcome.kind === 'refused') this.#drop(session)
    return outcome
  }

  #add(now: number, session: Session<H>, piece: Piece, head: () => H): Outcome<H> {
    const { peer } = session
    const cost = piece.bytes.length + PIECE_COST
    if (!this.#makeRoom(session, cost))
      return {
        kind: 'refused',
        code: 'LimitExceeded',
        message: `no room for ${piece.bytes.length} more bytes of half-done messages`,
      }
    // Last piece: joined from the borrowed bytes, without a copy of its own.
    const last = session.held + 1 === session.count
    session.pieces[piece.index] = last ? piece.bytes : copyOf(piece.bytes)
    session.held++
    session.size += piece.bytes.length
    session.charged += cost
    peer.charged += cost
    this.#charged += cost
    if (piece.index === 0) session.head = head()
    if (!last) return HELD
    const payload = join(session.pieces, session.size)
    const kept = session.head as H
    this.#drop(session)
    this.#finish(now, piece, undefined, 0)
    return { kind: 'complete', payload, head: kept, copy: false }
  }

  /** Makes room for `cost` bytes, by dropping others where the schema says so. */
  #makeRoom(session: Session<H>, cost: number): boolean {
    const { bytes, bytesPerPeer, full } = this.#options
    const { peer } = session
    if (session.charged + cost > Math.min(bytes, bytesPerPeer)) return false
    while (peer.charged + cost > bytesPerPeer) {
      const oldest = full === 'drop-oldest' ? other(peer.sessions.values(), session) : undefined
      if (oldest === undefined) return false
      this.#drop(oldest)
    }
    while (this.#charged + cost > bytes) {
      const oldest = full === 'drop-oldest' ? other(this.#sessions, session) : undefined
      if (oldest === undefined) return false
      this.#drop(oldest)
    }
    return true
  }

  /**
   * A peer that sends the whole message in every piece: the first copy is the message. The others carry the same payload
   * and an index not seen yet; anything else under the same id is another message.
   */
  #copy(now: number, piece: Piece, head: () => H): Outcome<H> {
    const print = fingerprint(piece.bytes)
    const done = this.#peers.get(piece.source)?.done.get(piece.id)
    if (
      done?.copies !== undefined &&
      done.count === piece.count &&
      done.print === print &&
      !done.copies.has(piece.index)
    ) {
      done.copies.add(piece.index)
      return LATE
    }
    const session = this.#peers.get(piece.source)?.sessions.get(piece.id)
    if (session !== undefined) this.#drop(session)
    this.#finish(now, piece, new Set([piece.index]), print)
    return { kind: 'complete', payload: copyOf(piece.bytes), head: head(), copy: true }
  }

  #finish(now: number, piece: Piece, copies: Set<number> | undefined, print: number): void {
    const peer = this.#peer(piece.source)
    const before = peer.done.get(piece.id)
    if (before !== undefined) this.#forget(before)
    if (this.#done.size >= this.#options.sessions) {
      for (const oldest of this.#done) {
        this.#forget(oldest)
        break
      }
    }
    const done = { peer, id: piece.id, count: piece.count, expires: now + this.#options.timeout, copies, print }
    peer.done.set(piece.id, done)
    this.#peers.set(peer.source, peer)
    this.#done.add(done)
  }

  #peer(source: string): Peer<H> {
    let peer = this.#peers.get(source)
    if (peer === undefined) {
      peer = { source, sessions: new Map(), done: new Map(), charged: 0 }
      this.#peers.set(source, peer)
    }
    return peer
  }

  #drop(session: Session<H>): void {
    const { peer } = session
    this.#sessions.delete(session)
    peer.sessions.delete(session.id)
    peer.charged -= session.charged
    this.#charged -= session.charged
    this.#release(peer)
  }

  #forget(done: Done<H>): void {
    this.#done.delete(done)
    done.peer.done.delete(done.id)
    this.#release(done.peer)
  }

  #release(peer: Peer<H>): void {
    if (peer.sessions.size === 0 && peer.done.size === 0) this.#peers.delete(peer.source)
  }
}

/** Honest pieces are at most `above` bytes with their numbering, so they never satisfy this with two or more of them. */
function isFullCopy(piece: Piece, above: number): boolean {
  if (piece.plainSize === undefined)
    throw new LocalError('BadOption', 'acceptFullCopies needs the size of each frame without its fragment fields')
  return piece.count >= 2 && Math.ceil(piece.plainSize / above) === piece.count
}

function other<T>(all: Iterable<T>, one: T): T | undefined {
  for (const each of all) if (each !== one) return each
  return undefined
}

function join(pieces: readonly (Uint8Array | undefined)[], size: number): Uint8Array {
  const payload = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    payload.set(piece as Uint8Array, at)
    at += (piece as Uint8Array).length
  }
  return payload
}

/** Memory of a held piece beside its bytes, so that a flood of empty pieces is bounded too. */
const PIECE_COST = 192
const HELD = { kind: 'held' } as const
const DUPLICATE = { kind: 'duplicate' } as const
const LATE = { kind: 'late' } as const
