// Sealed datagrams of 128 bytes between two processes on loopback: one flow with and without the accelerator, 200 peers
// from a quarter to twice what the server is meant for, 2,000 peers sending single packets, handshakes, and memory of peers.
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { table } from '../results.ts'

interface Sent {
  readonly sent: number
  readonly seconds: number
  readonly cpu_us: number
}

interface Received {
  readonly frames: number
  readonly cpu_us: number
  readonly rss: number
  readonly loop_p99_ms: number
  readonly connections: number
}

export async function run(): Promise<string> {
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
  const offered: string[][] = []
  for (const factor of [0.25, 0.5, 1, 1.5, 2]) {
    const { sent, received } = await measure({}, '10000', ['peers', String(Math.round(5000 * factor)), '200'])
    offered.push([
      million(sent.sent / sent.seconds),
      million(received.frames / sent.seconds),
      share(received.frames / sent.sent),
      received.loop_p99_ms.toFixed(1),
    ])
  }
  const many = await measure({}, 'Infinity', ['peers', '150', '2000'])
  const shakes = await measure({}, 'Infinity', ['handshakes', '10000'], true)
  const idle = shakes.received.rss - shakes.before.rss
  return `## intentra

128-byte packets, AES-256-GCM, every packet sealed by one process and opened by another; a handler for each.

${table(['one flow', 'packets/s', 'delivered', 'send ns', 'receive ns'], rows)}

${table(['200 peers, offered', 'delivered', 'share', 'event loop p99, ms'], offered)}

2,000 peers sending single packets: ${million(many.sent.sent / many.sent.seconds)} offered, ${share(many.received.frames / many.sent.sent)} delivered, ${ns(many.received.cpu_us / many.received.frames)} ns of the server's processor each.
Handshakes: ${Math.round(shakes.sent.sent / shakes.sent.seconds)}/s with both sides on this machine; the server took ${(shakes.received.cpu_us / shakes.sent.sent).toFixed(0)} us of processor for each, which is ${Math.round(1e6 / (shakes.received.cpu_us / shakes.sent.sent))}/s of a core.
${shakes.received.connections} idle peers: ${Math.round(idle / shakes.received.connections)} bytes resident each.`
}

async function measure(
  env: Readonly<Record<string, string>>,
  rate: string,
  [what, count, more = '1']: readonly string[],
  isKept = false,
): Promise<{ sent: Sent; received: Received; before: Received }> {
  const server = start(env, 'server.ts', rate)
  try {
    const { port, key } = (await server.next()) as unknown as { port: number; key: string }
    const before = (await server.ask()) as unknown as Received
    const client = start(env, 'client.ts', what!, String(port), key, count!, more)
    const sent = (await client.next()) as unknown as Sent
    const received = (await server.ask()) as unknown as Received
    if (isKept) client.child.stdin!.write('\n')
    await client.ended
    return { sent, received, before }
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
  const ask = (): Promise<Record<string, unknown>> => {
    child.stdin!.write('look\n')
    return next()
  }
  return { child, next, ask, ended }
}

const million = (n: number): string => `${(n / 1e6).toFixed(3)} M`
const share = (part: number): string => `${(100 * part).toFixed(2)} %`
const ns = (us: number): string => (us * 1000).toFixed(0)

const FLOWS: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
  ['with the accelerator', {}, 4_000_000],
  ['node:dgram and node:crypto', { FRAMEWRIGHT_NO_NATIVE: '1' }, 300_000],
]
