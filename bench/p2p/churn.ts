// Connection cycles: connect and disconnect, seen by the dialler, which has no hooks. `bare`: the same with node:net alone. Both ends in
// this process. Prints one JSON line.
import { connect, createServer } from 'node:net'
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages, Node } from '../../runtime/service/node/index.ts'

const [mode = 'node', seconds = '1'] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const cycle = mode === 'bare' ? await bare() : await nodes()
for (let i = 0; i < 1000; i++) await cycle()
let cycles = 0
const from = performance.now()
while (performance.now() - from < limit) {
  await cycle()
  cycles++
}
process.stdout.write(`${JSON.stringify({ cycles, per_s: (cycles / (performance.now() - from)) * 1000 })}\n`)
process.exit(0)

async function nodes(): Promise<() => Promise<unknown>> {
  const limits = { connections: 2000, connectionsPerAddress: 2000 }
  const wire = messages(protocol)
  const far = wire.node({ listener: '127.0.0.1:0', limits }).enableReading(wire.reading({})).enableWriting(wire.writing)
  const near = new Node({ listener: 'none', limits })
  const address = (await far.toggleListener()) as string
  return async () => (await near.connect(address)).disconnect()
}

async function bare(): Promise<() => Promise<unknown>> {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.resume()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return () =>
    new Promise<void>(resolve => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve()
      })
    })
}
