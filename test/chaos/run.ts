// `npm run chaos -- --seed N --minutes M [--sim] [--classic] [--crate N] [--workers N] [--nodes N]`: chaos over real sockets, or with --sim
// on the virtual network, where a seed repeats to the byte. --crate mixes in nodes of the published crate. A failing seed is printed.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { tcpNetwork } from '../../runtime/drivers/network.ts'
import { NodeNetwork } from '../../runtime/sim/index.ts'
import { chaos } from './chaos.ts'
import type { Clock, World } from './world.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String((Date.now() % 1_000_000) + 1) },
    minutes: { type: 'string', default: '2' },
    workers: { type: 'string', default: '16' },
    nodes: { type: 'string', default: '32' },
    crate: { type: 'string', default: '0' },
    sim: { type: 'boolean', default: false },
    classic: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)
const ms = Number(values.minutes) * 60_000
const replay = `npm run chaos -- --seed ${seed} --minutes ${values.minutes}${values.sim ? ' --sim' : ''}${values.classic ? ' --classic' : ''}`
const common = {
  seed,
  ms,
  workers: Number(values.workers),
  nodes: Number(values.nodes),
  swarm: !values.classic,
  bursts: true,
  progress: (world: World) => process.stderr.write(`${line(world)}\n`),
}
process.stderr.write(`seed ${seed}: ${replay}\n`)
const strangers = await startStrangers(Number(values.crate))
collect()
const before = process.memoryUsage().heapUsed
const { world, failures } = values.sim ? await simulated() : await real()
for (const { process: stranger } of strangers) stranger.kill()
await new Promise(resolve => setTimeout(resolve, 200))
world.nodes.length = 0
collect()
const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20
if (globalThis.gc !== undefined && grown > 20) failures.push(`the heap grew by ${grown.toFixed(1)} MiB`)
process.stdout.write(`${line(world)}, heap ${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MiB\n`)
for (const failure of failures) process.stdout.write(`FAILED (seed ${seed}): ${failure}\n`)
process.stdout.write(failures.length === 0 ? `chaos: all invariants held (seed ${seed})\n` : `replay: ${replay}\n`)
process.exit(failures.length === 0 ? 0 : 1)

function real(): ReturnType<typeof chaos> {
  const clock: Clock = {
    now: () => performance.now(),
    // A timer cannot wait less than a millisecond, a turn of the loop can.
    sleep: wait => new Promise(resolve => (wait < 1 ? setImmediate(resolve) : setTimeout(resolve, wait))),
  }
  return chaos({ ...common, clock, network: () => tcpNetwork, strangers: strangers.map(s => s.address), isReal: true })
}

async function simulated(): ReturnType<typeof chaos> {
  const net = new NodeNetwork({ seed, latency: 0.2, jitter: 3, portion: 4096, buffer: 32_768 })
  const clock: Clock = { now: () => net.now, sleep: wait => net.sleep(Math.max(0.05, wait)) }
  const run = chaos({ ...common, clock, network: host => net.at(host), strangers: [], isReal: false })
  return net.settled(run, ms + 120_000)
}

/** Nodes of the crate, dialled like any other. */
async function startStrangers(count: number): Promise<{ process: ChildProcess; address: string }[]> {
  const peer = fileURLToPath(new URL('../interop/peers/pea2pea/target/release/peer', import.meta.url))
  if (count > 0 && !existsSync(peer)) {
    process.stdout.write('skipped: the peer around the crate is not built\n')
    process.exit(0)
  }
  const args = [
    'node',
    '--handshake',
    'chaos',
    '--framing',
    'u32be',
    '--max-frame',
    '4096',
    '--quiet',
    '--profile',
    'pinned',
    '--max-connections',
    '32',
    '--per-ip',
    '32',
    '--max-connecting',
    '16',
    '--timeout',
    String(ms + 60_000),
  ]
  return Promise.all(
    Array.from({ length: count }, async () => {
      const child = spawn(peer, args, { stdio: ['ignore', 'pipe', 'inherit'] })
      const address = await new Promise<string>(resolve => {
        child.stdout.on('data', chunk => {
          const found = /"addr":"([^"]+)","ev":"listening"/.exec(String(chunk))
          if (found !== null) resolve(found[1] as string)
        })
      })
      child.on('exit', code => {
        if (code !== null) process.stdout.write(`a node of the crate ended with ${code}\n`)
      })
      return { process: child, address }
    }),
  )
}

function line({ counts, done, nodes }: World): string {
  const actions = Object.entries(counts).map(([action, count]) => `${action} ${count}`)
  return `${nodes.length} nodes, ${done.connects} connected, ${done.messages} messages, OnConnect ${done.onConnect}, OnDisconnect ${done.onDisconnect}; ${actions.join(', ')}`
}

function collect(): void {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
}
