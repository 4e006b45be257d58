// One of our two processes: `serve SPIN KIND` echoes or counts, `ping SPIN PORT CHANNEL COUNT SIZE WARM`, `window ...`,
// `flood ...`. Before what is measured WARM trips are made: until then V8 has compiled what there is to compile.
// Prints one JSON line when it has something to say. The default profile: sealed, verified, acknowledged.
import { fileURLToPath } from 'node:url'
import { protocol } from '../../generated/fastnet/protocol.ts'
import { connect, serve } from '../../runtime/index.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`../../test/runtime/certificates/${name}.pem`, import.meta.url))
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)
type Data = { readonly channel: number; readonly payload: Uint8Array; readonly frameName: string }

const [mode, spin, ...rest] = process.argv.slice(2)
const datagram = { busyPoll: Number(spin) }
// The schema lets a peer send 50,000 packets a second; that is not what is measured.
const limits = { rate: { ...protocol.limits.rate, packets: Number.POSITIVE_INFINITY } }
if (mode === 'serve') {
  let received = 0
  let first = 0
  let latest = 0
  const server = await serve(protocol, {
    listen: 'tls://127.0.0.1:0',
    params: { certificate: file('server'), private_key: file('server.key') },
    datagram,
    limits,
    onFrame: (frame, peer) => {
      if (frame.frameName !== 'Data') return
      const { channel, payload } = frame as unknown as Data
      if (rest[0] === 'echo') void peer.send('Data', { channel, payload })
      else {
        latest = performance.now()
        if (received++ === 0) first = latest
      }
    },
    onClose: () => {
      if (rest[0] === 'count') say({ received, seconds: (latest - first) / 1000 })
    },
  })
  say({ port: server.port })
} else {
  const [port, channelText, countText, sizeText, warmText = '0'] = rest
  const [channel, warm] = [Number(channelText), Number(warmText)]
  const count = Number(countText) + warm
  let back: () => void = () => {}
  const client = await connect(protocol, `127.0.0.1:${port}`, {
    params: { ca: file('ca') },
    datagram,
    limits,
    onFrame: frame => void (frame.frameName === 'Data' && back()),
  })
  const payload = new Uint8Array(Number(sizeText)).fill(7)
  const send = (): Promise<void> => client.send('Data', { channel, payload })
  const times = new Float64Array(count)
  let start = performance.now()
  let n = 0
  if (mode === 'flood') {
    for (let i = 0; i < count; i++) {
      const taken = send()
      if (i % 64 === 63) await taken
    }
    const seconds = (performance.now() - start) / 1000
    await new Promise(resolve => setTimeout(resolve, 300))
    say({ sent: count, seconds })
  } else
    await new Promise<void>(resolve => {
      let at = start
      const inFlight = mode === 'window' ? 32 : 1
      let sent = 0
      const next = (): void => {
        sent++
        at = performance.now()
        void send()
      }
      back = () => {
        times[n++] = performance.now() - at
        if (n === warm) start = performance.now()
        if (n === count) resolve()
        else if (sent < count) next()
      }
      for (let i = 0; i < inFlight; i++) next()
    })
  if (mode !== 'flood') {
    const seconds = (performance.now() - start) / 1000
    const kept = times.subarray(warm).sort()
    say({
      p50: kept[kept.length >> 1]! * 1000,
      p99: kept[Math.floor(kept.length * 0.99)]! * 1000,
      perSecond: (count - warm) / seconds,
    })
  }
  await client.close()
  process.exit(0)
}
