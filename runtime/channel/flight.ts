// Messages of one reliable channel that are on their way: a ring by number, and two lists through it, of those in flight
// in the order in which they were last sent, and of those taken for lost. A retransmission keeps its number.
//
// Lost is what was sent three or more before something that arrived, or long enough before it (RFC 9002 section 6.1).
// When what was lost arrives after all the path reorders more than that: the three become more (RFC 8985 has the idea).

import type { Parcel } from './outgoing.ts'
import type { Path } from './path.ts'
import { type Linked, SlotList } from './slot-list.ts'

/** A message or a piece, from when it is first sent until it and all before it are acknowledged. */
export interface Slot<M> extends Linked<Slot<M>> {
  number: number
  message: M | undefined
  parcel: Parcel<M> | undefined
  index: number
  state: 'free' | 'flying' | 'lost'
  /** Bytes of the message or piece, and what it took on the wire. */
  size: number
  bytes: number
  firstAt: number
  sentAt: number
  /** Place in the order of all transmissions of the channel; of its first one too. */
  order: number
  firstOrder: number
  tries: number
  /** It was taken for lost at least once. */
  overtaken: boolean
}

export class Flight<M> {
  /** Lowest number not acknowledged, and the next one to be given. */
  base = 1
  next = 1
  /** Bytes of messages from `base` on: what a receiver may have to hold for order. */
  size = 0
  /** When something in flight becomes lost by its age. */
  lossAt: number = Infinity
  readonly #path: Path
  #ring: (Slot<M> | undefined)[] = []
  readonly #flying = new SlotList<Slot<M>>()
  readonly #lost = new SlotList<Slot<M>>()
  #order = 0
  /** Highest order that is known to have arrived. */
  #arrived = 0
  #threshold = LATER

  constructor(path: Path) {
    this.#path = path
  }

  /** How many are in flight, and how many are taken for lost. */
  get flying(): number {
    return this.#flying.count
  }

  get lost(): number {
    return this.#lost.count
  }

  /** Sent longest ago of those in flight. */
  get oldest(): Slot<M> | undefined {
    return this.#flying.first
  }

  /** The lowest number. */
  get first(): Slot<M> | undefined {
    return this.at(this.base)
  }

  /** To be sent again next: the lowest number, for which others may wait, else the first that was lost. */
  get nextLost(): Slot<M> | undefined {
    if (this.lost === 0) return undefined
    const { first } = this
    return first?.state === 'lost' ? first : this.#lost.first
  }

  /** A message goes for the first time, under the number `next`. */
  add(now: number, message: M, parcel: Parcel<M> | undefined, index: number, size: number, bytes: number): void {
    const number = this.next++
    if (number - this.base >= this.#ring.length) this.#grow()
    const at = number & (this.#ring.length - 1)
    const slot = (POOL.pop() as Slot<M> | undefined) ?? empty<M>()
    this.#ring[at] = slot
    slot.number = number
    slot.message = message
    slot.parcel = parcel
    slot.index = index
    slot.size = size
    this.size += size
    slot.firstAt = now
    slot.firstOrder = this.#order + 1
    slot.tries = 1
    slot.overtaken = false
    this.#fly(now, slot, bytes)
  }

  /** It goes again. */
  again(now: number, slot: Slot<M>, bytes: number): void {
    if (slot.state === 'lost') this.#lost.remove(slot)
    else {
      this.#flying.remove(slot)
      this.#path.forgotten(slot.bytes)
    }
    slot.tries++
    this.#fly(now, slot, bytes)
  }

  /** The message under a number, when it waits for its acknowledgement. */
  at(number: number): Slot<M> | undefined {
    if (number < this.base || number >= this.next) return undefined
    const slot = this.#ring[number & (this.#ring.length - 1)] as Slot<M>
    return slot.state === 'free' ? undefined : slot
  }

  /** It arrived. The slot is free, with its fields still in it, until `settle`. */
  arrived(now: number, slot: Slot<M>): void {
    if (slot.state === 'flying') {
      this.#flying.remove(slot)
      this.#path.acked(now, slot.bytes, slot.sentAt)
    } else this.#lost.remove(slot)
    // Which of several attempts arrived is known only when the last one cannot have been answered yet.
    const early = slot.state === 'lost' || (slot.tries > 1 && this.#isEarly(now - slot.sentAt))
    const order = early ? slot.firstOrder : slot.order
    if (early && slot.overtaken) {
      this.#path.spurious()
      this.#threshold = Math.min(MOST_LATER, Math.max(this.#threshold, this.#arrived - order + 1))
    }
    slot.state = 'free'
    if (order > this.#arrived) this.#arrived = order
  }

  #isEarly(since: number): boolean {
    const { least } = this.#path.roundTrip
    return least !== Infinity && since < EARLY * least
  }

  /** What is below everything unacknowledged leaves the ring. */
  advance(): void {
    while (this.base < this.next) {
      const slot = this.#ring[this.base & (this.#ring.length - 1)] as Slot<M>
      if (slot.state !== 'free') return
      this.#ring[this.base & (this.#ring.length - 1)] = undefined
      if (POOL.length < MOST_POOLED) POOL.push(slot as Slot<unknown>)
      this.size -= slot.size
      this.base++
    }
  }

  /** Takes for lost what later ones have overtaken. */
  detect(now: number): void {
    const wait = this.#path.roundTrip.reordering
    this.lossAt = Infinity
    for (let slot = this.oldest; slot !== undefined && slot.order < this.#arrived; slot = this.oldest) {
      const due = slot.sentAt + wait
      if (this.#arrived - slot.order < this.#threshold && now < due) {
        this.lossAt = due
        return
      }
      this.#flying.remove(slot)
      this.#path.lost(now, slot.bytes, slot.sentAt)
      slot.state = 'lost'
      slot.overtaken = true
      this.#lost.add(slot)
    }
  }

  /** Gives one up. */
  drop(slot: Slot<M>): void {
    if (slot.state === 'flying') {
      this.#flying.remove(slot)
      this.#path.forgotten(slot.bytes)
    } else this.#lost.remove(slot)
    slot.state = 'free'
  }

  /** Everything not acknowledged, oldest first; the flight is empty after it. */
  drain(): Slot<M>[] {
    const slots: Slot<M>[] = []
    for (let number = this.base; number < this.next; number++) {
      const slot = this.at(number)
      if (slot === undefined) continue
      if (slot.state === 'flying') this.#path.forgotten(slot.bytes)
      slots.push(slot)
    }
    this.base = this.next
    this.size = 0
    this.#flying.clear()
    this.#lost.clear()
    this.lossAt = Infinity
    this.#ring = []
    return slots
  }

  #fly(now: number, slot: Slot<M>, bytes: number): void {
    slot.state = 'flying'
    slot.bytes = bytes
    slot.sentAt = now
    slot.order = ++this.#order
    this.#flying.add(slot)
    this.#path.sent(now, bytes)
  }

  #grow(): void {
    const ring = this.#ring
    const size = Math.max(8, 2 * ring.length)
    const larger: (Slot<M> | undefined)[] = new Array(size).fill(undefined)
    for (const slot of ring) if (slot !== undefined) larger[slot.number & (size - 1)] = slot
    this.#ring = larger
  }
}

/** Lets go of a message, so that an idle ring keeps nothing alive. */
export function release<M>(slot: Slot<M>): void {
  slot.state = 'free'
  slot.message = undefined
  slot.parcel = undefined
}

function empty<M>(): Slot<M> {
  return {
    number: 0,
    message: undefined,
    parcel: undefined,
    index: 0,
    state: 'free',
    size: 0,
    bytes: 0,
    firstAt: 0.5,
    sentAt: 0.5,
    order: 0,
    firstOrder: 0,
    tries: 0,
    overtaken: false,
    before: undefined,
    after: undefined,
  }
}

/** kPacketThreshold of RFC 9002. */
const LATER = 3
const MOST_LATER = 128
/** Share of the least round trip in which no answer can have come. */
const EARLY = 0.9
/** Slots without a message, shared by all connections, so that one that is idle keeps none. */
const POOL: Slot<unknown>[] = []
const MOST_POOLED = 1024
