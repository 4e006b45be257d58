// Payloads of any length over a network that loses, repeats, reorders and corrupts; and hostile parts.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TransferReceiver } from '../../runtime/channel/transfer-receive.ts'
import type { LinkOptions } from '../../runtime/sim/link.ts'
import { SimNetwork } from '../../runtime/sim/network.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { Courier, type CourierOptions } from './courier.ts'

const A = '10.0.0.1:1'
const B = '10.0.0.2:2'
const harsh: Partial<LinkOptions> = { latency: 20, jitter: 10, loss: 0.3, reorder: 0.2, duplicate: 0.1, corrupt: 0.05 }

function couriers(seed: number, link: Partial<LinkOptions>, options: CourierOptions = {}) {
  const net = new SimNetwork({ seed, link })
  const [a, b] = [new Courier(B, options), new Courier(A, options)]
  net.datagram(A, a)
  net.datagram(B, b)
  return { net, a, b, random: net.random }
}
const bytesOf = (seed: number, n: number) => new SimRandom(seed).bytes(n)

test('payloads of any length arrive whole and once, both ways, several at once, on a harsh network', () => {
  const sizes = fc.array(fc.oneof(fc.nat(50_000), fc.constantFrom(0, 1, 999, 1000, 1001, 2000)), {
    minLength: 1,
    maxLength: 4,
  })
  fc.assert(
    fc.property(fc.integer(), sizes, sizes, fc.constantFrom(1, 2, 7, 64), (seed, forth, back, window) => {
      const { net, a, b } = couriers(seed, harsh, { window })
      for (const [i, n] of forth.entries()) a.send(bytesOf(i, n), `a${i}`)
      for (const [i, n] of back.entries()) b.send(bytesOf(i, n), `b${i}`)
      const done = () =>
        a.events.length === forth.length + 2 * back.length && b.events.length === back.length + 2 * forth.length
      expect(net.runUntil(done, 600_000)).toBe(true)
      net.run(net.now + 5000)
      expect(a.events.filter(e => e.startsWith('sent')).sort()).toEqual(forth.map((_, i) => `sent a${i}`).sort())
      const got = b.whole.map(bytes => Buffer.from(bytes).toString('base64')).sort()
      expect(got).toEqual(forth.map((n, i) => Buffer.from(bytesOf(i, n)).toString('base64')).sort())
      expect(a.whole.map(bytes => bytes.length).sort()).toEqual([...back].sort())
      expect([a.receiver.bytes, b.receiver.bytes, a.receiver.sessions, b.receiver.sessions]).toEqual([0, 0, 0, 0])
    }),
    { numRuns: 25 },
  )
})

test('5 MB at 5 % loss take few repetitions and hold little for order', () => {
  const { net, a, b } = couriers(11, { latency: 20, jitter: 5, loss: 0.05 }, { window: 256, delivery: 'stream' })
  const payload = bytesOf(1, 5_000_000)
  a.send(payload, 'big')
  const got: Uint8Array[] = []
  const read = () => {
    for (const stream of b.streams) for (let p = stream.read(); p !== undefined; p = stream.read()) got.push(p)
    return b.streams[0]?.ended === true && a.sender.size === 0
  }
  expect(net.runUntil(read, 120_000)).toBe(true)
  expect(Buffer.concat(got).equals(payload)).toBe(true)
  // A part comes again when it or its acknowledgement was lost: 0.0975 / 0.9025 of them.
  expect(a.repeated / 5000).toBeLessThan(0.16)
  expect(b.heldAtMost).toBeLessThanOrEqual(256 * (1000 + 192))
  // 256 parts of 1000 B each 45 ms would be 5.7 MB/s; loss must not bring it to a crawl.
  expect(net.now).toBeLessThan(8000)
})

test('what is fed piece by piece arrives as one row of bytes, its end included', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 })
  fc.assert(
    fc.property(fc.integer(), pieces, (seed, list) => {
      const { net, a, b } = couriers(seed, { ...harsh, loss: 0.1 }, { window: 8, delivery: 'stream' })
      const transfer = a.open('fed', 500)
      const rest = [...list]
      const got: Uint8Array[] = []
      const step = () => {
        while (rest.length > 0 && transfer.feed!.wanted > 0) transfer.feed!.feed(rest.shift()!)
        if (rest.length === 0) transfer.feed!.end()
        for (const stream of b.streams) for (let p = stream.read(); p !== undefined; p = stream.read()) got.push(p)
        return a.sender.size === 0 && b.streams[0]?.ended === true
      }
      for (let t = 0; t < 60_000 && !step(); t += 10) net.run(t)
      expect(step()).toBe(true)
      expect(Buffer.concat(got).equals(Buffer.concat(list))).toBe(true)
      expect(a.events).toEqual(['sent fed'])
      expect(() => transfer.feed!.feed(new Uint8Array(1))).toThrow('nothing can be added')
    }),
    { numRuns: 30 },
  )
})

test('a blackout of 10 s is survived, and data flows again within 3 s of its end', () => {
  const { net, a, b } = couriers(5, { latency: 20, loss: 0.02 })
  const payload = bytesOf(2, 3_000_000)
  a.send(payload, 'big')
  net.run(1000)
  const heal = net.partition()
  net.run(11_000)
  const before = a.sender.inFlight
  expect(before.window).toBe(2)
  heal()
  const { parts } = a
  net.run(14_000)
  expect(a.parts - parts).toBeGreaterThan(500)
  expect(net.runUntil(() => a.events.length === 1, 60_000)).toBe(true)
  expect(Buffer.from(b.whole[0]!).equals(payload)).toBe(true)
})

test('a silence longer than the timeout ends the transfer at both sides', () => {
  const { net, a, b } = couriers(5, { latency: 20 }, { timeout: 5000 })
  a.send(bytesOf(2, 1_000_000), 'big')
  net.run(200)
  net.partition()
  net.run(20_000)
  expect(a.events).toEqual(['failed big Timeout'])
  expect(b.events).toEqual([`opened ${A} 1`, `lost ${A} 1 Timeout`])
  expect([b.receiver.bytes, b.receiver.sessions, b.receiver.deadline(), a.sender.deadline()]).toEqual([
    0,
    0,
    Infinity,
    Infinity,
  ])
})

test('a reader that stops is not flooded, the sender waits, and nothing is lost when it reads on', () => {
  const { net, a, b } = couriers(6, { latency: 10, loss: 0.05 }, { window: 16, delivery: 'stream' })
  const payload = bytesOf(3, 200_000)
  a.send(payload, 'slow')
  net.run(15_000)
  expect(b.receiver.bytes).toBe(16 * (1000 + 192))
  // Only probes go out while it waits, not a stream of repetitions.
  expect(a.parts).toBeLessThan(150)
  const got: Uint8Array[] = []
  for (let t = 15_000; t < 60_000 && !b.streams[0]!.ended; t += 20) {
    for (let p = b.streams[0]!.read(); p !== undefined; p = b.streams[0]!.read()) got.push(p)
    net.run(t)
  }
  expect(Buffer.concat(got).equals(payload)).toBe(true)
  expect(a.events).toEqual(['sent slow'])
})

test('a bottleneck is filled without drowning it', () => {
  const { net, a, b } = couriers(7, { latency: 25, bandwidth: 1_000_000, queue: 64_000 }, { window: 1024 })
  const payload = bytesOf(4, 4_000_000)
  a.send(payload, 'big')
  expect(net.runUntil(() => a.events.length === 1, 60_000)).toBe(true)
  expect(Buffer.from(b.whole[0]!).equals(payload)).toBe(true)
  // 4.1 MB on the wire at 1 MB/s.
  expect(net.now).toBeLessThan(6000)
  expect(net.counters.overflowed / net.counters.sent).toBeLessThan(0.1)
})

test('a transfer larger than the bound for whole ones fails at the receiver and frees what it held', () => {
  const { net, a, b } = couriers(8, { latency: 10 }, { receive: { max: 10_000 }, timeout: 2000 })
  a.send(bytesOf(5, 50_000), 'big')
  net.run(10_000)
  expect(b.events).toEqual([`opened ${A} 1`, `lost ${A} 1 LimitExceeded`])
  expect(b.receiver.bytes).toBe(0)
  expect(a.events).toEqual(['failed big Timeout'])
})

test('a refused or cancelled transfer is not acknowledged any more', () => {
  const { net, a, b } = couriers(8, { latency: 10 }, { delivery: 'refuse', timeout: 2000 })
  const out = a.send(bytesOf(5, 50_000), 'unwanted')
  net.run(1000)
  expect(b.receiver.bytes).toBe(0)
  expect(a.sender.cancel(one => one === out)).toBe(true)
  expect(a.sender.cancel(one => one === out)).toBe(false)
  net.run(10_000)
  expect(a.events).toEqual([])
})

test('what has arrived whole can be read after the connection closed', () => {
  const { net, a, b } = couriers(9, { latency: 10 }, { delivery: 'stream' })
  a.send(bytesOf(5, 5000), 'small')
  net.run(1000)
  b.receiver.forget(A)
  const got: Uint8Array[] = []
  for (let p = b.streams[0]!.read(); p !== undefined; p = b.streams[0]!.read()) got.push(p)
  expect(Buffer.concat(got).equals(bytesOf(5, 5000))).toBe(true)
  expect(b.events).toEqual([`opened ${A} 1`])
  a.send(bytesOf(5, 500_000), 'large')
  net.run(1100)
  b.receiver.forget(A)
  expect(b.events.at(-1)).toBe(`lost ${A} 2 Closed`)
  expect([b.receiver.bytes, b.streams[1]!.read()]).toEqual([0, undefined])
  a.sender.close()
  expect(a.events.at(-1)).toBe('failed large Closed')
})

test('hostile parts neither throw nor hold more than the bounds', () => {
  const odd = fc.oneof(fc.nat(20), fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 31, 2 ** 53, Infinity))
  const part = fc.record({
    source: fc.constantFrom('a', 'b', 'c'),
    id: fc.nat(6),
    index: odd,
    count: fc.option(odd, { nil: undefined }),
    bytes: fc.uint8Array({ maxLength: 400 }),
  })
  const how = fc.constantFrom('whole', 'stream', 'refuse') as fc.Arbitrary<'whole' | 'stream' | 'refuse'>
  fc.assert(
    fc.property(how, fc.array(fc.tuple(part, fc.nat(800), fc.boolean()), { maxLength: 200 }), (delivery, parts) => {
      const open = new Set<{ read(): Uint8Array | undefined }>()
      const receiver = new TransferReceiver<number>(
        { window: 8, sessions: 4, bytes: 5000, bytesPerPeer: 3000, max: 2000, timeout: 3000 },
        {
          opened: transfer => {
            open.add(transfer)
            return delivery
          },
          readable() {},
          whole: transfer => expect(open.delete(transfer)).toBe(true),
          failed: transfer => expect(open.delete(transfer)).toBe(true),
        },
      )
      let now = 0
      for (const [p, pause, reads] of parts) {
        receiver.receive(now, p, () => now)
        expect(receiver.bytes).toBeLessThanOrEqual(5000)
        expect(receiver.sessions).toBeLessThanOrEqual(4)
        if (reads) for (const transfer of open) transfer.read()
        now += pause
        receiver.wake(now)
      }
      for (const source of ['a', 'b', 'c']) receiver.forget(source)
      expect([receiver.bytes, receiver.sessions, receiver.deadline()]).toEqual([0, 0, Infinity])
    }),
  )
})
