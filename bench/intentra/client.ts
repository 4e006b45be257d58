// The sending process: one flow, many peers, or handshakes. `flow` waits with a Ping for what is under way, as loopback
// loses what a receiver's buffer does not take; `peers` offers a rate and waits for nobody.
import { protocol } from '../../generated/intentra/index.ts'
import { connect } from '../../runtime/index.ts'

const [what = 'flow', port = '', key = '', count = '1000000', more = '1'] = process.argv.slice(2)
const params = { server_keys: [Uint8Array.from(Buffer.from(key, 'hex'))] }
const open = () =>
  connect(protocol, `udp://127.0.0.1:${port}`, { params, handlers: { Data() {} }, limits: { idle: 600_000 } })
// 128 bytes: header 16, number 4, payload 92, tag 16.
const value = { payload: new Uint8Array(92).fill(5) }
const REALTIME = { channel: 'realtime' }

async function flow(total: number): Promise<void> {
  const peer = await open()
  let pending: Promise<unknown> | undefined
  const cpu = process.cpuUsage()
  const from = performance.now()
  let sent = 0
  for (; sent < total; sent += WINDOW) {
    for (let i = 0; i < WINDOW; i++) peer.send('Data', value, REALTIME)
    await pending
    pending = peer.request('Ping').catch(() => undefined)
  }
  await pending
  report({ sent, seconds: (performance.now() - from) / 1000, cpu })
  await peer.close()
}

/** `rate` packets a second of each of `n` peers, for two seconds; none of them has two packets in a row. */
async function peers(n: number, rate: number): Promise<void> {
  const all = []
  for (let i = 0; i < n; i += 50) all.push(...(await Promise.all(Array.from({ length: Math.min(50, n - i) }, open))))
  const cpu = process.cpuUsage()
  const from = performance.now()
  let sent = 0
  while (performance.now() - from < SECONDS * 1000) {
    const due = Math.min(rate * n * ((performance.now() - from) / 1000), rate * n * SECONDS)
    // A round is bounded: one that is late would else send all it owes in one burst, and be later still.
    const round = Math.min(due, sent + 4 * n)
    for (; sent < round; sent++) all[sent % n]!.send('Data', value, REALTIME)
    await new Promise(setImmediate)
  }
  const seconds = (performance.now() - from) / 1000
  await new Promise(resolve => setTimeout(resolve, 300))
  report({ sent, seconds, cpu })
  await Promise.all(all.map(peer => peer.abort()))
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

/** Packets between two looks at what is under way. */
const WINDOW = 1024
const SECONDS = 2

if (what === 'flow') await flow(Number(count))
else if (what === 'peers') await peers(Number(more), Number(count))
else await handshakes(Number(count))
