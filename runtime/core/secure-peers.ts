// The connections of an endpoint with sealed datagrams: by the id that the engine receives under, or by address where
// the schema has no ids, and by their deadlines.

import { addressKey } from '../guard/address.ts'
import { ConnectionIds } from '../guard/connection-ids.ts'
import { DeadlineHeap } from '../reliability/heap.ts'
import type { IdsDescriptor } from './handshake-descriptor.ts'
import { type Address, type Instant, instant } from './machine.ts'
import type { BytePlace } from './seal-descriptor.ts'
import type { SecureConnection } from './secure-connection.ts'

export class SecurePeers {
  readonly #place: BytePlace | undefined
  readonly #ids: ConnectionIds<SecureConnection> | undefined
  readonly #byAddress = new Map<Address, SecureConnection>()
  /** Expected, and not heard of yet: nobody knows their addresses. Only where the schema has no ids. */
  readonly #unbound = new Set<SecureConnection>()
  /** The same by the place at which they were told. */
  readonly #told = new Map<string, Set<SecureConnection>>()
  readonly #heap = new DeadlineHeap<SecureConnection>()
  #latest: SecureConnection | undefined

  constructor(ids: IdsDescriptor | undefined, random: (n: number) => Uint8Array) {
    this.#place = ids?.place
    if (ids !== undefined) this.#ids = new ConnectionIds({ bits: 8 * Math.min(ids.place.size, LARGEST_ID), random })
  }

  /** An id that nobody has and nobody had lately; 0 where the schema has none. Undefined: all are taken. */
  draw(now: Instant): number | undefined {
    if (this.#ids === undefined) return 0
    const id = this.#ids.free(now)
    return id === 0 ? undefined : id
  }

  get size(): number {
    return this.#ids?.size ?? this.#byAddress.size + this.#unbound.size
  }

  values(): SecureConnection[] {
    return [...(this.#ids?.owners() ?? this.#byAddress.values()), ...this.#unbound]
  }

  /** Whether a peer can be expected under this id: 0 where the schema has none. */
  mayExpect(id: number): boolean {
    return this.#ids === undefined || (id !== 0 && this.#ids.owner(id) === undefined)
  }

  /** Whom a packet is for: bytes `start..end` from `peer`. */
  find(bytes: Uint8Array, start: number, end: number, peer: Address): SecureConnection | undefined {
    const place = this.#place
    if (place === undefined) return this.#byAddress.get(peer)
    if (end - start < place.at + place.size) return undefined
    const id = idAt(bytes, start + place.at, place)
    const latest = this.#latest
    if (latest !== undefined && latest.ownId === id) return latest
    const found = this.#ids?.owner(id)
    if (found !== undefined) this.#latest = found
    return found
  }

  /** By the address of somebody who has no id yet. */
  at(peer: Address): SecureConnection | undefined {
    return this.#byAddress.get(peer)
  }

  add(connection: SecureConnection): void {
    if (this.#ids === undefined) this.#byAddress.set(connection.address, connection)
    else this.#ids.claim(connection.ownId, connection)
    this.rearm(connection)
  }

  /** One that will come from an address that is not known. */
  expect(connection: SecureConnection): void {
    if (this.#ids !== undefined) this.#ids.claim(connection.ownId, connection)
    else {
      this.#unbound.add(connection)
      const place = addressKey(connection.address)
      const told = this.#told.get(place)
      if (told === undefined) this.#told.set(place, new Set([connection]))
      else told.add(connection)
    }
    this.rearm(connection)
  }

  /** Those whose address is not known and whom no id names. */
  get unbound(): ReadonlySet<SecureConnection> {
    return this.#unbound
  }

  /** Who of them may have sent a packet from `peer`: at most `most`, first those who were told at that address. */
  candidates(peer: Address, most: number): SecureConnection[] {
    const near = this.#told.get(addressKey(peer))
    const found: SecureConnection[] = []
    for (const all of [near ?? [], this.#unbound])
      for (const one of all) {
        if (found.length >= most) return found
        if (all === near || !near?.has(one)) found.push(one)
      }
    return found
  }

  /** It came, from here. */
  bind(connection: SecureConnection, peer: Address): void {
    const isNamed = !this.#forgetPlace(connection)
    connection.came(peer)
    if (!isNamed) this.#byAddress.set(peer, connection)
  }

  /** It is over, and nobody gets its id for a while. */
  delete(connection: SecureConnection, now: Instant): void {
    this.#forgetPlace(connection)
    if (this.#ids !== undefined) this.#ids.release(connection.ownId, now)
    else if (this.#byAddress.get(connection.address) === connection) this.#byAddress.delete(connection.address)
    if (this.#latest === connection) this.#latest = undefined
    this.#heap.remove(connection)
  }

  /** The deadline of a connection may have moved. */
  rearm(connection: SecureConnection): void {
    const { deadline } = connection
    if (deadline === Number.POSITIVE_INFINITY) this.#heap.remove(connection)
    else if (connection.place < 0 || connection.at !== deadline) this.#heap.move(connection, deadline)
  }

  get deadline(): Instant {
    return instant(this.#heap.deadline())
  }

  /** Those whose time has come; they are to be armed again. */
  due(now: Instant): SecureConnection[] {
    const due: SecureConnection[] = []
    for (let one = this.#heap.peek(); one !== undefined && one.at <= now; one = this.#heap.peek()) {
      this.#heap.remove(one)
      due.push(one)
    }
    return due
  }

  /** False: it was not looked for any more, or never. */
  #forgetPlace(connection: SecureConnection): boolean {
    if (!this.#unbound.delete(connection)) return false
    const place = addressKey(connection.address)
    const told = this.#told.get(place)
    told?.delete(connection)
    if (told?.size === 0) this.#told.delete(place)
    return true
  }
}

/** An unsigned integer of whole bytes; beyond 53 bits it is not exact, and no id is that large. */
export function idAt(bytes: Uint8Array, at: number, { size, little }: BytePlace): number {
  if (size === 4 && !little)
    return (
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0
    )
  let id = 0
  for (let i = 0; i < size; i++) id = id * 256 + (bytes[little ? at + size - 1 - i : at + i] as number)
  return id
}

/** Bytes: what a number holds exactly. */
const LARGEST_ID = 6
