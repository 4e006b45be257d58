// Rate limiting (pea2pea's rate_limiting): a node looks at the statistics of its connections twice a second, and lets go of whoever sends
// more than three times the average. Frames: a u16 length and 8 bytes of text.
//
//     node --import tsx examples/pea2pea/rate-limiting.ts
import { protocol } from '../../generated/pea2pea/profiles/text/index.ts'
import { messages } from '../../runtime/index.ts'

const wire = messages(protocol)
type TextNode = ReturnType<typeof wire.node>

export interface Limited {
  /** How many were sent away, and how many stayed. */
  readonly spammersLeft: number
  readonly honestLeft: number
}

export async function limitRates(ms: number): Promise<Limited> {
  const options = { limits: { connectionsPerAddress: 100 } }
  const server = wire.node({ listener: '127.0.0.1:0', ...options }).enableReading(wire.reading({ Message() {} }))
  const address = (await server.toggleListener()) as string
  const counted = new Map<string, number>()
  const watch = setInterval(() => {
    const rates = server.connections.map(connection => {
      const total = connection.traffic.messagesReceived
      const rate = total - (counted.get(connection.address) ?? 0)
      counted.set(connection.address, total)
      return { connection, rate }
    })
    const average = rates.reduce((sum, { rate }) => sum + rate, 0) / rates.length
    for (const { connection, rate } of rates) if (rate > 3 * average) void connection.disconnect()
  }, 500)
  const honest = await Promise.all(Array.from({ length: 9 }, () => sender(address, 100)))
  const spammer = await sender(address, 20)
  await new Promise(resolve => setTimeout(resolve, ms))
  clearInterval(watch)
  const left = (nodes: readonly TextNode[]): number => nodes.filter(node => node.connectedCount > 0).length
  const result = { spammersLeft: left([spammer]), honestLeft: left(honest) }
  await Promise.all([server, spammer, ...honest].map(node => node.shutDown()))
  return result
}

/** Sends "HerpDerp" again and again. */
async function sender(address: string, every: number): Promise<TextNode> {
  const node = wire.node({ listener: 'none' }).enableReading(wire.reading({})).enableWriting(wire.writing)
  const connection = await node.connect(address)
  const timer = setInterval(() => {
    if (connection.isGone) clearInterval(timer)
    else connection.unicastFast({ frame: 'Message', value: { text: 'HerpDerp' } })
  }, every)
  return node
}

if (import.meta.filename === process.argv[1]) {
  const { spammersLeft, honestLeft } = await limitRates(2000)
  process.stdout.write(`after two seconds: ${honestLeft} of 9 honest ones left, ${spammersLeft} of 1 spammers\n`)
}
