// intentra in the simulated network: what is reliable arrives once and in order, whatever the network does.
import { expect, test } from 'vitest'
import { HARSH } from '../harsh.ts'
import { INTENTRA } from '../secure/kinds.ts'
import { opened, world } from '../secure/network.ts'

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
