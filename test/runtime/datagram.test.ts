// Datagram endpoints: many peers on one socket, acknowledgements, repetition, pieces, limits.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Address, type Batch, instant } from '../../runtime/core/machine.ts'
import type { LinkOptions } from '../../runtime/sim/link.ts'
import { SimNetwork } from '../../runtime/sim/network.ts'
import { datagramEnd, outcome } from './harness.ts'
import { ACKS, ASKS, encoded, PINGS, read, type TinyReader, text, tiny, UDP } from './tiny.ts'

test('a frame that asks for an acknowledgement is handled exactly once, whatever the network does', () => {
  fc.assert(
    fc.property(fc.integer(), seed => {
      const { server, network, client, session } = pair({
        seed,
        link: { loss: 0.2, duplicate: 0.1, latency: 20, jitter: 30 },
      })
      const all = Array.from({ length: 50 }, (_, i) =>
        outcome(session.send(instant(0), 'Data', { flags: 1, payload: Uint8Array.of(i) })),
      )
      client.socket.touch()
      network.run(20_000)
      const arrived = server.recorder.got.map(one => one.payload[0]!)
      const acked = all.flatMap((one, i) => (one.done && one.error === undefined ? [i] : []))
      expect(new Set(arrived).size).toBe(arrived.length)
      expect(acked.filter(i => !arrived.includes(i))).toEqual([])
      expect(all.every(one => one.done)).toBe(true)
      expect(acked.length).toBeGreaterThan(40)
    }),
    { numRuns: 30 },
  )
})

test('a repeated request is answered again and not handled again', () => {
  const { server } = pair()
  const bytes = encoded('Data', { flags: 1, id: 9, payload: text('once') })
  const answers = [0, 1, 2].map(at => {
    server.machine.receive(instant(at), batch('x:1', bytes))
    return sent(server.machine)
  })
  expect(server.recorder.got.length).toBe(1)
  expect(answers.map(one => one.length)).toEqual([1, 1, 1])
  expect(answers[2]![0]).toEqual(answers[0]![0])
  expect(server.tally.events.get('reply.duplicate')?.get('Data')?.times).toBe(2)
})

test('an unanswered request is sent again after growing waits, and times out', () => {
  const { client, session, network } = pair({ link: { loss: 1 } })
  const asked = outcome(session.send(instant(0), 'Data', { flags: 1 }))
  client.socket.touch()
  network.run(1499)
  expect(asked.done).toBe(false)
  network.run(1501)
  expect(asked.error).toMatchObject({ code: 'Timeout' })
  expect(network.counters.sent).toBe(4)
  expect(client.tally.events.get('reply.retry')?.get('Data')?.times).toBe(3)
})

test('a payload too large for one datagram travels in pieces and arrives whole, in both directions', () => {
  const { client, server, session, network } = pair()
  const payload = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) & 0xff)
  session.send(instant(0), 'Data', { payload })
  client.socket.touch()
  network.run(100)
  expect(network.counters.sent).toBe(Math.ceil(100_000 / (1200 - 14)))
  expect(server.recorder.got.map(one => one.payload)).toEqual([payload])
  server.recorder.latest!.send(instant(100), 'Data', { payload })
  server.socket.touch()
  network.run(200)
  expect(client.recorder.got.map(one => one.payload)).toEqual([payload])
})

test('pieces that were lost are sent again until the message is whole, and it is handled once', () => {
  const { client, server, session, network } = pair({ seed: 3, link: { loss: 0.1, latency: 10 } })
  const payload = new Uint8Array(60_000).fill(5)
  const asked = outcome(session.send(instant(0), 'Data', { flags: 1, payload }))
  client.socket.touch()
  network.run(5000)
  expect(asked).toEqual({ done: true, reply: expect.anything() })
  expect(server.recorder.got.length).toBe(1)
  expect(server.recorder.got[0]!.payload).toEqual(payload)
})

test('the joined frame says nothing of its pieces any more', () => {
  const { client, server, session, network } = pair()
  let seen: Record<string, unknown> = {}
  server.recorder.handle = (_session, one) => {
    seen = one.toObject()
  }
  session.send(instant(0), 'Data', { flags: 4, payload: new Uint8Array(5000) })
  client.socket.touch()
  network.run(100)
  expect(seen).toMatchObject({ flags: 4, length: 5000 })
  expect(seen.piece_count).toBeUndefined()
})

test('a payload of more pieces than allowed is refused by the sender with the number it needs', () => {
  const { session } = pair()
  expect(() => session.send(instant(0), 'Data', { payload: new Uint8Array(400_000) })).toThrow(/needs 338 pieces/)
})

test('messages in pieces wait for a number that has rested, and none is mixed up', () => {
  const { client, server, session, network } = pair()
  server.recorder.got.length = 0
  const sends = Array.from({ length: 300 }, (_, i) =>
    outcome(session.send(instant(network.now), 'Data', { payload: new Uint8Array(1300).fill(i & 255) })),
  )
  client.socket.touch()
  network.run(1000)
  expect(sends.filter(one => one.done).length).toBe(256)
  network.run(7000)
  expect(server.recorder.got.length).toBe(300)
  expect(server.recorder.got.every((one, i) => one.payload.every(byte => byte === (i & 255)))).toBe(true)
})

test('garbage and forged frames from strangers leave nothing behind', () => {
  const { server } = pair()
  const before = server.machine.size
  const bad = encoded('Data', { payload: text('x') })
  bad[bad.length - 1]! ^= 1
  for (let i = 0; i < 1000; i++) {
    server.machine.receive(instant(1), batch(`1.2.3.4:${i}`, bad))
    server.machine.receive(instant(1), batch(`1.2.3.4:${i}`, Uint8Array.of(1, 2, 3)))
  }
  expect(server.machine.size).toBe(before)
  expect(sent(server.machine)).toEqual([])
  expect(server.recorder.strays.length).toBe(2000)
  expect(server.tally.events.get('error')?.get('BadCheck')?.times).toBe(1000)
})

test('strangers beyond the limit push the oldest out, or are not admitted, as the schema says', () => {
  for (const overLimit of ['drop-oldest', 'drop'] as const) {
    const limits = { ...tiny().limits, connections: 10, overLimit }
    const { server } = pair({ changes: { limits } })
    for (let i = 0; i < 100; i++) server.machine.receive(instant(i), batch(`10.0.0.${i}:5`, encoded('Data')))
    expect(server.machine.size).toBe(10)
    expect(server.recorder.opened).toBe(overLimit === 'drop' ? 10 : 100)
    expect(server.recorder.closes.length).toBe(overLimit === 'drop' ? 0 : 90)
    if (overLimit === 'drop-oldest') expect(server.recorder.closes[0]).toMatchObject({ reason: 'limit' })
  }
})

test('a client hears nobody but the address it talks to', () => {
  const { client } = pair()
  client.machine.receive(instant(1), batch('6.6.6.6:6', encoded('Data', { payload: text('forged') })))
  expect(client.recorder.got).toEqual([])
  expect(client.tally.events.get('limit.stranger')?.get('')?.times).toBe(1)
})

test('an address where nobody listens ends a client that never heard from it, and no other', () => {
  const network = new SimNetwork({ seed: 1 })
  const client = datagramEnd(tiny(), 'dials')
  const socket = network.datagram('a:1', client.machine)
  const session = client.machine.connect(instant(0), 'nobody:9')
  session.send(instant(0), 'Data', {})
  socket.touch()
  network.run(10)
  expect(client.recorder.closes).toMatchObject([{ reason: 'unreachable', error: { code: 'Unreachable' } }])

  const heard = pair()
  heard.session.send(instant(0), 'Data', {})
  heard.client.socket.touch()
  heard.network.run(5)
  heard.server.recorder.latest!.send(instant(5), 'Data', {})
  heard.server.socket.touch()
  heard.network.run(10)
  heard.client.machine.unreachable(instant(11), 'b:1', 'port unreachable')
  expect(heard.client.recorder.closes).toEqual([])
})

test('while a handler is busy the frames of its peer wait within bounds, those of others go on', () => {
  const limits = { ...tiny().limits, queue: { messages: 4, bytes: 1024 * 1024 } }
  const { server } = pair({ changes: { limits } })
  server.recorder.handle = session => session.address === 'slow:1'
  const now = instant(1)
  for (let i = 0; i < 10; i++)
    server.machine.receive(now, batch('slow:1', encoded('Data', { payload: Uint8Array.of(i) })))
  const [acked] = [encoded('Data', { flags: 1, id: 77 })]
  server.machine.receive(now, batch('slow:1', acked!))
  expect(sent(server.machine)).toEqual([])
  server.machine.receive(now, batch('fast:1', encoded('Data', { payload: text('through') })))
  expect(server.recorder.got.map(one => one.from)).toEqual(['slow:1', 'fast:1'])
  const slow = [...server.machine.sessions()].find(one => one.address === 'slow:1')!
  for (let i = 0; i < 6; i++) slow.done(now)
  expect(server.recorder.got.filter(one => one.from === 'slow:1').map(one => one.payload[0])).toEqual([0, 1, 2, 3, 4])
  // What was dropped was not acknowledged, so its repetition is new.
  server.machine.receive(now, batch('slow:1', acked!))
  expect(sent(server.machine).length).toBe(1)
})

test('the frame of a busy handler stays readable while the same memory is filled again', () => {
  const { server } = pair()
  let held: TinyReader | undefined
  server.recorder.handle = (_session, one) => {
    held = one
    return true
  }
  const memory = encoded('Data', { payload: text('keep me') })
  expect(server.machine.receive(instant(1), batch('p:1', memory))).toBe(true)
  server.recorder.handle = undefined
  server.machine.receive(instant(1), batch('q:1', encoded('Data', { payload: text('others') })))
  expect(read(held!.payload)).toBe('keep me')
})

test('lost keep-alives are repeated soon enough to survive a blackout of ten seconds', () => {
  const { client, server, network, session } = pair({
    changes: { replies: [{ ...PINGS, every: 15_000, timeout: 30_000 }] },
  })
  session.send(instant(0), 'Data', {})
  client.socket.touch()
  network.run(14_000)
  const heal = network.partition()
  network.run(24_000)
  heal()
  network.run(120_000)
  expect([client.recorder.closes, server.recorder.closes]).toEqual([[], []])
  network.partition()
  network.run(200_000)
  expect(client.recorder.closes).toMatchObject([{ reason: 'timeout' }])
  expect(server.machine.size).toBe(0)
})

test('goodbye ends both ends, and its repetition is acknowledged without a new connection', () => {
  const { client, server, session, network } = pair()
  session.send(instant(0), 'Data', {})
  client.socket.touch()
  network.run(10)
  session.close(instant(10))
  client.socket.touch()
  network.run(20)
  expect(client.recorder.closes).toEqual([{ reason: 'closed', error: undefined }])
  expect(server.recorder.closes).toEqual([{ reason: 'bye', error: undefined }])
  expect(client.machine.closed).toBe(true)

  const bye = encoded('Bye', { flags: 1, id: 5 })
  for (let i = 0; i < 3; i++) server.machine.receive(instant(30), batch('z:1', bye))
  expect(sent(server.machine).length).toBe(3)
  expect(server.recorder.opened).toBe(2)
})

test('a payload is transferred byte for byte over a network that loses and reorders, and settles with the last answer', () => {
  const { client, server, session, network } = pair({
    seed: 7,
    link: { loss: 0.05, latency: 10, jitter: 10 },
    changes: { channels: [transferring()] },
  })
  const payload = Uint8Array.from({ length: 250_000 }, (_, i) => (i * 13) & 0xff)
  const asked = outcome(session.send(instant(0), 'Data', { flags: 1, payload }))
  client.socket.touch()
  network.run(200)
  session.close(instant(network.now))
  expect(session.phase).toBe('draining')
  network.run(10_000)
  expect(asked).toMatchObject({ done: true })
  expect(asked.error).toBeUndefined()
  expect(server.recorder.names).toEqual(['Data', 'Bye'])
  expect(server.recorder.got[0]!.payload).toEqual(payload)
  expect(client.recorder.closes).toEqual([{ reason: 'closed', error: undefined }])
})

test('a transfer waits for a receiver whose handler is slow, and fails when it makes no progress', () => {
  const { client, server, session, network } = pair({ link: { latency: 5 }, changes: { channels: [transferring()] } })
  server.recorder.handle = () => true
  for (let i = 0; i < 17; i++) session.send(instant(0), 'Data', { payload: Uint8Array.of(i) })
  const asked = outcome(session.send(instant(0), 'Data', { flags: 1, payload: new Uint8Array(50_000) }))
  client.socket.touch()
  network.run(2000)
  expect(asked.done).toBe(false)
  for (let i = 0; i < 17; i++) server.recorder.latest!.done(instant(network.now))
  network.run(4000)
  expect(asked).toMatchObject({ done: true })
  expect(server.recorder.got.at(-1)!.payload.length).toBe(50_000)

  network.partition()
  const lost = outcome(session.send(instant(4000), 'Data', { flags: 1, payload: new Uint8Array(50_000) }))
  client.socket.touch()
  network.run(12_000)
  expect(lost.error).toMatchObject({ code: 'Timeout' })
})

test('several frames in a datagram are all read where framing is packed', () => {
  const transport = { ...UDP, framing: { kind: 'packed' as const } }
  const { server } = pair({ transport })
  const two = new Uint8Array([...encoded('Data', { payload: text('a') }), ...encoded('Data', { payload: text('b') })])
  server.machine.receive(instant(1), batch('x:1', two))
  expect(server.recorder.got.map(one => read(one.payload))).toEqual(['a', 'b'])
})

test('hostile datagrams never throw out of a machine, and its memory stays bounded', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 40 }), fc.boolean()), { maxLength: 60 }),
      list => {
        const server = datagramEnd(tiny({ replies: [ASKS, ACKS, PINGS] }), 'accepts')
        list.forEach(([peer, bytes, valid], i) => {
          const [flags = 0, id = 0, piece_id = 0, piece_index = 0, piece_count = 0] = bytes
          const value = { flags, id, piece_id, piece_index, piece_count, payload: bytes }
          server.machine.receive(instant(i * 100), batch(`p:${peer}`, valid ? encoded('Data', value) : bytes))
          sent(server.machine)
          server.machine.wake(instant(i * 100))
        })
        expect(server.machine.size).toBeLessThanOrEqual(4)
      },
    ),
    { numRuns: 300 },
  )
})

interface PairOptions {
  seed?: number
  link?: Partial<LinkOptions>
  transport?: typeof UDP
  changes?: Parameters<typeof tiny>[0]
}

/** A client that talks to a server. The server knows it already. */
function pair(options: PairOptions = {}) {
  const protocol = tiny(options.changes)
  const network = new SimNetwork({ seed: options.seed ?? 1, ...(options.link && { link: options.link }) })
  const client = datagramEnd(protocol, 'dials', options.transport)
  const server = datagramEnd(protocol, 'accepts', options.transport)
  const sockets = [network.datagram('a:1', client.machine), network.datagram('b:1', server.machine)] as const
  const session = client.machine.connect(instant(0), 'b:1')
  return {
    client: { ...client, socket: sockets[0] },
    server: { ...server, socket: sockets[1] },
    network,
    session,
  }
}

/** A channel whose large payloads are transferred; the numbers stand where pieces have theirs. */
function transferring() {
  const base = tiny()
  const { fragment_id: id, fragment_index: index, fragment_count: count } = base.channelHeader!
  const bounds = { sessions: 8, bytes: 1024 * 1024, bytesPerPeer: 1024 * 1024, max: 1024 * 1024 }
  const transfer = { above: 4096, cut: 'payload', part: undefined, id: id!, index: index!, count: count!, window: 32 }
  return {
    ...base.channels[0]!,
    fragment: undefined,
    transfer: { ...transfer, ...bounds, rto: { from: 50, to: 2000 }, timeout: 5000 },
  }
}

function batch(peer: Address, bytes: Uint8Array): Batch {
  return { slab: bytes, count: 1, offsets: [0], lengths: [bytes.length], peers: [peer] }
}

/** Drains a machine. */
function sent(machine: ReturnType<typeof datagramEnd>['machine']): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let out = machine.transmit(); out !== undefined; out = machine.transmit()) {
    for (let i = 0; i < out.count; i++) all.push(out.slab.slice(out.offsets[i], out.offsets[i]! + out.lengths[i]!))
    machine.release(out)
  }
  return all
}
