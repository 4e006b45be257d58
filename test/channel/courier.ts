// A tiny datagram protocol that carries transfers, for tests: part = 1, transfer, index, count, message, bytes; answered
// by 2, message. A sum over all guards against corruption.

import { createHash } from 'node:crypto'
import {
  type IncomingTransfer,
  type TransferReceiveOptions,
  TransferReceiver,
} from '../../runtime/channel/transfer-receive.ts'
import { type OutgoingTransfer, TransferSender } from '../../runtime/channel/transfer-send.ts'
import { type Batch, type DatagramMachine, type Instant, instant } from '../../runtime/core/machine.ts'

const HEAD = 25

export interface CourierOptions {
  readonly window?: number
  readonly timeout?: number
  readonly receive?: Partial<TransferReceiveOptions>
  readonly delivery?: 'whole' | 'stream' | 'refuse'
}

/** Both ends of a transfer, for one peer. */
export class Courier implements DatagramMachine {
  readonly sender: TransferSender<string>
  readonly receiver: TransferReceiver<string>
  readonly events: string[] = []
  readonly whole: Uint8Array[] = []
  readonly streams: IncomingTransfer<string>[] = []
  readonly hashes: string[] = []
  parts = 0
  repeated = 0
  refused = 0
  heldAtMost = 0
  closed = false
  readonly #peer: string
  readonly #acks: number[] = []
  readonly #out = new Uint8Array(2048)
  #now = 0
  #message = 0
  #transfer = 0

  constructor(peer: string, options: CourierOptions = {}) {
    const { window = 64, timeout = 30_000, delivery = 'whole' } = options
    this.#peer = peer
    const rto = { from: 20, to: 2000 }
    const ids = { next: () => ++this.#message, done() {} }
    this.sender = new TransferSender(
      { window, rto, timeout, ids, transferId: () => ++this.#transfer },
      {
        sent: transfer => this.events.push(`sent ${transfer.token}`),
        failed: (transfer, code) => this.events.push(`failed ${transfer.token} ${code}`),
      },
    )
    const bounds = { window, sessions: 4, bytes: 256 << 20, bytesPerPeer: 256 << 20, max: 200 << 20, timeout }
    this.receiver = new TransferReceiver<string>(
      { ...bounds, ...options.receive },
      {
        opened: transfer => {
          this.events.push(`opened ${transfer.head}`)
          if (delivery === 'stream') this.streams.push(transfer)
          return delivery
        },
        readable() {},
        whole: (transfer, payload) => {
          this.events.push(`whole ${transfer.head} ${payload.length}`)
          this.whole.push(payload)
          this.hashes.push(createHash('sha256').update(payload).digest('hex'))
        },
        failed: (transfer, code) => this.events.push(`lost ${transfer.head} ${code}`),
      },
    )
  }

  send(payload: Uint8Array, name: string, part = 1000): OutgoingTransfer<string> {
    return this.sender.send(this.#now, payload, part, name)
  }

  open(name: string, part = 1000): OutgoingTransfer<string> {
    return this.sender.open(this.#now, part, name)
  }

  receive(now: Instant, batch: Batch): boolean {
    this.#now = now
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i]!
      this.#one(now, batch.peers[i]!, batch.slab.subarray(start, start + batch.lengths[i]!))
    }
    this.heldAtMost = Math.max(this.heldAtMost, this.receiver.bytes)
    return false
  }

  unreachable(): void {}

  wake(now: Instant): void {
    this.#now = now
    this.sender.wake(now)
    this.receiver.wake(now)
  }

  get deadline(): Instant {
    return instant(Math.min(this.sender.deadline(), this.receiver.deadline()))
  }

  transmit(): Batch | undefined {
    const ack = this.#acks.shift()
    if (ack !== undefined) return this.#frame(2, [ack], new Uint8Array(0))
    const part = this.sender.next(this.#now)
    if (part === undefined) return undefined
    this.parts++
    if (part.attempt > 1) this.repeated++
    const numbers = [part.message, part.transfer.id, part.index, part.count ?? 0] as number[]
    return this.#frame(1, numbers, part.bytes)
  }

  release(): void {}

  #frame(type: number, numbers: number[], bytes: Uint8Array): Batch {
    const out = this.#out
    const view = new DataView(out.buffer)
    out[0] = type
    for (let i = 0; i < 5; i++) view.setUint32(5 + 4 * i, numbers[i] ?? 0)
    out.set(bytes, HEAD)
    view.setUint32(1, sum(out, HEAD + bytes.length))
    return { slab: out, count: 1, offsets: [0], lengths: [HEAD + bytes.length], peers: [this.#peer] }
  }

  #one(now: number, from: string, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length < HEAD || view.getUint32(1) !== sum(bytes, bytes.length)) return
    const message = view.getUint32(5)
    if (bytes[0] === 2) {
      this.sender.acknowledged(now, message)
      return
    }
    const [id, index, count] = [view.getUint32(9), view.getUint32(13), view.getUint32(17) || undefined]
    const part = { source: from, id, index, count, bytes: bytes.subarray(HEAD) }
    const verdict = this.receiver.receive(now, part, () => `${from} ${id}`)
    if (verdict === 'refused') this.refused++
    else this.#acks.push(message)
  }
}

/** FNV-1a over everything but its own place. */
function sum(bytes: Uint8Array, end: number): number {
  let hash = 0x811c9dc5
  hash = Math.imul(hash ^ bytes[0]!, 0x01000193)
  for (let i = 5; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash >>> 0
}
