// Messages that wait to be sent on a channel: a ring, bounded in messages and bytes, whose first message may be on its
// way already in pieces. And how a message is cut into them.

import type { ChannelDescriptor } from '../core/protocol.ts'

/** A message that travels in pieces: `size` bytes of the field that is cut in each but the last. */
export interface Parcel<M> {
  readonly message: M
  readonly id: number
  readonly length: number
  readonly size: number
  readonly count: number
  /** Bytes of a piece beside the field that is cut. */
  readonly around: number
  /** Next piece to send. */
  next: number
  /** Pieces not acknowledged. */
  left: number
}

export class Outgoing<M> {
  /** Bytes waiting. */
  bytes = 0
  readonly #most: number
  readonly #mostBytes: number
  #messages: (M | undefined)[] = NONE
  #sizes: number[] = NONE
  #parcels: (Parcel<M> | undefined)[] = NONE
  #first = 0
  #count = 0

  constructor(queue: ChannelDescriptor['queue']) {
    this.#most = queue.out
    this.#mostBytes = queue.bytes
  }

  get count(): number {
    return this.#count
  }

  /** Whether a message of `size` bytes may wait. One that is larger than all the room may wait alone. */
  takes(size: number): boolean {
    return this.#count < this.#most && (this.#count === 0 || this.bytes + size <= this.#mostBytes)
  }

  /** Half of the room is free again. */
  get roomy(): boolean {
    return this.#count <= this.#most / 2 && this.bytes <= this.#mostBytes / 2
  }

  push(message: M, size: number, parcel: Parcel<M> | undefined): void {
    if (this.#count === this.#messages.length) this.#grow()
    const at = (this.#first + this.#count) & (this.#messages.length - 1)
    this.#messages[at] = message
    this.#sizes[at] = size
    this.#parcels[at] = parcel
    this.#count++
    this.bytes += size
  }

  get message(): M {
    return this.#messages[this.#first] as M
  }

  get size(): number {
    return this.#sizes[this.#first] as number
  }

  /** Bytes of what goes next: of the first message, or of a piece of it. */
  get nextSize(): number {
    const parcel = this.#parcels[this.#first]
    return parcel === undefined ? (this.#sizes[this.#first] as number) : parcel.around + parcel.size
  }

  get parcel(): Parcel<M> | undefined {
    return this.#parcels[this.#first]
  }

  shift(): void {
    this.bytes -= this.#sizes[this.#first] as number
    this.#messages[this.#first] = undefined
    this.#parcels[this.#first] = undefined
    this.#first = (this.#first + 1) & (this.#messages.length - 1)
    this.#count--
  }

  #grow(): void {
    const size = Math.max(4, 2 * this.#messages.length)
    const mask = this.#messages.length - 1
    const messages: (M | undefined)[] = new Array(size).fill(undefined)
    const sizes: number[] = new Array(size).fill(0)
    const parcels: (Parcel<M> | undefined)[] = new Array(size).fill(undefined)
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#first + i) & mask
      messages[i] = this.#messages[at]
      sizes[i] = this.#sizes[at] as number
      parcels[i] = this.#parcels[at]
    }
    this.#messages = messages
    this.#sizes = sizes
    this.#parcels = parcels
    this.#first = 0
  }
}

/** What queues that were never used share. */
const NONE: never[] = []
