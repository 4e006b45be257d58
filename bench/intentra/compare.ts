// Sealed datagrams of 128 bytes between two processes on loopback: one flow with and without the accelerator, 200 peers
// from a quarter to twice what the server takes, 2,000 peers sending single packets, handshakes, and memory of peers.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { table } from '../results.ts'
import { compile } from '../shipped.ts'

interface Sent {
  readonly sent: number
  readonly seconds: number
  readonly cpu_us: number
}

interface Received {
  readonly frames: number
  readonly cpu_us: number
  readonly rss: number
  readonly heap: number
  readonly loop_p99_ms: number
  readonly connections: number
}

export async function run(): Promise<string> {
  compile()
  const rows: string[][] = []
  for (const [name, env, count] of FLOWS) {
    const { sent, received } = await measure(env, 'Infinity', ['flow', String(count)])
    rows.push([
      name,
      million(sent.sent / sent.seconds),
      share(received.frames / sent.sent),
      ns(sent.cpu_us / sent.sent),
      ns(received.cpu_us / sent.sent),
    ])
  }
  return [
    '## intentra',
    '',
    '128-byte packets, AES-256-GCM, every packet sealed by one process and opened by another; a handler for each.',
    '',
    table(['one flow', 'packets/s', 'delivered', 'send ns', 'receive ns'], rows),
    '',
    await manyPeers(),
    '',
    await singlePackets(),
    '',
    await idlePeers(),
  ].join('\n')
}

/** 200 peers in runs of ten: the bar, then a curve from a quarter to twice of what the server takes at most. */
async function manyPeers(): Promise<string> {
  const at = async (perPeer: number, limit: string): Promise<Round> => {
    const { sent, received } = await measure({}, limit, ['peers', String(Math.round(perPeer)), '200', '10'])
    return { offered: sent.sent / sent.seconds, delivered: received.frames / sent.seconds, late: received.loop_p99_ms }
  }
  const bar = await at(5000, '10000')
  const { delivered: most } = await at(15_000, 'Infinity')
  const rounds: Round[] = []
  for (const factor of [0.25, 0.5, 0.75, 0.9, 1, 1.25, 1.5, 2]) rounds.push(await at((factor * most) / 200, 'Infinity'))
  const top = Math.max(...rounds.map(one => one.offered))
  const line = ({ offered, delivered, late }: Round): string[] => [
    million(offered),
    million(delivered),
    share(Math.min(1, delivered / offered)),
    late.toFixed(1),
    `${'#'.repeat(Math.round((40 * delivered) / top))}${'.'.repeat(Math.max(0, Math.round((40 * (offered - delivered)) / top)))}`,
  ]
  return [
    'Packets that the client sealed before it sends them, ten of a peer at a time; in the last column delivered `#` and lost `.`.',
    '',
    table(['200 peers at 10,000/s each at most, offered', 'delivered', 'share', 'event loop p99, ms', ''], [line(bar)]),
    '',
    table(['200 peers without that limit, offered', 'delivered', 'share', 'event loop p99, ms', ''], rounds.map(line)),
  ].join('\n')
}

interface Round {
  /** Packets a second. */
  readonly offered: number
  readonly delivered: number
  readonly late: number
}

/** 2,000 peers, none of which sends two packets in a row: ours, and the crate's packet handler in the loop that its peer has around it. */
async function singlePackets(): Promise<string> {
  const rows: string[][] = []
  for (const rate of [100, 150, 200]) {
    const { sent, received } = await measure({}, 'Infinity', ['peers', String(rate), '2000'])
    rows.push([
      'ours',
      million(sent.sent / sent.seconds),
      million(received.frames / sent.seconds),
      share(received.frames / sent.sent),
      ns(received.cpu_us / received.frames),
    ])
    const crate = theirs(rate * 2000)
    if (crate === undefined) continue
    rows.push(['crate', million(crate.sent_pps), million(crate.delivered_pps), share(crate.delivery_pct / 100), '-'])
  }
  const skipped = existsSync(CRATE) ? '' : '\n\nskipped: the crate: its peer is not built (test/interop/peers/intentra)'
  return `2,000 peers sending single packets, offered at three rates; the ceiling of the kernel is in the section \`native\`, C to C.\n\n${table(['receiver', 'offered', 'delivered', 'share', 'CPU ns'], rows)}${skipped}`
}

interface CrateRound {
  readonly sent_pps: number
  readonly delivered_pps: number
  readonly delivery_pct: number
}

function theirs(rate: number): CrateRound | undefined {
  if (!existsSync(CRATE)) return undefined
  const args = `bench --engine direct --procs 2 --peers 2000 --rate ${rate} --secs 1.5 --wire 128`.split(' ')
  const { stdout } = spawnSync(CRATE, args, { encoding: 'utf8', timeout: 60_000 })
  const last = stdout.trim().split('\n').at(-1) ?? ''
  return JSON.parse(last) as CrateRound
}

/** Handshakes, and what a peer takes that has nothing to say: of 10,000 after the first 2,000. */
async function idlePeers(): Promise<string> {
  const server = start({}, 'server.ts', 'Infinity')
  try {
    const { port, key } = (await server.next()) as unknown as { port: number; key: string }
    const join = async (count: number) => {
      const client = start({}, 'client.ts', 'handshakes', String(port), key, String(count))
      return { client, sent: (await client.next()) as unknown as Sent }
    }
    const first = await join(2000)
    const before = (await server.ask('rest')) as unknown as Received
    const second = await join(10_000)
    const { cpu_us: used } = (await server.ask()) as unknown as Received
    const after = (await server.ask('rest')) as unknown as Received
    for (const { client } of [first, second]) client.child.stdin!.write('\n')
    const count = after.connections - before.connections
    const { sent, seconds } = second.sent
    return `Handshakes: ${Math.round(sent / seconds)}/s with both sides on this machine; the server took ${(used / sent).toFixed(0)} us of processor for each, which is ${Math.round((1e6 * sent) / used)}/s of a core.
${count} idle peers, after ${before.connections} that were there: ${Math.round((after.rss - before.rss) / count)} bytes resident each, of which ${Math.round((after.heap - before.heap) / count)} are objects of JavaScript.`
  } finally {
    server.child.kill()
  }
}

async function measure(
  env: Readonly<Record<string, string>>,
  rate: string,
  [what, ...more]: readonly string[],
): Promise<{ sent: Sent; received: Received }> {
  const server = start(env, 'server.ts', rate)
  try {
    const { port, key } = (await server.next()) as unknown as { port: number; key: string }
    await server.ask()
    const client = start(env, 'client.ts', what!, String(port), key, ...more)
    const sent = (await client.next()) as unknown as Sent
    const received = (await server.ask()) as unknown as Received
    await client.ended
    return { sent, received }
  } finally {
    server.child.stdin!.write('end\n')
    server.child.kill()
  }
}

function start(env: Readonly<Record<string, string>>, file: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`./${file}`, import.meta.url))
  const child: ChildProcess = spawn(process.execPath, ['--expose-gc', '--import', 'tsx', path, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines: Interface = createInterface({ input: child.stdout! })
  const iterator = lines[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await iterator.next()
    if (done) throw new Error(`${file} ended without a result`)
    return JSON.parse(value) as Record<string, unknown>
  }
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const ask = (how = 'look'): Promise<Record<string, unknown>> => {
    child.stdin!.write(`${how}\n`)
    return next()
  }
  return { child, next, ask, ended }
}

const million = (n: number): string => `${(n / 1e6).toFixed(3)} M`
const share = (part: number): string => `${(100 * part).toFixed(2)} %`
const ns = (us: number): string => (us * 1000).toFixed(0)

const CRATE = fileURLToPath(new URL('../../test/interop/peers/intentra/target/release/peer', import.meta.url))
const FLOWS: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ['with the accelerator', {}, 4_000_000],
  ['node:dgram and node:crypto', { FRAMEWRIGHT_NO_NATIVE: '1' }, 300_000],
]
