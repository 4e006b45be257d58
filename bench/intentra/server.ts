// The receiving process: a server with raised limits that counts what its handler is given. On each line of stdin it
// prints what came since the line before, its processor time, memory, and how late its event loop was.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { shipped } from '../shipped.ts'

const { protocol } = await shipped<typeof import('../../generated/intentra/index.ts')>('generated/intentra/index')
const { node } = await shipped<typeof import('../../runtime/crypto/node.ts')>('runtime/crypto/node')
const { serve } = await shipped<typeof import('../../runtime/index.ts')>('runtime/index')
const secret = new Uint8Array(32).fill(7)
const rate = Number(process.argv[2] ?? Infinity)
let frames = 0
const server = await serve(protocol, {
  listen: 'udp://127.0.0.1:0',
  params: { static_key: secret, client_keys: 'any' },
  limits: {
    connections: 20_000,
    connectionsPerAddress: 20_000,
    handshakes: 4000,
    handshakesPerAddress: 4000,
    idle: 600_000,
    rate: { packets: rate, bytes: Infinity, burst: rate === Infinity ? Infinity : rate / 20, before: 'deliver' },
  },
  handlers: {
    Data() {
      frames++
    },
  },
})
const key = Buffer.from(node.curve('25519').publicKey(secret)).toString('hex')
const delay = monitorEventLoopDelay({ resolution: 1 })
print({ port: server.port, key })
let cpu = process.cpuUsage()
delay.enable()
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break
  if (line === 'rest') {
    // What was needed only for a while is gone when memory is looked at.
    for (let i = 0; i < 4; i++) {
      global.gc?.()
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  const used = process.cpuUsage(cpu)
  print({
    frames,
    cpu_us: used.user + used.system,
    rss: process.memoryUsage().rss,
    heap: process.memoryUsage().heapUsed,
    loop_p99_ms: delay.percentile(99) / 1e6,
    connections: server.stats.connections,
  })
  frames = 0
  cpu = process.cpuUsage()
  delay.reset()
}
await server.close()

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
