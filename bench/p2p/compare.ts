// Our node against the published crate, in one run, turns alternating: messages over one connection (two processes each), with and without
// promises of delivery, encrypted; connection cycles; round trips; memory of idle connections. Medians and ratios are printed.
import { fork, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { table } from '../results.ts'

const PEER = fileURLToPath(new URL('../../test/interop/peers/pea2pea/target/release/peer', import.meta.url))
const TURNS = 3
const SIZES = [16, 256, 4096] as const
const TSX = ['--import', 'tsx']

export async function run(): Promise<string> {
  const head =
    '## p2p\n\nOne TCP connection on loopback, two processes, a handler for every message, statistics and limits on.\n'
  if (!existsSync(PEER))
    return `${head}\nskipped: the peer around the crate is not built (cargo build --release in test/interop/peers/pea2pea)`
  const rates = new Map<string, number[]>()
  const note = (name: string, value: number): void => void rates.set(name, [...(rates.get(name) ?? []), value])
  for (let turn = 0; turn < TURNS; turn++) {
    for (const size of SIZES) {
      note(`fast ${size}`, await ours('plain', 'fast', size))
      note(`crate ${size}`, await crate(size, []))
      note(`promise ${size}`, await ours('plain', 'promise', size))
    }
    note('noise', await ours('noise', 'noise', 4096))
    note('crate noise', await crate(4096, ['--noise', 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s']))
    note('churn', script('churn.ts', ['node', '1.5']).per_s!)
    note('crate churn', peerBench('churn').per_s!)
    note('bare churn', script('churn.ts', ['bare', '1.5']).per_s!)
    const rtt = await trips()
    note('rtt', rtt.p50_us)
    note('crate rtt', peerBench('rtt').p50_us!)
  }
  const idle = script('idle.ts', ['node', '9000'], ['--expose-gc'])
  const bare = script('idle.ts', ['bare', '9000'], ['--expose-gc'])
  const m = (name: string): number => median(rates.get(name) ?? [])
  const millions = (n: number): string => (n / 1e6).toFixed(2)
  const ratio = (a: number, b: number): string => `${(a / b).toFixed(2)}x`
  const rows = SIZES.map(size => [
    `${size} B`,
    millions(m(`fast ${size}`)),
    millions(m(`promise ${size}`)),
    millions(m(`crate ${size}`)),
    ratio(m(`fast ${size}`), m(`crate ${size}`)),
    ratio(m(`promise ${size}`), m(`crate ${size}`)),
  ])
  const noise = ['Noise, 4096 B', mega(m('noise')), mega(m('crate noise')), ratio(m('noise'), m('crate noise'))]
  const churn = ['connection cycles/s', kilo(m('churn')), kilo(m('crate churn')), ratio(m('churn'), m('crate churn'))]
  const rtt = [
    'round trip, p50',
    `${m('rtt').toFixed(1)} us`,
    `${m('crate rtt').toFixed(1)} us`,
    ratio(m('rtt'), m('crate rtt')),
  ]
  return [
    head,
    table(['messages', 'ours, M/s', 'with a promise each', 'crate, M/s', 'ours / crate', 'promise / crate'], rows),
    '',
    table(['', 'ours', 'crate', 'ours / crate'], [noise, churn, rtt]),
    '',
    `Bare node:net does ${kilo(m('bare churn'))} connection cycles/s (ours ${ratio(m('churn'), m('bare churn'))}).`,
    `${idle.established} idle connections on one node take ${idle.bytes_each} bytes resident each (bare node:net ${bare.bytes_each}); the node ends them in ${(idle.shut_down_ms! / 1000).toFixed(2)} s, ${idle.left} left.`,
  ].join('\n')
}

/** Messages a second that our receiver handles. */
async function ours(receiver: string, mode: string, size: number): Promise<number> {
  const far = child('receiver.ts', [receiver])
  try {
    const { address } = await message<{ address: string }>(far)
    const { sent } = await sender(address, mode, size)
    for (let tries = 0; tries < 100; tries++) {
      far.send('count')
      const { count, messagesReceived, seconds } = await message<Counted>(far)
      if (count > sent) throw new Error(`the receiver handled ${count} of ${sent} messages`)
      if (count === sent && messagesReceived === sent) return count / seconds
      await new Promise(resolve => setTimeout(resolve, 50))
    }
    throw new Error('messages were lost')
  } finally {
    far.disconnect()
  }
}

interface Counted {
  readonly count: number
  readonly messagesReceived: number
  readonly seconds: number
}

async function trips(): Promise<{ p50_us: number }> {
  const far = child('receiver.ts', ['echo'])
  try {
    const { address } = await message<{ address: string }>(far)
    return (await sender(address, 'rtt', 64)) as unknown as { p50_us: number }
  } finally {
    far.disconnect()
  }
}

async function sender(address: string, mode: string, size: number): Promise<{ sent: number }> {
  const near = child('sender.ts', [address, mode, String(size), '1.5'])
  let text = ''
  near.stdout!.on('data', chunk => {
    text += chunk
  })
  await message(near)
  near.disconnect()
  return JSON.parse(text) as { sent: number }
}

/** Messages a second that the crate's receiver handles from the crate's sender. */
async function crate(size: number, noise: readonly string[]): Promise<number> {
  const count = size > 1000 ? 300_000 : 1_500_000
  const framing = noise.length > 0 ? noise : ['--framing', 'u32be']
  const args = ['node', '--quiet', '--timeout', '60000', ...framing]
  const far = spawn(PEER, [...args, '--expect', String(count)])
  let lines = ''
  const address = await new Promise<string>(resolve => {
    far.stdout.on('data', chunk => {
      lines += chunk
      const found = /"addr":"([^"]+)","ev":"listening"/.exec(lines)
      if (found) resolve(found[1]!)
    })
  })
  const near = spawn(PEER, [
    ...args,
    '--no-listen',
    '--connect',
    address,
    '--send',
    String(count),
    '--size',
    String(size),
  ])
  await new Promise(resolve => far.once('close', resolve))
  near.kill()
  const stats = lines
    .split('\n')
    .filter(line => line.includes('"ev":"stats"'))
    .map(line => JSON.parse(line) as { processed: number; since_first_s: number })
    .at(-1)
  if (stats?.processed !== count) throw new Error(`the crate handled ${stats?.processed} of ${count} messages`)
  return stats.processed / stats.since_first_s
}

/** On a loaded machine a dial of the crate may run out of time, which ends its run: then once more. */
function peerBench(what: string): Record<string, number> {
  for (let tries = 0; tries < 5; tries++) {
    const ran = spawnSync(PEER, ['bench', what, '1.5'], { encoding: 'utf8', timeout: 60_000 })
    if (ran.status === 0) return JSON.parse(ran.stdout)
    process.stderr.write(`note: the crate's ${what} ended with ${ran.stderr.trim()}\n`)
  }
  throw new Error(`the crate's ${what} does not end well`)
}

function script(file: string, args: readonly string[], flags: readonly string[] = []): Record<string, number> {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const ran = spawnSync(process.execPath, [...flags, ...TSX, path, ...args], { encoding: 'utf8', timeout: 120_000 })
  if (ran.status !== 0) throw new Error(`${file}: ${ran.stderr}`)
  return JSON.parse(ran.stdout)
}

function child(file: string, args: readonly string[]): ReturnType<typeof fork> {
  const one = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv: TSX, silent: true })
  one.stderr!.pipe(process.stderr)
  return one
}

function message<M>(from: ReturnType<typeof fork>): Promise<M> {
  return new Promise((got, failed) => {
    const onExit = (code: number | null): void => failed(new Error(`a process ended with ${code}`))
    from.once('exit', onExit)
    from.once('message', m => {
      from.off('exit', onExit)
      got(m as M)
    })
  })
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function mega(perSecond: number): string {
  return `${((perSecond * 4096) / 1e6).toFixed(0)} MB/s`
}

function kilo(perSecond: number): string {
  return `${(perSecond / 1000).toFixed(1)} k`
}
