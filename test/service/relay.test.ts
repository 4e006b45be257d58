// The relay as a service: who is let in, what arrives, what somebody in the middle can do, and what happens at the end.

import { connect as dialTcp } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { protocol } from '../../generated/hydra-sync/index.ts'
import { node } from '../../runtime/crypto/node.ts'
import { connect, MemoryHub, type Server, serve } from '../../runtime/index.ts'
import { Tally } from '../../runtime/metrics/tally.ts'
import { type Hub, LocalHub } from '../../runtime/service/relay/hub.ts'
import type { QueueLimits } from '../../runtime/service/relay/queue.ts'
import type { Run } from '../../runtime/service/relay/run.ts'
import type { Context } from '../../runtime/wire/codec.ts'
import { drawn } from '../runtime/sealed-pair.ts'
import { Later, Twisted, turns } from './hubs.ts'

const SECRET = drawn(77)(32)
const relay_key = node.curve('25519').publicKey(SECRET)
const TOKEN = drawn(8)(64)
let sessions = 100

interface Relay {
  readonly hub: MemoryHub
  readonly server: Server<never, never>
  readonly tally: Tally
  readonly params: { relay_key: Uint8Array; session_id: Uint8Array; session_key: Uint8Array }
}

const servers: Server<never, never>[] = []
afterEach(() => Promise.all(servers.splice(0).map(one => one.close())))

async function relay(
  options: { packetLen?: number; hub?: Hub; queue?: Partial<QueueLimits>; token?: Uint8Array } = {},
): Promise<Relay> {
  const { packetLen = 64, hub: groups, queue, token = TOKEN } = options
  const hub = new MemoryHub()
  const tally = new Tally(protocol.frames.length)
  const server = (await serve(protocol, {
    listen: hub,
    params: { static_key: SECRET, packet_len: BigInt(packetLen), observer_token: token },
    relayQueue: queue,
    hub: groups,
    meter: tally,
    limits: { connections: 1000, connectionsPerAddress: 1000 },
  })) as unknown as Server<never, never>
  servers.push(server)
  const seed = sessions++
  return { hub, server, tally, params: { relay_key, session_id: drawn(seed)(64), session_key: drawn(seed + 1)(32) } }
}

const producerOf = ({ hub, params }: Relay) => connect(protocol, hub, { role: 'producer', params })

async function consumerOf({ hub, params }: Relay) {
  const got: Uint8Array[] = []
  const errors: string[] = []
  const connection = await connect(protocol, hub, {
    role: 'consumer',
    params,
    handlers: { Data: frame => void got.push(frame.payload.slice()) },
    onError: error => errors.push((error as { code?: string }).code ?? ''),
  })
  return { connection, got, errors }
}

const until = async (holds: () => boolean) => {
  for (let i = 0; i < 2000 && !holds(); i++) await turns(1)
}
const bytes = (n: number, value = n) => new Uint8Array(n).fill(value & 0xff)

describe('who is let in', () => {
  test('a group is made by its first publisher, and taken until that one leaves', async () => {
    const r = await relay()
    await expect(consumerOf(r)).rejects.toMatchObject({
      code: 'Refused',
      message: expect.stringContaining('session_not_found'),
    })
    const first = await producerOf(r)
    await expect(producerOf(r)).rejects.toMatchObject({
      code: 'Refused',
      message: expect.stringContaining('session_occupied'),
    })
    await first.close()
    const second = await producerOf(r)
    expect(r.tally.events.get('relay.publisher_joined')?.get('')?.times).toBe(2)
    second.abort()
  })

  test('observers need the token, and nobody is one where there is none', async () => {
    const r = await relay()
    const observer = await connect(protocol, r.hub, { role: 'observer', params: { relay_key, observer_token: TOKEN } })
    const metrics = await observer.request('Poll', {})
    expect(metrics).toMatchObject({ total_sessions: 0n, active_sessions: 0n, network_bytes: 0n })
    const wrong = { relay_key, observer_token: TOKEN.map(byte => byte ^ 1) }
    await expect(connect(protocol, r.hub, { role: 'observer', params: wrong })).rejects.toMatchObject({
      code: 'Denied',
    })
    await observer.close()
    const hub = new MemoryHub()
    servers.push(
      (await serve(protocol, { listen: hub, params: { static_key: SECRET } })) as unknown as Server<never, never>,
    )
    await expect(
      connect(protocol, hub, { role: 'observer', params: { relay_key, observer_token: TOKEN } }),
    ).rejects.toMatchObject({ code: 'Denied' })
  })

  test('a client that says it is something unknown is told so, and then the connection ends', async () => {
    const r = await relay()
    const told: unknown[] = []
    const client = await connect(protocol, r.hub, {
      role: 'client' as never,
      params: { relay_key } as never,
      tap: (direction, frame) => {
        if (direction === 'in') told.push(frame.toObject())
      },
    })
    const { context } = (client as unknown as { session: { context: Context } }).session
    const { seal } = context
    // No encoder of ours writes such a role.
    context.seal = (name, into, start, end, frame) => {
      into[start] = 9
      return seal!(name, into, start, end, frame)
    }
    await client.send('Join' as never, { role: 'consumer', id: r.params.session_id } as never)
    await client.closed
    expect(told).toEqual([{ code: 'invalid_role' }])
  })

  test('a hub that answers later is waited for, and one that fails closes the connection', async () => {
    const slow = await relay({ hub: new Later(new LocalHub({ publishers: 1, history: undefined }), 5) })
    const producer = await producerOf(slow)
    const consumer = await consumerOf(slow)
    await producer.send('Data', { payload: bytes(5) })
    await until(() => consumer.got.length > 0)
    expect(consumer.got).toEqual([bytes(5)])
    const broken = await relay({ hub: new Later(undefined, 2) })
    await expect(producerOf(broken)).rejects.toThrow()
  })
})

test('a server that closes does not wait for somebody who never finishes the handshake', async () => {
  const server = await serve(protocol, { listen: 'tcp://127.0.0.1:0', params: { static_key: SECRET } })
  const silent = dialTcp({ host: '127.0.0.1', port: server.port })
  const ended = new Promise(resolve => silent.on('close', resolve).on('error', () => {}))
  await new Promise(resolve => silent.once('connect', resolve))
  await turns(50)
  await server.close()
  await ended
})

describe('what arrives', () => {
  test('messages of any length, each as it was sent', async () => {
    const r = await relay({ packetLen: 100, queue: { frames: 4096 } })
    const producer = await producerOf(r)
    const consumer = await consumerOf(r)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 99, 100, 101, 200, 5000)), {
          maxLength: 12,
        }),
        async sizes => {
          consumer.got.length = 0
          for (const size of sizes) await producer.send('Data', { payload: bytes(size) })
          await until(() => consumer.got.length >= sizes.length)
          expect(consumer.got).toEqual(sizes.map(size => bytes(size)))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('a handler that takes its time gets the messages that waited for it whole', async () => {
    const r = await relay()
    const producer = await producerOf(r)
    const got: number[] = []
    const consumer = await connect(protocol, r.hub, {
      role: 'consumer',
      params: r.params,
      handlers: {
        async Data(frame) {
          const before = frame.payload.slice()
          await turns(5)
          expect(frame.payload).toEqual(before)
          got.push(before.length)
        },
      },
    })
    for (const size of [1, 200, 64, 0, 500]) await producer.send('Data', { payload: bytes(size) })
    await until(() => got.length === 5)
    expect(got).toEqual([1, 200, 64, 0, 500])
    consumer.abort()
  })

  test('a frame that is sent right after a consumer was let in is delivered (SECURITY 57)', async () => {
    for (let i = 0; i < 20; i++) {
      const r = await relay()
      const producer = await producerOf(r)
      let sent = false
      const got: number[] = []
      const consumer = await connect(protocol, r.hub, {
        role: 'consumer',
        params: r.params,
        handlers: { Data: frame => void got.push(frame.payload.length) },
        tap: (direction, frame) => {
          if (sent || direction !== 'in' || frame.frameName !== 'Status') return
          sent = true
          void producer.send('Data', { payload: bytes(33) })
        },
      })
      await until(() => got.length > 0)
      expect(got).toEqual([33])
      consumer.abort()
      producer.abort()
    }
  })

  test('what the relay repeats, swaps or brings from another session is not delivered, and gaps are counted (SECURITY 54)', async () => {
    const twice = new Twisted(run => [run, run])
    const r = await relay({ hub: twice })
    const producer = await producerOf(r)
    const consumer = await consumerOf(r)
    for (let i = 1; i <= 3; i++) {
      await producer.send('Data', { payload: bytes(i) })
      await turns()
    }
    expect(consumer.got).toEqual([bytes(1), bytes(2), bytes(3)])
    expect(consumer.errors).toEqual(['StaleEpoch', 'StaleEpoch', 'StaleEpoch'])

    const held: Run[] = []
    const swapped = new Twisted(run => (held.push(run) % 2 === 1 ? [] : [run, held[held.length - 2]!]))
    const s = await relay({ hub: swapped })
    const from = await producerOf(s)
    const to = await consumerOf(s)
    for (let i = 1; i <= 4; i++) {
      await from.send('Data', { payload: bytes(i) })
      await turns()
    }
    expect(to.got).toEqual([bytes(2), bytes(4)])
    expect(to.errors).toEqual(['StaleEpoch', 'StaleEpoch'])
    expect((to.connection as unknown as { session: { seals: { lost: number } } }).session.seals.lost).toBe(1)

    // Frames of another session under the same key do not even open.
    const other = await relay({ hub: new Twisted(() => [held[0]!]) })
    const key = s.params.session_key
    const stranger = await connect(protocol, other.hub, {
      role: 'producer',
      params: { ...other.params, session_key: key },
    })
    const victim = await consumerOf({ ...other, params: { ...other.params, session_key: key } })
    await stranger.send('Data', { payload: bytes(1) })
    await turns()
    expect(victim.got).toEqual([])
    expect(victim.errors).toEqual(['OpenFailed'])
  })

  test('a recording is refused over a reconnect too', async () => {
    const kept: Run[] = []
    const r = await relay({ hub: new Twisted(run => [kept[kept.push(run) * 0]!]) })
    const producer = await producerOf(r)
    const first = await consumerOf(r)
    await producer.send('Data', { payload: bytes(9) })
    await until(() => first.got.length > 0)
    first.connection.abort()
    await turns()
    const second = await consumerOf(r)
    await producer.send('Data', { payload: bytes(10) })
    await turns()
    expect(second.got).toEqual([])
    expect(second.errors).toEqual(['StaleEpoch'])
  })
})

test('under backpressure one consumer that reads nothing is waited for only so long, and the others lose nothing', async () => {
  const tally = new Tally(protocol.frames.length)
  const server = (await serve(protocol, {
    listen: 'tcp://127.0.0.1:0',
    params: { static_key: SECRET, packet_len: 65_536n },
    relayQueue: { overflow: 'backpressure', frames: 8, stall: 3_600_000, hold: 20 },
    meter: tally,
  })) as unknown as Server<never, never>
  servers.push(server)
  const params = { relay_key, session_id: drawn(901)(64), session_key: drawn(902)(32) }
  const joined = (handlers: object, limits = {}) =>
    connect(protocol, server.url, { role: 'consumer', params, handlers: handlers as never, limits })
  const producer = await connect(protocol, server.url, { role: 'producer', params })
  const got: number[] = []
  await joined({ Data: (frame: { payload: Uint8Array }) => void got.push(frame.payload[0]!) })
  await joined({ Data: () => new Promise(() => {}) }, { queue: { messages: 1, bytes: 1 } })
  for (let i = 0; i < 300; i++) await producer.send('Data', { payload: bytes(65_536, i) })
  while (got.length < 300) await new Promise(resolve => setTimeout(resolve, 10))
  expect(got).toEqual(Array.from({ length: 300 }, (_, i) => i & 0xff))
  expect(tally.events.get('relay.stalled')?.get('')?.times).toBe(1)
})

describe('the end', () => {
  test('a producer that closes says so, and its consumers end without an error', async () => {
    const r = await relay()
    const producer = await producerOf(r)
    const consumer = await consumerOf(r)
    await producer.send('Data', { payload: bytes(7) })
    await producer.close()
    expect(await consumer.connection.closed).toMatchObject({ reason: 'end', error: undefined })
    expect(consumer.got).toEqual([bytes(7)])
  })

  test('a producer that is cut off is reported as cut, not as an end (SECURITY 56)', async () => {
    const r = await relay()
    const producer = await producerOf(r)
    const consumer = await consumerOf(r)
    await producer.send('Data', { payload: bytes(7) })
    await until(() => consumer.got.length > 0)
    producer.abort()
    expect(await consumer.connection.closed).toMatchObject({ error: { code: 'Cut' } })
    expect(consumer.got).toEqual([bytes(7)])
  })

  test('consumers get what is queued for them before they are closed', async () => {
    const r = await relay({ queue: { frames: 4096 } })
    const producer = await producerOf(r)
    const consumer = await consumerOf(r)
    for (let i = 0; i < 500; i++) await producer.send('Data', { payload: bytes(64, i) })
    await producer.close()
    await consumer.connection.closed
    expect(consumer.got.length).toBe(500)
  })
})
