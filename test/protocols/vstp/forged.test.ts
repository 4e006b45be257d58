// Datagrams that nobody sealed and anybody can forge: tests 59 and 60 of the security review by their numbers (docs/security.md).
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/vstp/index.ts'
import { type Batch, instant } from '../../../runtime/core/machine.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { entries, Party, pair, SERVER } from './network.ts'

const MANY = process.env.FRAMEWRIGHT_LONG === '1' ? 1_000_000 : 20_000
const OTHER = '10.0.0.3:6969'

function encoded(frame: string, value: object): Uint8Array {
  const into = new Uint8Array(1400)
  return into.slice(0, protocol.codec().encode(frame, value, into, 0))
}

/** As if they had come from there. */
function from(peer: string, all: readonly Uint8Array[]): Batch {
  const slab = new Uint8Array(all.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  const offsets = all.map(one => {
    slab.set(one, at)
    at += one.length
    return at - one.length
  })
  return { slab, count: all.length, offsets, lengths: all.map(one => one.length), peers: all.map(() => peer) }
}

test('59: forged acknowledgements with small ids, from the right address, acknowledge nothing', () => {
  const { net, client, toServer } = pair(protocol, 59, { loss: 1 })
  client.sendAcked(toServer, 'lost', new Uint8Array(4))
  net.run(100)
  for (let id = 0; id < MANY; id += 64) {
    const all = Array.from({ length: 64 }, (_, i) => encoded('Ack', { headers: entries({ 'msg-id': `${id + i}` }) }))
    client.endpoint.receive(instant(net.now), from(SERVER, all))
  }
  expect(client.outcomes).toEqual([])
  net.run(20_000)
  process.stdout.write(
    `figure: 59: vstp: ${MANY} forged acknowledgements from the right address, ${client.outcomes.filter(one => one === 'lost').length} accepted\n`,
  )
  expect(client.outcomes).toEqual(['lost: no Ack in answer to Data'])
}, 60_000)

test('60: two servers that are given forged answers, errors and bad frames of each other send each other nothing', () => {
  const net = new SimNetwork({ seed: 60 })
  const servers = [SERVER, OTHER].map(address => new Party(net, protocol, 'accepts', address))
  const good = [
    encoded('Ack', { headers: entries({ 'msg-id': '7' }) }),
    encoded('Pong', {}),
    encoded('Err', { payload: new Uint8Array(200).fill(65) }),
  ]
  const bad = [
    new Uint8Array(0),
    new Uint8Array(1200),
    good[0]!.subarray(0, 9),
    Uint8Array.from(good[1]!, byte => byte ^ 255),
    Uint8Array.from(good[2]!, (byte, at) => (at === good[2]!.length - 1 ? byte ^ 1 : byte)),
  ]
  for (let round = 0; round < 200; round++) {
    servers[0]!.endpoint.receive(instant(net.now), from(OTHER, [...good, ...bad]))
    servers[1]!.endpoint.receive(instant(net.now), from(SERVER, [...good, ...bad]))
    net.run(net.now + 10)
  }
  net.run(net.now + 10_000)
  process.stdout.write(
    `figure: 60: vstp: ${200 * 2 * (good.length + bad.length)} forged datagrams, ${net.counters.sent} sent between the servers\n`,
  )
  expect(net.counters.sent).toBe(0)
  // They hear each other all right: a question is answered.
  servers[0]!.endpoint.receive(instant(net.now), from(OTHER, [encoded('Ping', {})]))
  net.run(net.now + 10)
  expect(net.counters.sent).toBe(1)
})
