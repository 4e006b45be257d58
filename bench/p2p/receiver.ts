// The receiving node of the comparison: a handler for every message, stats and limits on. Prints its address, then what it has
// counted whenever it is asked.
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages } from '../../runtime/service/node/index.ts'

const wire = messages(protocol)
let count = 0
let bytes = 0
let first = 0
let last = 0
const node = wire.node({ listener: '127.0.0.1:0' })
node.enableReading(
  wire.reading({
    Message(frame) {
      if (count++ === 0) first = performance.now()
      bytes += frame.payloadLength
    },
  }),
)
node.enableWriting(wire.writing)
const address = await node.toggleListener()
process.on('message', (text: string) => {
  last = performance.now()
  const { messagesReceived } = node.stats
  process.send!({ count, bytes, messagesReceived, seconds: (last - first) / 1000, rss: process.memoryUsage.rss() })
  if (text === 'reset') count = bytes = 0
})
process.on('disconnect', () => process.exit(0))
process.send!({ address })
