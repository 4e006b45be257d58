// Datagrams inside a stream, for networks that let none through (`then.fallback`): the packets of a session go with their
// length in front through the stream that handed its keys out. To the endpoint that stream is one more address, and the
// packets are sealed, numbered and told from repetitions as on any other path, so nothing changes for who uses it, and
// what comes both ways comes once.

import type { Endpoint } from './endpoint.ts'
import type { Address, Batch, DatagramMachine, Instant } from './machine.ts'
import { compact, type TaggedBatch } from './packets.ts'

/** How the stream to `address` is written as the address of its packets: another one than that of datagrams from there. */
export const carriedAddress = (address: Address): Address => `${address}${SUFFIX}`
const isCarried = (address: Address): boolean => address.endsWith(SUFFIX)

/** Takes a packet; what has no room is dropped, as a network does. */
export type TakePacket = (packet: Uint8Array) => void

/** An endpoint whose peers are reached by datagrams or inside streams. */
export class CarriedEndpoint implements DatagramMachine {
  readonly #inner: Endpoint
  readonly #streams = new Map<Address, TakePacket>()
  /** There was a stream: packets for one that is gone may still come. */
  #hasStreams = false

  constructor(inner: Endpoint) {
    this.#inner = inner
  }

  /** Packets for this address go into a stream from now on. */
  attach(address: Address, take: TakePacket): void {
    this.#streams.set(address, take)
    this.#hasStreams = true
  }

  /** The stream is gone. */
  detach(address: Address): void {
    this.#streams.delete(address)
  }

  /** A packet came out of a stream. Its memory is ours from now on. */
  arrived(now: Instant, address: Address, packet: Uint8Array): void {
    this.#inner.receive(now, { slab: packet, count: 1, offsets: [0], lengths: [packet.length], peers: [address] })
  }

  receive(now: Instant, batch: Batch): boolean {
    return this.#inner.receive(now, batch)
  }

  transmit(): Batch | undefined {
    for (let batch = this.#inner.transmit(); batch !== undefined; batch = this.#inner.transmit()) {
      if (this.#hasStreams) this.#divert(batch as TaggedBatch<never>)
      if (batch.count > 0) return batch
      this.#inner.release(batch)
    }
    return undefined
  }

  /** Takes out what does not go as a datagram. */
  #divert(batch: TaggedBatch<never>): void {
    let isWhole = true
    for (let i = 0; i < batch.count; i++) {
      const peer = batch.peers[i] as Address
      if (!isCarried(peer)) continue
      const start = batch.offsets[i] as number
      this.#streams.get(peer)?.(batch.slab.subarray(start, start + (batch.lengths[i] as number)))
      batch.lengths[i] = 0
      isWhole = false
    }
    if (!isWhole) compact(batch)
  }

  wake(now: Instant): void {
    this.#inner.wake(now)
  }

  unreachable(now: Instant, peer: Address, reason: string): void {
    this.#inner.unreachable(now, peer, reason)
  }

  lost(now: Instant, reason: string): void {
    this.#inner.lost(now, reason)
  }

  release(batch: Batch): void {
    this.#inner.release(batch)
  }

  get deadline(): Instant {
    return this.#inner.deadline
  }

  get closed(): boolean {
    return this.#inner.closed
  }

  get queued(): number {
    return this.#inner.queued
  }

  get isBlocked(): boolean {
    return this.#inner.isBlocked
  }

  set isBlocked(isBlocked: boolean) {
    this.#inner.isBlocked = isBlocked
  }
}

const SUFFIX = '/stream'
