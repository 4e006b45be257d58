// Reliable channels whose schema says `retransmit: none`, for peers that send everything once: nothing wedges.
import { expect, test } from 'vitest'
import { BAD, pair, run } from './delivery.ts'
import { channel, fragment } from './peer.ts'

test('what is lost is dropped, and an ordered channel goes on without it, still once and in order', () => {
  for (const delivery of ['reliable-ordered', 'reliable'] as const)
    for (const size of [20, 5000]) {
      const one = channel('one', delivery, { retransmit: undefined, congestion: 'none', fragment: fragment() })
      const made = pair(6, { ...BAD, loss: 0.1 }, [one])
      const outcome = run(made, 1000, n => 20 + ((n * 7919) % size), { every: 5 })
      expect(outcome).toMatchObject({ repeated: 0, broken: 0, failure: undefined })
      if (delivery === 'reliable-ordered') expect(outcome.late).toBe(0)
      expect(outcome.delivered).toBeGreaterThan(size > 1000 ? 500 : 800)
      expect(made.a.set.counters.retransmitted + made.a.set.counters.probes).toBe(0)
      expect(made.a.settledCount + made.a.droppedCount).toBe(1000)
    }
})

test('a window of one message is free again when its acknowledgement does not come', () => {
  const one = channel('one', 'reliable-ordered', { retransmit: undefined, congestion: 'none', window: 1 })
  const { network, a, b } = pair(1, { latency: 5 }, [one])
  const heal = network.partition()
  network.at(1, () => void a.send(1, 0, new Uint8Array(8)))
  network.at(2, () => void a.send(2, 0, new Uint8Array(8)))
  network.at(3000, heal)
  let count = 0
  b.onDeliver = () => count++
  network.run(10_000)
  expect([count, a.droppedCount, a.settledCount, a.set.unsettled, a.failure]).toEqual([1, 1, 1, 0, undefined])
})

test('without ack in its schema a channel sends no acknowledgements by itself', () => {
  const one = channel('one', 'reliable', { ack: undefined })
  const { network, a, b } = pair(1, { latency: 5, duplicate: 0.5 }, [one])
  network.at(1, () => void a.send(1, 0, new Uint8Array(8)))
  network.run(1000)
  expect(b.ackFrames).toBe(0)
})
