// Who is connected or about to be, and whether one more fits: in all, from one address, by direction, and of those how many
// are being set up. A place is taken before anything happens on the wire and given back whatever happens then.

import { addressKey } from '../../guard/address.ts'
import type { ConnectionSide } from './codec.ts'
import { NodeError } from './errors.ts'
import type { NodeLimits } from './settings.ts'

/** A place in the table. */
export interface Place {
  readonly address: string
  /** Own side. */
  readonly side: ConnectionSide
  readonly key: string
  isOpen: boolean
  isOver: boolean
}

export class NodeTable<C> {
  /** Registered, by address. */
  readonly open: Map<string, C> = new Map()
  readonly #limits: NodeLimits
  /** Being set up, by address. */
  readonly #setups = new Map<string, Place>()
  readonly #places = new Map<string, number>()
  readonly #count = { initiator: 0, responder: 0 }
  readonly #inSetup = { initiator: 0, responder: 0 }

  constructor(limits: NodeLimits) {
    this.#limits = limits
  }

  get connecting(): number {
    return this.#setups.size
  }

  isConnecting(address: string): boolean {
    return this.#setups.has(address)
  }

  /** Addresses that have a place, and how many; a count of what is left behind. */
  get addresses(): number {
    return this.#places.size
  }

  /** Whether another setup may begin now. */
  hasSetup(side: ConnectionSide): boolean {
    const most = side === 'responder' ? this.#limits.inboundHandshakes : this.#limits.outboundHandshakes
    return this.#setups.size < this.#limits.handshakes && this.#inSetup[side] < most
  }

  /** Takes a place for a setup. Throws NodeError AlreadyExists or QuotaExceeded. */
  reserve(address: string, side: ConnectionSide): Place {
    const limits = this.#limits
    if (this.open.has(address)) throw new NodeError('AlreadyExists', `there is a connection with ${address} already`)
    const key = addressKey(address)
    const held = this.#places.get(key) ?? 0
    if (held >= limits.connectionsPerAddress) throw full(`connections with ${key}`, limits.connectionsPerAddress)
    if (!this.hasSetup(side)) throw full('connections being set up', limits.handshakes)
    if (this.open.size + this.#setups.size >= limits.connections) throw full('connections', limits.connections)
    const most = side === 'responder' ? limits.inbound : limits.outbound
    if (this.#count[side] >= most) throw full(`${side === 'responder' ? 'in' : 'out'}bound connections`, most)
    if (this.#setups.has(address)) throw new NodeError('AlreadyExists', `${address} is being connected already`)
    const place: Place = { address, side, key, isOpen: false, isOver: false }
    this.#setups.set(address, place)
    this.#places.set(key, held + 1)
    this.#count[side]++
    this.#inSetup[side]++
    return place
  }

  /** The setup is done. */
  register(place: Place, connection: C): void {
    this.#leaveSetup(place)
    place.isOpen = true
    this.open.set(place.address, connection)
  }

  /** Gives a place back, once. */
  release(place: Place): void {
    if (place.isOver) return
    place.isOver = true
    if (place.isOpen) this.open.delete(place.address)
    else this.#leaveSetup(place)
    this.#count[place.side]--
    const held = (this.#places.get(place.key) ?? 1) - 1
    if (held === 0) this.#places.delete(place.key)
    else this.#places.set(place.key, held)
  }

  #leaveSetup(place: Place): void {
    this.#setups.delete(place.address)
    this.#inSetup[place.side]--
  }
}

function full(what: string, most: number): NodeError {
  return new NodeError('QuotaExceeded', `there are ${most} ${what}, as many as may be`)
}
