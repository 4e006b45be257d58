// Simulated stream connections: bytes in order in any portions, backpressure, half close, reset, partitions.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Instant, instant, NEVER, type StreamMachine } from '../../runtime/core/machine.ts'
import { SimNetwork } from '../../runtime/sim/network.ts'

/** Sends a list of chunks, reads as long as it may, notes everything. */
class Pipe implements StreamMachine {
  readonly got: number[] = []
  readonly events: string[] = []
  readonly portions: number[] = []
  readonly out: Uint8Array[] = []
  reading = true
  closing: 'after-flush' | 'now' | undefined
  deadline: Instant = NEVER
  released = 0
  /** Reads this many bytes, then pauses for as many milliseconds. */
  appetite = Infinity
  pause = 1
  lastChunk: Uint8Array | undefined
  #eaten = 0

  send(...bytes: number[]): this {
    this.out.push(Uint8Array.from(bytes))
    return this
  }
  start(now: Instant): void {
    this.events.push(`start ${now}`)
  }
  receive(now: Instant, chunk: Uint8Array): boolean {
    if (!this.reading) throw new Error('got bytes while not reading')
    this.portions.push(chunk.length)
    for (const byte of chunk) this.got.push(byte)
    this.lastChunk = chunk
    this.#eaten += chunk.length
    if (this.#eaten >= this.appetite) {
      this.reading = false
      this.deadline = instant(now + this.pause)
    }
    return false
  }
  end(now: Instant): void {
    this.events.push(`end ${now}`)
  }
  lost(now: Instant, reason: string): void {
    this.events.push(`lost ${now} ${reason}`)
  }
  wake(_now: Instant): void {
    this.deadline = NEVER
    this.reading = true
    this.#eaten = 0
  }
  transmit(): Uint8Array | undefined {
    return this.out.shift()
  }
  release(): void {
    this.released++
  }
}

const A = '10.0.0.1:1'
const B = '10.0.0.2:2'

test('bytes arrive in order, in portions the receiver did not choose, the same ones for the same seed', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 30 })
  fc.assert(
    fc.property(fc.integer(), chunks, chunks, fc.integer({ min: 1, max: 20 }), (seed, forth, back, portion) => {
      const run = () => {
        const net = new SimNetwork({ seed, stream: { latency: 10, jitter: 20, portion, buffer: 64 } })
        const [a, b] = [new Pipe(), new Pipe()]
        for (const chunk of forth) a.out.push(chunk)
        for (const chunk of back) b.out.push(chunk)
        a.appetite = 7
        a.closing = 'after-flush'
        b.closing = 'after-flush'
        const connection = net.connect([A, a], [B, b])
        net.run(1e6)
        return { net, a, b, connection }
      }
      const { net, a, b, connection } = run()
      expect(b.got).toEqual(forth.flatMap(chunk => [...chunk]))
      expect(a.got).toEqual(back.flatMap(chunk => [...chunk]))
      expect(Math.max(0, ...a.portions, ...b.portions)).toBeLessThanOrEqual(portion)
      expect([a.released, b.released]).toEqual([forth.length, back.length])
      expect(connection.closed).toBe(true)
      expect(run().net.transcript).toBe(net.transcript)
    }),
    { numRuns: 50 },
  )
})

test('both ends begin after one latency, a half close leaves the other direction open', () => {
  const net = new SimNetwork({ seed: 1, stream: { latency: 10 } })
  const [a, b] = [new Pipe(), new Pipe()]
  a.send(1)
  a.closing = 'after-flush'
  const connection = net.connect([A, a], [B, b])
  net.run(100)
  expect(b.events).toEqual(['start 10', 'end 20'])
  b.send(2, 3)
  net.run(200)
  expect(a.got).toEqual([2, 3])
  expect(connection.closed).toBe(false)
  b.closing = 'after-flush'
  net.run(300)
  expect(a.events).toEqual(['start 10', 'end 210', 'lost 210 closed'])
  expect(b.events).toEqual(['start 10', 'end 20', 'lost 200 closed'])
  expect(connection.closed).toBe(true)
})

test('a receiver that does not read stops the sender at the buffer', () => {
  const net = new SimNetwork({ seed: 1, stream: { buffer: 100 } })
  const [a, b] = [new Pipe(), new Pipe()]
  b.reading = false
  for (let i = 0; i < 100; i++) a.send(...new Array(10).fill(i))
  net.connect([A, a], [B, b])
  net.run(1000)
  expect([a.released, b.got.length]).toEqual([10, 0])
  b.reading = true
  net.run(2000)
  expect([a.released, b.got.length]).toEqual([100, 1000])
})

test('bandwidth takes its time', () => {
  const net = new SimNetwork({ seed: 1, stream: { bandwidth: 1000, latency: 5 } })
  const [a, b] = [new Pipe(), new Pipe()]
  a.send(...new Array(100).fill(7))
  net.connect([A, a], [B, b])
  net.run(109)
  expect(b.got.length).toBe(0)
  net.run(110)
  expect(b.got.length).toBe(100)
})

test('closing now drops the output and resets the peer', () => {
  const net = new SimNetwork({ seed: 1, stream: { latency: 10 } })
  const [a, b] = [new Pipe(), new Pipe()]
  const connection = net.connect([A, a], [B, b])
  net.run(50)
  a.send(1)
  a.closing = 'now'
  net.run(100)
  expect(b.got).toEqual([])
  expect([a.events.at(-1), b.events.at(-1)]).toEqual(['lost 50 closed', 'lost 60 reset by peer'])
  expect(connection.closed).toBe(true)
})

test('a reset from outside ends both at once and later bytes go nowhere', () => {
  const net = new SimNetwork({ seed: 1, stream: { latency: 10 } })
  const [a, b] = [new Pipe(), new Pipe()]
  const connection = net.connect([A, a], [B, b])
  a.send(1, 2, 3)
  net.at(15, () => connection.reset('cable cut'))
  net.run(100)
  expect(b.got).toEqual([])
  expect([a.events.at(-1), b.events.at(-1)]).toEqual(['lost 15 cable cut', 'lost 15 cable cut'])
})

test('a partition holds bytes up and keeps their order', () => {
  const net = new SimNetwork({ seed: 1, stream: { latency: 10 } })
  const [a, b] = [new Pipe(), new Pipe()]
  net.connect([A, a], [B, b])
  net.run(20)
  const heal = net.partition([A])
  for (let i = 0; i < 10; i++) {
    net.at(20 + i * 50, () => a.send(i))
  }
  net.at(400, heal)
  net.run(390)
  expect(b.got).toEqual([])
  net.run(2000)
  expect(b.got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('borrowed chunks are overwritten after the call', () => {
  const net = new SimNetwork({ seed: 1 })
  const [a, b] = [new Pipe(), new Pipe()]
  a.send(1, 2)
  net.connect([A, a], [B, b])
  net.run(1)
  expect(b.got).toEqual([1, 2])
  expect([...b.lastChunk!].every(byte => byte === 0xdd)).toBe(true)
})
