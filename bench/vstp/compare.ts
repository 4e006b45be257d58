// Our server and client over one TCP connection, two processes, against the benchmark of the published crate in the same
// run (its client and server are threads of one process, its best case). Turns alternate; medians and ratios are printed.
import { fork, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { table } from '../results.ts'

interface Line {
  readonly bench: string
  readonly frames_per_s?: number
  readonly payload_MBps?: number
  readonly p50_us?: number
  readonly p99_us?: number
}

const TARGET =
  process.env['CARGO_TARGET_DIR'] ?? fileURLToPath(new URL('../../test/interop/peers/vstp/target', import.meta.url))
const PEER = join(TARGET, 'release', 'peer')
const TURNS = 3

export async function run(): Promise<string> {
  const head = '## vstp\n\nOne TCP connection, CRC checked, a handler called for every frame.\n'
  if (!existsSync(PEER))
    return `${head}\nskipped: the peer around the crate is not built (cargo build --release in test/interop/peers/vstp)`
  const ours: Line[] = []
  const crate: Line[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    ours.push(...(await measureOurs()))
    crate.push(
      ...lines(
        spawnSync(PEER, ['bench', '--only', 'tcp', '--seconds', '1'], { encoding: 'utf8', timeout: 60_000 }).stdout,
      ),
    )
  }
  const oneway = ['64B', '1024B', '65536B', '1048576B'].map(size => {
    const name = `tcp/oneway/${size}`
    const [we, they] = [median(ours, name, 'frames_per_s'), median(crate, name, 'frames_per_s')]
    return [
      size,
      thousands(we),
      thousands(they),
      `${(we / they).toFixed(2)}x`,
      `${median(ours, name, 'payload_MBps').toFixed(0)} MB/s`,
    ]
  })
  const rtt = ['64B', '1024B'].map(size => {
    const name = `tcp/rtt/${size}`
    const [we, they] = [median(ours, name, 'p50_us'), median(crate, name, 'p50_us')]
    return [
      size,
      we.toFixed(1),
      they.toFixed(1),
      `${(we / they).toFixed(2)}x`,
      median(ours, name, 'p99_us').toFixed(1),
      median(crate, name, 'p99_us').toFixed(1),
    ]
  })
  return [
    head,
    table(['payload', 'ours, k frames/s', 'crate, k frames/s', 'ours / crate', 'ours'], oneway),
    '',
    table(['round trip', 'ours p50 us', 'crate p50 us', 'ours / crate', 'ours p99', 'crate p99'], rtt),
  ].join('\n')
}

async function measureOurs(): Promise<Line[]> {
  const server = fork(fileURLToPath(new URL('./server.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  try {
    const { port } = await message<{ port: number }>(server)
    const client = fileURLToPath(new URL('./client.ts', import.meta.url))
    const out = await new Promise<string>((done, failed) => {
      const child = fork(client, [String(port), '1'], { execArgv: ['--import', 'tsx'], silent: true, timeout: 60_000 })
      let text = ''
      child.stdout!.on('data', chunk => {
        text += chunk
      })
      child.stderr!.pipe(process.stderr)
      child.on('close', code => (code === 0 ? done(text) : failed(new Error(`the client ended with ${code}`))))
    })
    const sent = lines(out)
    server.send('count')
    const { frames } = await message<{ frames: number }>(server)
    const expected = sent.reduce((n, l) => n + ((l as { frames?: number }).frames ?? 0), 0)
    if (frames !== expected) throw new Error(`the server handled ${frames} of ${expected} frames`)
    return sent
  } finally {
    server.kill()
  }
}

function message<M>(child: ReturnType<typeof fork>): Promise<M> {
  return new Promise((got, failed) => {
    child.once('message', m => got(m as M))
    child.once('exit', code => failed(new Error(`the server ended with ${code}`)))
  })
}

function lines(text: string): Line[] {
  return text
    .split('\n')
    .filter(line => line.startsWith('{'))
    .map(line => JSON.parse(line) as Line)
}

function median(
  all: readonly Line[],
  bench: string,
  key: 'frames_per_s' | 'payload_MBps' | 'p50_us' | 'p99_us',
): number {
  const values = all
    .filter(l => l.bench === bench)
    .map(l => l[key]!)
    .sort((a, b) => a - b)
  return values[values.length >> 1] ?? Number.NaN
}

function thousands(n: number): string {
  return (n / 1000).toFixed(n < 10_000 ? 2 : 0)
}
