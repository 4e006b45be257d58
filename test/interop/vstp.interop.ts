// Our command line against the published crate (test/interop/peers/vstp), both directions, TCP and UDP. Bytes and
// behaviour of the crate: docs/protocols/vstp.md.
import { afterEach, describe, expect, test } from 'vitest'
import { type Line, peer, proto, run, stopAll } from './process.ts'

const PEER = peer('vstp')
const PROFILE = ['--profile', 'crate-0.2.1', '--json']
const TYPES = ['Hello', 'Welcome', 'Data', 'Ping', 'Pong', 'Bye', 'Ack', 'Err']

const crate = (...args: string[]) => run(PEER!, args)
const frames = (lines: readonly Line[]) => lines.filter(l => l.event === 'frame' && l.dir === 'in')
const fields = (line: Line) =>
  line.fields as { payload: string; flags: unknown; headers: { key: string; value: string }[] }
/** The peer's payload pattern, `(31 i + 7) mod 256`. */
const pattern = (n: number) => Buffer.from(Uint8Array.from({ length: n }, (_, i) => (31 * i + 7) & 0xff))
const hex = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`

async function ourServer(transport: 'tcp' | 'udp', ...args: string[]) {
  const server = proto('serve', 'vstp', '--listen', `${transport}://127.0.0.1:0`, '--for', '50s', ...PROFILE, ...args)
  const { port } = await server.line(l => l.event === 'listening')
  return { server, to: `127.0.0.1:${port}` }
}

async function crateServer(transport: 'tcp' | 'udp', ...args: string[]) {
  const server = crate('serve', '--transport', transport, '--port', '0', '--timeout', '50', ...args)
  const { addr } = await server.line(l => l.ev === 'listen')
  return { server, to: `${transport}://${addr}` }
}

afterEach(stopAll)

describe.skipIf(!PEER)('the crate as client, our server', () => {
  test.each(TYPES)('a bare %s arrives over TCP', async type => {
    const { server, to } = await ourServer('tcp')
    await crate('send', '--transport', 'tcp', '--to', to, '--type', type.toLowerCase(), '--drop').ended()
    await server.line(l => l.event === 'frame' && l.frame === type)
  })

  test.each(TYPES)('a bare %s arrives over UDP', async type => {
    const { server, to } = await ourServer('udp')
    await crate('send', '--transport', 'udp', '--to', to, '--type', type.toLowerCase()).ended()
    await server.line(l => l.event === 'frame' && l.frame === type)
  })

  test('headers and payload arrive byte-exact and come back as an echo', async () => {
    const { server, to } = await ourServer('tcp', '--echo')
    const client = crate(
      'send',
      '--transport',
      'tcp',
      '--to',
      to,
      '--size',
      '300',
      '--header',
      'name=x',
      '--header',
      'k=v',
      '--recv',
      '1',
      '--inline',
      '400',
    )
    const reply = await client.line(l => l.ev === 'reply')
    expect(reply.payload_hex).toBe(pattern(300).toString('hex'))
    expect(reply.headers).toEqual([
      ['name', 'x'],
      ['k', 'v'],
    ])
    const got = fields(await server.line(l => l.event === 'frame' && l.frame === 'Data'))
    expect(got.payload).toBe(hex(pattern(300)))
    expect(got.headers.map(h => Buffer.from(h.key.slice(2), 'hex').toString())).toEqual(['name', 'k'])
  })

  test.each([0, 1 << 20])('a payload of %i bytes crosses TCP both ways', async size => {
    const { to } = await ourServer('tcp', '--echo')
    const client = crate(
      'send',
      '--transport',
      'tcp',
      '--to',
      to,
      '--size',
      String(size),
      '--recv',
      '1',
      '--inline',
      String(size + 1),
    )
    const reply = await client.line(l => l.ev === 'reply')
    expect(reply.payload_len).toBe(size)
    expect(reply.payload_hex).toBe(pattern(size).toString('hex'))
  })

  test('fifty acknowledged messages over UDP are acknowledged and delivered once each', async () => {
    const { server, to } = await ourServer('udp')
    const client = crate('send', '--transport', 'udp', '--to', to, '--size', '64', '--count', '50', '--req-ack')
    const done = await client.line(l => l.ev === 'done')
    expect(done.failed).toBe(0)
    expect(client.lines.filter(l => l.ev === 'acked').length).toBe(50)
    await new Promise(settle => setTimeout(settle, 300))
    expect(frames(server.lines).length).toBe(50)
  })

  test('the full copies that the crate sends instead of fragments are delivered once and acknowledged', async () => {
    const { server, to } = await ourServer('udp')
    const client = crate('send', '--transport', 'udp', '--to', to, '--size', '1500', '--req-ack')
    expect((await client.line(l => l.ev === 'done')).failed).toBe(0)
    await new Promise(settle => setTimeout(settle, 300))
    const got = frames(server.lines)
    expect(got.length).toBe(1)
    expect(fields(got[0]!).payload).toBe(hex(pattern(1500)))
  })

  test('malformed frames close a TCP connection with a named error and leave the server running', async () => {
    const { server, to } = await ourServer('tcp')
    const wrong = {
      InvalidMagic: '474554202f20485454502f',
      UnsupportedVersion: '5654020300000000000000eb0aafdc',
      FrameTooLarge: '56540103000000ffffffff',
      CrcMismatch: '565401030004000000000300016b76616263328debb6',
      InvalidFrameType: '56540100000000000000005c0894fa',
    }
    for (const [code, bytes] of Object.entries(wrong)) {
      const client = crate('send', '--transport', 'tcp', '--to', to, '--raw', bytes)
      expect((await client.line(l => l.ev === 'eof' || l.ev === 'io-error' || l.ev === 'quiet')).ev).not.toBe('quiet')
      await server.line(l => l.event === 'error' && l.code === code)
    }
    await crate('send', '--transport', 'tcp', '--to', to, '--type', 'ping', '--drop').ended()
    await server.line(l => l.event === 'frame' && l.frame === 'Ping')
  })

  test('malformed datagrams are counted and dropped, the next good one arrives', async () => {
    const { server, to } = await ourServer('udp')
    await crate(
      'send',
      '--transport',
      'udp',
      '--to',
      to,
      '--raw',
      '00',
      '--raw',
      '565401030004000000000300016b76616263328debb6',
      '--raw',
      '5654010400000000000000d8429a00',
      '--listen-ms',
      '100',
    ).ended()
    await server.line(l => l.event === 'frame' && l.frame === 'Ping')
    expect(server.lines.filter(l => l.event === 'error').map(l => l.code)).toContain('CrcMismatch')
  })

  test('three hundred random frames arrive in order and byte-exact', async () => {
    const { server, to } = await ourServer('tcp')
    let seed = 20_240_601
    const random = (n: number) => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      return seed % n
    }
    process.stdout.write(`note: seed ${seed}\n`)
    const sent: { type: string; size: number }[] = []
    for (let batch = 0; batch < 30; batch++) {
      const type = TYPES.filter(one => one !== 'Bye')[random(7)]! // a Bye ends the connection
      const size = random(3000)
      sent.push(...Array.from({ length: 10 }, () => ({ type, size })))
      await crate(
        'send',
        '--transport',
        'tcp',
        '--to',
        to,
        '--type',
        type.toLowerCase(),
        '--size',
        String(size),
        '--count',
        '10',
        '--header',
        `n=${batch}`,
        '--flag-bits',
        String(random(4) * 16),
        '--drop',
      ).ended()
    }
    await server.line(() => frames(server.lines).length >= 300)
    const got = frames(server.lines)
    expect(got.map(l => ({ type: l.frame, size: (fields(l).payload.length - 2) / 2 }))).toEqual(sent)
    for (const line of got) {
      const { payload } = fields(line)
      expect(payload).toBe(hex(pattern((payload.length - 2) / 2)))
    }
  })
})

describe.skipIf(!PEER)('our client, the crate as server', () => {
  test.each(TYPES)('a bare %s is understood over TCP and UDP', async type => {
    for (const transport of ['tcp', 'udp'] as const) {
      const { server, to } = await crateServer(transport)
      const client = proto('send', 'vstp', to, type, ...PROFILE)
      expect(await client.ended(), client.stderr()).toBe(0)
      await server.line(l => l.ev === 'frame' && l.type === type.toUpperCase())
      server.stop()
    }
  })

  test.each([0, 64, 1 << 20])('an echo of %i bytes comes back over TCP', async size => {
    const { server, to } = await crateServer('tcp', '--echo')
    const client = proto('send', 'vstp', to, 'Data', '--size', String(size), '--wait', '1', ...PROFILE)
    const back = await client.line(l => l.event === 'frame' && l.dir === 'in')
    expect((fields(back).payload.length - 2) / 2).toBe(size)
    expect(await client.ended(), client.stderr()).toBe(0)
    expect((await server.line(l => l.ev === 'frame')).payload_len).toBe(size)
  })

  test('headers arrive in order with duplicates', async () => {
    const { server, to } = await crateServer('tcp')
    const headers = JSON.stringify([
      { key: 'text:a', value: 'text:1' },
      { key: 'text:b', value: 'text:2' },
      { key: 'text:a', value: 'text:3' },
    ])
    expect(await proto('send', 'vstp', to, 'Data', `headers=${headers}`, 'payload=text:hi', ...PROFILE).ended()).toBe(0)
    const got = await server.line(l => l.ev === 'frame')
    expect(got.headers).toEqual([
      ['a', '1'],
      ['b', '2'],
      ['a', '3'],
    ])
    expect(got.payload_hex).toBe('6869')
  })

  test('a message with req_ack is acknowledged by the crate, and reported lost when nobody answers', async () => {
    const { server, to } = await crateServer('udp')
    const acked = proto('send', 'vstp', to, 'Data', 'flags=["req_ack"]', 'payload=0x010203', ...PROFILE)
    expect(await acked.ended(), acked.stderr()).toBe(0)
    expect((await acked.line(l => l.event === 'summary')).lost).toBe(0)
    expect((await server.line(l => l.ev === 'frame')).headers).toEqual([['msg-id', '1']])
    server.stop()
    await server.ended()
    const lost = proto('send', 'vstp', to, 'Data', 'flags=["req_ack"]', '--timeout', '1s', ...PROFILE)
    expect([69, 75]).toContain(await lost.ended())
  })

  test.each([1500, 2500, 50_000])('%i bytes reach the crate in correct fragments over UDP', async size => {
    const { server, to } = await crateServer('udp', '--inline', '60000')
    const client = proto('send', 'vstp', to, 'Data', 'flags=["req_ack"]', `payload=${hex(pattern(size))}`, ...PROFILE)
    expect(await client.ended(), client.stderr()).toBe(0)
    const got = await server.line(l => l.ev === 'frame' && l.payload_len === size)
    expect(got.payload_hex).toBe(pattern(size).toString('hex'))
    expect(server.lines.filter(l => l.ev === 'recv-error')).toEqual([])
  })
})
