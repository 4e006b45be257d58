// The sending node of the comparison: as many messages of one size as go in a time. `fast`: without asking what became of them;
// `promise`: with a promise of delivery for each. Prints JSON lines; the rate is that of messages that the receiver has handled.
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages } from '../../runtime/service/node/index.ts'

const [address = '', mode = 'fast', size = '16', seconds = '1'] = process.argv.slice(2)
const wire = messages(protocol)
const node = wire.node({ listener: 'none' })
node.enableReading(wire.reading({}))
node.enableWriting(wire.writing)
const peer = await node.connect(address)
const message = { frame: 'Message', value: { payload: new Uint8Array(Number(size)).fill(7) } } as const
const until = performance.now() + Number(seconds) * 1000
const from = performance.now()
let sent = 0
if (mode === 'fast') {
  while (performance.now() < until) {
    for (let i = 0; i < 256 && peer.hasRoom; i++, sent++) peer.unicastFast(message)
    if (!peer.hasRoom) await peer.send(message).then(() => sent++)
  }
} else {
  while (performance.now() < until) {
    const deliveries: Promise<void>[] = []
    for (let i = 0; i < 64 && peer.hasRoom; i++) deliveries.push(peer.unicast(message))
    sent += deliveries.length
    await Promise.all(deliveries)
  }
}
await peer.unicast(message)
process.stdout.write(`${JSON.stringify({ sent: sent + 1, seconds: (performance.now() - from) / 1000 })}\n`)
process.on('disconnect', () => process.exit(0))
process.send?.('sent')
