// Small messages share a datagram: how many datagrams they take, that none waits longer than its channel says, and that
// each is delivered as if it had come alone.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import { HARSH } from '../harsh.ts'
import { opened, world } from '../secure/network.ts'
import { GLIDER } from './glider.ts'

const reading = (value: number) => ({ instrument: 'climb', value })

test('the readings of one turn share a datagram and leave with it; one alone goes as it is', () => {
  const all = world(GLIDER, 1)
  const { toServer } = opened(all)
  all.net.run(all.net.now + 100)
  const before = all.client.wire.sent.length
  const from = all.net.now
  for (let i = 0; i < 200; i++) toServer.send(instant(from), 'Reading', reading(i))
  all.client.socket.touch()
  const shared = all.client.wire.sent.slice(before)
  // 200 messages of 12 bytes with the header of their channel and 2 for their length, in datagrams of 1232.
  expect(shared.length).toBe(3)
  expect(Math.max(...shared.map(one => one.bytes.length))).toBeLessThanOrEqual(1232)
  expect(shared.every(one => one.at === from)).toBe(true)
  all.net.run(from + 50)
  expect(all.server.data.map(one => one.value.value)).toEqual(Array.from({ length: 200 }, (_, i) => i))
  expect(all.server.data.every(one => one.at === from + 10)).toBe(true)
  all.client.send(toServer, 'Reading', reading(7))
  const alone = all.client.wire.sent.at(-1)!.bytes.length
  all.client.send(toServer, 'Reading', reading(8))
  toServer.send(instant(all.net.now), 'Reading', reading(9))
  toServer.send(instant(all.net.now), 'Reading', reading(10))
  all.client.socket.touch()
  // Two take less than twice one: 14 bytes in front, 16 behind, and what UDP and IP add are shared.
  expect(all.client.wire.sent.at(-1)!.bytes.length).toBeLessThan(2 * alone - 14)
  expect(all.server.errors).toEqual([])
})

test('orders wait five milliseconds for others, not longer, and close takes them along', () => {
  const all = world(GLIDER, 2)
  const { toClient } = opened(all)
  all.net.run(all.net.now + 100)
  const from = all.net.now
  const before = all.server.wire.sent.length
  for (const [at, heading] of [
    [0, 10],
    [2, 20],
    [4, 30],
    [9, 40],
  ] as const)
    all.net.at(from + at, () => void all.server.send(toClient, 'Turn', { heading }))
  all.net.run(from + 15)
  expect(all.server.wire.sent.slice(before).map(one => one.at - from)).toEqual([5, 14])
  all.net.run(from + 200)
  expect(all.client.data.map(one => [one.at - from, one.value.heading])).toEqual([
    [15, 10],
    [15, 20],
    [15, 30],
    [24, 40],
  ])
  all.server.send(toClient, 'Turn', { heading: 50 })
  all.server.close(toClient)
  all.net.run(all.net.now + 500)
  expect(all.client.data.filter(one => one.frame === 'Turn').at(-1)!.value.heading).toBe(50)
  expect(all.client.closes).toMatchObject([{ reason: 'bye' }])
})

test('a reliable channel whose messages share datagrams delivers all of them once and in order on a harsh network', () => {
  const all = world(GLIDER, 3, HARSH)
  const { toClient } = opened(all)
  for (let i = 0; i < 300; i++)
    all.net.at(all.net.now + 3 * i, () => void all.server.send(toClient, 'Turn', { heading: i }))
  all.net.run(all.net.now + 20_000)
  expect(all.client.data.map(one => one.value.heading)).toEqual(Array.from({ length: 300 }, (_, i) => i))
  expect(all.client.count('error')).toBeGreaterThan(0)
  expect(all.client.closes).toEqual([])
})

test('whatever a peer puts into a bundle, nothing throws, and a bundle in a bundle is not opened', () => {
  const all = world(GLIDER, 4)
  const { toServer } = opened(all)
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 10 }), parts => {
      const before = all.server.data.length
      all.client.send(toServer, 'Bundle', { parts })
      all.net.run(all.net.now + 20)
      expect(all.server.data.length).toBe(before)
    }),
    { numRuns: 200 },
  )
  let text = new Uint8Array(0)
  all.client.wire.filter = undefined
  for (let depth = 0; depth < 20; depth++) {
    // channel, flags, seq, id 245, then the list of one.
    text = Uint8Array.of(0, 0, 0, 0, 0, 0, 245, text.length >> 8, text.length & 255, ...text)
  }
  all.client.send(toServer, 'Bundle', { parts: [text, text] })
  all.client.send(toServer, 'Reading', reading(1))
  all.net.run(all.net.now + 50)
  expect(all.server.data.at(-1)!.value.value).toBe(1)
  expect(all.server.closes).toEqual([])
})
