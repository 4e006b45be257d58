// The sending process: one flow, many peers, or handshakes. `flow` waits with a Ping for what is under way, as loopback
// loses what a receiver's buffer does not take; `peers` offers packets sealed before, at a rate, and waits for nobody.
import { shipped } from '../shipped.ts'
import { Played } from './played.ts'

const { protocol } = await shipped<typeof import('../../generated/intentra/index.ts')>('generated/intentra/index')
const { connect } = await shipped<typeof import('../../runtime/index.ts')>('runtime/index')
const [what = 'flow', port = '', key = '', count = '1000000', many = '1', burst = '1'] = process.argv.slice(2)
const params = { server_keys: [Uint8Array.from(Buffer.from(key, 'hex'))] }
const open = () =>
  connect(protocol, `udp://127.0.0.1:${port}`, { params, handlers: { Data() {} }, limits: { idle: 600_000 } })
// 128 bytes: header 16, number 4, payload 92, tag 16.
const value = { payload: new Uint8Array(92).fill(5) }
const REALTIME = { channel: 'realtime' }

async function flow(total: number): Promise<void> {
  const peer = await open()
  const under: Promise<unknown>[] = []
  const cpu = process.cpuUsage()
  const from = performance.now()
  let sent = 0
  for (; sent < total; sent += WINDOW) {
    for (let i = 0; i < WINDOW; i++) peer.send('Data', value, REALTIME)
    under.push(answered(peer.request('Ping')))
    if (under.length === WINDOWS) await under.shift()
  }
  await Promise.all(under)
  report({ sent, seconds: (performance.now() - from) / 1000, cpu })
  await peer.close()
}

/** A Ping that got lost is waited for no longer. */
function answered(pong: Promise<unknown>): Promise<unknown> {
  return Promise.race([pong.catch(() => undefined), new Promise(resolve => setTimeout(resolve, LOST).unref())])
}

/** `rate` packets a second of each of `n` peers, `run` at a time, for a second or two. */
async function peers(n: number, rate: number, run: number): Promise<void> {
  const all = []
  for (let i = 0; i < n; i += 50) all.push(...(await Promise.all(Array.from({ length: Math.min(50, n - i) }, open))))
  const each = Math.ceil((rate * SECONDS) / run) * run
  const played = all.map(peer => new Played(peer, each, run, 'Data', value))
  await new Promise(resolve => setTimeout(resolve, 200))
  const bursts = (each / run) * n
  const cpu = process.cpuUsage()
  const from = performance.now()
  for (let done = 0; done < bursts; ) {
    const due = Math.min(bursts, Math.floor((rate * n * (performance.now() - from)) / 1000 / run))
    // A round is bounded: one that is late would else send all it owes in one burst, and be later still.
    for (const most = Math.min(due, done + 4 * n); done < most; done++) played[done % n]!.play()
    await new Promise(setImmediate)
    if (performance.now() - from > 2000 * SECONDS) break
  }
  const seconds = (performance.now() - from) / 1000
  await new Promise(resolve => setTimeout(resolve, 300))
  report({ sent: played.reduce((sum, one) => sum + one.sent, 0), seconds, cpu })
  process.exit(0)
}

async function handshakes(total: number): Promise<void> {
  const cpu = process.cpuUsage()
  const from = performance.now()
  let begun = 0
  const kept: unknown[] = []
  const one = async (): Promise<void> => {
    while (begun < total) {
      begun++
      kept.push(await open())
    }
  }
  await Promise.all(Array.from({ length: 32 }, one))
  report({ sent: kept.length, seconds: (performance.now() - from) / 1000, cpu })
  // The server is looked at while they are there.
  await new Promise(resolve => process.stdin.once('data', resolve))
  process.exit(0)
}

function report({ sent, seconds, cpu }: { sent: number; seconds: number; cpu: NodeJS.CpuUsage }): void {
  const used = process.cpuUsage(cpu)
  process.stdout.write(`${JSON.stringify({ sent, seconds, cpu_us: used.user + used.system })}\n`)
}

/** Packets between two looks at what is under way, how many windows may be, and how long one is waited for, milliseconds. */
const WINDOW = 512
const WINDOWS = 4
const LOST = 100
const SECONDS = 1.5

if (what === 'flow') await flow(Number(count))
else if (what === 'peers') await peers(Number(many), Number(count), Number(burst))
else await handshakes(Number(count))
