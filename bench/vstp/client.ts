// The sending process: one connection, frames of one size as fast as the connection takes them, then a Ping whose Pong
// comes when the server has handled everything; and round trips one at a time. Prints JSON lines.
import { protocol } from '../../generated/vstp/index.ts'
import { connect } from '../../runtime/index.ts'

const [port = '', seconds = '1'] = process.argv.slice(2)
const limit = Number(seconds) * 1000
const peer = await connect(protocol, `tcp://127.0.0.1:${port}`, { handlers: { Data() {} } })

for (const size of [64, 1024, 65_536, 1_048_576]) {
  const payload = pattern(size)
  const value = { payload }
  const turn = Math.max(1, Math.floor(65_536 / (size + 15)))
  const from = performance.now()
  let sent = 0
  while (performance.now() - from < limit) {
    for (let i = 1; i < turn; i++) peer.send('Data', value)
    await peer.send('Data', value)
    sent += turn
  }
  await peer.request('Ping')
  const elapsed = (performance.now() - from) / 1000
  print({
    bench: `tcp/oneway/${size}B`,
    frames: sent,
    frames_per_s: sent / elapsed,
    payload_MBps: (sent * size) / elapsed / 1e6,
  })
}
for (const size of [64, 1024]) {
  const value = { payload: pattern(size) }
  for (let i = 0; i < 200; i++) await peer.request('Ping', value)
  const times: number[] = []
  const from = performance.now()
  while (performance.now() - from < limit) {
    const before = performance.now()
    await peer.request('Ping', value)
    times.push((performance.now() - before) * 1000)
  }
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor((times.length - 1) * share)]!
  print({ bench: `tcp/rtt/${size}B`, n: times.length, p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99) })
}
await peer.close()

function pattern(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (31 * i + 7) & 0xff)
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
