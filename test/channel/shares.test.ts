// Who goes first when not everything can, what a full queue does, and what waits for what.
import { expect, test } from 'vitest'
import type { ChannelHost } from '../../runtime/channel/host.ts'
import { ChannelSet } from '../../runtime/channel/set.ts'
import type { ChannelDescriptor } from '../../runtime/core/protocol.ts'
import { numbered, pair } from './delivery.ts'
import { channel, fragment, MTU, WIDE } from './peer.ts'

const QUEUE = { in: 256, out: 256, bytes: 1024 ** 2, full: 'backpressure', rejectOversize: true } as const

/** A set over a host with room for so many messages. */
function narrow(channels: readonly ChannelDescriptor[], handshakeRtt?: number) {
  const state = { room: 0, sent: [] as number[], dropped: [] as Uint8Array[], ready: [] as number[], failure: '', measured: 0 }
  const host: ChannelHost<Uint8Array> = {
    transmit(place, message, { fragment: piece }) {
      if (state.room === 0) return 0
      state.room--
      state.sent.push(place)
      return piece === undefined ? message.length : piece.to - piece.from
    },
    deliver() {},
    hold: (_, message) => message,
    acknowledge: () => true,
    settled() {},
    dropped: (_, message) => void state.dropped.push(message),
    ready: place => void state.ready.push(place),
    priority: (_, message) => message[8] ?? 0,
    measure: () => void state.measured++,
    failed: code => void (state.failure = code),
    cutSize: (_, message) => message.length,
    cutBytes: (_, message) => message,
    join: (_, __, payload) => payload,
  }
  return { state, set: new ChannelSet<Uint8Array>({ channels, numbers: WIDE, host, mtu: MTU, handshakeRtt }) }
}

test('while there is room for few, channels share it by priority and none starves', () => {
  for (const delivery of ['unreliable', 'reliable'] as const) {
    const channels = [0, 1, 3].map(priority => channel(`p${priority}`, delivery, { priority, congestion: 'none' }))
    const { set, state } = narrow(channels)
    const body = numbered(1, 600)
    for (let turn = 0; turn < 1000; turn++) {
      for (let place = 0; place < 3; place++) while (set.send(0, place, body, body.length) !== 'refused') {}
      state.room = 3
      set.pump(0)
      // Acknowledge all, so that only the room is short.
      if (delivery === 'reliable')
        for (let place = 0; place < 3; place++) {
          const count = state.sent.filter(one => one === place).length
          for (let n = Math.max(1, count - 5); n <= count; n++) set.acked(0, place, n, 0, 0)
        }
    }
    const [low, middle, high] = [0, 1, 2].map(place => state.sent.filter(one => one === place).length) as [
      number,
      number,
      number,
    ]
    expect(low + middle + high).toBe(3000)
    // 1 : 2 : 8.
    expect(low / 3000).toBeCloseTo(1 / 11, 1)
    expect(middle / low).toBeCloseTo(2, 0)
    expect(high / low).toBeGreaterThan(7)
    expect(high / low).toBeLessThan(9)
  }
})

test('where a field holds the priority, the next message of a channel says what its share is', () => {
  const field = { path: 'priority', get: () => 0, set: () => {} }
  const { set, state } = narrow(['low', 'high'].map(name => channel(name, 'unreliable', { priority: field })))
  const bodies = [0, 2].map(priority => Uint8Array.from(numbered(1, 600)).fill(priority, 8, 9))
  for (let turn = 0; turn < 1000; turn++) {
    for (const place of [0, 1]) while (set.send(0, place, bodies[place]!, 600) !== 'refused') {}
    state.room = 2
    set.pump(0)
  }
  expect(state.sent.filter(place => place === 1).length / state.sent.length).toBeCloseTo(0.8, 1)
})

test('a large message does not keep a small one on another channel waiting', () => {
  const { set, state } = narrow([
    channel('bulk', 'reliable-ordered', {
      fragment: fragment(),
      congestion: 'none',
      window: 10_000,
      reorder: { messages: 10_000, bytes: 1e8 },
      queue: { ...QUEUE, bytes: 1e8 },
    }),
    channel('chat', 'reliable-ordered', { congestion: 'none' }),
  ])
  set.send(0, 0, new Uint8Array(5_000_000), 5_000_000)
  set.send(0, 1, numbered(1, 20), 20)
  state.room = 4
  set.pump(0)
  expect(state.sent.slice(0, 3)).toContain(1)
})

test('queues do what the schema says when they are full', () => {
  const body = numbered(1, 100)
  const full = (rule: ChannelDescriptor['queue']['full']) =>
    narrow([channel('one', 'reliable-ordered', { queue: { ...QUEUE, out: 3, full: rule } })])
  const fill = ({ set }: ReturnType<typeof narrow>) => [1, 2, 3].map(() => set.send(0, 0, body, 100))

  const waiting = full('backpressure')
  expect(fill(waiting)).toEqual(['queued', 'queued', 'queued'])
  expect(waiting.set.send(0, 0, body, 100)).toBe('refused')
  waiting.state.room = 1
  waiting.set.pump(0)
  expect(waiting.state.ready).toEqual([])
  waiting.state.room = 5
  waiting.set.pump(0)
  expect(waiting.state.ready).toEqual([0])

  const newest = full('drop-newest')
  fill(newest)
  expect(newest.set.send(0, 0, body, 100)).toBe('dropped')
  expect(newest.state.dropped.length).toBe(0)

  const oldest = full('drop-oldest')
  const first = numbered(9, 100)
  oldest.set.send(0, 0, first, 100)
  fill(oldest)
  expect(oldest.state.dropped).toEqual([first])

  const close = full('close')
  fill(close)
  expect(close.set.send(0, 0, body, 100)).toBe('refused')
  expect(close.state.failure).toBe('LimitExceeded')
  expect(close.state.dropped.length).toBe(3)
})

test('queues are bounded in bytes; one message larger than that may wait alone', () => {
  const { set } = narrow([
    channel('one', 'reliable-ordered', { fragment: fragment(), queue: { ...QUEUE, bytes: 10_000 } }),
  ])
  expect(set.send(0, 0, new Uint8Array(50_000), 50_000)).toBe('queued')
  expect(set.send(0, 0, new Uint8Array(10), 10)).toBe('refused')
})

test('what can never be carried is refused with a sentence that says why', () => {
  const { set } = narrow([
    channel('whole', 'unreliable'),
    channel('few', 'reliable', { fragment: fragment({ pieces: 4 }) }),
    channel('little', 'reliable-ordered', { fragment: fragment({ bytesPerPeer: 5000 }) }),
  ])
  expect(() => set.send(0, 0, new Uint8Array(MTU + 1), MTU + 1)).toThrow(
    'a message of 1201 bytes; whole carries at most 1200',
  )
  expect(() => set.send(0, 1, new Uint8Array(9000), 9000)).toThrow(
    'payload of 9000 bytes needs 8 pieces of 1178, at most 4 are allowed',
  )
  expect(() => set.send(0, 2, new Uint8Array(5001), 5001)).toThrow('the receiver holds at most 5000 (bytes_per_peer)')
  expect(() => set.send(0, 3, new Uint8Array(1), 1)).toThrow('there is no channel 3, only 0 to 2')
})

test('a paced channel sends no more messages a second than its schema says', () => {
  const { set, state } = narrow([
    channel('slow', 'unreliable', { pace: 100 }),
    channel('also', 'reliable', { pace: 50, congestion: 'none' }),
  ])
  state.room = Infinity
  const body = numbered(1, 100)
  for (let now = 0; now <= 2000; now++) {
    for (const place of [0, 1]) while (set.send(now, place, body, 100) !== 'refused') {}
    if (set.deadline <= now) set.wake(now)
    const count = state.sent.filter(place => place === 1).length
    set.acked(now, 1, count, -1 >>> Math.max(0, 33 - count), 0)
  }
  expect(state.sent.filter(place => place === 0).length).toBeGreaterThanOrEqual(200)
  expect(state.sent.filter(place => place === 0).length).toBeLessThanOrEqual(204)
  expect(state.sent.filter(place => place === 1).length).toBeLessThanOrEqual(104)
})

test('a channel that is stalled or lossy does not delay an unreliable one', () => {
  const latencies = (loss: boolean) => {
    const { network, a, b, touch } = pair(3, { latency: 20, jitter: 2, loss: 0.05 }, [
      channel('bulk', 'reliable-ordered', { priority: 3, fragment: fragment() }),
      channel('state', 'unreliable-sequenced'),
    ])
    const times: number[] = []
    b.onDeliver = (place, message, now) => {
      if (place === 1) times.push(now - new DataView(message.buffer, message.byteOffset).getFloat64(0))
    }
    const flood = () => {
      while (loss && a.send(network.now, 0, new Uint8Array(20_000)) !== 'refused') {}
    }
    a.onReady = flood
    flood()
    touch()
    const tick = () => {
      const message = new Uint8Array(100)
      new DataView(message.buffer).setFloat64(0, network.now)
      a.send(network.now, 1, message)
      if (network.now < 10_000) network.at(network.now + 16, tick)
    }
    tick()
    network.run(11_000)
    times.sort((x, y) => x - y)
    return {
      p50: times[Math.floor(times.length / 2)]!,
      p99: times[Math.floor(times.length * 0.99)]!,
      count: times.length,
    }
  }
  const free = latencies(false)
  const busy = latencies(true)
  expect(busy.count).toBeGreaterThan(550)
  expect(busy.p99).toBeLessThan(free.p99 * 1.1)
})

test('acknowledgements alone never pace faster than the handshake, a round trip that nobody can shorten does', () => {
  const { set, state } = narrow([channel('one', 'reliable')], 100)
  state.room = Infinity
  const body = numbered(1, 1000)
  let now = 0
  let next = 0
  /** Milliseconds until so many more are sent, each acknowledged at once. */
  const took = (count: number) => {
    const from = now
    for (const end = next + count; next < end; ) {
      if (set.send(now, 0, body, body.length) === 'sent') set.acked(now + 0.1, 0, ++next, 0, 0)
      else if (set.deadline === Infinity || set.deadline > now) now = set.deadline
      else now += 0.1
      const before = state.sent.length
      set.wake(now)
      for (let i = before; i < state.sent.length; i++) set.acked(now + 0.1, 0, ++next, 0, 0)
    }
    return now - from
  }
  took(100)
  // Windows are 10 datagrams of 1200 bytes or so, in 100 ms.
  const slow = took(100)
  expect(slow).toBeGreaterThan(300)
  expect(state.measured).toBeGreaterThan(0)
  set.proved(1)
  expect(took(100)).toBeLessThan(slow / 50)
})

test('channels of one connection have to agree on how their window moves', () => {
  expect(() => narrow([channel('a', 'reliable'), channel('b', 'reliable', { congestion: 'cubic' })])).toThrow(
    'channels of one connection share a congestion window: newreno or cubic?',
  )
  expect(() => narrow([channel('a', 'reliable', { congestion: 'bbr' })])).toThrow('no engine runs congestion: bbr yet')
})

test('acknowledgements ride on messages of their channel, and go alone only when none does', () => {
  const { network, a, b } = pair(1, { latency: 10 }, [channel('talk', 'reliable-ordered')])
  b.onDeliver = () => b.send(network.now, 0, numbered(1, 20))
  for (let i = 0; i < 100; i++) network.at(i * 30, () => void a.send(network.now, 0, numbered(i, 20)))
  network.run(5000)
  // Every answer carries one; those of the answers themselves ride on the next message, or go alone after the last.
  expect(b.ackFrames).toBe(0)
  expect(a.ackFrames).toBeLessThanOrEqual(100)
  expect([a.set.unsettled, b.set.unsettled]).toEqual([0, 0])

  const oneWay = pair(1, { latency: 10 }, [channel('talk', 'reliable-ordered')])
  for (let i = 0; i < 100; i++) oneWay.network.at(i, () => void oneWay.a.send(oneWay.network.now, 0, numbered(i, 20)))
  oneWay.network.run(5000)
  // One for every second message (ack.after).
  expect(oneWay.b.ackFrames).toBe(50)
})

test('an endpoint that says an acknowledgement went, but not that it was carried, is told so', () => {
  const { set } = narrow([channel('one', 'reliable')])
  set.receive(0, 0, 1, undefined, numbered(1, 8), 8)
  expect(() => set.wake(30)).toThrow('acknowledge returned true, but carried was not called for what it sent')
})

test('after a change of path round trips and the window begin anew, and nothing is lost', () => {
  const { network, a, b, sockets, touch } = pair(5, { latency: 20, loss: 0.1 }, [channel('one', 'reliable-ordered')])
  let count = 0
  b.onDeliver = () => count++
  let next = 0
  const feed = () => {
    while (next < 2000 && a.send(network.now, 0, numbered(next, 500)) !== 'refused') next++
  }
  a.onReady = feed
  feed()
  touch()
  network.at(300, () => {
    expect(a.set.path.window).not.toBe(10 * MTU)
    sockets[0].move('a:2')
    b.to = 'a:2'
    a.set.moved(80)
    b.set.moved(80)
    expect(a.set.path).toMatchObject({ rtt: 80, window: 10 * MTU })
  })
  network.runUntil(() => next === 2000 && a.set.unsettled === 0, 1e6)
  expect([count, a.failure, b.failure]).toEqual([2000, undefined, undefined])
})
