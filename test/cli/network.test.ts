// serve, send and listen as real processes on real sockets: the lines of the contract, exit codes, signals.

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import Listen from '../../cli/commands/listen.ts'
import Replay from '../../cli/commands/replay.ts'
import Send from '../../cli/commands/send.ts'
import { build, proto, type Started, start } from './built.ts'
import { type Json, run } from './run.ts'

const CERTIFICATES = fileURLToPath(new URL('../runtime/certificates', import.meta.url))
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proto-network-'))
  await build()
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lines = (stdout: string): Json[] =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))

async function serve(...argv: string[]): Promise<Started & { port: number }> {
  const server = start(['serve', ...argv, '--json', '--for', '25s'])
  const { port } = await server.line(line => line.event === 'listening')
  return { ...server, port }
}

describe('a server and its clients', () => {
  let server: Started & { port: number }
  beforeAll(async () => {
    server = await serve('vstp', '--listen', 'tcp://127.0.0.1:0', '--listen', 'udp://127.0.0.1:0', '--echo')
  })
  afterAll(() => server.kill('SIGKILL'))

  test('what a client prints are events as the contract has them, the last one a summary', async () => {
    const to = `tcp://127.0.0.1:${server.port}`
    const { code, stdout, stderr } = await proto('send', 'vstp', to, 'Data', 'payload=text:hi', '--wait', '1', '--json')
    expect(code, stderr).toBe(0)
    const peer = `127.0.0.1:${server.port}`
    const events = lines(stdout)
    expect(events[0]).toEqual({ event: 'open', peer })
    expect(events[1]).toMatchObject({ event: 'frame', dir: 'out', peer, frame: 'Data', channel: 'messages' })
    expect(events[1].fields).toMatchObject({ flags: [], headers: [], payload: '0x6869' })
    expect(events[2]).toMatchObject({ event: 'frame', dir: 'in', peer, frame: 'Data', fields: { payload: '0x6869' } })
    expect(events.at(-2)).toEqual({ event: 'close', peer, reason: expect.any(String) })
    expect(events.at(-1)).toMatchObject({ event: 'summary', sent: 1, received: 1, bytes: 34, lost: 0 })
    expect(stderr).toMatch(/^insecure: /)
  })

  test('the server sees the same frame', async () => {
    const seen = await server.line(line => line.event === 'frame' && line.dir === 'in' && line.frame === 'Data')
    expect(seen.fields.payload).toBe('0x6869')
  })

  // In this process from here on: the clients, not their start, are what is tested.
  const send = (...argv: string[]) => run(Send, 'vstp', ...argv)
  const tcp = () => `127.0.0.1:${server.port}`

  test('requests are answered one by one, and their round trips are in the summary', async () => {
    const { code, lines } = await send(tcp(), 'Ping', '--count', '20', '--json')
    expect(code).toBe(0)
    const summary = lines.at(-1)
    expect(summary).toMatchObject({ sent: 20, received: 20, lost: 0 })
    expect(summary.rtt_us.p50).toBeGreaterThan(0)
    expect(summary.rtt_us.p99).toBeGreaterThanOrEqual(summary.rtt_us.p50)
  })

  test('without a frame the first on a channel is sent, filled to --size', async () => {
    const { code, stdout } = await send(tcp(), '--size', '1KiB', '--wait', 'data', '-q')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^✓ 1 frame sent, 1 received, 2\.03 KiB/)
  })

  test('a steady rate does not wait for answers', async () => {
    const { code, lines } = await send(tcp(), 'Ping', '--count', '30', '--rate', '600/s', '--json')
    expect(code).toBe(0)
    expect(lines.at(-1)).toMatchObject({ sent: 30, received: 30, lost: 0 })
  })

  test('many frames are all echoed', async () => {
    const { code, lines } = await send(tcp(), '--size', '100', '--count', '500', '--wait', '500', '--json')
    expect(code).toBe(0)
    expect(lines.filter(line => line.event === 'frame' && line.dir === 'in')).toHaveLength(500)
    expect(lines.at(-1)).toMatchObject({ sent: 500, received: 500 })
  })

  test('UDP data that asks is acknowledged', async () => {
    const udp = await server.line(line => line.event === 'listening' && line.transport === 'udp')
    const { code, lines } = await send(`udp://127.0.0.1:${udp.port}`, 'Data', 'flags=req_ack', '--json')
    expect(code).toBe(0)
    expect(lines.find(line => line.frame === 'Ack')).toMatchObject({ dir: 'in' })
    expect(lines.at(-1)).toMatchObject({ event: 'summary', lost: 0, rtt_us: { p50: expect.any(Number) } })
  })

  test('what does not come in time ends with 75', async () => {
    const argv = [tcp(), 'Hello', '--wait', 'Err', '--timeout', '200ms']
    const { code, lines } = await send(...argv, '--json')
    expect(code).toBe(75)
    expect(lines.find(line => line.event === 'error')).toMatchObject({ code: 'Timeout', error: { code: 'Timeout' } })
    expect(lines.at(-1).event).toBe('summary')
    const plain = await send(...argv)
    expect(plain.code).toBe(75)
    expect(plain.stderr).toContain('Err did not arrive within 200 ms')
  })

  test('listen ends after --for', async () => {
    const { code, lines } = await run(Listen, 'vstp', tcp(), '--for', '100ms', '--json')
    expect(code).toBe(0)
    expect(lines.map(line => line.frame ?? line.event)).toEqual(['open', 'Bye', 'close', 'summary'])
  })

  test('Ctrl-C closes connections, prints the summary and exits with 130', async () => {
    const other = await serve('vstp', '--listen', 'tcp://127.0.0.1:0')
    const client = start(['listen', 'vstp', `127.0.0.1:${other.port}`, '--json'])
    await client.line(line => line.event === 'open')
    other.kill('SIGINT')
    const { code, stdout } = await other.exited
    expect(code).toBe(130)
    expect(lines(stdout).at(-1)).toMatchObject({ event: 'summary' })
    const left = await client.exited
    expect(left.code, left.stderr).toBe(0)
    expect(lines(left.stdout).map(line => line.frame ?? line.event)).toContain('Bye')
  })
})

describe('a network that does not cooperate', () => {
  let garbage: Server
  let port: number
  beforeAll(async () => {
    garbage = createServer(socket => {
      socket.on('error', () => {})
      socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
    await new Promise<void>(opened => garbage.listen(0, '127.0.0.1', opened))
    port = (garbage.address() as { port: number }).port
  })
  afterAll(() => garbage.close())

  test('nobody there: 69, plain and with --json', async () => {
    const { code, lines } = await run(Send, 'vstp', '127.0.0.1:1', '--json')
    expect(code).toBe(69)
    expect(lines).toEqual([expect.objectContaining({ event: 'error', code: 'Unreachable', fatal: true })])
    const plain = await run(Send, 'vstp', '127.0.0.1:1')
    expect(plain).toMatchObject({ code: 69, stderr: 'proto: 127.0.0.1:1: connection refused\n' })
  })

  test('a host that does not exist: 69', async () => {
    expect((await run(Send, 'vstp', 'tcp://no-such-host.invalid:1')).code).toBe(69)
  })

  test('a peer that breaks the protocol: 76 and a named error', async () => {
    const { code, lines } = await run(Listen, 'vstp', `127.0.0.1:${port}`, '--json')
    expect(code).toBe(76)
    expect(lines.find(line => line.event === 'error')).toMatchObject({ code: 'InvalidMagic', fatal: true })
  })

  test('an address in use: 69', async () => {
    const { code, stderr } = await proto('serve', 'vstp', '--listen', `tcp://127.0.0.1:${port}`)
    expect({ code, stderr }).toMatchObject({ code: 69, stderr: expect.stringContaining('in use') })
  })

  test('TLS: the right authority is let in, a wrong one is 77', async () => {
    const server = await serve(
      ...['vstp', '--listen', 'tls://127.0.0.1:0'],
      ...['--set', `certificate=${join(CERTIFICATES, 'server.pem')}`],
      ...['--set', `private_key=@${join(CERTIFICATES, 'server.key.pem')}`],
    )
    const ping = (authority: string) =>
      run(
        Send,
        ...['vstp', `tls://127.0.0.1:${server.port}`, 'Ping', '--json'],
        ...['--set', 'server_name=localhost', '--set', `ca=${join(CERTIFICATES, authority)}`],
      )
    expect((await ping('ca.pem')).code).toBe(0)
    const stranger = await ping('stranger-ca.pem')
    expect(stranger.code, stranger.stdout).toBe(77)
    expect(stranger.lines).toEqual([expect.objectContaining({ event: 'error', code: 'HandshakeFailed' })])
    server.kill('SIGTERM')
    const { code, stdout, stderr } = await server.exited
    expect(code).toBe(130)
    expect(stdout + stderr).not.toContain('PRIVATE KEY')
  })
})

describe('a schema that was never generated', () => {
  test('is served with a TypeScript handler, recorded and replayed', async () => {
    expect((await proto('new', 'readings', '--out', folder)).code).toBe(0)
    const schema = join(folder, 'readings.yaml')
    const record = join(folder, 'traffic.jsonl')
    const server = start(
      [
        'serve',
        schema,
        '--listen',
        'tcp://127.0.0.1:0',
        '--handler',
        join(folder, 'readings.handlers.ts'),
        '--record',
        record,
        '--json',
        '--for',
        '20s',
      ],
      { env: { XDG_CACHE_HOME: join(folder, 'cache') } },
    )
    const { port } = await server.line(line => line.event === 'listening')
    const sent = await proto('send', schema, `127.0.0.1:${port}`, 'Report', 'seq=7', 'unit=volt', 'value=1.5', '--json')
    expect(sent.code, sent.stderr).toBe(0)
    expect(lines(sent.stdout).find(line => line.frame === 'Accepted').fields.seq).toBe(7)
    server.kill('SIGINT')
    expect((await server.exited).stderr).toContain('reading 7: 1.5 volt')

    const replayed = await run(Replay, record, '--json')
    expect(replayed.code, replayed.stderr).toBe(0)
    expect(replayed.lines.map(line => line.frame ?? line.event)).toEqual(['Report', 'Accepted', 'summary'])
    writeFileSync(record, readFileSync(record, 'utf8').replace('"0x01', '"0x09'))
    const damaged = await run(Replay, record, '--json')
    expect(damaged.code).toBe(76)
    expect(damaged.lines[0]).toMatchObject({ event: 'error', code: 'UnknownFrame' })
  })

  test('metrics are served over HTTP', async () => {
    const server = start([
      'serve',
      'vstp',
      '--listen',
      'tcp://127.0.0.1:0',
      '--metrics',
      '127.0.0.1:0',
      '--json',
      '--for',
      '20s',
    ])
    const tcp = await server.line(line => line.transport === 'tcp')
    const http = await server.line(line => line.transport === 'http')
    expect((await run(Send, 'vstp', `127.0.0.1:${tcp.port}`, 'Ping', '-q')).code).toBe(0)
    const text = await (await fetch(`http://127.0.0.1:${http.port}/metrics`)).text()
    expect(text).toMatch(/^vstp_frames_received_total\{.*frame="Ping".*\} 1$/m)
    server.kill('SIGINT')
    expect((await server.exited).code).toBe(130)
  })
})
