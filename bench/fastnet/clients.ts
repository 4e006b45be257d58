// A thousand clients of one server process, 60 messages of 100 bytes a second each way: how late the server's ticks are, and
// what that costs. Usage: node --import tsx bench/fastnet/clients.ts [CLIENTS] [SECONDS]
import { fork } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { protocol } from '../../generated/fastnet/protocol.ts'
import { connect, serve } from '../../runtime/index.ts'

const file = (name: string): string =>
  fileURLToPath(new URL(`../../test/runtime/certificates/${name}.pem`, import.meta.url))
const TICK = 1000 / 60
const payload = new Uint8Array(100)
const [first = '1000', second = '10', role] = process.argv.slice(2)
const [clients, seconds] = [Number(first), Number(second)]

if (role === 'clients') await play(Number(process.argv[5]))
else await host()

async function host(): Promise<void> {
  let received = 0
  const limits = { handshakes: clients, handshakesPerAddress: clients, connectionsPerAddress: clients }
  const server = await serve(protocol, {
    listen: 'tls://127.0.0.1:0',
    params: { certificate: file('server'), private_key: file('server.key') },
    limits,
    onFrame: frame => void (frame.frameName === 'Data' && received++),
  })
  const child = fork(fileURLToPath(import.meta.url), [first, second, 'clients', String(server.port)], {
    execArgv: ['--import', 'tsx'],
  })
  await new Promise(resolve => child.once('message', resolve))
  const delay = monitorEventLoopDelay({ resolution: 1 })
  const late: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()
  received = 0
  let due = start + TICK
  let sent = 0
  delay.enable()
  while (performance.now() - start < seconds * 1000) {
    await new Promise(resolve => setTimeout(resolve, Math.max(0, due - performance.now())))
    late.push(Math.max(0, performance.now() - due))
    due += TICK
    for (const peer of server.peers) {
      void peer.send('Data', { payload }, { channel: 'unreliable' })
      sent++
    }
  }
  const took = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  late.sort((a, b) => a - b)
  const at = (p: number): string => late[Math.floor(late.length * p)]!.toFixed(2)
  const figures = [
    `${clients} clients, ${took.toFixed(1)} s: sent ${(sent / took).toFixed(0)}/s, received ${(received / took).toFixed(0)}/s`,
    `ticks ${late.length}, late p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; event loop p99 ${(delay.percentile(99) / 1e6).toFixed(2)} ms`,
    `CPU ${(((user + system) / 1e6 / took) * 100).toFixed(0)} %, memory ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`,
  ]
  for (const line of figures) process.stdout.write(`figure: ${line}\n`)
  child.kill()
  process.exit(0)
}

async function play(port: number): Promise<void> {
  const all = []
  for (let i = 0; i < clients; i += 20)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(20, clients - i) }, () =>
          connect(protocol, `127.0.0.1:${port}`, { params: { ca: file('ca') }, onFrame: () => undefined }),
        ),
      )),
    )
  process.send?.('ready')
  for (let at = 0; ; at = (at + 1) % 60) {
    // Spread over the tick, as a thousand machines would be.
    const share = Math.ceil(all.length / 16)
    for (let part = 0; part < 16; part++) {
      for (const client of all.slice(part * share, (part + 1) * share))
        void client.send('Data', { payload }, { channel: 'unreliable' })
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }
}
