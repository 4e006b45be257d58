// Transfers as a session uses them: frames in, frames out, whole payloads at the ends.

import { expect, test } from 'vitest'
import { type TransferHost, Transfers, transferReceiver } from '../../runtime/channel/transfers.ts'
import { type Batch, type DatagramMachine, type Instant, instant } from '../../runtime/core/machine.ts'
import type { Accessor, TransferDescriptor } from '../../runtime/core/protocol.ts'
import { SimNetwork } from '../../runtime/sim/network.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import type { Reader } from '../../runtime/wire/codec.ts'

const A = '10.0.0.1:1'
const B = '10.0.0.2:2'
const field = (name: string): Accessor => ({
  path: name,
  get: frame => (frame as unknown as Record<string, unknown>)[name],
  set: (value, to) => {
    value[name] = to
  },
})
const descriptor: TransferDescriptor = {
  above: 1000,
  cut: 'payload',
  part: undefined,
  id: field('transfer'),
  index: field('part'),
  count: field('parts'),
  window: 64,
  rto: { from: 20, to: 2000 },
  timeout: 5000,
  sessions: 4,
  bytes: 1 << 20,
  bytesPerPeer: 1 << 20,
  max: 1 << 20,
}
const reply = { name: 'ack', by: { request: field('message'), reply: field('message') }, ask: [field('asks')] }

/** One end of a connection whose frames are JSON in front of the payload. */
class Talker implements DatagramMachine {
  readonly transfers: Transfers<string>
  readonly got: { name: string; payload: Uint8Array; more: unknown }[] = []
  readonly settled: string[] = []
  readonly receiver = transferReceiver(descriptor)
  readonly sizes: number[] = []
  takes = true
  closed = false
  queue = 0
  readonly #out: Uint8Array[] = []
  readonly #peer: string
  #id = 1

  constructor(peer: string) {
    this.#peer = peer
    const self = this
    const host: TransferHost<string> = {
      source: peer,
      most: 1200,
      get hasRoom() {
        return self.#out.length < 8
      },
      get takes() {
        return self.takes
      },
      largestId: () => 2 ** 32 - 1,
      nextId: () => this.#id++,
      sizeOf: (frame, value) => encode({ ...value, is: frame }).length,
      write: (_, frame, value) => this.#write({ ...value, is: frame }),
      copyOf: frame => ({ ...(frame as unknown as Record<string, unknown>), payload: undefined }),
      settle: (_, token, code) => this.settled.push(`${token} ${code ?? 'sent'}`),
    }
    this.transfers = new Transfers(descriptor, reply, host, this.receiver, 1000)
  }

  receive(now: Instant, batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i]!
      const value = decode(batch.slab.subarray(start, start + batch.lengths[i]!))
      const frame = { ...value, frameName: value.is } as unknown as Reader
      if (value.is === 'Ack') this.transfers.answered(now, value.message)
      else if (this.transfers.arrived(now, frame) === 'answer') this.#write({ is: 'Ack', message: value.message })
      for (let m = this.transfers.takeWhole(); m !== undefined; m = this.transfers.takeWhole())
        this.got.push({ name: m.frame, payload: m.value.payload as Uint8Array, more: m.value.more })
    }
    return false
  }

  unreachable(): void {}

  wake(now: Instant): void {
    this.transfers.wake(now)
    this.receiver.wake(now)
  }

  get deadline(): Instant {
    return instant(Math.min(this.transfers.deadline(), this.receiver.deadline()))
  }

  transmit(): Batch | undefined {
    const slab = this.#out.shift()
    if (slab === undefined) return undefined
    this.sizes.push(slab.length)
    return { slab, count: 1, offsets: [0], lengths: [slab.length], peers: [this.#peer] }
  }

  release(): void {}

  #write(value: Record<string, unknown>): void {
    this.#out.push(encode(value))
  }
}

function encode({ payload, ...rest }: Record<string, unknown>): Uint8Array {
  const head = new TextEncoder().encode(JSON.stringify(rest))
  const body = (payload as Uint8Array | undefined) ?? new Uint8Array(0)
  const bytes = new Uint8Array(2 + head.length + body.length)
  new DataView(bytes.buffer).setUint16(0, head.length)
  bytes.set(head, 2)
  bytes.set(body, 2 + head.length)
  return bytes
}

function decode(bytes: Uint8Array): Record<string, unknown> {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint16(0)
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(2, 2 + length)))
  return { ...head, payload: bytes.subarray(2 + length) }
}

function talkers(seed: number, loss: number) {
  const net = new SimNetwork({ seed, link: { latency: 10, jitter: 5, loss, duplicate: 0.05, reorder: 0.1 } })
  const [a, b] = [new Talker(B), new Talker(A)]
  net.datagram(A, a)
  net.datagram(B, b)
  return { net, a, b }
}

/** Runs until `done`, giving room as the queue of eight frames is drained. */
function drive(net: SimNetwork, ends: readonly Talker[], done: () => boolean, limit: number): boolean {
  for (let t = net.now; t < limit; t += 1) {
    net.run(t)
    for (const end of ends) end.transfers.pump(net.now)
    if (done()) return true
  }
  return false
}

test('a large payload and the fields around it arrive once, in datagrams that fit', () => {
  for (let seed = 0; seed < 5; seed++) {
    const { net, a, b } = talkers(seed, 0.1)
    const payload = new SimRandom(seed).bytes(300_000)
    expect(a.transfers.send(0, 'Data', { more: 'héader', payload }, 'one')).toBe(true)
    expect(a.transfers.isPending).toBe(true)
    expect(drive(net, [a, b], () => a.settled.length === 1, 60_000)).toBe(true)
    expect(a.settled).toEqual(['one sent'])
    expect(b.got.map(({ name, more }) => [name, more])).toEqual([['Data', 'héader']])
    expect(Buffer.from(b.got[0]!.payload).equals(payload)).toBe(true)
    expect(Math.max(...a.sizes)).toBeLessThanOrEqual(1200)
    expect(Math.max(...a.sizes)).toBeGreaterThan(1180)
    expect(a.transfers.isPending).toBe(false)
  }
})

test('a small payload is no transfer', () => {
  const { a } = talkers(1, 0)
  expect(a.transfers.send(0, 'Data', { payload: new Uint8Array(1000) }, 'small')).toBe(false)
  expect(a.transfers.isPending).toBe(false)
})

test('while the application takes nothing, nothing is acknowledged or lost', () => {
  const { net, a, b } = talkers(2, 0.05)
  const payload = new SimRandom(2).bytes(100_000)
  b.takes = false
  a.transfers.send(0, 'Data', { payload }, 'one')
  drive(net, [a, b], () => false, 3000)
  expect([b.got.length, b.receiver.bytes, a.settled.length]).toEqual([0, 0, 0])
  b.takes = true
  expect(drive(net, [a, b], () => a.settled.length === 1, 30_000)).toBe(true)
  expect(Buffer.from(b.got[0]!.payload).equals(payload)).toBe(true)
})

test('a frame without numbers is none of its business, nor is an unknown answer', () => {
  const { a } = talkers(3, 0)
  expect(a.transfers.arrived(0, { frameName: 'Data', payload: new Uint8Array(3) } as unknown as Reader)).toBeUndefined()
  expect(a.transfers.answered(0, 12)).toBe(false)
  expect(a.transfers.answered(0, 'text')).toBe(false)
})

test('a send that is given up sends nothing more and has no outcome', () => {
  const { net, a, b } = talkers(5, 0)
  a.transfers.send(0, 'Data', { payload: new Uint8Array(200_000) }, 'one')
  drive(net, [a, b], () => false, 50)
  expect(a.transfers.isBlocked || a.transfers.isPending).toBe(true)
  expect(a.transfers.cancel('one')).toBe(true)
  expect(a.transfers.cancel('one')).toBe(false)
  const { length } = a.sizes
  drive(net, [a, b], () => false, 10_000)
  expect(a.sizes.length).toBeLessThanOrEqual(length + 8)
  expect([a.settled, b.got, b.receiver.bytes]).toEqual([[], [], 0])
})

test('when the connection ends, what was being sent fails and what was half received is dropped', () => {
  const { net, a, b } = talkers(4, 0)
  a.transfers.send(0, 'Data', { payload: new Uint8Array(200_000) }, 'one')
  drive(net, [a, b], () => false, 50)
  expect(b.receiver.bytes).toBeGreaterThan(0)
  a.transfers.end(50)
  b.transfers.end(50)
  expect(a.settled).toEqual(['one Closed'])
  expect([b.receiver.bytes, b.receiver.deadline(), a.transfers.deadline()]).toEqual([0, Infinity, Infinity])
})
