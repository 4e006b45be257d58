// The simulated network for datagrams: that it is repeatable, does what its options say, and finds misbehaviour.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, type DatagramMachine, type Instant, instant, NEVER } from '../../runtime/core/machine.ts'
import type { LinkOptions } from '../../runtime/sim/link.ts'
import { SimNetwork, type SimOptions } from '../../runtime/sim/network.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { Toy } from './toy.ts'

const A = '10.0.0.1:1'
const B = '10.0.0.2:2'
const harsh: Partial<LinkOptions> = { latency: 20, jitter: 10, loss: 0.3, reorder: 0.2, duplicate: 0.1, corrupt: 0.05 }

/** Sends what it is told and notes what arrives, with the time. */
class Plain implements DatagramMachine {
  readonly got: { at: number; from: string; bytes: number[] }[] = []
  closed = false
  deadline: Instant = NEVER
  readonly #out: [string, Uint8Array][] = []
  kept: Uint8Array | undefined
  keep = false
  batches: number[] = []
  unreached: string[] = []

  send(to: string, ...bytes: number[]): void {
    this.#out.push([to, Uint8Array.from(bytes)])
  }
  receive(now: Instant, batch: Batch): boolean {
    this.batches.push(batch.count)
    for (let i = 0; i < batch.count; i++) {
      const view = batch.slab.subarray(batch.offsets[i]!, batch.offsets[i]! + batch.lengths[i]!)
      this.got.push({ at: now, from: batch.peers[i]!, bytes: [...view] })
      this.kept = view
    }
    return this.keep
  }
  unreachable(_now: Instant, peer: string, reason: string): void {
    this.unreached.push(`${peer} ${reason}`)
  }
  wake(_now: Instant): void {}
  transmit(): Batch | undefined {
    const next = this.#out.shift()
    return next && { slab: next[1], count: 1, offsets: [0], lengths: [next[1].length], peers: [next[0]] }
  }
  release(): void {}
}

function pair(options: Omit<SimOptions, 'seed'> = {}, seed = 1) {
  const net = new SimNetwork({ seed, ...options })
  const [a, b] = [new Plain(), new Plain()]
  const [socketA, socketB] = [net.datagram(A, a), net.datagram(B, b)]
  return { net, a, b, socketA, socketB }
}

function toys(seed: number, count: number, link: Partial<LinkOptions> = harsh) {
  const net = new SimNetwork({ seed, link })
  const [a, b] = [new Toy(), new Toy()]
  net.datagram(A, a)
  net.datagram(B, b)
  for (let i = 0; i < count; i++) {
    a.request(0, B, `a${i}`)
    b.request(0, A, `b${i}`)
  }
  net.run(120_000)
  return { net, a, b }
}

test('the same seed gives the same run to the byte, another seed another one', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const [one, two] = [toys(seed, 20).net, toys(seed, 20).net]
      expect(one.transcript).toBe(two.transcript)
      expect(one.counters).toEqual(two.counters)
      expect(toys(seed + 1, 20).net.transcript).not.toBe(one.transcript)
    }),
    { numRuns: 10 },
  )
})

test('requests are handled and answered exactly once at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const { a, b, net } = toys(seed, 40)
      for (const [from, to, letter] of [
        [a, b, 'a'],
        [b, a, 'b'],
      ] as const) {
        const sent = Array.from({ length: 40 }, (_, i) => `${letter}${i}`)
        expect([...to.handled].sort()).toEqual([...sent].sort())
        expect([...from.answered].sort()).toEqual(sent.map(text => `re: ${text}`).sort())
        expect(from.expired).toEqual([])
        expect(from.attempts).toBeGreaterThan(40)
      }
      const { lost, duplicated, reordered, corrupted } = net.counters
      expect(Math.min(lost, duplicated, reordered, corrupted)).toBeGreaterThan(0)
      expect(a.bad + b.bad).toBe(corrupted)
    }),
    { numRuns: 60 },
  )
})

test('a dead network lets every request expire exactly once', () => {
  const net = new SimNetwork({ seed: 1, link: { loss: 1 } })
  const few = new Toy(16, 3)
  net.datagram(A, few)
  for (let i = 0; i < 20; i++) few.request(0, B, `${i}`)
  net.run(10_000)
  expect(few.expired.sort()).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`).sort())
})

describe('links', () => {
  test('latency, and jitter that keeps the order', () => {
    const { net, a, b } = pair({ link: { latency: 50, jitter: 30 } })
    for (let i = 0; i < 100; i++) net.at(i, () => a.send(B, i))
    net.run(1000)
    expect(b.got.map(g => g.bytes[0])).toEqual(Array.from({ length: 100 }, (_, i) => i))
    for (const g of b.got) expect(g.at - g.bytes[0]!).toBeGreaterThanOrEqual(50)
    expect(Math.max(...b.got.map(g => g.at - g.bytes[0]!))).toBeLessThanOrEqual(80)
    expect(new Set(b.got.map(g => g.at)).size).toBeGreaterThan(10)
  })

  test('loss, duplication, reorder and corruption come as often as asked', () => {
    const { net, a, b } = pair({ link: { latency: 5, loss: 0.3, duplicate: 0.1, reorder: 0.2, corrupt: 0.05 } })
    const n = 20_000
    for (let i = 0; i < n; i++) net.at(i, () => a.send(B, 1, 2, 3, 4))
    net.run(n + 1000)
    const { lost, duplicated, reordered, corrupted, delivered } = net.counters
    const through = n - lost
    expect(lost / n).toBeCloseTo(0.3, 1)
    expect(duplicated / through).toBeCloseTo(0.1, 1)
    expect(delivered).toBe(through + duplicated)
    expect(reordered / delivered).toBeCloseTo(0.2, 1)
    expect(corrupted / delivered).toBeCloseTo(0.05, 1)
    expect(b.got.filter(g => `${g.bytes}` !== '1,2,3,4').length).toBe(corrupted)
  })

  test('Gilbert-Elliott loses in bursts of the asked length', () => {
    const { net, a, b } = pair({ link: { loss: { enter: 0.02, leave: 0.2 } } })
    const n = 20_000
    for (let i = 0; i < n; i++) net.at(i, () => a.send(B, i >> 8, i & 255))
    net.run(n)
    const numbers = b.got.map(g => g.bytes[0]! * 256 + g.bytes[1]!)
    const bursts = numbers
      .slice(1)
      .map((x, i) => x - numbers[i]! - 1)
      .filter(gap => gap > 0)
    expect(bursts.reduce((s, x) => s + x, 0) / bursts.length).toBeCloseTo(5, 0)
    expect(net.counters.lost / n).toBeGreaterThan(0.06)
    expect(net.counters.lost / n).toBeLessThan(0.13)
  })

  test('bandwidth spreads datagrams out, and a full queue drops the last', () => {
    const { net, a, b } = pair({ link: { bandwidth: 1000, queue: 50 } })
    for (let i = 0; i < 10; i++) a.send(B, ...Array.from({ length: 10 }, () => i))
    net.run(10_000)
    expect(b.got.map(g => g.at)).toEqual([10, 20, 30, 40, 50])
    expect(net.counters.overflowed).toBe(5)
  })

  test('what is over the MTU is lost', () => {
    const { net, a, b } = pair({ link: { mtu: 4 } })
    a.send(B, 1, 2, 3, 4)
    a.send(B, 1, 2, 3, 4, 5)
    net.run(1)
    expect(b.got.length).toBe(1)
    expect(net.counters.tooLarge).toBe(1)
  })

  test('a link of its own for one direction, changed while running', () => {
    const { net, a, b } = pair({ link: { latency: 10 } })
    net.link('10.0.0.1', '10.0.0.2', { latency: 100 })
    a.send(B, 1)
    b.send(A, 2)
    net.run(1000)
    net.link(A, B, { latency: 1 })
    a.send(B, 3)
    net.run(2000)
    expect([a.got[0]!.at, b.got[0]!.at, b.got[1]!.at]).toEqual([10, 100, 1001])
  })
})

test('datagrams of one moment arrive as one batch, up to its size', () => {
  const { net, a, b } = pair({ link: { latency: 1 }, batch: 8 })
  for (let i = 0; i < 20; i++) a.send(B, i)
  net.run(10)
  expect(b.batches).toEqual([8, 8, 4])
  expect(b.got.map(g => g.bytes[0])).toEqual(Array.from({ length: 20 }, (_, i) => i))
})

test('borrowed bytes are overwritten after the call, kept ones are not', () => {
  const { net, a, b } = pair()
  a.send(B, 1, 2, 3)
  net.run(1)
  expect([...b.kept!]).toEqual([0xdd, 0xdd, 0xdd])
  b.keep = true
  a.send(B, 4, 5, 6)
  net.run(2)
  a.send(B, 7, 8, 9)
  const kept = b.kept!
  net.run(3)
  expect([...kept]).toEqual([4, 5, 6])
})

test('a partition stops everything both ways until it heals', () => {
  const { net, a, b } = pair()
  const heal = net.partition([A], ['10.0.0.2'])
  a.send(B, 1)
  b.send(A, 1)
  net.run(5)
  heal()
  a.send(B, 2)
  net.run(10)
  expect([a.got.length, b.got.map(g => g.bytes)]).toEqual([0, [[2]]])
})

test('a machine that moves is heard under its new address and not at its old one', () => {
  const { net, a, b, socketA } = pair()
  a.send(B, 1)
  net.run(1)
  socketA.move('10.9.9.9:9')
  a.send(B, 2)
  b.send(A, 3)
  b.send('10.9.9.9:9', 4)
  net.run(2)
  expect(b.got.map(g => g.from)).toEqual([A, '10.9.9.9:9'])
  expect(a.got.map(g => g.bytes)).toEqual([[4]])
  expect(b.unreached).toEqual([`${A} nobody listens there`])
  expect(() => socketA.move(B)).toThrow('taken in this network')
})

test('a closed or removed machine leaves the network', () => {
  const { net, a, b, socketA } = pair()
  b.closed = true
  net.run(1)
  a.send(B, 1)
  net.run(2)
  expect(a.unreached.length).toBe(1)
  socketA.remove()
  a.send(B, 2)
  net.run(3)
  expect(net.counters.sent).toBe(1)
})

test('deadlines are kept in order, and one that stays in the past is found out', () => {
  const net = new SimNetwork({ seed: 5, start: 1000 })
  const woken: number[] = []
  const clock = (step: number) => {
    const m = new Plain()
    m.deadline = instant(1000 + step)
    m.wake = now => {
      woken.push(now)
      m.deadline = instant(now + step)
    }
    return m
  }
  net.datagram(A, clock(30))
  net.datagram(B, clock(50))
  net.run(1150)
  expect(woken).toEqual([1030, 1050, 1060, 1090, 1100, 1120, 1150, 1150])
  expect(net.now).toBe(1150)
  const stuck = new Plain()
  stuck.deadline = instant(0)
  net.datagram('10.0.0.3:3', stuck)
  expect(() => net.run(2000)).toThrow('does not get past 1150 ms (seed 5)')
})

test('runUntil stops as soon as it holds and says when it did not', () => {
  const { net, a, b } = pair({ link: { latency: 10 } })
  for (let i = 0; i < 5; i++) net.at(i * 100, () => a.send(B, i))
  expect(net.runUntil(() => b.got.length === 3, 1000)).toBe(true)
  expect(net.now).toBe(210)
  expect(net.runUntil(() => b.got.length === 9, 1000)).toBe(false)
})

test('an application that waits with promises is heard between two happenings', async () => {
  const { net, a, b } = pair({ link: { latency: 10 } })
  const arrival = async () => {
    const before = b.got.length
    while (b.got.length === before) await undefined
  }
  const said: number[] = []
  const application = async () => {
    for (let i = 0; i < 3; i++) {
      a.send(B, i)
      await arrival()
      said.push(net.now)
    }
  }
  let over = false
  void application().then(() => {
    over = true
  })
  expect(await net.play(() => over, 1000)).toBe(true)
  expect(said).toEqual([10, 20, 30])
  expect(await net.play(() => false, 1000)).toBe(false)
})

test('random numbers fill their range evenly and forks are independent of the order of draws', () => {
  const random = new SimRandom(42)
  const counts = new Array(10).fill(0)
  for (let i = 0; i < 10_000; i++) counts[random.below(10)]++
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150)
  expect(new SimRandom(42).fork('x').bytes(7)).toEqual(random.fork('x').bytes(7))
  expect(new SimRandom(42).fork('y').bytes(7)).not.toEqual(random.fork('x').bytes(7))
})
