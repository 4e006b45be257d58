// Memory of idle connections: one node (or a bare node:net server) accepts `count` connections that other processes hold, and says how
// much resident memory each of them takes. Run with --expose-gc. Prints one JSON line.
import { fork } from 'node:child_process'
import { connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { protocol } from '../../generated/pea2pea/index.ts'
import { messages } from '../../runtime/service/node/index.ts'

const [mode = 'node', count = '9000'] = process.argv.slice(2)
if (mode === 'hold') await hold()
else await measure()

async function measure(): Promise<void> {
  const wanted = Number(count)
  let connected = (): number => 0
  let port = 0
  let end = async (): Promise<unknown> => undefined
  if (mode === 'bare') {
    const sockets: Socket[] = []
    const server = createServer({ noDelay: true }, socket => {
      socket.on('error', () => {}).resume()
      sockets.push(socket)
    })
    await new Promise<void>(resolve => server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve))
    port = (server.address() as { port: number }).port
    connected = () => sockets.length
  } else {
    const limits = { connections: wanted, connectionsPerAddress: wanted, handshakes: 1000 }
    const wire = messages(protocol)
    const node = wire
      .node({ listener: '127.0.0.1:0', backlog: 1024, limits, hooks: { reading: { idle: 600_000 } } })
      .enableReading(wire.reading({ Message() {} }))
      .enableWriting(wire.writing)
      .enableOnDisconnect(() => {})
    port = Number(((await node.toggleListener()) as string).split(':')[1])
    connected = () => node.connectedCount
    end = async () => {
      const from = performance.now()
      await node.shutDown()
      return { left: node.connectedCount + node.connectingCount, shut_down_ms: performance.now() - from }
    }
  }
  collect()
  const before = process.memoryUsage.rss()
  const from = performance.now()
  const holder = fork(fileURLToPath(import.meta.url), ['hold', count], { env: { ...process.env, PORT: String(port) } })
  await new Promise((done, failed) => {
    holder.once('message', done)
    holder.once('exit', code => failed(new Error(`the holder ended with ${code}`)))
  })
  while (connected() < wanted) await new Promise(resolve => setTimeout(resolve, 10))
  const seconds = (performance.now() - from) / 1000
  await new Promise(resolve => setTimeout(resolve, 500))
  collect()
  const bytes = (process.memoryUsage.rss() - before) / wanted
  const established = connected()
  const ended = await end()
  process.stdout.write(
    `${JSON.stringify({ mode, established, bytes_each: Math.round(bytes), seconds, ...(ended as object) })}\n`,
  )
  holder.kill()
  process.exit(0)
}

async function hold(): Promise<void> {
  const port = Number(process.env.PORT)
  for (let i = 0; i < Number(count); i++) {
    await new Promise<void>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', resolve)
      socket.on('error', reject)
    })
  }
  process.on('disconnect', () => process.exit(0))
  process.send!('held')
}

function collect(): void {
  for (let i = 0; i < 3; i++) (globalThis as { gc?: () => void }).gc?.()
}
