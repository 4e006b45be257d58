// The sending node of the comparison: as many messages of one size as go in a time. `fast`: without asking what became of them;
// `promise`: with a promise of delivery for each; `noise`: encrypted; `rtt`: one at a time, there and back. Prints one JSON line.
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages, Node, type NodeConnection, prefixed } from '../../runtime/service/node/index.ts'
import { noise } from './noise.ts'

const [address = '', mode = 'fast', size = '16', seconds = '1'] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const payload = new Uint8Array(Number(size)).fill(7)

if (mode === 'rtt') await roundTrips()
else if (mode === 'noise') {
  const node = noise.node({ listener: 'none' }).enableReading(noise.reading({})).enableWriting(noise.writing)
  await load(await node.connect(address), { frame: 'Message', value: { data: payload } })
} else {
  const wire = messages(protocol)
  const node = wire.node({ listener: 'none' }).enableReading(wire.reading({})).enableWriting(wire.writing)
  const peer = await node.connect(address)
  await load(peer, { frame: 'Message', value: { payload } })
}
process.on('disconnect', () => process.exit(0))
process.send?.('done')

async function load<Out>(peer: NodeConnection<unknown, Out>, message: Out): Promise<void> {
  let sent = 0
  const from = performance.now()
  while (performance.now() - from < limit) {
    if (mode === 'promise') {
      const deliveries: Promise<void>[] = []
      for (let i = 0; i < 64 && peer.hasRoom; i++) deliveries.push(peer.unicast(message))
      sent += deliveries.length
      await Promise.all(deliveries)
      continue
    }
    for (let i = 0; i < 256 && peer.hasRoom; i++, sent++) peer.unicastFast(message)
    if (peer.hasRoom) continue
    await peer.send(message)
    sent++
  }
  await peer.unicast(message)
  print({ sent: sent + 1 })
}

async function roundTrips(): Promise<void> {
  const framing = prefixed('u32be')
  let got: () => void = () => {}
  const node = new Node({ listener: 'none' })
    .enableReading({ codec: framing.decoder, message: () => got() })
    .enableWriting({ codec: framing.encoder })
  const peer = await node.connect(address)
  const times: number[] = []
  const from = performance.now()
  while (performance.now() - from < limit) {
    const back = new Promise<void>(resolve => {
      got = resolve
    })
    const before = performance.now()
    peer.unicastFast(payload)
    await back
    times.push((performance.now() - before) * 1000)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.floor((times.length - 1) * share)]!
  print({ p50_us: at(0.5), p99_us: at(0.99) })
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
