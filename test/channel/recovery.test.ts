// How losses are noticed and repaired: by later arrivals, by a probe, and never by mistake for long.
import { expect, test } from 'vitest'
import { numbered, numberOf, type Pair, pair, run } from './delivery.ts'
import { channel } from './peer.ts'

const ORDERED = channel('ordered', 'reliable-ordered')

/** Sends one message each `every` milliseconds for a second; the link loses those of the numbers in `lose`. When each came. */
function arrivals({ network, a, b }: Pair, every: number, lose: readonly number[]): Map<number, number> {
  const times = new Map<number, number>()
  b.onDeliver = (_, message, now) => times.set(numberOf(message), now)
  let n = 0
  const tick = () => {
    const heal = lose.includes(n) ? network.partition() : undefined
    a.send(network.now, 0, numbered(n++, 100))
    network.touch()
    heal?.()
    if (network.now < 1000) network.at(network.now + every, tick)
  }
  network.at(0, tick)
  network.run(20_000)
  return times
}

test('a single loss in a flow is repaired as soon as three later messages are acknowledged, without a timer', () => {
  const made = pair(1, { latency: 50 }, [ORDERED])
  const times = arrivals(made, 2, [20])
  // Sent at 40; the third one after it at 46, acknowledged at 146; there again at 196.
  expect(times.get(20)).toBeGreaterThan(195)
  expect(times.get(20)).toBeLessThan(200)
  expect(made.a.set.counters).toMatchObject({ retransmitted: 1, probes: 0 })
})

test('in a slow flow a loss is noticed by time: 9/8 of a round trip before something that arrived', () => {
  const made = pair(1, { latency: 10 }, [ORDERED])
  const times = arrivals(made, 50, [5])
  // Sent at 250; that of 300 is acknowledged at 320, 25 ms of which may be the receiver's delay.
  expect(times.get(5)).toBeLessThan(360)
  expect(made.a.set.counters.probes).toBe(0)
})

test('the last message of a flow is repaired by a probe, a timeout after it was sent', () => {
  const made = pair(1, { latency: 20 }, [ORDERED])
  const times = arrivals(made, 100, [10])
  // Sent at 1000; the least timeout is 100 ms, and the peer may delay its acknowledgement by 25 ms.
  expect(times.get(10)).toBeGreaterThan(1100)
  expect(times.get(10)).toBeLessThan(1200)
  expect(made.a.set.counters.probes).toBe(1)
})

test('where the network only reorders, hardly anything is sent twice once that is known', () => {
  for (const [reorder, reorderBy] of [
    [0.2, 30],
    [0.5, 30],
    [0.05, 60],
  ] as const) {
    const made = pair(1, { latency: 40, reorder, reorderBy }, [ORDERED])
    const outcome = run(made, 10_000, () => 1000)
    expect(outcome).toMatchObject({ delivered: 10_000, repeated: 0, late: 0 })
    expect(made.a.set.counters.retransmitted).toBeLessThan(1000)
    expect(made.a.set.path.window).toBeGreaterThan(20_000)
  }
})

test('a round trip that grows from 40 ms to 2 s is learned, and the connection lives', () => {
  const made = pair(1, { latency: 20 }, [ORDERED])
  const { network, a, b } = made
  let count = 0
  b.onDeliver = () => count++
  let n = 0
  const tick = () => {
    a.send(network.now, 0, numbered(n++, 100))
    if (n < 1200) network.at(network.now + 50, tick)
  }
  network.at(0, tick)
  network.at(5000, () => network.linkBoth('a', 'b', { latency: 1000 }))
  network.run(59_000)
  expect(a.failure).toBeUndefined()
  expect(a.set.path.rtt).toBeGreaterThan(1500)
  const before = a.set.counters.retransmitted + a.set.counters.probes
  network.run(80_000)
  expect(count).toBe(1200)
  // Learned: hardly anything is repeated any more.
  expect(a.set.counters.retransmitted + a.set.counters.probes - before).toBeLessThan(20)
})

test('one message at a time learns a longer round trip too, although each was sent again before its answer came', () => {
  const made = pair(1, { latency: 20 }, [ORDERED])
  const { network, a } = made
  let n = 0
  const again: number[] = []
  a.onSettled = () => {
    again.push(a.set.counters.probes + a.set.counters.retransmitted)
    if (n < 60) a.send(network.now, 0, numbered(n++, 100))
  }
  network.at(0, () => void a.send(0, 0, numbered(n++, 100)))
  network.at(1000, () => network.linkBoth('a', 'b', { latency: 900 }))
  network.run(150_000)
  expect([n, a.set.unsettled, a.failure]).toEqual([60, 0, undefined])
  expect(a.set.path.rtt).toBeGreaterThan(1500)
  expect(again.at(-1)! - again.at(-20)!).toBe(0)
})

test('losses that arrive after all give the window back', () => {
  const made = pair(1, { latency: 40 }, [ORDERED], { tolerate: 0 })
  const { network, a, b, touch } = made
  b.onDeliver = () => {}
  let n = 0
  const feed = () => {
    while (n < 3000 && a.send(network.now, 0, numbered(n, 1000)) !== 'refused') n++
  }
  a.onReady = feed
  feed()
  touch()
  network.run(300)
  const window = a.set.path.window
  // For a moment datagrams overtake each other by 30 ms.
  network.linkBoth('a', 'b', { latency: 40, reorder: 0.5, reorderBy: 30 })
  network.run(400)
  network.linkBoth('a', 'b', { latency: 40, reorder: 0 })
  network.run(700)
  expect(b.set.counters.duplicates).toBeGreaterThan(0)
  expect(a.set.path.window).toBeGreaterThanOrEqual(window)
})
