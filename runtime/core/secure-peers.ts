// The connections of an endpoint with sealed datagrams: by the id that the engine receives under, or by address where
// the schema has no ids, and by their deadlines.

import { addressKey } from '../guard/address.ts'
import { DeadlineHeap } from '../reliability/heap.ts'
import type { IdsDescriptor } from './handshake-descriptor.ts'
import { type Address, type Instant, instant } from './machine.ts'
import type { BytePlace } from './seal-descriptor.ts'
import type { SecureConnection } from './secure-connection.ts'

export class SecurePeers {
  readonly #place: BytePlace | undefined
  readonly #byId = new Map<number, SecureConnection>()
  readonly #byAddress = new Map<Address, SecureConnection>()
  /** Expected, and not heard of yet: nobody knows their addresses. Only where the schema has no ids. */
  readonly #unbound = new Set<SecureConnection>()
  readonly #heap = new DeadlineHeap<SecureConnection>()
  readonly #random: (n: number) => Uint8Array
  /** Ids of connections that are over, and until when they are not given out again. */
  readonly #retired = new Map<number, number>()
  #latest: SecureConnection | undefined

  constructor(ids: IdsDescriptor | undefined, random: (n: number) => Uint8Array) {
    this.#place = ids?.place
    this.#random = random
  }

  /** An id that nobody has and nobody had lately; 0 where there are none. */
  draw(now: Instant): number {
    const place = this.#place
    if (place === undefined) return 0
    for (const [id, until] of this.#retired) {
      if (until > now) break
      this.#retired.delete(id)
    }
    const size = Math.min(place.size, LARGEST_ID)
    for (;;) {
      const id = idAt(this.#random(size), 0, { at: 0, size, little: false })
      if (id !== 0 && !this.#byId.has(id) && !this.#retired.has(id)) return id
    }
  }

  /** Nobody gets its id for a while. */
  retire(connection: SecureConnection, now: Instant): void {
    if (connection.ownId !== 0) this.#retired.set(connection.ownId, now + RETIRED)
  }

  get size(): number {
    return this.#place === undefined ? this.#byAddress.size + this.#unbound.size : this.#byId.size
  }

  values(): SecureConnection[] {
    return [...(this.#place === undefined ? this.#byAddress : this.#byId).values(), ...this.#unbound]
  }

  has(id: number): boolean {
    return this.#byId.has(id)
  }

  /** Whom a packet is for: bytes `start..end` from `peer`. */
  find(bytes: Uint8Array, start: number, end: number, peer: Address): SecureConnection | undefined {
    const place = this.#place
    if (place === undefined) return this.#byAddress.get(peer)
    if (end - start < place.at + place.size) return undefined
    const id = idAt(bytes, start + place.at, place)
    const latest = this.#latest
    if (latest !== undefined && latest.ownId === id) return latest
    const found = this.#byId.get(id)
    if (found !== undefined) this.#latest = found
    return found
  }

  /** By the address of somebody who has no id yet. */
  at(peer: Address): SecureConnection | undefined {
    return this.#byAddress.get(peer)
  }

  add(connection: SecureConnection): void {
    if (this.#place === undefined) this.#byAddress.set(connection.address, connection)
    else this.#byId.set(connection.ownId, connection)
    this.rearm(connection)
  }

  /** One that will come from an address that is not known. */
  expect(connection: SecureConnection): void {
    if (this.#place === undefined) this.#unbound.add(connection)
    else this.#byId.set(connection.ownId, connection)
    this.rearm(connection)
  }

  /** Those whose address is not known and whom no id names. */
  get unbound(): ReadonlySet<SecureConnection> {
    return this.#unbound
  }

  /** Who of them may have sent a packet from `peer`: at most `most`, first those who were told at that address. */
  candidates(peer: Address, most: number): SecureConnection[] {
    const from = addressKey(peer)
    const near: SecureConnection[] = []
    const far: SecureConnection[] = []
    for (const one of this.#unbound) (addressKey(one.address) === from ? near : far).push(one)
    return [...near, ...far].slice(0, most)
  }

  /** It came, from here. */
  bind(connection: SecureConnection, peer: Address): void {
    connection.came(peer)
    if (this.#unbound.delete(connection)) this.#byAddress.set(peer, connection)
  }

  delete(connection: SecureConnection): void {
    this.#unbound.delete(connection)
    if (this.#place === undefined) {
      if (this.#byAddress.get(connection.address) === connection) this.#byAddress.delete(connection.address)
    } else this.#byId.delete(connection.ownId)
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

/** Milliseconds for which the id of a connection that is over stays unused. */
const RETIRED = 30_000
/** Bytes: what a number holds exactly. */
const LARGEST_ID = 6
