// Our relay, producer, consumer and observer against the published crate (test/interop/peers/hydra-sync), in every
// direction. Bytes and behaviour of the crate: docs/protocols/hydra-sync.md.
import { createServer, connect as dial, type Server as NetServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { protocol } from '../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/index.ts'
import { connect, type Server, serve } from '../../runtime/index.ts'
import type { Overflow } from '../../runtime/service/relay/queue.ts'
import { type Line, peer, proto, run, stopAll } from './process.ts'

const PEER = peer('hydra-sync')
const PROFILE = ['--profile', 'crate-1.0.0-beta.9', '--json']
const SESSION = ['--session', 'ff', '--key', 'aa']
const bytes = (n: number, value: number) => new Uint8Array(n).fill(value)
const hex = (n: number, value: number) => `0x${Buffer.from(bytes(n, value)).toString('hex')}`
const OURS = ['--set', `session_id=${hex(64, 0xff)}`, '--set', `session_key=${hex(32, 0xaa)}`]
const PARAMS = { session_id: bytes(64, 0xff), session_key: bytes(32, 0xaa) }
/** What the peer sends with `--fill seq`: the number, then (number + i) mod 256. */
const numbered = (seq: number, n: number) => {
  const out = Uint8Array.from({ length: n }, (_, i) => (seq + i) & 0xff)
  new DataView(out.buffer).setBigUint64(0, BigInt(seq))
  return `0x${Buffer.from(out).toString('hex')}`
}

const crate = (...args: string[]) => run(PEER!, args)
const packets = (lines: readonly Line[]) => lines.filter(l => l.event === 'packet').map(l => `0x${l.hex}`)
const payloads = (lines: readonly Line[]) =>
  lines
    .filter(l => l.event === 'frame' && l.dir === 'in' && l.frame === 'Data')
    .map(l => (l.fields as { payload: string }).payload)

async function ourServer(...args: string[]): Promise<string> {
  const server = proto(
    'serve',
    'hydra-sync',
    '--listen',
    'tcp://127.0.0.1:0',
    '--for',
    '50s',
    '--set',
    'packet_len=64',
    ...PROFILE,
    ...args,
  )
  return `127.0.0.1:${(await server.line(l => l.event === 'listening')).port}`
}

async function crateServer(...args: string[]): Promise<string> {
  const server = crate('serve', '--port', '0', '--packet-len', '64', '--timeout', '50', ...args)
  return String((await server.line(l => l.event === 'listening')).addr)
}

const SERVERS = { ours: ourServer, crate: crateServer } as const
const PRODUCERS = {
  crate: (to: string) =>
    crate('produce', '--to', to, ...SESSION, '--count', '20', '--delay-ms', '4000', '--linger-ms', '1500'),
  ours: (to: string) =>
    proto(
      'send',
      'hydra-sync',
      to,
      'Data',
      `payload=${numbered(3, 64)}`,
      '--role',
      'producer',
      '--count',
      '12',
      '--rate',
      '2',
      ...OURS,
      ...PROFILE,
    ),
} as const
const CONSUMERS = {
  crate: (to: string) => crate('consume', '--to', to, ...SESSION, '--count', '3', '--hex'),
  ours: (to: string) => proto('listen', 'hydra-sync', to, '--role', 'consumer', '--count', '3', ...OURS, ...PROFILE),
} as const
type Side = 'ours' | 'crate'
const EVERY = (['ours', 'crate'] as const).flatMap(server =>
  (['ours', 'crate'] as const).flatMap(producer =>
    (['ours', 'crate'] as const).map(consumer => [producer, server, consumer] as [Side, Side, Side]),
  ),
)

const servers: Server<never, never>[] = []
const nets: NetServer[] = []
afterEach(async () => {
  stopAll()
  for (const one of nets.splice(0)) one.close()
  await Promise.all(servers.splice(0).map(one => one.close()))
})

describe.skipIf(!PEER)('hydra-sync: everybody with everybody', () => {
  test.each(EVERY)(
    'producer %s, server %s, consumer %s: blocks arrive byte-exact',
    async (producer, server, consumer) => {
      const to = await SERVERS[server]()
      const from = PRODUCERS[producer](to)
      const joined = producer === 'crate' ? (l: Line) => l.event === 'connected' : (l: Line) => l.event === 'open'
      await from.line(joined)
      const at = CONSUMERS[consumer](to)
      expect(await at.ended(), at.stderr()).toBe(0)
      const got = consumer === 'crate' ? packets(at.lines) : payloads(at.lines)
      const wanted = producer === 'ours' ? [3, 3, 3] : [0, 1, 2]
      expect(got.slice(0, 3)).toEqual(wanted.map(seq => numbered(seq, 64)))
    },
  )

  test('an observer of the crate reads our counters, and ours those of the crate', async () => {
    const token = ['--set', `observer_token=${hex(64, 5)}`]
    const to = await ourServer(...token)
    const producer = PRODUCERS.crate(to)
    await producer.line(l => l.event === 'connected')
    const theirs = crate('observe', '--to', to, '--token', '05', '--count', '2')
    expect(await theirs.ended()).toBe(0)
    const seen = theirs.lines.filter(l => l.event === 'metrics')
    expect(seen.map(l => [l.total_sessions, l.active_sessions])).toEqual([
      [1, 1],
      [1, 1],
    ])

    const other = await crateServer('--observer-token', '05')
    await PRODUCERS.crate(other).line(l => l.event === 'connected')
    const ours = proto('listen', 'hydra-sync', other, '--role', 'observer', '--count', '2', ...token, ...PROFILE)
    expect(await ours.ended(), ours.stderr()).toBe(0)
    const counters = ours.lines.filter(l => l.frame === 'Metrics').map(l => l.fields as Record<string, unknown>)
    expect(counters[0]).toMatchObject({ total_sessions: 1, active_sessions: 1 })
  })

  test('our server answers every refusal as the clients of the crate expect it', async () => {
    const to = await ourServer('--set', `observer_token=${hex(64, 5)}`)
    const refused = async (...args: string[]) => (await crate(...args).line(l => l.event === 'error')).message
    expect(await refused('consume', '--to', to, ...SESSION)).toBe('ERR: Session not found, cannot join as consumer')
    await PRODUCERS.crate(to).line(l => l.event === 'connected')
    expect(await refused('produce', '--to', to, ...SESSION)).toBe(
      'ERR: Session already exists, cannot join as producer',
    )
    expect(await refused('observe', '--to', to, '--token', '06')).toBe(
      'ERR: Invalid observe token, cannot join as observer',
    )
  })

  test('refusals of the crate end our clients with an exit code and a reason', async () => {
    const to = await crateServer('--observer-token', '05')
    const ended = async (role: string, ...args: string[]) => {
      const one = proto('listen', 'hydra-sync', to, '--role', role, ...args, ...PROFILE)
      return [await one.ended(), one.lines.find(l => l.event === 'error')?.code]
    }
    expect(await ended('consumer', ...OURS)).toEqual([69, 'Refused'])
    await PRODUCERS.crate(to).line(l => l.event === 'connected')
    expect(await ended('producer', ...OURS)).toEqual([69, 'Refused'])
    expect(await ended('observer', '--set', `observer_token=${hex(64, 6)}`)).toEqual([77, 'Denied'])
  })

  test('with another kdf_label nobody gets in, on either side', async () => {
    const to = await ourServer('--set', 'kdf_label=another label')
    expect((await crate('produce', '--to', to, ...SESSION).line(l => l.event === 'error')).message).toContain(
      'early eof',
    )
    const other = await crateServer()
    const ours = proto(
      'listen',
      'hydra-sync',
      other,
      '--role',
      'producer',
      '--set',
      'kdf_label=another',
      ...OURS,
      ...PROFILE,
    )
    expect(await ours.ended()).not.toBe(0)
    expect(ours.lines.some(l => l.event === 'open')).toBe(false)
  })

  test('a consumer with the wrong key gets errors and no block, from our server and from the crate', async () => {
    for (const server of ['ours', 'crate'] as const) {
      const to = await SERVERS[server]()
      const producer = PRODUCERS.ours(to)
      await producer.line(l => l.event === 'open')
      const theirs = crate('consume', '--to', to, '--session', 'ff', '--key', 'ab', '--count', '1')
      expect((await theirs.line(l => l.event === 'done')).end).toContain('aead')
      const wrong = ['--set', `session_id=${hex(64, 0xff)}`, '--set', `session_key=${hex(32, 0xab)}`]
      const ours = proto('listen', 'hydra-sync', to, '--role', 'consumer', '--for', '2s', ...wrong, ...PROFILE)
      expect(await ours.ended(), ours.stderr()).toBe(0)
      expect(ours.lines.filter(l => l.event === 'error').every(l => l.code === 'OpenFailed' && l.fatal === false)).toBe(
        true,
      )
      expect(ours.lines.filter(l => l.event === 'error').length).toBeGreaterThan(1)
      expect(payloads(ours.lines)).toEqual([])
      producer.stop()
    }
  })

  test('a block that was changed on the way is refused, and the next one is read', async () => {
    const to = await crateServer()
    const producer = crate(
      'produce',
      '--to',
      to,
      ...SESSION,
      '--count',
      '20',
      '--delay-ms',
      '1500',
      '--interval-ms',
      '100',
    )
    await producer.line(l => l.event === 'connected')
    // Hello 160, Status 29, Length 36: then blocks of 92 bytes.
    const through = await changing(to, 160 + 29 + 36 + 92 + 40)
    const got: bigint[] = []
    const errors: string[] = []
    const consumer = await connect(protocol, `tcp://${through}`, {
      role: 'consumer',
      params: PARAMS,
      handlers: {
        Data: frame => void got.push(new DataView(frame.payload.buffer, frame.payload.byteOffset).getBigUint64(0)),
      },
      onError: error => errors.push((error as { code?: string }).code ?? ''),
    })
    await until(() => got.length >= 4)
    expect(got.slice(0, 4)).toEqual([0n, 2n, 3n, 4n])
    expect(errors).toEqual(['OpenFailed'])
    consumer.abort()
  })
})

describe.skipIf(!PEER)('hydra-sync: our server when somebody leaves or is slow', () => {
  test('consumers of the crate see the end when their producer is gone, and the id is free again', async () => {
    const { to } = await ourRelay({ keep: false })
    const producer = crate('produce', '--to', to, ...SESSION, '--count', '2', '--delay-ms', '700', '--linger-ms', '100')
    await producer.line(l => l.event === 'connected')
    const consumer = crate('consume', '--to', to, ...SESSION, '--count', '9')
    const done = await consumer.line(l => l.event === 'done')
    expect(done).toMatchObject({ count: 2 })
    expect(done.end).toContain('eof')
    await crate('produce', '--to', to, ...SESSION, '--count', '1').line(l => l.event === 'connected')
  })

  test('a consumer that leaves does not disturb the others', async () => {
    const { to } = await ourRelay({})
    const producer = crate(
      'produce',
      '--to',
      to,
      ...SESSION,
      '--count',
      '30',
      '--delay-ms',
      '800',
      '--interval-ms',
      '20',
      '--quiet',
    )
    await producer.line(l => l.event === 'connected')
    const brief = crate('consume', '--to', to, ...SESSION, '--count', '3', '--quiet')
    const patient = crate('consume', '--to', to, ...SESSION, '--count', '30', '--quiet')
    expect(await brief.ended()).toBe(0)
    expect(await patient.line(l => l.event === 'done')).toMatchObject({ count: 30, end: null })
  })

  test.each(['drop-newest', 'drop-oldest', 'drop-client', 'backpressure'] as const)(
    'a consumer of the crate that stands still, %s: the healthy one gets every block',
    async overflow => {
      const { to, server } = await ourRelay({ overflow, packetLen: 65_536, frames: 15 })
      const producer = crate(
        'produce',
        '--to',
        to,
        ...SESSION,
        '--count',
        '400',
        '--delay-ms',
        '900',
        '--quiet',
        '--linger-ms',
        '2500',
        // Otherwise a healthy one is not fast enough for a queue of 15 either.
        '--interval-ms',
        overflow === 'backpressure' ? '0' : '5',
      )
      await producer.line(l => l.event === 'connected')
      // It reads one block and then sleeps for longer than the test.
      const slow = crate(
        'consume',
        '--to',
        to,
        ...SESSION,
        '--count',
        '400',
        '--quiet',
        '--delay-ms',
        overflow === 'backpressure' ? '3' : '20000',
      )
      const healthy = crate('consume', '--to', to, ...SESSION, '--count', '400', '--quiet')
      await slow.line(l => l.event === 'connected')
      expect(await healthy.line(l => l.event === 'done', 40)).toMatchObject({ count: 400, end: null })
      if (overflow === 'backpressure')
        expect(await slow.line(l => l.event === 'done', 40)).toMatchObject({ count: 400, end: null })
      expect(server.stats.connections).toBeGreaterThan(0)
    },
  )
})

async function ourRelay(options: {
  overflow?: Overflow
  packetLen?: number
  frames?: number
  keep?: boolean
}): Promise<{ to: string; server: Server<never, never> }> {
  const { overflow = 'drop-newest', packetLen = 64, frames = 255, keep = true } = options
  const relay = (protocol.service as { relay: object }).relay
  const changed = keep
    ? protocol
    : { ...protocol, service: { relay: { ...relay, whenPublisherLeaves: 'close-subscribers' } } }
  const server = await serve(changed as typeof protocol, {
    listen: 'tcp://127.0.0.1:0',
    params: { packet_len: BigInt(packetLen) },
    relayQueue: { overflow, frames, stall: 10_000 },
  })
  servers.push(server as unknown as Server<never, never>)
  return { to: `127.0.0.1:${server.port}`, server: server as unknown as Server<never, never> }
}

/** A way to `to` on which one byte that comes back is changed. */
async function changing(to: string, at: number): Promise<string> {
  const [host = '', port = ''] = to.split(':')
  const server = createServer((near: Socket) => {
    const far = dial({ host, port: Number(port) })
    let seen = 0
    far.on('data', (chunk: Buffer) => {
      if (seen <= at && at < seen + chunk.length) chunk[at - seen]! ^= 1
      seen += chunk.length
      near.write(chunk)
    })
    near.pipe(far)
    for (const socket of [near, far]) socket.on('error', () => {}).on('close', () => void near.destroy())
    near.on('close', () => far.destroy())
  })
  nets.push(server)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return `127.0.0.1:${(server.address() as { port: number }).port}`
}

async function until(holds: () => boolean, seconds = 10): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !holds() && Date.now() < end; )
    await new Promise(resolve => setTimeout(resolve, 20))
}
