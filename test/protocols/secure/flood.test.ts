// Strangers: cookies, floods and replays. The tests of the security review, by their numbers, and the
// bars 1 to 3 of DESIGN section 7.
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { counted } from './counted.ts'
import { CHAT, INTENTRA } from './kinds.ts'
import { batchOf, CLIENT, type Kind, opened, Party, SERVER, Stranger, world } from './network.ts'
import { figure, LONG } from './subjects.ts'

/** Where the cookie of the first packet and the id stand, and how long a challenge is. */
const PLACES = { chat: { cookie: 6, id: 1, retry: 21 }, intentra: { cookie: 16, id: 4, retry: 32 } } as const
const BOTH: readonly (readonly ['chat' | 'intentra', Kind])[] = [
  ['chat', CHAT],
  ['intentra', INTENTRA],
]
/** 10^5 and 10^6 as the review wants them, or a fiftieth of that where the whole suite runs. */
const MANY = LONG ? 1_000_000 : 20_000

/** A server alone, and a first packet with the cookie that it was given for one address. */
function knocked(kind: Kind, name: 'chat' | 'intentra', seed: number) {
  const { crypto, count } = counted()
  const net = new SimNetwork({ seed, link: { latency: 5 } })
  const server = new Party(net, kind.protocol, 'accepts', SERVER, { params: kind.server, crypto })
  const client = new Party(net, kind.protocol, 'dials', CLIENT, { params: kind.client })
  const firsts: Uint8Array[] = []
  client.wire.filter = bytes => {
    firsts.push(bytes)
    return firsts.length === 1 ? [bytes] : []
  }
  client.connect()
  net.runUntil(() => firsts.length === 2, 1000)
  const [bare, first] = firsts as [Uint8Array, Uint8Array]
  client.socket.remove()
  expect(bare.subarray(PLACES[name].cookie, PLACES[name].cookie + 16)).toEqual(new Uint8Array(16))
  return { net, server, first, count }
}

describe.each(BOTH)('%s', (name, kind) => {
  const places = PLACES[name]

  test('15: packets with random ids create nothing, and are not answered', () => {
    const all = world(kind, 15)
    const { server } = all
    opened(all)
    const source = all.net.random.fork('ids')
    const before = server.wire.sent.length
    const packet = all.client.wire.sent.at(-1)!.bytes
    for (let done = 0; done < MANY; done += 64) {
      const batch = batchOf(
        Array.from({ length: 64 }, () => {
          const bytes = Uint8Array.from(packet)
          bytes.set(source.bytes(4), places.id)
          return { to: '10.9.9.9:9', bytes }
        }),
      )
      server.endpoint.receive(instant(all.net.now), batch)
      expect(server.endpoint.transmit()).toBeUndefined()
    }
    figure(`15: ${name}: ${MANY} packets with random ids, ${server.endpoint.size} connection as before, no answer`)
    expect(server.endpoint.size).toBe(1)
    expect(server.count('seal.unknown')).toBeGreaterThanOrEqual(MANY)
    expect(server.wire.sent.length).toBe(before)
  })

  test('29 and 30: a captured first packet is replayed in its slot, and after it', () => {
    const { net, server, first, count } = knocked(kind, name, 29)
    const thief = new Stranger(net, CLIENT)
    const replays = LONG ? 100_000 : 2000
    for (let i = 0; i < replays; i++) thief.throw(first)
    thief.socket.touch()
    net.run(net.now + 100)
    const answers = new Set(thief.got.map(bytes => Buffer.from(bytes).toString('hex')))
    expect(thief.got.length).toBe(replays)
    figure(
      `29: ${name}: ${replays} copies of a first packet with a cookie, ${answers.size} answer, ${count.shared} Diffie-Hellman operations, ${server.endpoint.size} entry`,
    )
    expect(answers.size).toBe(1)
    expect(count.shared).toBe(2)
    expect(server.endpoint.size).toBe(1)
    net.run(net.now + 31_000)
    thief.got.length = 0
    thief.throw(first)
    thief.socket.touch()
    net.run(net.now + 100)
    expect(thief.got.map(bytes => bytes.length)).toEqual([places.retry])
    expect(count.shared).toBe(2)
  })

  test('31: a cookie for another address, port, id or key is answered with a challenge alone', () => {
    const { net, server, first, count } = knocked(kind, name, 31)
    const changed = (at: number): Uint8Array => Uint8Array.from(first, (byte, i) => (i === at ? byte ^ 1 : byte))
    const noise = name === 'chat' ? 30 : 40
    for (const [address, bytes] of [
      ['10.0.0.3:5000', first],
      ['10.0.0.2:5001', first],
      [CLIENT, changed(places.id + 3)],
      [CLIENT, changed(noise)],
      [CLIENT, changed(places.cookie)],
    ] as const) {
      const thief = new Stranger(net, address)
      thief.throw(bytes)
      thief.socket.touch()
      net.run(net.now + 50)
      expect(thief.got.map(one => one.length)).toEqual([places.retry])
      thief.socket.remove()
    }
    expect(count.shared).toBe(0)
    expect(server.endpoint.size).toBe(0)
  })

  test('32: the server restarts between its challenge and the echo', () => {
    const all = world(kind, 32)
    let restarted: Party | undefined
    const firsts: Uint8Array[] = []
    all.client.wire.filter = bytes => {
      firsts.push(bytes)
      if (firsts.length === 2) {
        all.server.socket.remove()
        restarted = new Party(all.net, kind.protocol, 'accepts', SERVER, {
          params: kind.server,
          random: n => all.net.random.bytes(n),
        })
      }
      return [bytes]
    }
    all.client.connect()
    all.net.run(3000)
    expect(all.client.sessions.length).toBe(1)
    expect(restarted!.sessions.length).toBe(1)
    const ephemeral = (bytes: Uint8Array): string =>
      Buffer.from(bytes.subarray(places.cookie + 18, places.cookie + 50)).toString('hex')
    expect(new Set(firsts.slice(0, 3).map(ephemeral)).size).toBe(1)
  })

  test('33: forged challenges hit the client', () => {
    const all = world(kind, 33)
    const forger = (): void => {
      const [first] = all.client.wire.sent
      if (first === undefined) return
      const forged = new Uint8Array(places.retry)
      if (name === 'chat') forged[0] = 0x20
      else {
        forged.set([0x22, 0x40], 0)
        forged[15] = 1
      }
      forged.set(first.bytes.subarray(places.id, places.id + 4), places.id)
      forged.set(all.net.random.bytes(16), places.retry - 16)
      for (let i = 0; i < 20; i++)
        all.client.endpoint.receive(instant(all.net.now), batchOf([{ to: SERVER, bytes: forged }]))
    }
    for (let at = 0; at < 2000; at += 50) all.net.at(at, forger)
    all.client.connect()
    all.net.run(9000)
    expect(all.client.sessions.length).toBe(1)
    const inFirst = all.client.wire.sent.filter(one => one.at < 1000).length
    expect(inFirst).toBeLessThanOrEqual(4 + 10)
  })

  test('34 and DESIGN 7.2: a flood of spoofed first packets costs no memory and no key agreement, and keeps nobody out', () => {
    const { crypto, count } = counted()
    const net = new SimNetwork({ seed: 34, link: { latency: 5 } })
    const server = new Party(net, kind.protocol, 'accepts', SERVER, { params: kind.server, crypto })
    const peer = new Party(net, kind.protocol, 'dials', CLIENT, { params: kind.client })
    const toServer = peer.connect()
    net.run(1000)
    const shared = count.shared
    const first = peer.wire.sent[0]!.bytes
    // 50,000 a second, 64 at a time.
    const source = net.random.fork('flood')
    let thrown = 0
    const late = new Party(net, kind.protocol, 'dials', '10.0.0.3:5000', { params: kind.client })
    const began = net.now
    const before = process.memoryUsage().heapUsed
    const flood = (): void => {
      const batch = batchOf(
        Array.from({ length: 64 }, () => {
          const bytes = Uint8Array.from(first)
          bytes.set(source.bytes(4), places.id)
          bytes.set(source.bytes(32), places.cookie + 18)
          const [a, b, c, d] = source.bytes(4)
          return { to: `10.${a}.${b}.${c}:${1024 + d!}`, bytes }
        }),
      )
      server.endpoint.receive(instant(net.now), batch)
      // What is sent there reaches nobody.
      for (let out = server.endpoint.transmit(); out !== undefined; out = server.endpoint.transmit()) {
        for (let i = 0; i < out.count; i++) expect(out.lengths[i]).toBeLessThanOrEqual(192)
        server.endpoint.release(out)
      }
      thrown += 64
      if (thrown < MANY) net.at(net.now + 1.28, flood)
    }
    const say = name === 'chat' ? { room: 'r', text: 'x' } : { payload: new Uint8Array(8).fill(1) }
    let sent = 0
    for (let at = 0; at < 1000; at += 20)
      net.at(net.now + at, () => {
        peer.send(toServer, name === 'chat' ? 'Say' : 'Data', say, name === 'chat' ? 'chat' : 'reliable')
        sent++
      })
    net.at(net.now + 5, flood)
    net.at(net.now + 10, () => void late.connect())
    net.run(began + Math.max(3000, (MANY / 50_000) * 1000 + 500))
    const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20
    figure(
      `34: ${name}: ${thrown} spoofed first packets, heap ${grown.toFixed(1)} MiB, ${count.shared - shared} key agreements`,
    )
    expect(thrown).toBeGreaterThanOrEqual(MANY)
    // Only those of the client that came meanwhile.
    expect(count.shared - shared).toBe(name === 'chat' ? 2 : 3)
    expect(late.sessions.length).toBe(1)
    expect(late.closes.concat(peer.closes)).toEqual([])
    const kept = server.data.filter(one => one.frame === 'Say' || one.frame === 'Data')
    expect(kept.length).toBe(sent)
    expect(server.endpoint.size).toBe(2)
  })

  test('35: clients with valid cookies fill the table of handshakes and stall', () => {
    const limits = { ...kind.protocol.limits, handshakes: 20, handshakesPerAddress: 100 }
    const protocol = { ...kind.protocol, limits }
    const net = new SimNetwork({ seed: 35, link: { latency: 5 } })
    const server = new Party(net, protocol, 'accepts', SERVER, { params: kind.server })
    const peer = new Party(net, protocol, 'dials', CLIENT, { params: kind.client })
    const toServer = peer.connect()
    net.run(1000)
    for (let i = 0; i < 60; i++) {
      const stalling = new Party(net, protocol, 'dials', `10.3.0.${i}:1`, { params: kind.client })
      // They show their cookie and never go on.
      stalling.wire.filter = bytes => (bytes.length === 192 ? [bytes] : [])
      net.at(1000 + i * 10, () => void stalling.connect())
    }
    const late = new Party(net, protocol, 'dials', '10.0.0.3:5000', { params: kind.client })
    net.at(2000, () => void late.connect())
    net.run(5000)
    expect(server.endpoint.size).toBeLessThanOrEqual(22)
    expect(late.sessions.length).toBe(1)
    expect(server.closes.filter(one => one.reason !== 'limit' && one.reason !== 'timeout')).toEqual([])
    expect(peer.closes).toEqual([])
    expect(toServer.phase).toBe('open')
  })
})
