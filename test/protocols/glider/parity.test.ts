// Forward error correction on the wire: what a parity makes again, and what it never makes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/glider/protocol.ts'
import { protocol as plain } from '../../../generated/lobby/protocol.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import { CLIENT, opened, SERVER, type World, world } from '../secure/network.ts'
import { GLIDER } from './glider.ts'

const fix = (time: number) => ({ time, north: time / 3, east: 1 - time, up: 100 })
const times = (all: World): number[] => all.server.data.map(one => one.value.time as number)

/** The same protocol without parity. */
function without(): ProtocolDescriptor {
  return { ...protocol, channels: protocol.channels.map(one => ({ ...one, fec: undefined })) }
}

/** `count` messages, one each 5 ms, over a radio that loses so many. */
function flight(
  of: ProtocolDescriptor,
  seed: number,
  loss: number,
  count: number,
  send: (at: number) => [string, object],
) {
  const all = world({ ...GLIDER, protocol: of }, seed, { latency: 20 })
  const { toServer } = opened(all)
  all.net.link(CLIENT, SERVER, { latency: 20, loss })
  for (let i = 0; i < count; i++)
    all.net.at(
      all.net.now + 5 * i,
      () => void all.client.send(toServer, ...(send(i) as [string, Record<string, unknown>])),
    )
  all.net.run(all.net.now + 5 * count + 500)
  return all
}

test('of the messages that a radio loses, most are made again, each once', () => {
  for (const [loss, most] of [
    [0.05, 0.015],
    [0.1, 0.045],
  ] as const) {
    const bare = flight(without(), 3, loss, 4000, at => ['Fix', fix(at)])
    const covered = flight(protocol, 3, loss, 4000, at => ['Fix', fix(at)])
    const missing = 1 - times(covered).length / 4000
    console.log(
      `${100 * loss} % loss, 4 and a parity: ${(100 * (1 - times(bare).length / 4000)).toFixed(1)} % missing without, ${(100 * missing).toFixed(1)} % with; ${covered.server.count('channel.restored')} made again`,
    )
    expect(new Set(times(covered)).size).toBe(times(covered).length)
    expect(1 - times(bare).length / 4000).toBeGreaterThan(loss * 0.8)
    expect(missing).toBeLessThan(most)
    for (const { value } of covered.server.data) expect(value).toMatchObject(fix(value.time as number))
    expect([covered.server.errors, covered.server.closes]).toEqual([[], []])
  }
})

test('a message in 25 pieces survives the loss of pieces of different groups', () => {
  const picture = (number: number) => ({ number, jpeg: new Uint8Array(28_000).map((_, i) => i * 7 + number) })
  const whole = (of: ProtocolDescriptor) => flight(of, 5, 0.05, 100, at => ['Picture', picture(at)]).server.data
  const bare = whole(without())
  const covered = whole(protocol)
  console.log(`5 % loss, messages of 25 pieces: ${bare.length} of 100 whole without parity, ${covered.length} with`)
  expect(bare.length).toBeLessThan(45)
  expect(covered.length).toBeGreaterThan(70)
  for (const { value } of covered)
    expect(Buffer.compare(value.jpeg as Uint8Array, picture(value.number as number).jpeg)).toBe(0)
})

test('a group that does not fill is covered after its delay, and the next one begins anew', () => {
  const all = world(GLIDER, 1)
  const { toServer } = opened(all)
  let dropped = 0
  const drop = (nth: number) => {
    let seen = 0
    all.client.wire.filter = bytes => {
      if (++seen !== nth) return [bytes]
      dropped++
      return []
    }
  }
  for (let round = 0; round < 3; round++) {
    drop(2)
    const from = all.net.now
    for (let i = 0; i < 2; i++) all.client.send(toServer, 'Fix', fix(2 * round + i))
    all.net.run(from + 200)
    // Sent at once and lost; its parity is sent 50 ms later and takes 10.
    expect(all.server.data.at(-1)!.at - from).toBe(60)
  }
  expect(times(all)).toEqual([0, 1, 2, 3, 4, 5])
  expect(dropped).toBe(3)
})

test('packets that overtake each other are not made twice', () => {
  const all = world(GLIDER, 8, { latency: 20 })
  const { toServer } = opened(all)
  all.net.link(CLIENT, SERVER, { latency: 20, jitter: 30, reorder: 0.5, reorderBy: 80, duplicate: 0.3, loss: 0.1 })
  for (let i = 0; i < 1000; i++) all.net.at(all.net.now + 3 * i, () => void all.client.send(toServer, 'Fix', fix(i)))
  all.net.run(all.net.now + 5000)
  expect(new Set(times(all)).size).toBe(times(all).length)
  expect(times(all).length).toBeGreaterThan(950)
})

test('whatever parity a peer makes up, what was lost stays lost: nothing is delivered, and the connection goes on', () => {
  const all = world(GLIDER, 9)
  const { toServer } = opened(all)
  let sent = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 40 }),
      fc.nat(255),
      fc.nat(65535),
      fc.uint8Array({ maxLength: 1100 }),
      fc.nat(5),
      (ahead, count, length, sum, channel) => {
        const before = all.server.data.length
        // The second one of a group is missing.
        for (const one of [sent, sent + 1, sent + 2]) {
          all.client.wire.filter = bytes => (one === sent + 1 ? [] : [bytes])
          all.client.send(toServer, 'Fix', fix(one))
        }
        all.client.wire.filter = undefined
        for (const first of [sent - (sent % 4) + 1, ahead + sent])
          all.client.send(toServer, 'Parity', { channel, seq: first, count, length, sum })
        all.client.wire.filter = bytes => (bytes.length > 0 ? [] : [bytes])
        all.client.send(toServer, 'Fix', fix(sent + 3))
        all.client.wire.filter = undefined
        sent += 4
        all.net.run(all.net.now + 60)
        expect(all.server.data.length).toBe(before + 2)
      },
    ),
    { numRuns: 200 },
  )
  expect([all.server.closes, all.client.closes]).toEqual([[], []])
})

test('a parity that was changed on the way does not open, and makes nothing', () => {
  const all = world(GLIDER, 11)
  const { toServer } = opened(all)
  let seen = 0
  all.client.wire.filter = bytes => {
    seen++
    if (seen === 2) return []
    if (seen !== 5) return [bytes]
    bytes[bytes.length - 20]! ^= 1
    return [bytes]
  }
  for (let i = 0; i < 4; i++) all.client.send(toServer, 'Fix', fix(i))
  all.net.run(all.net.now + 300)
  expect(seen).toBeGreaterThanOrEqual(5)
  expect(times(all)).toEqual([0, 2, 3])
})

test('a protocol without parity neither sends nor wants any', () => {
  expect(plain.channels.every(one => one.fec === undefined)).toBe(true)
  const all = flight(without(), 1, 0, 20, at => ['Fix', fix(at)])
  expect(all.client.wire.sent.filter(one => one.bytes.length < 100).length).toBeLessThan(26)
})
