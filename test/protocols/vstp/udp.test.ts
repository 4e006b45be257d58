// UDP between our own peers in the simulated network: what the schema promises, on networks that do their worst.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { protocol } from '../../../generated/vstp/index.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import { HARSH } from '../harsh.ts'
import { CLIENT, entries, headersOf, type Pair, pair, SERVER, Stranger, sha256 } from './network.ts'

/** The same protocol with more patience, for networks on which four attempts are not enough. */
function patient(times: number): ProtocolDescriptor {
  const replies = protocol.replies.map(reply =>
    reply.name === 'ack' ? { ...reply, timeout: 200, retry: { times, from: 20, to: 200 } } : reply,
  )
  return { ...protocol, replies }
}
/** So many that no seed spares them all of what the network does to one in twenty. */
const EACH = 80
const label = (who: string, i: number) => `${who}${i}`
const bytes = (text: string) => new TextEncoder().encode(text)
const many = (who: string, n: number) => Array.from({ length: n }, (_, i) => label(who, i))

/** Lets the server see the client, so that it can send too. */
function meet({ net, client, server, toServer }: Pair) {
  while (server.sessions.length === 0) {
    client.send(toServer, 'Data', { payload: bytes('hello?') })
    net.run(net.now + 100)
  }
  server.got.length = 0
  return server.peer(CLIENT)
}

describe('acknowledged Data', () => {
  test('is delivered exactly once in both directions at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        const all = pair(patient(40), seed, HARSH)
        const { net, client, server, toServer } = all
        const toClient = meet(all)
        for (const name of many('c', EACH)) client.sendAcked(toServer, name, bytes(name))
        for (const name of many('s', EACH)) server.sendAcked(toClient, name, bytes(name))
        const done = () => client.outcomes.length + server.outcomes.length === 2 * EACH
        expect(net.runUntil(done, net.now + 120_000)).toBe(true)
        net.run(net.now + 5000)
        expect([...client.outcomes].sort()).toEqual(many('c', EACH).sort())
        expect([...server.outcomes].sort()).toEqual(many('s', EACH).sort())
        const heard = server.payloads().filter(text => text !== 'hello?')
        expect(heard.sort()).toEqual(many('c', EACH).sort())
        expect(client.payloads().sort()).toEqual(many('s', EACH).sort())
        expect(Math.min(net.counters.lost, net.counters.corrupted, net.counters.duplicated)).toBeGreaterThan(0)
      }),
      { numRuns: 15 },
    )
  })

  test('is repeated as the schema says and then given up, after 8.7 s with its defaults', () => {
    const { net, client, toServer } = pair(protocol, 1, { loss: 1 })
    client.sendAcked(toServer, 'lost', bytes('x'))
    net.run(8699)
    expect(client.outcomes).toEqual([])
    net.run(8701)
    expect(client.outcomes).toEqual(['lost: no Ack in answer to Data'])
    expect(client.seen.out.Data).toBe(1)
    // Every attempt is the same datagram: four times Data, and the keep-alives of this time.
    expect(net.counters.sent).toBe(4)
  })

  test('whose acknowledgements are all lost is delivered once all the same', () => {
    const { net, client, server, toServer } = pair(protocol, 2, { latency: 5 })
    net.link(SERVER, CLIENT, { loss: 1 })
    client.sendAcked(toServer, 'deaf', bytes('once'))
    net.run(10_000)
    expect(server.payloads()).toEqual(['once'])
    expect(server.seen.in.Data).toBe(4)
    expect(client.outcomes).toEqual(['deaf: no Ack in answer to Data'])
  })

  test('keeps its header entries, and ids of 63 random bits are not repeated', () => {
    const { net, client, server, toServer } = pair(protocol, 3, { latency: 5 })
    client.sendAcked(toServer, 'a', bytes('a'), { k: 'v', 'content-type': 'text/plain' })
    client.sendAcked(toServer, 'b', bytes('b'))
    net.run(100)
    expect(headersOf(server.data[0]!)).toEqual({ k: 'v', 'content-type': 'text/plain' })
    const ids = server.data.map(one =>
      Buffer.from((one.value.headers as { value: Uint8Array }[]).at(-1)!.value).toString(),
    )
    expect(BigInt(ids[1]!) - BigInt(ids[0]!)).toBe(1n)
    expect(BigInt(ids[0]!)).toBeGreaterThan(2n ** 48n)
    expect(client.outcomes).toEqual(['a', 'b'])
  })
})

describe('fragments', () => {
  test('of acknowledged messages arrive whole and once at loss, both ways', () => {
    for (const seed of [1, 2, 3]) {
      const all = pair(patient(60), seed, {
        latency: 10,
        jitter: 5,
        loss: 0.1,
        reorder: 0.2,
        duplicate: 0.1,
        corrupt: 0.02,
      })
      const { net, client, server, toServer } = all
      const toClient = meet(all)
      const sizes = [1143, 1200, 2500, 4000]
      for (const n of sizes) client.sendAcked(toServer, `${n}`, net.random.fork(`${n}`).bytes(n))
      for (const n of sizes) server.sendAcked(toClient, `${n}`, net.random.fork(`${n}`).bytes(n))
      net.runUntil(() => client.outcomes.length + server.outcomes.length === 8, net.now + 120_000)
      net.run(net.now + 6000)
      for (const side of [client, server]) {
        expect([...side.outcomes].sort()).toEqual(sizes.map(String).sort())
        const got = side.data.filter(one => one.payload.length > 1000).map(one => sha256(one.payload))
        expect(got.sort()).toEqual(sizes.map(n => sha256(net.random.fork(`${n}`).bytes(n))).sort())
      }
    }
  })

  test('of the largest message, 255 pieces, arrive byte for byte; one byte more is refused before anything is sent', () => {
    const { net, client, server, toServer } = pair(protocol, 4, { latency: 10, reorder: 0.3 })
    const most = 255 * 1140
    const payload = net.random.bytes(most)
    client.send(toServer, 'Data', { payload })
    net.run(1000)
    expect(sha256(server.data[0]!.payload)).toBe(sha256(payload))
    const sent = net.counters.sent
    expect(() => client.send(toServer, 'Data', { payload: new Uint8Array(400_000) })).toThrow(/at most 255/)
    net.run(1100)
    expect(net.counters.sent).toBe(sent)
  })

  test('never make a datagram over 1200 bytes, whatever the header entries', () => {
    const { net, client, toServer, server } = pair(protocol, 5, { mtu: 1200 })
    for (const n of [1, 100, 500, 900]) {
      const headers = entries({ a: 'x'.repeat(Math.min(n, 255)), b: 'y'.repeat(Math.min(n, 255)) })
      client.send(toServer, 'Data', { headers, payload: net.random.bytes(3000 + n) })
    }
    net.run(100)
    expect(server.data.map(one => one.payload.length).sort()).toEqual([3001, 3100, 3500, 3900])
    expect(net.counters.tooLarge).toBe(0)
  })

  test('of hostile peers hold no more than the bounds, and end nobody', () => {
    const all = pair(protocol, 6)
    const { net, client, server, toServer } = all
    meet(all)
    const codec = protocol.codec()
    const random = net.random.fork('hostile')
    let most = 0
    for (let peer = 0; peer < 20; peer++) {
      const stranger = new Stranger(SERVER)
      const socket = net.datagram(`10.6.0.${peer}:1`, stranger)
      for (let i = 0; i < 500; i++) {
        const headers = entries({
          'frag-id': `${random.below(300)}`,
          'frag-index': `${random.below(270)}`,
          'frag-total': `${[0, 1, 2, 9, 255, 256, 99999999999][random.below(7)]}`,
        })
        const into = new Uint8Array(1600)
        stranger.send(
          into.subarray(0, codec.encode('Data', { headers, payload: random.bytes(random.below(1200)) }, into, 0)),
        )
      }
      socket.touch()
      net.run(net.now + 1)
      most = Math.max(most, server.piecesHeld())
    }
    expect(most).toBeGreaterThan(100_000)
    expect(most).toBeLessThanOrEqual(20 << 20)
    client.sendAcked(toServer, 'after', bytes('after'))
    net.run(net.now + 100)
    expect(server.payloads()).toContain('after')
    expect(client.outcomes).toEqual(['after'])
    net.run(net.now + 6000)
    expect(server.piecesHeld()).toBe(0)
  })
})

describe('a connection', () => {
  test('is kept alive by Ping and Pong while nothing is said', () => {
    const { net, client, server, toServer } = pair(protocol, 7, { latency: 30, loss: 0.1 })
    client.send(toServer, 'Data', { payload: bytes('x') })
    net.run(10 * 60_000)
    expect([client.closes, server.closes]).toEqual([[], []])
    expect(client.seen.in.Pong).toBeGreaterThan(30)
    expect(client.got.map(one => one.frame)).not.toContain('Pong')
  })

  test('ends at both sides when the other is gone for good', () => {
    const all = pair(protocol, 8, { latency: 30 })
    const { net, client, server } = all
    meet(all)
    net.partition()
    net.run(net.now + 120_000)
    expect(client.closes.length).toBe(1)
    expect(server.closes.length).toBe(1)
  })

  test('survives a blackout of 10 s and resumes within 3 s', () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const all = pair(protocol, seed, { latency: 30, loss: 0.05 })
      const { net, client, server, toServer } = all
      const toClient = meet(all)
      const begin = net.now
      for (let i = 0; i < 400; i++) {
        net.at(begin + i * 50, () => {
          client.send(toServer, 'Data', { payload: bytes(`c${i}`) })
          server.send(toClient, 'Data', { payload: bytes(`s${i}`) })
        })
      }
      let heal: () => void = () => {}
      net.at(begin + 5000, () => {
        heal = net.partition()
      })
      net.at(begin + 15_000, () => heal())
      net.run(begin + 30_000)
      for (const side of [client, server]) {
        expect(side.closes).toEqual([])
        const after = side.data.map(one => one.at - begin).filter(at => at > 5100)
        expect(Math.min(...after)).toBeLessThan(18_000)
      }
    }
  })

  test('says goodbye, and neither side repeats or forgets it', () => {
    const { net, client, server, toServer } = pair(protocol, 9, { latency: 10 })
    client.send(toServer, 'Data', { payload: bytes('x') })
    net.run(50)
    toServer.close(toServer.openedAt, 'done')
    client.socket.touch()
    net.run(2000)
    expect(server.closes.length).toBe(1)
    expect(client.closes).toEqual(['done'])
    expect(server.seen.in.Bye).toBe(1)
  })
})

test('the same seed gives the same run to the byte', () => {
  const run = (seed: number) => {
    const all = pair(patient(20), seed, HARSH)
    const { net, client, server, toServer } = all
    const toClient = meet(all)
    for (let i = 0; i < 10; i++) {
      client.sendAcked(toServer, `${i}`, net.random.fork('p').bytes(i * 700))
      server.sendAcked(toClient, `${i}`, bytes('x'))
    }
    net.run(60_000)
    return [net.transcript, client.outcomes.join(), server.payloads().length]
  }
  expect(run(77)).toEqual(run(77))
  expect(run(77)).not.toEqual(run(78))
})
