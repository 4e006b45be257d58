// Peers that were handed their keys, in the simulated network: tests of the security review (docs, "Tests") by their number,
// as far as they concern the default profile of the game transport.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { protocol as crate } from '../../../generated/fastnet/profiles/crate-0.3.1/protocol.ts'
import { protocol } from '../../../generated/fastnet/protocol.ts'
import type { HandedOver } from '../../../runtime/core/hand-over.ts'
import { instant } from '../../../runtime/core/machine.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import type { Session } from '../../../runtime/core/session.ts'
import type { LinkOptions } from '../../../runtime/sim/link.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { HARSH } from '../harsh.ts'
import { CLIENT, Party, SERVER, Stranger } from '../secure/network.ts'

const CHANNELS = ['ordered', 'unreliable', 'unordered', 'sequenced'] as const

test('all four channels keep their promise at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 }), seed => {
      const { net, client, server, session } = world(protocol, seed, HARSH)
      const count = 250
      send(client, session, net, count)
      net.runUntil(() => server.data.length >= 4 * count, net.now + 60_000)
      const of = (channel: number): number[] =>
        server.data.filter(one => one.value.channel === channel).map(one => numberOf(one.value.payload))
      const all = Array.from({ length: count }, (_, i) => i)
      expect(of(0)).toEqual(all)
      expect([...of(2)].sort((a, b) => a - b)).toEqual(all)
      expect(new Set(of(1)).size).toBe(of(1).length)
      expect(of(3)).toEqual([...new Set(of(3))].sort((a, b) => a - b))
      expect([client.closes, server.closes]).toEqual([[], []])
    }),
    { numRuns: 6 },
  )
}, 60_000)

test('4: keys change on both sides while messages travel, and none is lost', () => {
  const fast = rekeying({ packets: 400, age: 4000 })
  const { net, client, server, session } = world(fast, 4, HARSH)
  let sent = 0
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 25; i++) client.send(session, 'Data', { payload: payloadOf(sent++) }, 'ordered')
    net.run(net.now + 500)
  }
  net.runUntil(() => server.data.length === sent, net.now + 60_000)
  expect(server.data.map(one => numberOf(one.value.payload))).toEqual(Array.from({ length: sent }, (_, i) => i))
  expect([client.closes, server.closes]).toEqual([[], []])
  const phases = new Set(client.wire.sent.filter(one => one.bytes.length > 60).map(one => one.bytes[0]! >> 6))
  expect(phases.size).toBe(4)
}, 30_000)

test('42: a client whose port changes in mid-transfer goes on, exactly once', () => {
  const { net, client, server, session } = world(protocol, 42, { latency: 20, loss: 0.1 })
  for (let i = 0; i < 200; i++) client.send(session, 'Data', { payload: payloadOf(i) }, 'ordered')
  net.run(net.now + 60)
  client.socket.move('10.0.0.2:6001')
  net.runUntil(() => server.data.length === 200, net.now + 20_000)
  expect(server.data.map(one => numberOf(one.value.payload))).toEqual(Array.from({ length: 200 }, (_, i) => i))
  expect(server.peer().address).toBe('10.0.0.2:6001')
  server.send(server.peer(), 'Data', { payload: payloadOf(7) }, 'ordered')
  net.runUntil(() => client.data.length === 1, net.now + 5000)
  expect(client.data.length).toBe(1)
})

test('43: the very first reliable message is lost, and sent again', () => {
  const { net, client, server, session } = world(protocol, 43)
  let dropped = 0
  client.wire.filter = bytes => (bytes.length > 60 && dropped++ === 0 ? [] : [bytes])
  client.send(session, 'Data', { payload: payloadOf(1) }, 'ordered')
  net.runUntil(() => server.data.length === 1, net.now + 3000)
  expect([server.data.length, dropped]).toEqual([1, 2])
})

test('45: goodbyes that are not sealed, repeated, or of another connection end nothing', () => {
  const { net, client, server, session } = world(protocol, 45)
  const other = join(net, client, server, protocol, '10.0.0.3:5000', 2)
  other.party.close(other.session)
  net.run(net.now + 200)
  const goodbye = other.party.wire.sent.at(-1)!.bytes
  const stranger = new Stranger(net)
  stranger.throw(goodbye)
  stranger.throw(Uint8Array.from(goodbye, (byte, i) => (i >= 1 && i < 5 ? client.wire.sent[0]!.bytes[i]! : byte)))
  stranger.throw(new Uint8Array(48).fill(16))
  stranger.socket.touch()
  net.run(net.now + 500)
  expect(server.closes.length).toBe(1)
  client.send(session, 'Data', { payload: payloadOf(1) }, 'ordered')
  net.runUntil(() => server.data.length === 1, net.now + 2000)
  expect(server.data.length).toBe(1)
})

test('47: forged packets cost nothing where nobody has their id, and one attempt where somebody has', () => {
  const net = new SimNetwork({ seed: 47, link: { latency: 1 } })
  const server = new Party(net, protocol, 'accepts', SERVER, { params: { certificate: 'none', private_key: 'none' } })
  const endpoint = server.endpoint as SecureEndpoint
  for (let i = 1; i <= 64; i++) endpoint.expect(instant(0), handed(protocol, i, `10.1.${i}.1:999`))
  expect(endpoint.handshakes).toBe(64)
  const stranger = new Stranger(net)
  for (let i = 0; i < 2000; i++)
    stranger.throw(Uint8Array.from({ length: 60 }, (_, at) => (at === 0 ? 0 : (i * 31 + at * 7) & 255)))
  stranger.socket.touch()
  net.run(net.now + 100)
  expect(server.count('seal.unknown')).toBe(2000)
  expect(server.count('error:OpenFailed')).toBe(0)
  const known = new Uint8Array(60)
  known[1] = 5
  for (let i = 0; i < 10; i++) stranger.throw(known)
  stranger.socket.touch()
  net.run(net.now + 100)
  expect(server.count('error:OpenFailed')).toBe(10)
  expect(stranger.got).toEqual([])
})

test('who is handed keys and never comes is forgotten after ten seconds', () => {
  const net = new SimNetwork({ seed: 1, link: { latency: 1 } })
  const server = new Party(net, protocol, 'accepts', SERVER, { params: { certificate: 'none', private_key: 'none' } })
  const endpoint = server.endpoint as SecureEndpoint
  let over = 0
  endpoint.expect(instant(0), { ...handed(protocol, 9, CLIENT), over: () => void over++ })
  server.socket.touch()
  net.run(9000)
  expect([endpoint.handshakes, over]).toEqual([1, 0])
  net.run(11_000)
  expect([endpoint.handshakes, over, server.sessions.length]).toEqual([0, 1, 0])
})

test('51: a blackout of ten seconds is survived, and messages go on within three', () => {
  const { net, client, server, session } = world(protocol, 51)
  client.send(session, 'Data', { payload: payloadOf(0) }, 'ordered')
  net.run(net.now + 500)
  const restore = net.partition()
  for (let i = 1; i <= 20; i++) client.send(session, 'Data', { payload: payloadOf(i) }, 'ordered')
  net.run(net.now + 10_000)
  restore()
  net.runUntil(() => server.data.length > 1, net.now + 3000)
  expect(server.data.length).toBeGreaterThan(1)
  net.runUntil(() => server.data.length === 21, net.now + 10_000)
  expect(server.data.map(one => numberOf(one.value.payload))).toEqual(Array.from({ length: 21 }, (_, i) => i))
  expect([client.closes, server.closes]).toEqual([[], []])
})

test('52: after 40,000 losses in a row on the sequenced channel the next message is delivered', () => {
  const { net, client, server, session } = world(protocol, 52)
  let isLost = true
  client.wire.filter = bytes => (isLost && bytes.length > 60 ? [] : [bytes])
  for (let i = 0; i < 40_000; i++) {
    client.send(session, 'Data', { payload: payloadOf(i) }, 'sequenced')
    if (i % 500 === 0) net.run(net.now + 10)
  }
  net.run(net.now + 100)
  isLost = false
  client.send(session, 'Data', { payload: payloadOf(40_000) }, 'sequenced')
  net.runUntil(() => server.data.length > 0, net.now + 2000)
  expect(server.data.map(one => numberOf(one.value.payload))).toEqual([40_000])
}, 30_000)

test('in the profile of the crate a peer without an id is found by the key that opens its first packet', () => {
  const net = new SimNetwork({ seed: 8, link: { latency: 5 } })
  const server = new Party(net, crate, 'accepts', SERVER, { params: { certificate: 'none', private_key: 'none' } })
  const parties = [1, 2, 3].map(i => {
    const address = `10.0.0.${i + 1}:5000`
    const values = handed(crate, i, `10.0.0.${i + 1}:4000`)
    ;(server.endpoint as SecureEndpoint).expect(instant(0), copy(values))
    const party = new Party(net, crate, 'dials', address)
    const session = (party.endpoint as SecureEndpoint).proceed(instant(0), SERVER, copy(values))
    party.send(session, 'Data', { payload: payloadOf(i) }, 'ordered')
    return party
  })
  net.run(1000)
  expect(server.sessions.map(one => one.address).sort()).toEqual(parties.map((_, i) => `10.0.0.${i + 2}:5000`))
  expect(server.data.map(one => numberOf(one.value.payload)).sort()).toEqual([1, 2, 3])
  expect((server.endpoint as SecureEndpoint).handshakes).toBe(0)
})

function world(
  descriptor: ProtocolDescriptor,
  seed: number,
  link: Partial<LinkOptions> = { latency: 20 },
): { net: SimNetwork; client: Party; server: Party; session: Session } {
  const net = new SimNetwork({ seed, link })
  const server = new Party(net, descriptor, 'accepts', SERVER, { params: { certificate: 'none', private_key: 'none' } })
  const client = new Party(net, descriptor, 'dials', CLIENT)
  const { session } = join(net, client, server, descriptor, CLIENT, 1, client)
  return { net, client, server, session }
}

/** A client is handed keys at the server, and comes. */
function join(
  net: SimNetwork,
  _first: Party,
  server: Party,
  descriptor: ProtocolDescriptor,
  address: string,
  id: number,
  party: Party = new Party(net, descriptor, 'dials', address),
): { party: Party; session: Session } {
  const values = handed(descriptor, id, address)
  ;(server.endpoint as SecureEndpoint).expect(instant(net.now), copy(values))
  const session = (party.endpoint as SecureEndpoint).proceed(instant(net.now), SERVER, copy(values))
  server.socket.touch()
  party.socket.touch()
  const before = server.sessions.length
  if (
    !net.runUntil(
      () => party.sessions.length > 0 && server.sessions.length > before - 1 && server.sessions.length > 0,
      net.now + 9000,
    )
  )
    throw new Error('the connection did not open')
  return { party, session }
}

function handed(descriptor: ProtocolDescriptor, id: number, address: string): HandedOver {
  const hello = descriptor.frames.find(one => one.name === 'Hello')!
  const key = (n: number): Uint8Array => new Uint8Array(32).fill(n).fill(id, 0, 4)
  const session = { peer_id: id, udp_port: 7000, conn_id: id, c2s_key: key(1), s2c_key: key(2) }
  const isNamed = descriptor.handshake?.script?.ids !== undefined
  return { address, session, id: isNamed ? id : undefined, passed: [{ name: hello.name, descriptor: hello } as never] }
}

/** Each side overwrites its keys. */
function copy(values: HandedOver): HandedOver {
  const session = Object.fromEntries(
    Object.entries(values.session).map(([name, value]) => [name, value instanceof Uint8Array ? value.slice() : value]),
  )
  return { ...values, session }
}

function send(client: Party, session: Session, net: SimNetwork, count: number): void {
  for (let i = 0; i < count; i++) {
    for (const channel of CHANNELS) client.send(session, 'Data', { payload: payloadOf(i) }, channel)
    net.run(net.now + 10)
  }
}

function rekeying(changes: { readonly packets: number; readonly age: number }): ProtocolDescriptor {
  return { ...protocol, seals: protocol.seals.map(seal => ({ ...seal, rekey: { ...seal.rekey, ...changes } })) }
}

function payloadOf(n: number): Uint8Array {
  const bytes = new Uint8Array(40)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

function numberOf(payload: unknown): number {
  const bytes = payload as Uint8Array
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
}
