// An endpoint as small as can be around a ChannelSet, for simulations: one frame in each datagram, with a checksum in
// the place of a seal, so that a corrupt datagram is a lost one. A message is its bytes.

import type { ChannelHost, ChannelSetOptions, Numbers, NumberWidths } from '../../runtime/channel/host.ts'
import { ChannelSet } from '../../runtime/channel/set.ts'
import {
  type Address,
  type Batch,
  type DatagramMachine,
  type Instant,
  instant,
  NEVER,
} from '../../runtime/core/machine.ts'
import type { ChannelDescriptor, FragmentDescriptor } from '../../runtime/core/protocol.ts'

export const MTU = 1200
export const WIDE: NumberWidths = { seqBits: 32, ackBits: 64, seqSpace: 'channel' }

export interface PeerOptions extends Partial<Omit<ChannelSetOptions<Uint8Array>, 'channels' | 'host'>> {
  readonly channels: readonly ChannelDescriptor[]
  readonly to: Address
  /** Datagrams that fit below before it says there is no room. */
  readonly room?: number | undefined
}

/** One side of a connection. What happens to it is in its fields. */
export class Peer implements DatagramMachine {
  readonly set: ChannelSet<Uint8Array>
  readonly closed = false
  deadline: Instant = NEVER
  onDeliver: (channel: number, message: Uint8Array, now: number) => void = () => {}
  onTransmit: (channel: number, seq: number) => void = () => {}
  onSettled: () => void = () => {}
  onReady: (channel: number) => void = () => {}
  settledCount = 0
  droppedCount = 0
  failure: string | undefined
  ackFrames = 0
  dataBytes = 0
  corrupt = 0
  now = 0
  to: Address
  readonly #room: number
  readonly #out: Uint8Array[] = []

  constructor(options: PeerOptions) {
    const { to, room, ...rest } = options
    this.to = to
    this.#room = room ?? Infinity
    this.set = new ChannelSet({ numbers: WIDE, mtu: MTU, pieceOverhead: 6, ...rest, host: this.#host() })
  }

  send(now: number, channel: number, message: Uint8Array): string {
    this.now = now
    const result = this.set.send(now, channel, message, message.length)
    this.#settle()
    return result
  }

  receive(now: Instant, batch: Batch): boolean {
    this.now = now
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i] as number
      this.#frame(now, batch.slab.subarray(start, start + (batch.lengths[i] as number)))
    }
    this.set.pump(now)
    this.#settle()
    return false
  }

  wake(now: Instant): void {
    this.now = now
    this.set.wake(now)
    this.#settle()
  }

  unreachable(): void {}

  transmit(): Batch | undefined {
    const bytes = this.#out.shift()
    if (bytes === undefined) return undefined
    return { slab: bytes, count: 1, offsets: [0], lengths: [bytes.length], peers: [this.to] }
  }

  release(): void {
    if (this.#room !== Infinity && this.#out.length === 0) {
      this.set.pump(this.now)
      this.#settle()
    }
  }

  #host(): ChannelHost<Uint8Array> {
    return {
      transmit: (channel, message, numbers) => this.#transmit(channel, message, numbers),
      acknowledge: channel => this.#acknowledge(channel),
      deliver: (channel, message) => this.onDeliver(channel, message, this.now),
      hold: (_, message) => Uint8Array.from(message),
      settled: () => {
        this.settledCount++
        this.onSettled()
      },
      dropped: () => void this.droppedCount++,
      ready: channel => this.onReady(channel),
      failed: (code, text) => void (this.failure = `${code}: ${text}`),
      cutSize: (_, message) => message.length,
      cutBytes: (_, message) => message,
      join: (_, __, payload) => payload,
    }
  }

  #transmit(channel: number, message: Uint8Array, { seq, fragment }: Numbers): number {
    if (this.#out.length >= this.#room) return 0
    this.onTransmit(channel, seq)
    const body = fragment === undefined ? message : message.subarray(fragment.from, fragment.to)
    const bytes = this.#header(channel, body.length)
    const view = new DataView(bytes.buffer)
    bytes[5] = fragment === undefined ? 1 : 3
    view.setUint32(6, seq)
    if (fragment !== undefined) {
      view.setUint16(22, fragment.id)
      view.setUint16(24, fragment.index)
      view.setUint16(26, fragment.count)
    }
    bytes.set(body, HEADER)
    view.setInt32(0, sum(bytes))
    this.#out.push(bytes)
    this.dataBytes += bytes.length
    return bytes.length
  }

  #acknowledge(channel: number): boolean {
    if (this.#out.length >= this.#room) return false
    const bytes = this.#header(channel, 0)
    new DataView(bytes.buffer).setInt32(0, sum(bytes))
    this.#out.push(bytes)
    this.ackFrames++
    return true
  }

  #header(channel: number, length: number): Uint8Array {
    const bytes = new Uint8Array(HEADER + length)
    const view = new DataView(bytes.buffer)
    const { ack, lo, hi } = this.set.acks(channel)
    bytes[4] = channel
    view.setUint32(10, ack)
    view.setInt32(14, lo)
    view.setInt32(18, hi)
    this.set.carried(channel)
    return bytes
  }

  #frame(now: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length < HEADER || view.getInt32(0) !== sum(bytes)) {
      this.corrupt++
      return
    }
    const channel = bytes[4] as number
    this.set.acked(now, channel, view.getUint32(10), view.getInt32(14), view.getInt32(18))
    if (bytes[5] === 0) return
    const piece =
      bytes[5] === 3 ? { id: view.getUint16(22), index: view.getUint16(24), count: view.getUint16(26) } : undefined
    const body = bytes.subarray(HEADER)
    this.set.receive(now, channel, view.getUint32(6), piece, body, body.length)
  }

  #settle(): void {
    this.deadline = instant(this.set.deadline)
  }
}

export function channel(
  name: string,
  delivery: ChannelDescriptor['delivery'],
  more: Partial<ChannelDescriptor> = {},
): ChannelDescriptor {
  const reliable = delivery.startsWith('reliable')
  return {
    name,
    id: undefined,
    delivery,
    priority: 0,
    ack: reliable ? { frame: undefined, after: 2, delay: 25 } : undefined,
    retransmit: reliable ? { from: 100, to: 5000, times: 12 } : undefined,
    window: 256,
    reorder: { messages: 256, bytes: 512 * 1024 },
    congestion: reliable ? 'newreno' : 'none',
    pace: undefined,
    orderBy: undefined,
    coalesce: undefined,
    fec: undefined,
    fragment: undefined,
    queue: { in: 256, out: 256, bytes: 1024 ** 2, full: 'backpressure', rejectOversize: true },
    ...more,
  }
}

export function fragment(more: Partial<FragmentDescriptor> = {}): FragmentDescriptor {
  return {
    above: 1178,
    cut: 'payload',
    pieces: 65_535,
    timeout: 10_000,
    sessions: 1000,
    bytes: 64 * 1024 ** 2,
    bytesPerPeer: 32 * 1024 ** 2,
    duplicates: 'ignore',
    full: 'drop-oldest',
    acceptFullCopies: false,
    ...more,
  }
}

/** FNV-1a over everything behind the sum, in words where that is enough. */
function sum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 4; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash | 0
}

const HEADER = 28
