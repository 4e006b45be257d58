// A machine that writes down what a datagram link gives it and sends what it is told to.
import type { Address, Batch, Instant } from '../../runtime/core/machine.ts'
import { NEVER } from '../../runtime/core/machine.ts'
import { Packets } from '../../runtime/core/packets.ts'
import type { TransportDescriptor } from '../../runtime/core/protocol.ts'
import type { DrivenDatagrams } from '../../runtime/drivers/udp.ts'
import { UDP } from '../runtime/tiny.ts'

export const TRANSPORT: TransportDescriptor = UDP

export interface Seen {
  readonly peer: Address
  readonly bytes: Uint8Array
}

export class Recorder implements DrivenDatagrams {
  readonly deadline: Instant = NEVER
  isBlocked = false
  closed = false
  /** Datagrams, copied while they were borrowed, unless batches are kept. */
  readonly seen: Seen[] = []
  /** Datagrams of each input. */
  readonly batches: number[] = []
  readonly refused: string[] = []
  lastWords: string | undefined
  /** Keep every batch: `seen` refers to what it got. */
  keeps = false
  onBatch: (batch: Batch) => void = () => {}
  readonly #packets = new Packets()

  send(peer: Address, bytes: Uint8Array): void {
    this.#packets.reserve(bytes.length).set(bytes, this.#packets.at)
    const { at } = this.#packets
    this.#packets.commit(peer, at, at + bytes.length)
  }

  receive(_now: Instant, batch: Batch): boolean {
    this.batches.push(batch.count)
    for (let i = 0; i < batch.count; i++) {
      const [start, length] = [batch.offsets[i] as number, batch.lengths[i] as number]
      const bytes = batch.slab.subarray(start, start + length)
      this.seen.push({ peer: batch.peers[i] as Address, bytes: this.keeps ? bytes : bytes.slice() })
    }
    this.onBatch(batch)
    return this.keeps
  }

  unreachable(_now: Instant, peer: Address, reason: string): void {
    this.refused.push(`${peer} ${reason}`)
  }

  transmit(): Batch | undefined {
    return this.#packets.take()
  }

  release(batch: Batch): void {
    this.#packets.release(batch)
  }

  get queued(): number {
    return this.#packets.bytes
  }

  lost(_now: Instant, reason: string): void {
    this.lastWords ??= reason
  }

  wake(): void {}
}

export const turn = (ms = 1): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (done()) return
    await turn(1)
  }
  throw new Error('it did not happen')
}
