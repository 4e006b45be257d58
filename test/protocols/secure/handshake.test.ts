// Handshakes over datagrams, behind the cookie: the tests of the security review, by their numbers.
import { describe, expect, test } from 'vitest'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import { chooseProvider } from '../../../runtime/native/choose.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { counted } from './counted.ts'
import { CHAT, INTENTRA } from './kinds.ts'
import { CLIENT, type Kind, opened, Party, publicOf, SERVER, Stranger, secretOf, world } from './network.ts'
import { figure } from './subjects.ts'

/** The handshake kind of a packet: std/packet and the other header have it in different bits. */
const KIND: Record<string, (bytes: Uint8Array) => string | undefined> = {
  chat: bytes => [undefined, 'init', 'retry', 'reply', 'final'][bytes[0]! >> 4],
  intentra: bytes => ((bytes[0]! & 15) === 2 ? ['init', 'retry', 'reply', 'final'][bytes[15]!] : undefined),
}
const BOTH: readonly (readonly [string, Kind])[] = [
  ['chat', CHAT],
  ['intentra', INTENTRA],
]

describe.each(BOTH)('%s', (name, kind) => {
  const kindOf = KIND[name]!

  test('13: two clients that draw the same id connect to one server', () => {
    const net = new SimNetwork({ seed: 13, link: { latency: 5 } })
    const server = new Party(net, kind.protocol, 'accepts', SERVER, { params: kind.server })
    const clients = [1, 2].map(n => {
      const source = net.random.fork(`client ${n}`)
      const random = (size: number): Uint8Array => (size === 4 ? Uint8Array.of(0, 0, 0, 42) : source.bytes(size))
      return new Party(net, kind.protocol, 'dials', `10.0.0.${n + 1}:5000`, { params: kind.client, random })
    })
    for (const client of clients) client.connect()
    net.run(2000)
    expect(clients.map(client => client.sessions.length)).toEqual([1, 1])
    expect(server.sessions.length).toBe(2)
  })

  test('16: a flipped bit fails its handshake packet, and not the connection', () => {
    const sizes = new Map<string, number>()
    const probe = world(kind, 1)
    for (const party of [probe.server, probe.client])
      party.wire.filter = bytes => {
        const what = kindOf(bytes)
        if (what !== undefined) sizes.set(what, bytes.length)
        return [bytes]
      }
    opened(probe)
    for (const [what, size] of sizes) {
      // Every other bit of the header, and one in 31 behind it.
      for (let bit = 0; bit < size * 8; bit += bit < 128 ? 2 : 31) {
        const all = world(kind, 16)
        let isDone = false
        for (const party of [all.server, all.client])
          party.wire.filter = bytes => {
            if (isDone || kindOf(bytes) !== what) return [bytes]
            isDone = true
            const flipped = Uint8Array.from(bytes)
            flipped[bit >> 3]! ^= 1 << (bit & 7)
            return [flipped, bytes]
          }
        all.client.connect()
        const isOpen = all.net.runUntil(() => all.client.sessions.length + all.server.sessions.length === 2, 3000)
        expect({ what, bit, isOpen, isDone, servers: all.server.endpoint.size }).toEqual({
          what,
          bit,
          isOpen: true,
          isDone: true,
          servers: 1,
        })
      }
    }
  })

  test('17: an equal suite and key, but another protocol', () => {
    const suite = kind.protocol.handshake!.script!.noise!
    const other = changed(kind.protocol, { prologue: scope => Uint8Array.of(1, ...suite.prologue!(scope)) })
    const all = world({ ...kind, protocol: other }, 17)
    const server = new Party(all.net, kind.protocol, 'accepts', '10.0.0.7:7000', { params: kind.server })
    all.client.connect('10.0.0.7:7000')
    all.net.run(12_000)
    expect(all.client.closes.map(one => one.code)).toEqual(['HandshakeFailed'])
    expect(server.endpoint.size).toBe(0)
    expect(server.sessions).toEqual([])
  })

  test('18: an equal protocol, but another version', () => {
    const all = world(kind, 18)
    // The version as it stands in the first packet.
    all.client.wire.filter = bytes => {
      if (kindOf(bytes) !== 'init') return [bytes]
      const other = Uint8Array.from(bytes)
      if (name === 'chat') other[5] = 9
      else other[0] = 0x32
      return [other]
    }
    all.client.connect()
    all.net.run(12_000)
    expect(all.client.closes.map(one => one.code)).toEqual(['Timeout'])
    expect(all.server.wire.sent).toEqual([])
    expect(all.server.count('error:UnsupportedVersion') + all.server.count('error:BadValue')).toBeGreaterThan(10)
  })

  test('19 and 20: garbage with the right id arrives before the real answer, and before the real last message', () => {
    for (const what of ['reply', 'final']) {
      const all = world(kind, 19)
      for (const party of [all.server, all.client])
        party.wire.filter = bytes => {
          if (kindOf(bytes) !== what) return [bytes]
          const garbage = Uint8Array.from(bytes, (byte, at) => (at < 20 ? byte : byte ^ 0x5a))
          return [garbage, bytes]
        }
      opened(all)
      expect(all.client.closes).toEqual([])
    }
  })

  test('22: the server sends no application data before the first sealed packet of the client', () => {
    const all = world(kind, 22)
    let confirmedAt = Infinity
    all.client.wire.filter = bytes => {
      if (kindOf(bytes) === undefined) confirmedAt = Math.min(confirmedAt, all.net.now)
      return [bytes]
    }
    opened(all)
    const sealed = all.server.wire.sent.filter(one => kindOf(one.bytes) === undefined)
    expect(sealed.length).toBeGreaterThan(0)
    expect(sealed[0]!.at).toBeGreaterThanOrEqual(confirmedAt + 10)
  })

  test('23: the last message, or the first proof of the keys, is lost five times', () => {
    const all = world(kind, 23)
    let lost = 0
    all.client.wire.filter = bytes => {
      const isLast = kindOf(bytes) === 'final' || kindOf(bytes) === undefined
      if (!isLast || lost >= 10) return [bytes]
      lost++
      return []
    }
    opened(all)
    expect(lost).toBe(10)
    expect(all.server.endpoint.size).toBe(1)
  })

  test('24: of 1000 handshakes at 30 % loss, 99 % are done within 10 s', () => {
    // Without the accelerator a key costs so much that fewer have to do.
    const many = chooseProvider().name === 'native' ? 1000 : 100
    const net = new SimNetwork({ seed: 24, link: { latency: 25, loss: 0.3 } })
    const limits = { ...kind.protocol.limits, connections: 2000, handshakes: 2000, handshakesPerAddress: 16 }
    const protocol = { ...kind.protocol, limits }
    const server = new Party(net, protocol, 'accepts', SERVER, { params: kind.server })
    const clients = Array.from({ length: many }, (_, i) => {
      const client = new Party(net, protocol, 'dials', `10.1.${i >> 8}.${i & 255}:5000`, { params: kind.client })
      client.connect()
      return client
    })
    net.run(10_000)
    const done = clients.filter(client => client.sessions.length === 1).length
    figure(`24: ${name}: ${done} of ${many} handshakes done within 10 s at 30 % loss`)
    expect(done).toBeGreaterThanOrEqual(0.99 * many)
    expect(server.sessions.length).toBeGreaterThanOrEqual(done)
  })

  test('25: the first packet is duplicated, and comes again behind the last', () => {
    const { crypto, count } = counted()
    const net = new SimNetwork({ seed: 25, link: { latency: 10 } })
    const server = new Party(net, kind.protocol, 'accepts', SERVER, { params: kind.server, crypto })
    const client = new Party(net, kind.protocol, 'dials', CLIENT, { params: kind.client })
    const firsts: Uint8Array[] = []
    client.wire.filter = bytes => {
      const what = kindOf(bytes)
      if (what === 'init') firsts.push(bytes)
      if (what === 'init') return [bytes, bytes]
      return [bytes, ...firsts]
    }
    client.connect()
    net.run(3000)
    expect(server.sessions.length).toBe(1)
    expect(server.endpoint.size).toBe(1)
    // es and ee, or ee, es and se: of one handshake.
    expect(count.shared).toBe(name === 'chat' ? 2 : 3)
  })
})

test('26: no packet of the server before confirmation is more than 0.55 of the packet that it answers', () => {
  for (const pattern of ['NN', 'NK', 'IK', 'XX']) {
    const suite = `Noise_${pattern}_25519_ChaChaPoly_BLAKE2s`
    const key = (n: number) => () => secretOf(n)
    const protocol = changed(CHAT.protocol, {
      suite,
      static: pattern === 'NN' ? undefined : scope => (scope.param.static_key as Uint8Array) ?? secretOf(8),
      remote: pattern === 'NK' || pattern === 'IK' ? { client: () => publicOf(7) } : {},
      psk: key(1) && undefined,
    })
    const all = world({ ...CHAT, protocol }, 26)
    opened(all)
    const inits = all.client.wire.sent.filter(one => KIND.chat!(one.bytes) === 'init')
    const answers = all.server.wire.sent.filter(one => KIND.chat!(one.bytes) !== undefined)
    const ratio = Math.max(...answers.map(one => one.bytes.length)) / Math.min(...inits.map(one => one.bytes.length))
    figure(`26: ${pattern}: longest answer / first packet = ${ratio.toFixed(2)}`)
    expect(ratio).toBeLessThanOrEqual(0.55)
  }
})

test('27: a first packet of 191 bytes, or with a pad that is not zero, is not answered', () => {
  const all = world(CHAT, 27)
  all.client.connect()
  const [first] = all.client.wire.sent
  const stranger = new Stranger(all.net)
  stranger.throw(first!.bytes.subarray(0, 191))
  stranger.throw(Uint8Array.from(first!.bytes, (byte, at) => (at === 191 ? 1 : byte)))
  stranger.socket.touch()
  all.net.run(500)
  expect(first!.bytes.length).toBe(192)
  expect(stranger.got).toEqual([])
})

test('38: a client without the keys of its servers is refused before anything is sent', () => {
  const { server_keys: _, ...client } = INTENTRA.client
  expect(() => world({ ...INTENTRA, client }, 38)).toThrow(expect.objectContaining({ code: 'Authentication' }))
})

test('39: a man in the middle with a key of his own', () => {
  const all = world({ ...INTENTRA, server: { static_key: secretOf(66) } }, 39)
  all.client.connect()
  all.net.run(12_000)
  expect(all.client.closes).toMatchObject([{ code: 'HandshakeFailed' }])
  expect(all.client.closes[0]!.at).toBeLessThan(2000)
  expect(all.server.sessions).toEqual([])
})

type Noise = NonNullable<NonNullable<NonNullable<ProtocolDescriptor['handshake']>['script']>['noise']>

function changed(protocol: ProtocolDescriptor, noise: Partial<Noise>): ProtocolDescriptor {
  const handshake = protocol.handshake!
  const script = handshake.script!
  return { ...protocol, handshake: { ...handshake, script: { ...script, noise: { ...script.noise!, ...noise } } } }
}
