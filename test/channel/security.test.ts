// What a peer may do to a connection's channels, honest but unlucky or not honest at all. Numbers in brackets are those
// of the security review of the wire formats.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Budget } from '../../runtime/channel/budget.ts'
import type { ChannelHost } from '../../runtime/channel/host.ts'
import { ChannelSet } from '../../runtime/channel/set.ts'
import type { ChannelDescriptor } from '../../runtime/core/protocol.ts'
import { BAD, numbered, numberOf, pair, run } from './delivery.ts'
import { channel, fragment, MTU, WIDE } from './peer.ts'

const ORDERED = channel('ordered', 'reliable-ordered')

/** A set whose peer is the test. */
function alone(channels: readonly ChannelDescriptor[], more: { room?: () => boolean; budgets?: Budget[] } = {}) {
  const sent: { channel: number; seq: number; index: number | undefined; kind: string; at: number }[] = []
  const delivered: Uint8Array[] = []
  const state = {
    failure: undefined as string | undefined,
    settled: 0,
    dropped: 0,
    held: 0,
    acks: [] as number[],
    now: 0,
  }
  const host: ChannelHost<Uint8Array> = {
    transmit(place, message, { seq, fragment: piece }, kind) {
      if (more.room?.() === false) return 0
      sent.push({ channel: place, seq, index: piece?.index, kind, at: state.now })
      return piece === undefined ? message.length : piece.to - piece.from
    },
    deliver: (_, message) => void delivered.push(message),
    hold(_, message) {
      state.held++
      return message
    },
    acknowledge(place) {
      state.acks.push(set.acks(place).ack)
      set.carried(place)
      return true
    },
    settled: () => void state.settled++,
    dropped: () => void state.dropped++,
    ready() {},
    failed: (code, text) => void (state.failure = `${code}: ${text}`),
    cutSize: (_, message) => message.length,
    cutBytes: (_, message) => message,
    join: (_, __, payload) => payload,
  }
  const set: ChannelSet<Uint8Array> = new ChannelSet({
    channels,
    numbers: WIDE,
    host,
    mtu: MTU,
    handshakeRtt: 50,
    ...(more.budgets && { budgets: more.budgets }),
  })
  return { set, sent, delivered, state }
}

test('[2] a lost acknowledgement is repaired when the retransmission arrives: delivered once, acknowledged twice', () => {
  const { set, delivered, state } = alone([ORDERED])
  for (const now of [0, 200]) {
    set.receive(now, 0, 1, undefined, numbered(1, 8), 8)
    set.wake(now + 30)
  }
  expect(delivered.length).toBe(1)
  expect(state.acks).toEqual([1, 1])
  expect(state.failure).toBeUndefined()
})

test('[37] a reorder buffer that honest loss fills twenty times in 5 s costs messages a second way, never the connection', () => {
  const small = channel('ordered', 'reliable-ordered', { reorder: { messages: 256, bytes: 2000 } })
  // The sender's schema is another one, or it would not send so far ahead.
  const made = pair(5, { ...BAD, loss: 0.15 }, [ORDERED], {}, [small])
  const outcome = run(made, 3000, () => 200)
  expect(outcome).toMatchObject({ delivered: 3000, repeated: 0, broken: 0, late: 0, failure: undefined })
  expect(made.b.set.counters.refused).toBeGreaterThan(20)
})

test('[43] the very first message is lost, and its acknowledgement field of 0 acknowledges nothing', () => {
  const { set, sent, state } = alone([ORDERED])
  set.send(0, 0, numbered(1, 8), 8)
  set.acked(10, 0, 0, 0, 0)
  expect(set.unsettled).toBe(1)
  while (sent.length < 2) set.wake(set.deadline)
  expect(sent.map(one => [one.seq, one.kind])).toEqual([
    [1, 'first'],
    [1, 'again'],
  ])
  set.acked(400, 0, 1, 0, 0)
  expect([state.settled, set.unsettled, state.failure]).toEqual([1, 0, undefined])
  expect(set.deadline).toBe(Infinity)
})

test('[44] a receiver that acknowledges what is still on its way gets no more than a window for each handshake round trip', () => {
  for (const congestion of ['newreno', 'cubic'] as const) {
    const { set, sent, state } = alone([{ ...ORDERED, congestion }])
    const body = numbered(1, 1000)
    let most = 0
    for (let now = 0; now < 3000; now++) {
      state.now = now
      while (set.send(now, 0, body, body.length) !== 'refused') {}
      // Everything is acknowledged the moment it is sent.
      const top = sent.reduce((highest, { seq }) => Math.max(highest, seq), 0)
      if (top > 64) set.acked(now, 0, top, -1, -1)
      else for (let one = 1; one <= top; one++) set.acked(now, 0, one, 0, 0)
      set.wake(now)
      most = Math.max(most, set.path.window)
    }
    // Over any 500 ms: the largest window a round trip, and the burst of ten datagrams.
    for (let from = 0; from < 2500; from += 100) {
      const bytes = sent.filter(one => one.at >= from && one.at < from + 500).length * 1000
      expect(bytes).toBeLessThanOrEqual((most * 500) / 50 + 11 * MTU)
    }
    expect(state.failure).toBeUndefined()
  }
})

test('[44] acknowledging what was never sent ends the connection, once, and nothing happens after it', () => {
  for (const [ack, lo, hi] of [
    [4, 0, 0],
    [2 ** 31, 0, 0],
    [2 ** 32 - 1, 0, 0],
    [3, 0b100, 0],
    [2, 0, 1],
  ] as const) {
    const { set, sent, state } = alone([ORDERED])
    for (let n = 1; n <= 3; n++) set.send(0, 0, numbered(n, 8), 8)
    set.acked(10, 0, ack, lo, hi)
    expect(state.failure).toMatch(/^WrongState: /)
    expect(state.dropped + state.settled).toBe(3)
    expect(set.send(20, 0, numbered(4, 8), 8)).toBe('refused')
    set.acked(20, 0, 3, 3, 0)
    set.wake(1e6)
    expect([sent.length, set.deadline, set.unsettled]).toEqual([3, Infinity, 0])
  }
})

test('[46] 65,536 unfinished messages hold no more bytes than the schema says, and end no connection', () => {
  const bounds = fragment({ pieces: 255, bytesPerPeer: 100_000, sessions: 50 })
  for (const delivery of ['unreliable', 'reliable'] as const) {
    const budgets = [new Budget(1e9)]
    const { set, state, delivered } = alone(
      [channel('one', delivery, { fragment: bounds, reorder: { messages: 256, bytes: 50_000 } })],
      { budgets },
    )
    const piece = numbered(1, 1000)
    let most = 0
    for (let n = 0; n < 65_536 && state.failure === undefined; n++) {
      // Every third number: the first piece of a message of three.
      set.receive(n / 10, 0, 1 + 3 * (n % 80), { id: n & 65_535, index: 0, count: 3 }, piece, 1000)
      most = Math.max(most, budgets[0]!.used)
    }
    expect(state.failure).toBeUndefined()
    expect(most).toBeLessThanOrEqual(150_000)
    expect(delivered.length).toBe(0)
  }
})

test('[46] a count that changes ends the connection', () => {
  for (const delivery of ['unreliable', 'unreliable-sequenced', 'reliable'] as const) {
    const { set, state } = alone([channel('one', delivery, { fragment: fragment() })])
    set.receive(0, 0, 2, { id: 0, index: 1, count: 3 }, numbered(1, 1000), 1000)
    set.receive(0, 0, 3, { id: 0, index: 2, count: 4 }, numbered(1, 1000), 1000)
    expect(state.failure).toMatch(/^BadValue/)
  }
})

test('[46] pieces of an ordered message that contradict each other end the connection, and free what they took', () => {
  const budgets = [new Budget(1e9)]
  const cases: [number, { id: number; index: number; count: number } | undefined][][] = [
    [
      [1, { id: 1, index: 0, count: 3 }],
      [2, { id: 1, index: 1, count: 4 }],
    ],
    [
      [1, { id: 1, index: 0, count: 3 }],
      [2, { id: 1, index: 2, count: 3 }],
    ],
    [
      [1, { id: 1, index: 0, count: 3 }],
      [2, undefined],
    ],
    [
      [2, { id: 1, index: 1, count: 3 }],
      [3, undefined],
      [1, { id: 1, index: 0, count: 3 }],
    ],
    [[1, { id: 1, index: 1, count: 3 }]],
    [[1, { id: 1, index: 5, count: 3 }]],
    [[1, { id: 1, index: 0, count: 0 }]],
    [[1, { id: 1, index: 0, count: 65_000 }]],
  ]
  for (const frames of cases) {
    const { set, state, delivered } = alone(
      [channel('one', 'reliable-ordered', { fragment: fragment({ pieces: 255 }) })],
      { budgets },
    )
    for (const [seq, piece] of frames) set.receive(0, 0, seq, piece, numbered(1, 1000), 1000)
    expect(state.failure).toMatch(/^BadValue/)
    expect(delivered.length).toBe(0)
    expect(budgets[0]!.used).toBe(0)
  }
})

test('[46] memory follows the bytes that came, not what a piece declares', () => {
  const budgets = [new Budget(1e9)]
  const { set } = alone([channel('one', 'reliable-ordered', { fragment: fragment() })], { budgets })
  set.receive(0, 0, 1, { id: 1, index: 0, count: 65_535 }, numbered(1, 1000), 1000)
  expect(budgets[0]!.used).toBe(1000)
  for (let n = 2; n <= 100; n++) set.receive(0, 0, n, { id: 1, index: n - 1, count: 65_535 }, numbered(1, 1000), 1000)
  expect(budgets[0]!.used).toBeLessThanOrEqual(200_000)
  set.end()
  expect(budgets[0]!.used).toBe(0)
})

test('a budget that all connections share refuses pieces without acknowledging them, and they arrive when there is room', () => {
  const shared = new Budget(70_000)
  const one = channel('one', 'reliable-ordered', { fragment: fragment(), queue: { ...ORDERED.queue, bytes: 1e7 } })
  const made = pair(3, { latency: 10 }, [one], { budgets: [shared] })
  shared.owe(60_000)
  made.network.at(3000, () => shared.give(60_000))
  const outcome = run(made, 3, () => 50_000)
  expect(outcome).toMatchObject({ delivered: 3, repeated: 0, broken: 0, failure: undefined })
  expect(made.b.set.counters.refused).toBeGreaterThan(0)
  expect(shared.used).toBe(0)
})

test('[51] a blackout of 10 s ends no connection, and traffic resumes within 3 s', () => {
  for (const congestion of ['newreno', 'cubic', 'none'] as const)
    for (const every of [5, 400, 9000]) {
      const made = pair(2, { latency: 25, loss: 0.02 }, [channel('one', 'reliable-ordered', { congestion })])
      const arrivals: number[] = []
      const { network, a, b } = made
      let heal: () => void = () => {}
      network.at(5000, () => {
        heal = network.partition()
      })
      network.at(15_000, () => heal())
      b.onDeliver = (_, __, now) => arrivals.push(now)
      let next = 0
      const feed = () => {
        if (network.now > 20_000) return
        a.send(network.now, 0, numbered(next++, 100))
        network.at(network.now + every, feed)
      }
      network.at(1000, feed)
      // Something is on its way when the lights go out.
      network.at(4999, () => void a.send(network.now, 0, numbered(next++, 100)))
      network.run(60_000)
      expect([congestion, every, a.failure, b.failure]).toEqual([congestion, every, undefined, undefined])
      expect(arrivals.length).toBe(a.set.counters.sent)
      expect(arrivals.some(at => at > 5100 && at < 15_000)).toBe(false)
      expect(arrivals.find(at => at >= 15_000)!).toBeLessThan(18_000)
      expect(a.set.unsettled).toBe(0)
    }
})

test('a peer that is gone for good is given up, but not before the schema has waited', () => {
  const { set, sent, state } = alone([ORDERED])
  set.send(0, 0, numbered(1, 8), 8)
  let now = 0
  while (state.failure === undefined && now < 1e6) {
    now = set.deadline
    set.wake(now)
  }
  expect(state.failure).toMatch(/^Timeout/)
  // 100 ms doubled up to 5 s, twelve times: 41 s.
  expect(now).toBeGreaterThan(40_000)
  expect(now).toBeLessThan(46_000)
  expect(sent.length).toBeGreaterThan(12)
  expect(state.dropped).toBe(1)
})

test('[52] after 40,000 losses in a row on a sequenced channel the next message is delivered', () => {
  const { set, delivered } = alone([channel('one', 'unreliable-sequenced')])
  set.receive(0, 0, 1, undefined, numbered(1, 8), 8)
  expect(set.receive(0, 0, 40_002, undefined, numbered(2, 8), 8)).toBe('delivered')
  expect(set.receive(0, 0, 40_001, undefined, numbered(3, 8), 8)).toBe('late')
  expect(set.receive(0, 0, 2, undefined, numbered(3, 8), 8)).toBe('late')
  expect(delivered.map(numberOf)).toEqual([1, 2])
})

test('numbers go on over the 32-bit edge, and 0 is left out', () => {
  const { set, delivered } = alone([channel('one', 'unreliable-sequenced')])
  for (const seq of [2 ** 31 - 5, 2 ** 32 - 20, 2 ** 32 - 1, 1, 2]) set.receive(0, 0, seq, undefined, numbered(1, 8), 8)
  expect(delivered.length).toBe(5)
})

test('whatever a peer sends, nothing throws and what is held stays bounded', () => {
  const frame = fc.record({
    channel: fc.nat({ max: 3 }),
    seq: fc.oneof(fc.nat({ max: 600 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    ack: fc.option(
      fc.record({
        ack: fc.oneof(fc.nat({ max: 5 }), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
        lo: fc.integer(),
        hi: fc.integer(),
      }),
      { freq: 4 },
    ),
    piece: fc.option(fc.record({ id: fc.nat({ max: 3 }), index: fc.nat({ max: 5 }), count: fc.nat({ max: 5 }) }), {
      freq: 3,
    }),
    size: fc.nat({ max: 1200 }),
  })
  const bounds = fragment({ pieces: 4, bytesPerPeer: 20_000, sessions: 10 })
  const reorder = { messages: 64, bytes: 20_000 }
  const channels = (['reliable-ordered', 'reliable', 'unreliable', 'unreliable-sequenced'] as const).map(delivery =>
    channel(delivery, delivery, { fragment: bounds, reorder }),
  )
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 200 }), frames => {
      const budgets = channels.map(() => new Budget(1e9))
      const { set, state } = alone(channels, { budgets })
      for (let place = 0; place < 4; place++) set.send(0, place, numbered(1, 3000), 3000)
      let now = 0
      for (const { channel: place, seq, ack, piece, size } of frames) {
        if (ack) set.acked(now, place, ack.ack, ack.lo, ack.hi)
        set.receive(now, place, seq, piece ?? undefined, new Uint8Array(size), size)
        set.wake((now += 7))
        for (const { used } of budgets) expect(used).toBeLessThanOrEqual(45_000)
      }
      if (state.failure !== undefined) for (const { used } of budgets) expect(used).toBe(0)
    }),
    { numRuns: 200 },
  )
})
