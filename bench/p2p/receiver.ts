// The receiving node of the comparison: a handler for every message, stats and limits on. Sends its address to its parent, then what it
// has counted whenever it is asked. `noise`: records of the Noise example instead of the schema's frames.
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages, Node, prefixed } from '../../runtime/service/node/index.ts'
import { noise } from './noise.ts'

const [mode = 'plain'] = process.argv.slice(2)
let count = 0
let first = 0
let last = 0
const node = mode === 'plain' ? plain() : mode === 'noise' ? noisy() : echo()
const address = await node.toggleListener()
process.on('message', () => {
  const { messagesReceived } = node.stats
  process.send!({ count, messagesReceived, seconds: (last - first) / 1000 })
})
process.on('disconnect', () => process.exit(0))
process.send!({ address })

function seen(): void {
  if (count++ === 0) first = performance.now()
  // The clock is not read for each message.
  if ((count & 255) === 0) last = performance.now()
}

function plain() {
  const wire = messages(protocol)
  return wire
    .node({ listener: '127.0.0.1:0' })
    .enableReading(wire.reading({ Message: seen }))
    .enableWriting(wire.writing)
}

function noisy() {
  return noise
    .node({ listener: '127.0.0.1:0' })
    .enableReading(noise.reading({ Message: seen }))
    .enableWriting(noise.writing)
}

function echo() {
  const framing = prefixed('u32be')
  return new Node({ listener: '127.0.0.1:0' })
    .enableReading({ codec: framing.decoder, message: (message, from) => from.unicastFast(message) })
    .enableWriting({ codec: framing.encoder })
}
