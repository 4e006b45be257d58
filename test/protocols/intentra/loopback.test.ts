// intentra's default profile over real loopback sockets, with and without the accelerator: Noise XX behind a cookie, pinned
// keys on both sides, both intents, a keep-alive, and an end that both sides know of.
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/intentra/protocol.ts'
import { type Connection, connect, Metrics, type PeerError, serve } from '../../../runtime/index.ts'
import { overUdp } from '../../runtime/paths.ts'
import { publicOf, secretOf } from '../secure/network.ts'

const SERVER = { static_key: secretOf(7), client_keys: [publicOf(8)] }
const CLIENT = { static_key: secretOf(8), server_keys: [publicOf(7)] }
const RAISED = { rate: { packets: 1_000_000, bytes: Infinity, burst: 100_000, before: 'deliver' } } as const
const text = (n: number): Uint8Array => new TextEncoder().encode(`message ${n}`)

overUdp('a thousand reliable messages arrive in order, and as many come back', async () => {
  const heard: string[] = []
  await using server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: SERVER,
    limits: RAISED,
    handlers: {
      Data: async (frame, peer) => {
        heard.push(new TextDecoder().decode(frame.payload))
        await peer.send('Data', { payload: frame.payload.slice() }, { channel: 'reliable' })
      },
    },
    onFrame: () => undefined,
  })
  const back: string[] = []
  const client = await connect(protocol, server.url, {
    params: CLIENT,
    limits: RAISED,
    handlers: { Data: frame => void back.push(new TextDecoder().decode(frame.payload)) },
    onFrame: () => undefined,
  })
  for (let i = 0; i < 1000; i++) await client.send('Data', { payload: text(i) }, { channel: 'reliable' })
  await until(() => back.length === 1000)
  await client.close()
  const all = Array.from({ length: 1000 }, (_, i) => `message ${i}`)
  expect(heard).toEqual(all)
  expect(back).toEqual(all)
  await until(() => server.stats.connections === 0)
})

overUdp('realtime messages carry their priority, up to the largest payload', async () => {
  const heard: [string, number, number][] = []
  await using server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: SERVER,
    limits: RAISED,
    handlers: { Data: frame => void heard.push([frame.intent, frame.priority, frame.payload.length]) },
    onFrame: () => undefined,
  })
  await using client = await connect(protocol, server.url, { params: CLIENT, onFrame: () => undefined })
  const sizes = [1, 64, 1180]
  for (const size of sizes)
    await client.send('Data', { priority: 6, payload: new Uint8Array(size).fill(1) }, { channel: 'realtime' })
  expect(() => client.send('Data', { payload: new Uint8Array(1181) }, { channel: 'realtime' })).toThrow(/1180/)
  await until(() => heard.length === 3)
  expect(heard).toEqual(sizes.map(size => ['realtime', 6, size]))
})

overUdp('fifty clients on one socket are served at the same time', async () => {
  const per = new Map<unknown, number>()
  await using server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: secretOf(7) },
    limits: { ...RAISED, handshakesPerAddress: 100 },
    handlers: { Data: (_frame, peer) => void per.set(peer, (per.get(peer) ?? 0) + 1) },
    onFrame: () => undefined,
  })
  const clients = await Promise.all(
    Array.from({ length: 50 }, () =>
      connect(protocol, server.url, { params: { server_keys: [publicOf(7)] }, onFrame: () => undefined }),
    ),
  )
  const talk = async (client: Connection): Promise<void> => {
    for (let i = 0; i < 20; i++) await client.send('Data', { payload: text(i) }, { channel: 'reliable' })
    await client.close()
  }
  await Promise.all(clients.map(client => talk(client as Connection)))
  expect([...per.values()]).toEqual(Array.from({ length: 50 }, () => 20))
})

test.each([
  ['a server that shows another key', { ...CLIENT, server_keys: [publicOf(9)] }],
  ['a client that is not on the list', { ...CLIENT, static_key: secretOf(9) }],
])('%s: the client hears that it is about keys', async (_who, params) => {
  await using server = await serve(protocol, { listen: 'udp://127.0.0.1:0', params: SERVER })
  const short = { ...protocol, handshake: { ...protocol.handshake!, timeout: 1500 } }
  await expect(connect(short, server.url, { params })).rejects.toMatchObject({
    code: 'HandshakeFailed',
  } satisfies Partial<PeerError>)
  expect(server.stats.connections).toBe(0)
})

test('a client without the keys of its servers sends nothing', async () => {
  await expect(connect(protocol, '127.0.0.1:9', { params: {} as never })).rejects.toMatchObject({
    code: 'Authentication',
  })
})

test('every metric of the protocol is there, and those of what happened have moved', async () => {
  const { name, frames, metrics, seals, covers } = protocol
  const counted = new Metrics({ protocol: name, frames, metrics, seals, covers })
  const server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: SERVER,
    limits: { rate: { packets: 1, bytes: Infinity, burst: 20, before: 'deliver' } },
    meter: counted.meter,
    onFrame: () => undefined,
  })
  const values = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await counted.text())
        .split('\n')
        .filter(line => line !== '' && !line.startsWith('#'))
        .map(line => [
          line
            .replace(/,?protocol="intentra"/, '')
            .replace('{}', '')
            .split(' ')[0]!,
          Number(line.split(' ')[1]),
        ]),
    )
  const client = await connect(protocol, server.url, { params: CLIENT, onFrame: () => undefined })
  for (let i = 0; i < 100; i++) await client.send('Data', { payload: text(i) }, { channel: 'realtime' })
  await until(async () => (await values()).intentra_packets_dropped_rate_limit! > 0)
  const during = await values()
  expect(during).toMatchObject({ intentra_connections_active: 1, intentra_handshake_in_flight: 0 })
  await client.close()
  await server.close()
  const after = await values()
  expect(after.intentra_packets_received_total).toBeGreaterThan(0)
  expect(after['framewright_drops_total{reason="rate_limit"}']).toBeGreaterThan(0)
  expect(after['framewright_drops_total{reason="cookie"}']).toBe(1)
  expect(after['framewright_handshakes_total{reason="done"}']).toBe(1)
  expect(after.framewright_handshake_seconds_count).toBe(1)
  expect(after.framewright_opened_total).toBe(1)
  expect(after.intentra_connection_closes_total).toBe(1)
  expect(after.framewright_packets_received_total).toBeGreaterThan(100)
  for (const metric of metrics) expect(after, metric.name).toHaveProperty(metric.name)
})

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 10_000; !(await holds()); ) {
    if (Date.now() > end) throw new Error('it did not happen within 10 s')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
