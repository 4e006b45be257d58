// Churn (pea2pea's churn_stress): a hundred clients connect, ping, hear pong, and disconnect, for ten seconds.
//
//     node --import tsx examples/pea2pea/churn.ts [clients] [seconds]
import { protocol } from '../../generated/pea2pea/profiles/text/index.ts'
import { messages } from '../../runtime/index.ts'

const wire = messages(protocol)

export interface Churned {
  readonly cycles: number
  readonly failures: number
  /** Connections of the server when all is over. */
  readonly left: number
}

export async function churn(clients: number, ms: number): Promise<Churned> {
  const server = wire.node({
    listener: '127.0.0.1:0',
    backlog: 1024,
    limits: { connections: 10_000, connectionsPerAddress: 10_000, handshakes: 1000 },
  })
  server.enableWriting(wire.writing).enableReading(
    wire.reading({
      Message(frame, from) {
        if (frame.text === 'ping') from.unicastFast({ frame: 'Message', value: { text: 'pong' } })
      },
    }),
  )
  const address = (await server.toggleListener()) as string
  const end = performance.now() + ms
  let cycles = 0
  let failures = 0
  const client = async (): Promise<void> => {
    let heard: () => void = () => {}
    const node = wire.node({ listener: 'none' })
    node.enableWriting(wire.writing).enableReading(wire.reading({ Message: () => heard() }))
    while (performance.now() < end) {
      try {
        const peer = await node.connect(address)
        const pong = new Promise<void>(resolve => {
          heard = resolve
        })
        peer.unicastFast({ frame: 'Message', value: { text: 'ping' } })
        await pong
        await peer.disconnect()
        cycles++
      } catch {
        failures++
      }
    }
    await node.shutDown()
  }
  await Promise.all(Array.from({ length: clients }, client))
  for (let i = 0; i < 100 && server.connectedCount > 0; i++) await new Promise(resolve => setTimeout(resolve, 10))
  const left = server.connectedCount
  await server.shutDown()
  return { cycles, failures, left }
}

if (import.meta.filename === process.argv[1]) {
  const seconds = Number(process.argv[3] ?? 10)
  const { cycles, failures, left } = await churn(Number(process.argv[2] ?? 100), seconds * 1000)
  process.stdout.write(
    `${cycles} cycles (${Math.round(cycles / seconds)} a second), ${failures} failed, ${left} left\n`,
  )
}
