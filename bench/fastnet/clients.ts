// A thousand clients of one server process, 60 messages of 100 bytes a second each way: how far the server's ticks are from
// their schedule, how far what clients get is from it, and what that costs.
// Usage: node --import tsx bench/fastnet/clients.ts [CLIENTS] [SECONDS] [PROCESSES]
import { fork, spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { protocol } from '../../generated/fastnet/protocol.ts'
import { serve } from '../../runtime/index.ts'
import { Late } from './late.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`../../test/runtime/certificates/${name}.pem`, import.meta.url))
const RATE = 60
const SIZE = 100
const [clients = 1000, seconds = 10, processes = 1] = process.argv.slice(2).map(Number)

interface Crowd {
  readonly received: number
  readonly sent: number
  readonly cpu: number
  readonly intervals: number[]
}

let received = 0
const server = await serve(protocol, {
  listen: 'tls://127.0.0.1:0',
  params: { certificate: file('server'), private_key: file('server.key') },
  // What other machines send cannot be joined.
  datagram: { segments: false },
  limits: { handshakes: clients, handshakesPerAddress: clients, connectionsPerAddress: clients },
  onFrame: frame => void (frame.frameName === 'Data' && received++),
})
const crowds = Array.from({ length: processes }, () =>
  fork(
    fileURLToPath(new URL('./crowd.ts', import.meta.url)),
    [server.port, Math.ceil(clients / processes), RATE, SIZE].map(String),
    { execArgv: ['--import', 'tsx'] },
  ),
)
/** A processor of its own for the server, as where its clients are other machines; where that cannot be, as it comes. */
const pin = (pid: number | undefined, cores: string): boolean =>
  spawnSync('taskset', ['-a', '-p', '-c', cores, String(pid)], { stdio: 'ignore' }).status === 0
const cores = availableParallelism()
const isPinned = cores > 1 && pin(process.pid, '0')
if (isPinned) for (const crowd of crowds) pin(crowd.pid, `1-${cores - 1}`)
const answers = (): Promise<unknown[]> =>
  Promise.all(crowds.map(crowd => new Promise(resolve => crowd.once('message', resolve))))
await answers()

const payload = new Uint8Array(SIZE)
const peers = [...server.peers]
const late = new Late()
const busy = new Late()
let sent = 0
/** Sends a message to everybody each tick, until so many ticks are over. */
const play = (ticks: number, isCounted: boolean): Promise<void> =>
  new Promise(resolve => {
    const start = performance.now() + 20
    let tick = 0
    const onTick = (): void => {
      const begin = performance.now()
      const due = start + (tick * 1000) / RATE
      if (begin < due) {
        setTimeout(onTick, due - begin)
        return
      }
      for (const peer of peers) void peer.send('Data', { payload }, { channel: 'unreliable' })
      sent += peers.length
      if (isCounted) {
        late.add(begin - due)
        busy.add(performance.now() - begin)
      }
      if (++tick === ticks) resolve()
      else setTimeout(onTick, Math.max(0, start + (tick * 1000) / RATE - performance.now()))
    }
    onTick()
  })
await play(5 * RATE, false)
for (const crowd of crowds) crowd.send('begin')
const cpu = process.cpuUsage()
const start = performance.now()
sent = received = 0
await play(seconds * RATE, true)
const took = (performance.now() - start) / 1000
const { user, system } = process.cpuUsage(cpu)
const inbound = received / took
const told = answers()
for (const crowd of crowds) crowd.send('end')
const all = (await told) as Crowd[]
const sum = (of: (crowd: Crowd) => number): number => all.reduce((total, crowd) => total + of(crowd), 0)
const intervals = new Late()
for (const crowd of all) intervals.merge(crowd.intervals)
for (const line of [
  `${peers.length} clients in ${processes} process${processes === 1 ? '' : 'es'}, ${took.toFixed(1)} s at ${RATE} Hz, ${SIZE} bytes: the server sent ${(sent / took).toFixed(0)}/s, of which ${sum(one => one.received).toFixed(0)}/s arrived, and got ${inbound.toFixed(0)}/s of ${sum(one => one.sent).toFixed(0)}/s`,
  `ticks behind their schedule: ${late}`,
  `sending a tick: ${busy}`,
  `intervals between messages at clients, off 1/${RATE} s: ${intervals}`,
  `clients: CPU ${((sum(one => one.cpu) / took) * 100).toFixed(0)} %`,
  `server${isPinned ? ', on a processor of its own' : ''}: CPU ${(((user + system) / 1e6 / took) * 100).toFixed(0)} %, memory ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
])
  process.stdout.write(`figure: ${line}\n`)
for (const crowd of crowds) crowd.kill()
process.exit(0)
