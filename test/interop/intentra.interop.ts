// Profile crate-0.1.3 against the published crate (test/interop/peers/intentra). The crate only receives, so our sender meets
// its untouched receive loop (`run`) and its packet handler (`direct`); its ACKs come from its parts with the hang taken out
// (`parts`). What the peer sends to us is put together with the crate's own header codec and cipher.
import { createSocket, type Socket } from 'node:dgram'
import { afterEach, describe, expect, test } from 'vitest'
import { protocol } from '../../generated/intentra/profiles/crate-0.1.3/protocol.ts'
import { type Connection, connect, type Server, serve } from '../../runtime/index.ts'
import vectors from '../vectors/intentra.json' with { type: 'json' }
import { peer, proto, type Running, run, stopAll } from './process.ts'

const PEER = peer('intentra')
const HELLO = `1240${'00'.repeat(14)}`
const text = (n: number): Buffer => Buffer.from(`message ${n}`)
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  stopAll()
})

describe.skipIf(!PEER)('our sender, the crate as it is', () => {
  test('its untouched receive loop takes our handshake and every realtime message, in order', async () => {
    const { crate, port } = await theCrate('run')
    const client = await ourClient(port)
    // The loop handles some 900 packets a second, whatever comes.
    for (let i = 0; i < 200; i++) {
      await client.send('Data', { payload: text(i) }, { channel: 'realtime' })
      await sleep(4)
    }
    await crate.line(line => line.event === 'message' && line.n === 200)
    expect(messages(crate).map(one => one.payload)).toEqual(Array.from({ length: 200 }, (_, i) => toHex(text(i))))
    const { metrics } = crate.lines.filter(line => line.event === 'metrics').at(-1) as { metrics: object }
    expect(metrics).toMatchObject({ connections_active: 1, packets_dropped_crypto: 0, strike_events_total: 0 })
    expect(metrics).toMatchObject({ replay_rejections_total: 0, connection_closes_total: 0 })
  })

  test('its packet handler sees our numbers, priorities and sizes from 1 to 512 bytes', async () => {
    const { crate, port } = await theCrate('direct')
    const client = await ourClient(port)
    for (let size = 1; size <= 512; size++) {
      await client.send('Data', { priority: size % 8, payload: Buffer.alloc(size, size) }, { channel: 'realtime' })
      if (size % 16 === 0) await sleep(3)
    }
    await crate.line(line => line.event === 'message' && line.n === 512)
    expect(crate.lines.filter(line => line.event === 'handshake-complete').length).toBe(1)
    expect(messages(crate).map(({ intent, priority, seq, size }) => ({ intent, priority, seq, size }))).toEqual(
      Array.from({ length: 512 }, (_, i) => ({
        intent: 'realtime',
        priority: (i + 1) % 8,
        seq: i + 1,
        size: i + 1,
      })),
    )
    expect(crate.lines.filter(line => line.event === 'packet')).toEqual([])
  })

  test('a payload of 513 bytes, which closes a peer there, does not leave here', async () => {
    const { crate, port } = await theCrate('direct')
    const client = await ourClient(port)
    expect(() => client.send('Data', { payload: Buffer.alloc(513) }, { channel: 'realtime' })).toThrow(/512/)
    await client.send('Data', { payload: text(1) }, { channel: 'realtime' })
    await crate.line(line => line.event === 'message')
  })

  test('four clients of ours one after the other are four peers there', async () => {
    const { crate, port } = await theCrate('direct')
    for (let i = 0; i < 4; i++) {
      const client = await ourClient(port)
      await client.send('Data', { payload: text(i) }, { channel: 'realtime' })
      await crate.line(line => line.event === 'message' && line.n === i + 1)
    }
    expect(new Set(messages(crate).map(one => one.from)).size).toBe(4)
  })

  test('a reliable message is delivered, and hangs its packet handler, as it does for everybody', async () => {
    const { crate, port } = await theCrate('direct')
    const client = await ourClient(port)
    await client.send('Data', { payload: text(1) }, { channel: 'reliable' })
    expect(await crate.ended()).toBe(3)
    expect(await crate.line(line => line.event === 'hang')).toMatchObject({ delivered_before_hang: [toHex(text(1))] })
  })

  test('with the hang taken out, reliable messages come in order, and its ACKs settle ours', async () => {
    const { crate, port } = await theCrate('parts')
    const client = await ourClient(port)
    for (let i = 0; i < 300; i++) {
      await client.send('Data', { payload: text(i) }, { channel: 'reliable' })
      if (i % 20 === 0) await sleep(2)
    }
    await crate.line(line => line.event === 'message' && line.n === 300)
    expect(messages(crate).map(one => one.payload)).toEqual(Array.from({ length: 300 }, (_, i) => toHex(text(i))))
    expect(crate.lines.filter(line => line.event === 'strike' || line.event === 'closed')).toEqual([])
    // It says goodbye only when everything is acknowledged.
    const from = Date.now()
    await client.close()
    expect((await client.closed).reason).toBe('closed')
    expect(Date.now() - from).toBeLessThan(2000)
  })

  test('the command line sends at a rate that its loop takes', async () => {
    const { crate, port } = await theCrate('run')
    const to = `127.0.0.1:${port}`
    const sent = proto(
      ...['send', 'intentra', to, 'Data', 'payload=text:hi', '--profile', 'crate-0.1.3'],
      ...['--channel', 'realtime', '--count', '100', '--rate', '400', '--json'],
    )
    expect(await sent.ended()).toBe(0)
    await crate.line(line => line.event === 'message' && line.n === 100)
  })
})

describe.skipIf(!PEER)('packets of the crate, our server', () => {
  test('realtime payloads arrive with what their headers say', async () => {
    const { server, got } = await ourServer()
    const sender = run(PEER!, [
      ...['send', '--to', `127.0.0.1:${server.port}`, '--count', '500', '--size', '64'],
      ...['--intent', 'realtime', '--priority', '5', '--conn-id', '77', '--rate', '5000', '--quiet'],
    ])
    expect(await sender.ended()).toBe(0)
    await until(() => got.length === 500)
    expect(got.map(({ seq, priority, conn_id: id, intent }) => [seq, priority, id, intent])).toEqual(
      Array.from({ length: 500 }, (_, i) => [i + 1, 5, 77, 'realtime']),
    )
    // Message n of the peer: byte i is 31 n + i.
    expect(got[7]!.payload).toEqual(Uint8Array.from(Array.from({ length: 64 }, (_, i) => (31 * 7 + i) & 255)))
  })

  test('every reliable packet gets an ACK that the crate opens', async () => {
    const { server, got } = await ourServer()
    const sender = run(PEER!, [
      ...['send', '--to', `127.0.0.1:${server.port}`, '--count', '200', '--size', '100'],
      ...['--intent', 'reliable', '--rate', '1000', '--wait-ack', '3000'],
    ])
    expect(await sender.ended()).toBe(0)
    expect(await sender.line(line => line.event === 'end')).toMatchObject({ acked: 200, bad_acks: 0, other_packets: 0 })
    expect(got.length).toBe(200)
  })

  test('our ACK is the one that the crate would build, to the byte', async () => {
    const { server } = await ourServer()
    const hanging = vectors.transport_traces.traces.find(one => one.name.startsWith('reliable'))!
    const packets = (hanging as unknown as { steps: { packet: string }[] }).steps.map(one => one.packet)
    const sender = run(PEER!, ['raw', '--to', `127.0.0.1:${server.port}`, '--hex', packets.join(), '--wait-ms', '500'])
    expect(await sender.ended()).toBe(0)
    const answers = sender.lines.filter(line => line.event === 'received').map(line => line.packet)
    // ACK of number 1, sequence 0, and what AES-256-GCM makes of nothing under a key of zeros with our id in the nonce.
    expect(answers.length).toBe(1)
    expect(answers[0]).toMatch(/^11400000[0-9a-f]{8}0000000000000001[0-9a-f]{32}$/)
    const same = vectors.aead.acks.cases.find(one => one.ack === 1 && one.conn_id === 0)
    if (same !== undefined) expect(answers[0]).toBe(same.packet)
  })

  test('a replayed packet is delivered once, and one that is too long ends that peer alone', async () => {
    const { server, got } = await ourServer()
    const trace = vectors.transport_traces.traces[0] as unknown as { steps: { packet: string; delivered?: string[] }[] }
    const other = await aSocket()
    other.connect(server.port)
    await new Promise<void>(resolve => other.once('connect', resolve))
    for (let i = 0; i < 3; i++) other.send(Buffer.from(HELLO, 'hex'))
    const sender = run(PEER!, [
      ...['raw', '--to', `127.0.0.1:${server.port}`, '--wait-ms', '100'],
      ...['--hex', trace.steps.map(one => one.packet).join()],
    ])
    expect(await sender.ended()).toBe(0)
    expect(got.map(one => toHex(one.payload))).toEqual(trace.steps.flatMap(one => one.delivered ?? []))
    await until(() => server.stats.connections === 1)
  })
})

async function theCrate(engine: 'run' | 'direct' | 'parts'): Promise<{ crate: Running; port: number }> {
  const crate = run(PEER!, ['serve', '--engine', engine, '--timeout', '40', '--rcvbuf', '4194304'])
  const { addr } = await crate.line(line => line.event === 'listening')
  return { crate, port: Number(String(addr).split(':').at(-1)) }
}

function messages(crate: Running) {
  return crate.lines.filter(line => line.event === 'message')
}

async function ourClient(port: number): Promise<Connection> {
  const client = await connect(protocol, `127.0.0.1:${port}`, { onFrame: () => undefined })
  open.push(client)
  return client
}

interface Got {
  readonly seq: number
  readonly priority: number
  readonly conn_id: number
  readonly intent: string
  readonly payload: Uint8Array
}

async function ourServer(): Promise<{ server: Server; got: Got[] }> {
  const got: Got[] = []
  const server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    handlers: { Data: frame => void got.push(frame.toObject() as unknown as Got) },
    onFrame: () => undefined,
  })
  open.push(server)
  return { server, got }
}

async function aSocket(): Promise<Socket> {
  const socket = createSocket('udp4')
  open.push({ close: () => socket.close() })
  return socket
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

async function until(holds: () => boolean, seconds = 10): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !holds(); await sleep(10))
    if (Date.now() > end) throw new Error('it did not happen in time')
}
