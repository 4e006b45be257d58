// How many connections there may be: in all, per address, and of those how many still in their handshake; and which one
// goes when there is one too many. Open connections in use are the last to go.

import { LocalError } from '../core/errors.ts'
import type { LimitsDescriptor } from '../core/protocol.ts'
import { addressKey } from './address.ts'

export type ConnectionLimits = Pick<
  LimitsDescriptor,
  'connections' | 'connectionsPerAddress' | 'handshakes' | 'handshakesPerAddress' | 'overLimit'
>

export type LimitName = 'connections' | 'connections_per_address' | 'handshakes' | 'handshakes_per_address'

/** What becomes of a new connection. */
export type Admission<C> =
  /** It is in the table; the caller closes those that made room. */
  | { readonly kind: 'admitted'; readonly evicted: readonly C[] }
  /** `close`: tell it and close. `drop`: say nothing. `wait`: take it from the backlog later, when `hasRoom`. */
  | { readonly kind: 'refused'; readonly how: 'close' | 'drop' | 'wait'; readonly limit: LimitName }

interface Entry<C> {
  readonly connection: C
  readonly place: Place<C>
  open: boolean
  /** Used since it was last looked at for eviction. */
  used: boolean
}

/** All connections of one address. */
interface Place<C> {
  readonly key: string
  readonly pending: Set<Entry<C>>
  readonly open: Set<Entry<C>>
}

export class ConnectionTable<C> {
  readonly #limits: ConnectionLimits
  readonly #pendingGoes: boolean
  readonly #entries = new Map<C, Entry<C>>()
  readonly #places = new Map<string, Place<C>>()
  /** In their handshake, oldest first. */
  readonly #pending = new Set<Entry<C>>()
  /** Open, in the order in which they are candidates for eviction. */
  readonly #open = new Set<Entry<C>>()

  /** `pendingGoes`: too many in their handshake send the oldest of those away, whatever `over_limit` says. */
  constructor(limits: ConnectionLimits, { pendingGoes = false }: { readonly pendingGoes?: boolean } = {}) {
    this.#limits = limits
    this.#pendingGoes = pendingGoes
  }

  get size(): number {
    return this.#entries.size
  }

  get handshakes(): number {
    return this.#pending.size
  }

  /** Connections from the place that `address` belongs to. */
  countOf(address: string): number {
    const place = this.#places.get(addressKey(address))
    return place === undefined ? 0 : place.pending.size + place.open.size
  }

  /** Whether `admit` would take a connection from `address` without sending another one away. */
  hasRoom(address: string): boolean {
    return this.#exceeded(this.#places.get(addressKey(address))) === undefined
  }

  /** A new connection, in its handshake until `established`. `address` as in `addressKey`. */
  admit(address: string, connection: C): Admission<C> {
    if (this.#entries.has(connection)) throw new LocalError('WrongState', 'this connection is in the table already')
    const key = addressKey(address)
    const { overLimit } = this.#limits
    let evicted: C[] | undefined
    for (let limit = this.#exceeded(this.#places.get(key)); limit; limit = this.#exceeded(this.#places.get(key))) {
      const isPending = limit === 'handshakes' || limit === 'handshakes_per_address'
      const mayEvict = overLimit === 'drop-oldest' || (this.#pendingGoes && isPending)
      const victim = mayEvict ? this.#victim(limit, this.#places.get(key)) : undefined
      if (victim === undefined) return { kind: 'refused', how: overLimit === 'drop-oldest' ? 'drop' : overLimit, limit }
      this.remove(victim.connection)
      evicted ??= []
      evicted.push(victim.connection)
    }
    let place = this.#places.get(key)
    if (place === undefined) {
      place = { key, pending: new Set(), open: new Set() }
      this.#places.set(key, place)
    }
    const entry: Entry<C> = { connection, place, open: false, used: false }
    this.#entries.set(connection, entry)
    place.pending.add(entry)
    this.#pending.add(entry)
    return evicted === undefined ? ADMITTED : { kind: 'admitted', evicted }
  }

  /** The handshake is done, or the peer has otherwise shown that it is where it says. */
  established(connection: C): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined || entry.open) return
    entry.open = true
    entry.place.pending.delete(entry)
    this.#pending.delete(entry)
    entry.place.open.add(entry)
    this.#open.add(entry)
  }

  /** The connection is in use: it goes after those that are not. Cheap, for every packet. */
  touch(connection: C): void {
    const entry = this.#entries.get(connection)
    if (entry !== undefined) entry.used = true
  }

  /** The connection ended. */
  remove(connection: C): void {
    const entry = this.#entries.get(connection)
    if (entry === undefined) return
    const { place } = entry
    this.#entries.delete(connection)
    this.#pending.delete(entry)
    this.#open.delete(entry)
    place.pending.delete(entry)
    place.open.delete(entry)
    if (place.pending.size + place.open.size === 0) this.#places.delete(place.key)
  }

  /** The narrowest limit that one more connection from `place` would break. */
  #exceeded(place: Place<C> | undefined): LimitName | undefined {
    const limits = this.#limits
    const pending = place?.pending.size ?? 0
    if (pending >= limits.handshakesPerAddress) return 'handshakes_per_address'
    if (pending + (place?.open.size ?? 0) >= limits.connectionsPerAddress) return 'connections_per_address'
    if (this.#pending.size >= limits.handshakes) return 'handshakes'
    if (this.#entries.size >= limits.connections) return 'connections'
    return undefined
  }

  /** Who makes room: those in their handshake first, then open ones that were not used for longest. */
  #victim(limit: LimitName, place: Place<C> | undefined): Entry<C> | undefined {
    if (limit === 'handshakes_per_address') return place && first(place.pending)
    if (limit === 'connections_per_address') return place && (first(place.pending) ?? leastUsed(place.open))
    if (limit === 'handshakes') return first(this.#pending)
    return first(this.#pending) ?? leastUsed(this.#open)
  }
}

function first<T>(all: Iterable<T>): T | undefined {
  for (const one of all) return one
  return undefined
}

/** Second chance: one that was used since it was last looked at goes to the back. */
function leastUsed<C>(open: Set<Entry<C>>): Entry<C> | undefined {
  for (let turns = open.size; turns > 0; turns--) {
    const entry = first(open) as Entry<C>
    if (!entry.used) return entry
    entry.used = false
    open.delete(entry)
    open.add(entry)
  }
  return first(open)
}

const ADMITTED = { kind: 'admitted', evicted: [] } as const
