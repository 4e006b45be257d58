// A thousand sessions with ten consumers each on one relay: nothing is lost under backpressure, what that costs, and how
// long closing takes. Run by .ci/run: node --import tsx test/protocols/hydra-sync/many.ts [SESSIONS] [CONSUMERS] [MESSAGES]
import { protocol } from '../../../generated/hydra-sync/index.ts'
import { connect } from '../../../runtime/index.ts'
import { relayChild } from './child.ts'

const [sessions = 1000, consumers = 10, messages = 20] = process.argv.slice(2).map(Number)
const SIZE = 256
const relay = await relayChild(String(SIZE), 'backpressure', '255', '30000')
const paramsOf = (session: number) => {
  const session_id = new Uint8Array(64)
  new DataView(session_id.buffer).setUint32(0, session)
  return { relay_key: relay.relayKey, session_id, session_key: new Uint8Array(32).fill(session & 0xff) }
}
let got = 0
let wrong = 0
const begin = performance.now()
const producers = await inTurns(sessions, 50, session =>
  connect(protocol, relay.url, { role: 'producer', params: paramsOf(session) }),
)
const all = await inTurns(sessions * consumers, 50, i => {
  const session = i % sessions
  let expected = 0
  return connect(protocol, relay.url, {
    role: 'consumer',
    params: paramsOf(session),
    handlers: {
      Data({ payload }) {
        const view = new DataView(payload.buffer, payload.byteOffset)
        if (view.getUint32(0) !== session || view.getUint32(4) !== expected++) wrong++
        got++
      },
    },
  })
})
const opened = (performance.now() - begin) / 1000
const idle = await relay.report()
const start = performance.now()
const payload = new Uint8Array(SIZE)
const view = new DataView(payload.buffer)
for (let i = 0; i < messages; i++)
  for (const [session, producer] of producers.entries()) {
    view.setUint32(0, session)
    view.setUint32(4, i)
    await producer.send('Data', { payload })
    if (session % 100 === 99) await new Promise(resolve => setImmediate(resolve))
  }
const wanted = sessions * consumers * messages
for (let last = -1; got < wanted && got !== last; ) {
  last = got
  await new Promise(resolve => setTimeout(resolve, 3000))
}
const seconds = (performance.now() - start) / 1000
const busy = await relay.report()
const closed = await relay.close()
const isWhole = got === wanted && wrong === 0
console.log(
  `figure: ${sessions} sessions, ${all.length} consumers: ${got} of ${wanted} messages arrived in order (${wrong} wrong) in ${seconds.toFixed(1)} s; ` +
    `connections made in ${opened.toFixed(1)} s; the relay had ${(idle.rss / 1e6).toFixed(0)} MB resident when idle, ${(busy.rss / 1e6).toFixed(0)} MB after; closing took ${closed.toFixed(0)} ms`,
)
process.exit(isWhole && closed < 3000 ? 0 : 1)

async function inTurns<T>(count: number, atOnce: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let i = 0; i < count; i += atOnce)
    made.push(...(await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, (_, n) => make(i + n)))))
  return made
}
