// Payloads of any length over UDP between our own peers: as a row of acknowledged datagrams, whole at the other end.

import { describe, expect, test } from 'vitest'
import { protocol } from '../../../generated/vstp/index.ts'
import { SimRandom } from '../../../runtime/sim/random.ts'
import { HARSH } from '../harsh.ts'
import { CLIENT, headersOf, pair, SERVER, sha256 } from './network.ts'

const bytesOf = (seed: number, n: number) => new SimRandom(seed).bytes(n)

describe('a payload over 4 KiB that asks for an acknowledgement', () => {
  test('arrives byte for byte and once, with its header entries, on a harsh network, both ways', () => {
    for (const seed of [1, 2, 3]) {
      const { net, client, server, toServer } = pair(protocol, seed, HARSH)
      const [forth, back] = [bytesOf(seed, 200_000), bytesOf(seed + 100, 100_000)]
      client.sendAcked(toServer, 'forth', forth, { name: 'x.bin', 'content-type': 'application/octet-stream' })
      net.runUntil(() => server.sessions.length > 0, 60_000)
      server.sendAcked(server.peer(CLIENT), 'back', back)
      const done = () => client.outcomes.length + server.outcomes.length === 2
      expect(net.runUntil(done, 600_000)).toBe(true)
      net.run(net.now + 5000)
      expect([client.outcomes, server.outcomes]).toEqual([['forth'], ['back']])
      expect(server.data.map(one => sha256(one.payload))).toEqual([sha256(forth)])
      expect(client.data.map(one => sha256(one.payload))).toEqual([sha256(back)])
      expect(headersOf(server.data[0]!)).toEqual({ name: 'x.bin', 'content-type': 'application/octet-stream' })
    }
  })

  test('never makes a datagram over 1200 bytes', () => {
    const { net, client, server, toServer } = pair(protocol, 4, { mtu: 1200, latency: 10 })
    client.sendAcked(toServer, 'big', bytesOf(1, 100_000), { long: 'x'.repeat(255), longer: 'y'.repeat(255) })
    net.run(20_000)
    expect([client.outcomes, net.counters.tooLarge]).toEqual([['big'], 0])
    expect(server.data[0]!.payload.length).toBe(100_000)
  })

  test('does not hold up or disturb other frames', () => {
    const { net, client, server, toServer } = pair(protocol, 5, { latency: 20, loss: 0.02 })
    client.sendAcked(toServer, 'big', bytesOf(1, 2_000_000))
    for (let i = 0; i < 20; i++) net.at(100 + i * 10, () => client.sendAcked(toServer, `${i}`, Buffer.from(`${i}`)))
    net.runUntil(() => client.outcomes.length === 21, 60_000)
    const [small, big] = [
      server.data.filter(one => one.payload.length < 10),
      server.data.find(one => one.payload.length > 10),
    ]
    expect(small.map(one => Number(Buffer.from(one.payload).toString())).sort((a, b) => a - b)).toEqual([
      ...Array(20).keys(),
    ])
    expect(small.filter(one => one.at < big!.at).length).toBeGreaterThan(15)
    expect(sha256(big!.payload)).toBe(sha256(bytesOf(1, 2_000_000)))
    expect(client.outcomes).toContain('big')
  })

  test('survives a blackout of 10 s and goes on within 3 s of its end', () => {
    const { net, client, server, toServer } = pair(protocol, 6, { latency: 30, loss: 0.02 })
    const payload = bytesOf(2, 3_000_000)
    client.sendAcked(toServer, 'big', payload)
    net.run(1000)
    const heal = net.partition()
    net.run(11_000)
    heal()
    const before = server.peer(CLIENT).framesIn
    net.run(14_000)
    expect(server.peer(CLIENT).framesIn - before).toBeGreaterThan(100)
    expect(net.runUntil(() => client.outcomes.length === 1, 120_000)).toBe(true)
    expect(client.outcomes).toEqual(['big'])
    expect(sha256(server.data[0]!.payload)).toBe(sha256(payload))
  })

  test('fails when the peer is gone, and leaves nothing behind', () => {
    const { net, client, server, toServer } = pair(protocol, 7, { latency: 10 })
    client.sendAcked(toServer, 'big', bytesOf(3, 1_000_000))
    net.run(100)
    net.link(CLIENT, SERVER, { loss: 1 })
    net.run(120_000)
    expect(client.outcomes.length).toBe(1)
    expect(client.outcomes[0]).toMatch(/^big: /)
    expect(server.data).toEqual([])
    expect(server.transfersHeld()).toBe(0)
  })

  test('is given up when the connection closes', () => {
    const { net, client, server, toServer } = pair(protocol, 8, { latency: 10 })
    client.sendAcked(toServer, 'big', bytesOf(3, 5_000_000))
    net.run(100)
    toServer.abort('changed my mind')
    client.socket.touch()
    net.run(90_000)
    expect(client.outcomes).toEqual([expect.stringMatching(/^big: the connection/)])
    expect([server.data, server.transfersHeld()]).toEqual([[], 0])
  })
})

test('5 MB cross at 5 % loss byte for byte', () => {
  const { net, client, server, toServer } = pair(protocol, 9, { latency: 20, jitter: 5, loss: 0.05 })
  const payload = bytesOf(4, 5_000_000)
  client.sendAcked(toServer, 'big', payload)
  expect(net.runUntil(() => client.outcomes.length === 1, 120_000)).toBe(true)
  expect(client.outcomes).toEqual(['big'])
  expect(sha256(server.data[0]!.payload)).toBe(sha256(payload))
})
