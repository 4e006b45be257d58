// intentra in the simulated network: what is reliable arrives once and in order, whatever the network does.
import { expect, test } from 'vitest'
import { Tally } from '../../../runtime/metrics/tally.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { HARSH } from '../harsh.ts'
import { INTENTRA } from '../secure/kinds.ts'
import { CLIENT, opened, Party, SERVER, world } from '../secure/network.ts'

const text = (n: number): Uint8Array => new TextEncoder().encode(`message ${n}`)
const read = (value: Record<string, unknown>): string => new TextDecoder().decode(value.payload as Uint8Array)

test('messages of both intents arrive, with their priority', () => {
  const all = world(INTENTRA, 1)
  const { toServer } = opened(all)
  all.client.send(toServer, 'Data', { priority: 5, payload: text(1) }, 'realtime')
  all.client.send(toServer, 'Data', { payload: text(2) }, 'reliable')
  all.net.run(all.net.now + 1000)
  expect(all.server.data.map(({ frame, value }) => [frame, value.intent, value.priority, read(value)])).toEqual([
    ['Data', 'realtime', 5, 'message 1'],
    ['Data', 'reliable', 0, 'message 2'],
  ])
})

test('DESIGN 7.9: a reliable row of 2000 messages arrives exactly once and in order over a harsh network, in 5 seeds', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const all = world(INTENTRA, seed, HARSH)
    const { toServer } = opened(all, 30_000)
    let next = 0
    const feed = (): void => {
      while (next < 2000 && all.client.send(toServer, 'Data', { payload: text(next) }, 'reliable')) next++
      if (next < 2000) next++
      if (next < 2000) all.net.at(all.net.now + 20, feed)
    }
    feed()
    const done = all.net.runUntil(() => all.server.data.length >= 2000, 900_000)
    expect({ seed, done, closes: all.client.closes }).toEqual({ seed, done: true, closes: [] })
    expect(all.server.data.map(one => read(one.value))).toEqual(Array.from({ length: 2000 }, (_, i) => `message ${i}`))
  }
})

test('what waits for a lost message shows at scrape, on both sides, and is gone when it came', () => {
  const net = new SimNetwork({ seed: 9, link: { latency: 10 } })
  const [there, here] = [new Tally(16), new Tally(16)]
  const { protocol } = INTENTRA
  const server = new Party(net, protocol, 'accepts', SERVER, { params: INTENTRA.server, meter: there })
  const client = new Party(net, protocol, 'dials', CLIENT, { params: INTENTRA.client, meter: here })
  const { toServer } = opened({ net, server, client })
  let lost = 0
  client.wire.filter = bytes => (bytes.length > 100 && lost++ === 0 ? [] : [bytes])
  for (let n = 0; n < 400; n++) client.send(toServer, 'Data', { payload: new Uint8Array(1000) }, 'reliable')
  // The window is full, so the rest waits to be sent.
  expect(here.read('queue.bytes')).toBeGreaterThan(100_000)
  net.run(net.now + 15)
  expect(there.read('reorder.bytes')).toBeGreaterThan(1000)
  net.runUntil(() => server.data.length === 400, 60_000)
  net.run(net.now + 1000)
  expect([server.data.length, there.read('reorder.bytes'), here.read('queue.bytes')]).toEqual([400, 0, 0])
  client.close(toServer)
  net.run(net.now + 5000)
})
