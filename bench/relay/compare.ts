// Our relay against the published crate's, each in a process of its own, under the same load: the benchmark of the crate
// (its own producer and consumers, sealing and opening 1 KiB). Turns alternate. And our relay with our own clients
// (own.ts). `RELAY_TURNS` and `RELAY_SCALE` (messages of a round) make it shorter.
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { native } from '../../runtime/native/load.ts'
import { table } from '../results.ts'
import { OwnClients } from './own.ts'

interface Round {
  readonly event?: string | undefined
  readonly consumers: number
  readonly out_msgs_s: number
  readonly latency_us?: { readonly p50: number; readonly p99: number } | null
}

const PEER = fileURLToPath(new URL('../../test/interop/peers/hydra-sync/target/release/peer', import.meta.url))
const TURNS = Number(process.env.RELAY_TURNS ?? 5)
const SCALE = Number(process.env.RELAY_SCALE ?? 1)
const CONSUMERS = [1, 8, 64]
const SIZE = '1024'
/** Messages of a round: one takes about half a second. */
const COUNTS: Readonly<Record<number, number>> = { 1: 150_000, 8: 60_000, 64: 8000 }
const PACED = '500'

export async function run(): Promise<string> {
  const head = [
    '## relay',
    '',
    `One producer, 1 KiB messages, backpressure. Medians of ${TURNS} turns after one that warms up; the servers run at the same time and are asked in turn.`,
    '',
  ].join('\n')
  if (!existsSync(PEER))
    return `${head}\nskipped: the peer around the crate is not built (cargo build --release in test/interop/peers/hydra-sync)`
  const servers: ChildProcess[] = []
  const clients = new OwnClients()
  try {
    const ours = fork(fileURLToPath(new URL('./server.ts', import.meta.url)), [SIZE], { execArgv: ['--import', 'tsx'] })
    servers.push(ours)
    const { port } = await message<{ port: number }>(ours)
    const flags = ['--packet-len', SIZE, '--capacity', '1024', '--overflow', 'backpressure', '--max-conn', '256']
    const theirs = spawn(PEER, ['serve', '--port', '0', ...flags, '--timeout', '600'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    servers.push(theirs)
    const theirPort = await listening(theirs)
    const all: Record<'ours' | 'theirs' | 'own', Round[]> = { ours: [], theirs: [], own: [] }
    for (let turn = 0; turn <= TURNS; turn++) {
      for (const consumers of CONSUMERS) {
        const [ours, theirs] = [crateClients(port, consumers), crateClients(theirPort, consumers)]
        if (turn > 0) {
          all.ours.push(...ours)
          all.theirs.push(...theirs)
        }
        const round = await clients.round(`tcp://127.0.0.1:${port}`, consumers, Number(SIZE), countOf(consumers))
        // The first one warms up.
        if (turn > 0) all.own.push(round)
      }
    }
    return [head, throughput(all), '', latency(all), '', ownClients(all)].join('\n')
  } finally {
    clients.end()
    for (const server of servers) server.kill()
  }
}

function throughput({ ours, theirs }: Readonly<Record<'ours' | 'theirs', Round[]>>): string {
  const rows = CONSUMERS.map(consumers => {
    const [we, they] = [median(ours, consumers, out), median(theirs, consumers, out)]
    return [String(consumers), thousands(we), thousands(they), `${(we / they).toFixed(2)}x`]
  })
  return table(['consumers', 'ours, k msg/s out', 'crate, k msg/s out', 'ours / crate'], rows)
}

function latency({ ours, theirs }: Readonly<Record<'ours' | 'theirs', Round[]>>): string {
  const rows = CONSUMERS.map(consumers => {
    const [p50, p50s] = [
      median(ours, consumers, r => r.latency_us?.p50),
      median(theirs, consumers, r => r.latency_us?.p50),
    ]
    const [p99, p99s] = [
      median(ours, consumers, r => r.latency_us?.p99),
      median(theirs, consumers, r => r.latency_us?.p99),
    ]
    const ratios = [`${(p50 / p50s).toFixed(2)}x`, `${(p99 / p99s).toFixed(2)}x`]
    return [String(consumers), us(p50), us(p50s), ratios[0]!, us(p99), us(p99s), ratios[1]!]
  })
  return table(['one a ms', 'ours p50 us', 'crate p50', 'ratio', 'ours p99 us', 'crate p99', 'ratio'], rows)
}

function ownClients({ own, theirs }: Readonly<Record<'own' | 'theirs', Round[]>>): string {
  const rows = CONSUMERS.map(consumers => {
    const [we, they] = [median(own, consumers, out), median(theirs, consumers, out)]
    return [String(consumers), thousands(we), thousands(they), `${(we / they).toFixed(2)}x`]
  })
  const { reason, addon } = native()
  const crypto = addon === undefined ? `node:crypto (${reason})` : 'the native provider'
  const head = table(['end to end', 'all ours, k msg/s out', 'all crate, k msg/s out', 'ours / crate'], rows)
  return `${head}\n\nAll ours: the producer in a process, the consumers in as many as there are cores, sealing and opening with ${crypto}; the crate's are tasks of one process on all cores.`
}

/** The crate's own clients against the server at this port. */
function crateClients(port: number, consumers: number): Round[] {
  const args = ['bench', '--to', `127.0.0.1:${port}`, '--size', SIZE, '--count', String(countOf(consumers))]
  const run = spawnSync(
    PEER,
    [...args, '--consumers', String(consumers), '--rounds', '1', '--latency', PACED, '--timeout', '60'],
    {
      encoding: 'utf8',
      timeout: 70_000,
    },
  )
  return lines(run.stdout).filter(line => line.event === 'round')
}

function countOf(consumers: number): number {
  return Math.ceil((COUNTS[consumers] ?? 0) * SCALE)
}

function message<M>(child: ChildProcess): Promise<M> {
  return new Promise((got, failed) => {
    child.once('message', m => got(m as M))
    child.once('exit', code => failed(new Error(`the server ended with ${code}`)))
  })
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((got, failed) => {
    let text = ''
    child.stdout!.on('data', chunk => {
      text += chunk
      const port = /"port":(\d+)/.exec(text)?.[1]
      if (port !== undefined) got(Number(port))
    })
    child.once('exit', code => failed(new Error(`the crate's server ended with ${code}`)))
  })
}

function lines(text: string): Round[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Round)
}

const out = (round: Round): number => round.out_msgs_s

function median(all: readonly Round[], consumers: number, of: (round: Round) => number | undefined): number {
  const values = all
    .filter(round => round.consumers === consumers)
    .map(of)
    .filter(value => value !== undefined)
    .sort((a, b) => a - b)
  return values[values.length >> 1] ?? Number.NaN
}

function thousands(n: number): string {
  return (n / 1000).toFixed(n < 100_000 ? 1 : 0)
}

function us(n: number): string {
  return n.toFixed(0)
}
