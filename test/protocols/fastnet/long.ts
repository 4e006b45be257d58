// Long run for continuous integration: COUNT messages on the ordered channel at 30 % loss, 20 % reorder, 10 % duplication, 5 %
// corruption, with three changes of keys and two of the address on the way. All once, in order, or it exits with 1.
// Usage: node --import tsx test/protocols/fastnet/long.ts [COUNT] [SEED] [BYTES]
import { protocol } from '../../../generated/fastnet/protocol.ts'
import { instant } from '../../../runtime/core/machine.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { HARSH } from '../harsh.ts'
import { CLIENT, Party, SERVER } from '../secure/network.ts'

const [count = 1_000_000, seed = 1, most = 40] = process.argv.slice(2).map(Number)
const net = new SimNetwork({ seed, link: HARSH })
const rekeyed = {
  ...protocol,
  seals: protocol.seals.map(one => ({ ...one, rekey: { ...one.rekey, packets: count / 2 } })),
}
const server = new Party(net, rekeyed, 'accepts', SERVER, { params: { certificate: 'none', private_key: 'none' } })
const client = new Party(net, rekeyed, 'dials', CLIENT)
const hello = protocol.frames.find(one => one.name === 'Hello')!
const handed = () => ({
  address: CLIENT,
  id: 77,
  session: {
    peer_id: 1,
    udp_port: 7000,
    conn_id: 77,
    c2s_key: new Uint8Array(32).fill(1),
    s2c_key: new Uint8Array(32).fill(2),
  },
  passed: [{ name: 'Hello', descriptor: hello } as never],
})
;(server.endpoint as SecureEndpoint).expect(instant(0), handed())
const session = (client.endpoint as SecureEndpoint).proceed(instant(0), SERVER, handed())
client.socket.touch()
let next = 0
let wrong = 0
server.handle = (_session, value, name) => {
  if (name !== 'Data') return
  const bytes = value.payload as Uint8Array
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) !== next++) wrong++
}
const start = Date.now()
const phases = new Set<number>()
let sent = 0
let changes = 0
net.runUntil(() => client.sessions.length > 0, 9000)
while (next < count && client.closes.length === 0 && Date.now() - start < 1_500_000) {
  // As much on its way as the queue takes.
  for (let room = 200 - (sent - next); room > 0 && sent < count; room--) {
    const payload = new Uint8Array(4 + ((sent * 7919) % Math.max(1, most - 3)))
    new DataView(payload.buffer).setUint32(0, sent)
    client.send(session, 'Data', { payload }, 'ordered')
    sent++
  }
  net.run(net.now + 20)
  for (const one of client.wire.sent) phases.add(one.bytes[0]! >> 6)
  client.wire.sent.length = 0
  server.wire.sent.length = 0
  server.got.length = 0
  if (next > (count * (changes + 1)) / 3 && changes < 2) {
    client.socket.move(`10.0.0.2:${6000 + changes}`)
    changes++
  }
}
const seconds = (Date.now() - start) / 1000
const line = `${next} of ${count} messages, ${wrong} out of order, ${phases.size} key phases, ${changes} changes of address, ${(net.now / 1000).toFixed(0)} s simulated in ${seconds.toFixed(0)} s`
process.stdout.write(`figure: fastnet long: ${line}\n`)
process.exit(next === count && wrong === 0 && phases.size >= 4 && changes === 2 ? 0 : 1)
