// One row of numbers for all channels of a connection, as published formats have it.
import { expect, test } from 'vitest'
import type { NumberWidths } from '../../runtime/channel/host.ts'
import { numbered, numberOf, type Pair, pair } from './delivery.ts'
import { channel, type Peer } from './peer.ts'

const ROW: NumberWidths = { seqBits: 16, ackBits: 32, seqSpace: 'connection', first: 0 }
const ONCE = { retransmit: undefined, congestion: 'none' } as const
const FOUR = [
  channel('ordered', 'reliable-ordered', ONCE),
  channel('unreliable', 'unreliable'),
  channel('unordered', 'reliable', ONCE),
  channel('sequenced', 'unreliable-sequenced'),
]

/** Sends messages on the four channels in turn, one each millisecond; what arrived on each, and how late at most. */
function talk({ network, a, b }: Pair, count: number) {
  const arrived: number[][] = [[], [], [], []]
  let latest = 0
  b.onDeliver = (place, message, now) => {
    const n = numberOf(message)
    arrived[place]!.push(n)
    latest = Math.max(latest, now - n)
  }
  for (let n = 0; n < count; n++) network.at(n, () => void a.send(n, n % 4, numbered(n, 20)))
  network.run(count + 20_000)
  return { arrived, latest }
}

const inTurn = (place: number, count: number) => Array.from({ length: count / 4 }, (_, i) => 4 * i + place)

test('without loss four channels in one row deliver everything at once: what others used is not missing', () => {
  const made = pair(1, { latency: 10 }, FOUR, { numbers: ROW })
  const { arrived, latest } = talk(made, 4000)
  for (const place of [0, 1, 2, 3]) expect(arrived[place]).toEqual(inTurn(place, 4000))
  expect(latest).toBeLessThan(11)
  expect([made.a.settledCount, made.a.droppedCount, made.a.set.unsettled, made.a.failure]).toEqual([
    2000,
    0,
    0,
    undefined,
  ])
})

test('with loss and reorder nothing comes twice, order holds, and a hole delays an ordered channel a quarter of a second', () => {
  for (const seed of [1, 2, 3]) {
    const made = pair(seed, { latency: 10, loss: 0.05, reorder: 0.2, reorderBy: 10, duplicate: 0.1 }, FOUR, {
      numbers: ROW,
    })
    const { arrived, latest } = talk(made, 4000)
    for (const place of [0, 1, 2, 3]) {
      expect(new Set(arrived[place]).size).toBe(arrived[place]!.length)
      expect(arrived[place]!.length).toBeGreaterThan(place === 3 ? 600 : 900)
    }
    for (const place of [0, 3]) expect(arrived[place]).toEqual([...arrived[place]!].sort((x, y) => x - y))
    expect(latest).toBeLessThan(350)
    expect(made.a.settledCount + made.a.droppedCount).toBe(2000)
    expect([made.a.failure, made.b.failure]).toEqual([undefined, undefined])
  }
})

test('the row wraps on 16 bits', () => {
  const { network, a, b } = pair(1, { latency: 1 }, FOUR, { numbers: ROW })
  let count = 0
  b.onDeliver = () => count++
  for (let n = 0; n < 1400; n++)
    network.at(n, () => {
      for (let i = 0; i < 50; i++) a.send(n, n % 4, numbered(n, 20))
    })
  network.run(10_000)
  expect([count, a.settledCount, a.set.unsettled]).toEqual([70_000, 35_000, 0])
})

test('a sparing sender gives new numbers to ordered messages only, so that its peer sees no gaps there', () => {
  const made = pair(1, { latency: 10 }, FOUR, { numbers: { ...ROW, sparing: true } })
  const seen: [number, number][] = []
  spy(made.a, (place, seq) => seen.push([place, seq]))
  for (const place of [1, 0, 2, 0, 3, 1, 3, 0]) made.a.send(0, place, numbered(1, 20))
  expect(seen).toEqual([
    [1, 0],
    [0, 0],
    [2, 0],
    [0, 1],
    [3, 0],
    [1, 1],
    [3, 1],
    [0, 2],
  ])
  // Nothing can tell whether the unordered one arrives.
  expect(made.a.settledCount).toBe(1)
})

test('acknowledgements sweep over what has arrived where the profile asks for it', () => {
  const { a } = pair(1, {}, FOUR, { numbers: { ...ROW, ackSweep: 33 } })
  for (let n = 0; n < 100; n++) a.set.receive(0, 1, n, undefined, numbered(n, 8), 8)
  const acks = Array.from({ length: 5 }, () => {
    const { ack, lo } = a.set.acks(0)
    a.set.carried(0)
    return [ack, lo]
  })
  // 0..32, 33..65, 66..98, then the truth, and again.
  expect(acks).toEqual([
    [32, -1],
    [65, -1],
    [98, -1],
    [99, -1],
    [32, -1],
  ])
})

test('an acknowledgement of 0 before anything was sent means nothing; one of what was never sent ends the connection', () => {
  const { a } = pair(1, {}, FOUR, { numbers: ROW })
  a.set.acked(0, 0, 0, 0, 0)
  expect(a.failure).toBeUndefined()
  a.send(0, 0, numbered(1, 8))
  a.set.acked(0, 0, 1, 0, 0)
  expect(a.failure).toMatch(/^WrongState/)
})

test('retransmission in one row is refused by name', () => {
  expect(() => pair(1, {}, [channel('ordered', 'reliable-ordered')], { numbers: ROW })).toThrow(
    /ordered retransmits.*seq_space/,
  )
})

/** Looks at the numbers of what a peer sends. */
function spy(peer: Peer, look: (place: number, seq: number) => void): void {
  peer.onTransmit = look
}
