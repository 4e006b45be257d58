// What each delivery class promises, over bad networks on the virtual clock, for every seed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BAD, numbered, pair, run } from './delivery.ts'
import { channel, fragment } from './peer.ts'

const ORDERED = channel('ordered', 'reliable-ordered')

test('20,000 ordered messages arrive once and in order at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption', () => {
  const outcome = run(pair(1, BAD, [ORDERED]), 20_000, () => 16)
  expect(outcome).toMatchObject({ delivered: 20_000, repeated: 0, broken: 0, late: 0, failure: undefined })
})

test('reliable channels deliver everything once, in order where promised, whatever the network does', () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(),
        delivery: fc.constantFrom('reliable' as const, 'reliable-ordered' as const),
        loss: fc.double({ min: 0, max: 0.35, noNaN: true }),
        reorder: fc.double({ min: 0, max: 0.5, noNaN: true }),
        duplicate: fc.double({ min: 0, max: 0.3, noNaN: true }),
        latency: fc.constantFrom(0, 5, 40, 150),
        jitter: fc.constantFrom(0, 20),
        size: fc.constantFrom(8, 600, 5000, 30_000),
        ackBits: fc.constantFrom(32, 64),
        seqBits: fc.constantFrom(16, 32),
        congestion: fc.constantFrom('newreno' as const, 'cubic' as const, 'none' as const),
        room: fc.constantFrom(undefined, 3),
      }),
      ({ seed, delivery, size, ackBits, seqBits, congestion, room, ...network }) => {
        const channels = [channel('one', delivery, { congestion, fragment: fragment() })]
        const link = { ...network, reorderBy: 30, corrupt: 0.02 }
        const total = size > 1000 ? 40 : 300
        const numbers = { seqBits, ackBits }
        const outcome = run(pair(seed, link, channels, { numbers, room }), total, n => 8 + ((n * 7919) % size), {
          limit: 1e7,
        })
        expect(outcome).toMatchObject({ delivered: total, repeated: 0, broken: 0, failure: undefined })
        if (delivery === 'reliable-ordered') expect(outcome.late).toBe(0)
      },
    ),
    { numRuns: 40 },
  )
})

test('unreliable channels deliver nothing twice, and sequenced ones nothing old', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom('unreliable' as const, 'unreliable-sequenced' as const),
      fc.constantFrom(8, 4000),
      (seed, delivery, size) => {
        const outcome = run(
          pair(seed, BAD, [channel('one', delivery, { fragment: fragment() })]),
          300,
          n => 8 + ((n * 7919) % size),
          { every: 5 },
        )
        expect(outcome).toMatchObject({ repeated: 0, broken: 0, failure: undefined })
        expect(outcome.delivered).toBeGreaterThan(size > 1000 ? 20 : 100)
        if (delivery === 'unreliable-sequenced') expect(outcome.late).toBe(0)
      },
    ),
    { numRuns: 20 },
  )
})

test('without numbers on the wire an unreliable channel delivers whatever comes', () => {
  const numbers = { seqBits: 0, ackBits: 0 }
  const outcome = run(
    pair(4, { latency: 5, duplicate: 1 }, [channel('one', 'unreliable')], { numbers }),
    100,
    () => 8,
    { every: 1 },
  )
  expect(outcome).toMatchObject({ delivered: 200, repeated: 100, broken: 0 })
})

test('60 messages of 1 to 64 KiB arrive once and in order at 30 % loss', () => {
  const channels = [
    channel('one', 'reliable-ordered', { fragment: fragment(), queue: { ...ORDERED.queue, bytes: 4 * 1024 ** 2 } }),
  ]
  const total = 60
  const outcome = run(pair(7, BAD, channels), total, n => 1024 + ((n * 104_729) % (63 * 1024)))
  expect(outcome).toMatchObject({ delivered: total, repeated: 0, broken: 0, late: 0, failure: undefined })
})

test('a message of 16 MiB arrives on every class that can carry it', () => {
  for (const delivery of ['reliable-ordered', 'reliable', 'unreliable', 'unreliable-sequenced'] as const) {
    const channels = [
      channel('one', delivery, {
        window: 1024,
        reorder: { messages: 1024, bytes: 4 * 1024 ** 2 },
        congestion: delivery.startsWith('reliable') ? 'cubic' : 'none',
        fragment: fragment(),
        queue: { ...ORDERED.queue, bytes: 32 * 1024 ** 2 },
      }),
    ]
    const outcome = run(
      pair(1, { latency: 5, bandwidth: 100e6, queue: 32 * 1024 ** 2 }, channels),
      1,
      () => 16 * 1024 ** 2,
    )
    expect({ delivery, ...outcome }).toMatchObject({ delivery, delivered: 1, broken: 0, failure: undefined })
  }
})

test('narrow numbers wrap without loss', () => {
  // 10 bits: a window of at most 255, ten wraps.
  const outcome = run(pair(2, BAD, [ORDERED], { numbers: { seqBits: 10, ackBits: 32 } }), 10_000, () => 8)
  expect(outcome).toMatchObject({ delivered: 10_000, repeated: 0, broken: 0, late: 0, failure: undefined })
})

test('the same seed gives the same run', () => {
  const [one, two] = [0, 1].map(() => {
    const made = pair(11, BAD, [ORDERED])
    run(made, 500, () => 20)
    return made.network.transcript
  })
  expect(one).toBe(two)
})

test('messages on a channel that nothing blocks are sent at once, and their fields are read during the call', () => {
  const { a } = pair(1, {}, [ORDERED, channel('fast', 'unreliable')])
  expect(a.send(0, 0, numbered(1, 8))).toBe('sent')
  expect(a.send(0, 1, numbered(1, 8))).toBe('sent')
  expect(a.set.unsettled).toBe(1)
})
