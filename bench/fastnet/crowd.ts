// Many clients in one process that cost little: each has its own handshake over TLS, keys, id and session, but they share a
// socket, which reads and sends for all of them in batches. Datagrams are not joined on their way, so that the server pays
// for them what it would pay for as many machines. Usage: crowd.ts PORT CLIENTS RATE SIZE, then figures when told to stop.
import { fileURLToPath } from 'node:url'
import { protocol } from '../../generated/fastnet/protocol.ts'
import { DONE, type Sink } from '../../runtime/core/carrier.ts'
import { datagramEndpoint } from '../../runtime/core/endpoint.ts'
import type { SecureEndpoint } from '../../runtime/core/secure-endpoint.ts'
import type { Session } from '../../runtime/core/session.ts'
import { shared } from '../../runtime/core/shared.ts'
import { loop } from '../../runtime/drivers/loop.ts'
import { randomBytes } from '../../runtime/drivers/random.ts'
import { dialTls } from '../../runtime/drivers/tls.ts'
import { datagramLink, dialDatagram } from '../../runtime/drivers/udp.ts'
import { chooseProvider } from '../../runtime/native/choose.ts'
import { handsOver, nextPort, takeOver } from '../../runtime/service/hand-over.ts'
import { prepare } from '../../runtime/service/options.ts'
import { tlsSettings } from '../../runtime/service/parts.ts'
import { parseTarget } from '../../runtime/service/target.ts'
import { Late } from './late.ts'

const CA = fileURLToPath(new URL('../../test/runtime/certificates/ca.pem', import.meta.url))
const [port, clients, rate, size] = process.argv.slice(2).map(Number) as [number, number, number, number]

interface Player {
  readonly session: Session
  /** When its last message came. */
  at: number
}

const intervals = new Late()
const players = new Map<Session, Player>()
let received = 0
let open = 0
let isCounting = false

const sink: Sink = {
  open: () => void open++,
  frame(session, frame) {
    if (frame.frameName !== 'Data') return DONE
    const player = players.get(session) as Player
    const now = loop.latest
    if (isCounting && player.at > 0) intervals.add(Math.abs(now - player.at - 1000 / rate))
    player.at = now
    received++
    return DONE
  },
  error: (_, error) => process.stderr.write(`${error.message}\n`),
  close: () => void open--,
}

const to = parseTarget(protocol, `tls://127.0.0.1:${port}`)
const places = handsOver(protocol, to.transport)!
const { plan, params } = prepare(protocol, 'dials', { params: { ca: CA } }, to.host)
const stage = plan(places.from)
const common = { sink, params, random: randomBytes, crypto: chooseProvider(), epoch: loop.epoch }
const state = shared({ plan: plan(places.to), ...common })
const endpoint = datagramEndpoint(state, false) as SecureEndpoint

const handed = async () => {
  const connected = await dialTls(to, to.transport, tlsSettings(stage, params))
  const script = { shared: shared({ plan: stage, ...common }), script: places.script, timeout: 5000, local: {} }
  const { handed, run } = await takeOver(connected, script, undefined)
  run.leave()
  return handed
}
const first = await handed()
const socket = await dialDatagram({ host: to.host, port: nextPort(places, first, params) }, places.to, undefined, {
  segments: false,
})
const link = datagramLink(socket, endpoint)
const join = (keys: typeof first): void => {
  const session = endpoint.proceed(link.now(), socket.peer!, keys)
  players.set(session, { session, at: 0 })
  link.settle()
}
join(first)
while (players.size < clients)
  for (const keys of await Promise.all(Array.from({ length: Math.min(20, clients - players.size) }, handed))) join(keys)
while (open < clients) await new Promise(resolve => setTimeout(resolve, 20))

const payload = new Uint8Array(size)
const all = [...players.keys()]
let sent = 0
/** Seconds of processor. */
const used = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
let usedBefore = 0
let from = performance.now()
/** Every client has its own moment in each tick. */
setInterval(() => {
  const due = Math.floor(((performance.now() - from) * rate * clients) / 1000)
  const now = link.now()
  for (; sent < due; sent++) all[sent % clients]!.send(now, 'Data', { payload }, 'unreliable')
  link.settle()
}, 1)

process.on('message', told => {
  if (told === 'begin') {
    isCounting = true
    received = sent = 0
    from = performance.now()
    usedBefore = used()
    return
  }
  const took = (performance.now() - from) / 1000
  process.send?.({
    received: received / took,
    sent: sent / took,
    cpu: used() - usedBefore,
    intervals: intervals.counts,
  })
})
process.send?.('ready')
