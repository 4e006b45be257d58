// Our default profile against the published crate, in the same run: two processes each, 64 bytes, sealed. Turns alternate.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { native } from '../../runtime/native/load.ts'
import { type Command, compile, measureTrip } from '../native/processes.ts'
import { table } from '../results.ts'

type Line = Readonly<Record<string, unknown>>

const PEER = fileURLToPath(new URL('../../test/interop/peers/fastnet/target/release/peer', import.meta.url))
const SIDE = fileURLToPath(new URL('./side.ts', import.meta.url))
const BARE = fileURLToPath(new URL('../native/side.ts', import.meta.url))
const TURNS = Number(process.env.TURNS ?? 3)
const TRIPS = '10000'
const WARM = '20000'
const SPIN = '200'
const FLOOD = '100000'
const SIZE = '64'

export async function run(): Promise<string> {
  const head = [
    '## fastnet',
    '',
    `64 bytes, sealed, on the loopback. Medians of ${TURNS} turns; ours after ${WARM} round trips to warm up.`,
    '',
  ]
  if (!existsSync(PEER))
    return [
      ...head,
      'skipped: the peer around the crate is not built (cargo build --release in test/interop/peers/fastnet)',
    ].join('\n')
  const { sockets, reason } = native()
  if (sockets === undefined) head.push(`skipped: busy polling: ${reason}`, '')
  const bare = bareTrips(sockets !== undefined)
  const found = new Map<string, number[]>()
  const keep = (name: string, value: unknown): void => void found.set(name, [...(found.get(name) ?? []), Number(value)])
  for (let turn = 0; turn < TURNS; turn++) {
    for (const { name, echo, ping } of bare.trips) {
      const [p50, p99] = await measureTrip(echo, ping)
      keep(`${name} p50`, p50)
      keep(`${name} p99`, p99)
    }
    for (const channel of [0, 1]) {
      const crate = await crateTrips(channel)
      keep(`crate ${channel} p50`, crate.p50_us)
      keep(`crate ${channel} p99`, crate.p99_us)
      for (const spin of sockets === undefined ? ['0'] : ['0', SPIN]) {
        const ours = await between(spin, 'echo', 'ping', String(channel), TRIPS, WARM)
        keep(`ours ${spin} ${channel} p50`, ours.p50)
        keep(`ours ${spin} ${channel} p99`, ours.p99)
      }
    }
    const bench = await lines(PEER, ['bench', '--count', '200', '--reps', '1', '--flood', FLOOD, '--timeout', '100'])
    const oneWay = bench.find(line => line.event === 'bench_oneway' && line.size === 64)
    keep('crate one way', oneWay?.recv_msgs_per_s)
    keep('crate delivered', oneWay?.received)
    keep('crate window', bench.find(line => line.event === 'bench_window_echo')?.echoes_per_s)
    const flood = await between('0', 'count', 'flood', '1', FLOOD)
    keep('ours one way', Number(flood.received) / Number(flood.seconds))
    keep('ours delivered', flood.received)
    const reliable = await between('0', 'count', 'flood', '0', FLOOD)
    keep('ours reliable', Number(reliable.received) / Number(reliable.seconds))
    keep('ours reliable delivered', reliable.received)
    keep('ours window', (await between('0', 'echo', 'window', '1', FLOOD)).perSecond)
  }
  bare.remove()
  const of = (name: string): number => {
    const all = [...(found.get(name) ?? [])].sort((a, b) => a - b)
    return all[all.length >> 1] ?? Number.NaN
  }
  const trips = ['crate', 'ours 0', `ours ${SPIN}`].flatMap(side =>
    [0, 1].map(channel => {
      const [p50, p99] = [of(`${side} ${channel} p50`), of(`${side} ${channel} p99`)]
      const ratio = (own: number, what: string): string => `${(own / of(`crate ${channel} ${what}`)).toFixed(2)}x`
      const name = { crate: 'crate', 'ours 0': 'ours' }[side] ?? `ours, busyPoll ${SPIN}`
      return [
        name,
        channel === 0 ? 'ordered' : 'unreliable',
        p50.toFixed(1),
        p99.toFixed(1),
        ratio(p50, 'p50'),
        ratio(p99, 'p99'),
      ]
    }),
  )
  const rate = (name: string, base: string): string[] => [
    (of(name) / 1000).toFixed(1),
    `${(of(name) / of(base)).toFixed(2)}x`,
  ]
  return [
    ...head,
    'One message there and back, microseconds:',
    '',
    table(['side', 'channel', 'p50', 'p99', 'p50 to the crate', 'p99'], trips),
    '',
    'The same without a protocol and without a seal, as far as this machine goes:',
    '',
    table(
      ['sockets alone', 'p50', 'p99'],
      bare.trips.map(({ name }) => [name, of(`${name} p50`).toFixed(1), of(`${name} p99`).toFixed(1)]),
    ),
    '',
    'Thousand messages a second:',
    '',
    table(
      ['what', 'side', 'thousand/s', 'to the crate', 'delivered'],
      [
        [
          '100,000 one way, unreliable',
          'crate',
          ...rate('crate one way', 'crate one way'),
          String(of('crate delivered')),
        ],
        ['', 'ours', ...rate('ours one way', 'crate one way'), String(of('ours delivered'))],
        [
          '100,000 one way, ordered, acknowledged',
          'ours',
          ...rate('ours reliable', 'crate one way'),
          String(of('ours reliable delivered')),
        ],
        ['echo, 32 on their way', 'crate', ...rate('crate window', 'crate window'), ''],
        ['', 'ours', ...rate('ours window', 'crate window'), ''],
      ],
    ),
  ].join('\n')
}

async function crateTrips(channel: number): Promise<Line> {
  const server = start(PEER, ['serve', '--port', '0', '--echo', '--quiet', '--timeout', '60'])
  const { tcp } = await server.line(line => line.event === 'listening')
  const args = ['--to', `127.0.0.1:${tcp}`, '--channel', String(channel), '--count', TRIPS, '--size', SIZE]
  const all = await lines(PEER, ['send', ...args, '--lockstep', '--expect-echo', '--quiet', '--timeout', '50'])
  server.child.kill()
  return all.find(line => line.event === 'exit') ?? {}
}

/** Our server and our client; what the one that measures says. */
async function between(
  spin: string,
  kind: 'echo' | 'count',
  mode: string,
  channel: string,
  count: string,
  warm = '0',
): Promise<Line> {
  const ours = (...args: string[]): [string, string[]] => [process.execPath, ['--import', 'tsx', SIDE, ...args]]
  const server = start(...ours('serve', spin, kind))
  const { port } = await server.line(line => 'port' in line)
  const client = await lines(...ours(mode, spin, String(port), channel, count, SIZE, warm))
  const line = kind === 'count' ? await server.line(one => 'received' in one) : client[0]
  server.child.kill()
  return line ?? {}
}

/** What a round trip takes at least here: our sockets, and a C program where there is a compiler. */
function bareTrips(hasSockets: boolean): {
  readonly trips: { readonly name: string; readonly echo: Command; readonly ping: (port: string) => Command }[]
  readonly remove: () => void
} {
  const folder = mkdtempSync(join(tmpdir(), 'bench-fastnet-'))
  const c = compile(folder)
  const side = (...args: string[]): Command => [process.execPath, '--import', 'tsx', BARE, ...args]
  const trips = (hasSockets ? ['0', SPIN] : []).map(spin => ({
    name: spin === '0' ? 'the accelerator' : `the accelerator, busyPoll ${spin}`,
    echo: side('echo', 'native', spin, TRIPS),
    ping: (port: string): Command => side('ping', 'native', spin, port, SIZE, TRIPS),
  }))
  if (c !== undefined)
    for (const how of ['sleep', 'spin'])
      trips.push({
        name: how === 'sleep' ? 'C' : 'C, spinning',
        echo: [c, 'echo', how, TRIPS],
        ping: port => [c, 'ping', how, port, SIZE, TRIPS],
      })
  return { trips, remove: () => rmSync(folder, { recursive: true }) }
}

function start(
  command: string,
  args: readonly string[],
): { child: ChildProcess; line: (test: (line: Line) => boolean) => Promise<Line> } {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const seen: Line[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout! }).on('line', text => {
    seen.push(JSON.parse(text) as Line)
    for (const wake of waiting) wake()
  })
  const line = (test: (one: Line) => boolean): Promise<Line> =>
    new Promise(resolve => {
      const look = (): void => {
        const found = seen.find(test)
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
    })
  return { child, line }
}

async function lines(command: string, args: readonly string[]): Promise<Line[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk
  })
  await new Promise(resolve => child.once('close', resolve))
  return text
    .split('\n')
    .filter(one => one.startsWith('{'))
    .map(one => JSON.parse(one) as Line)
}
