// One consumer among 64 that reads nothing, under every policy: the others lose nothing, how their latency changes, and
// what the queue of the stalled one costs the relay. Run by .ci/run:
//   node --import tsx test/protocols/hydra-sync/stalled.ts [CONSUMERS] [MESSAGES] [BYTES] [A_SECOND]
import { protocol } from '../../../generated/hydra-sync/index.ts'
import { type Connection, connect } from '../../../runtime/index.ts'
import { relayChild } from './child.ts'

const [consumers = 64, messages = 500, size = 32_768, rate = 50] = process.argv.slice(2).map(Number)
const FRAMES = 64
/** Bytes of a Data frame beside its payload. */
const OVERHEAD = 58
/** What one may cost the others: how many times as long their slowest hundredth waits. */
const MOST = 3
/** Resident memory that comes and goes with the heap of Node. */
const NOISE = 16e6
/** A read that a queue may hold beyond its bound (ReadBuffer). */
const READ = 256 * 1024

interface Outcome {
  readonly lost: number
  readonly p50: number
  readonly p99: number
  readonly grown: number
  /** What happened to the stalled one: frames dropped, or given up. */
  readonly dropped: number
  readonly stalled: number
}

async function round(overflow: string, hasStalled: boolean): Promise<Outcome> {
  const relay = await relayChild(String(size), overflow, String(FRAMES))
  const params = {
    relay_key: relay.relayKey,
    session_id: new Uint8Array(64).fill(1),
    session_key: new Uint8Array(32).fill(2),
  }
  const producer = await connect(protocol, relay.url, { role: 'producer', params })
  const late: number[] = []
  const counts: number[] = []
  const healthy: Connection<never, never>[] = []
  for (let i = 0; i < consumers - 1; i++) {
    counts[i] = 0
    const handlers = {
      Data(frame: { payload: Uint8Array }) {
        const { payload } = frame
        counts[i]!++
        late.push(performance.now() - new DataView(payload.buffer, payload.byteOffset).getFloat64(0))
      },
    }
    healthy.push((await connect(protocol, relay.url, { role: 'consumer', params, handlers })) as never)
  }
  const stalled = hasStalled
    ? await connect(protocol, relay.url, {
        role: 'consumer',
        params,
        limits: { queue: { messages: 1, bytes: 1 } },
        handlers: { Data: () => new Promise<void>(() => {}) },
      })
    : undefined
  const before = await relay.report()
  const payload = new Uint8Array(size)
  const start = performance.now()
  let largest = before.rss
  for (let i = 0; i < messages; i++) {
    const wait = start + (i * 1000) / rate - performance.now()
    await new Promise(resolve => setTimeout(resolve, Math.max(0, wait)))
    new DataView(payload.buffer).setFloat64(0, performance.now())
    await producer.send('Data', { payload })
    if (i % 50 === 49) largest = Math.max(largest, (await relay.report()).rss)
  }
  for (let i = 0; i < 200 && Math.min(...counts) < messages; i++) await new Promise(resolve => setTimeout(resolve, 50))
  const { dropped, stalled: given } = await relay.report()
  const lost = counts.reduce((sum, count) => sum + messages - count, 0)
  producer.abort()
  for (const one of healthy) one.abort()
  stalled?.abort()
  relay.child.kill()
  late.sort((a, b) => a - b)
  const at = (q: number): number => late[Math.floor((late.length - 1) * q)] ?? Number.NaN
  return { lost, p50: at(0.5), p99: at(0.99), grown: largest - before.rss, dropped, stalled: given }
}

let failed = false
// Queues hold at most twice the bytes they count (run.ts), and each its read.
const bound = 2 * (FRAMES * (size + OVERHEAD) + READ)
// The first round is that of a cold process.
await round('drop-newest', false)
const base = await round('drop-newest', false)
console.log(`figure: nobody stalled: p50 ${base.p50.toFixed(1)} ms, p99 ${base.p99.toFixed(1)} ms, lost ${base.lost}`)
for (const overflow of ['drop-newest', 'drop-oldest', 'drop-client', 'backpressure']) {
  const { lost, p50, p99, grown, dropped, stalled } = await round(overflow, true)
  const ratio = p99 / base.p99
  // A stalled one whose queue never filled shows nothing.
  if (lost > 0 || dropped + stalled === 0 || ratio >= MOST || grown > bound + NOISE) failed = true
  console.log(
    `figure: one of ${consumers} stalled, ${overflow}: the others lost ${lost}, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${ratio.toFixed(2)}x); ` +
      `${dropped} frames dropped for the stalled one, ${stalled} given up; the relay grew by ${(grown / 1e6).toFixed(1)} MB, its bound for the queue is ${(bound / 1e6).toFixed(1)} MB`,
  )
}
process.exit(failed ? 1 : 0)
