// Noise pipes over datagrams (Noise rev 34, section 10.4): a client that knows a key of its server beforehand begins with IK;
// where the server has another one by now, both go on with XXfallback, and the client takes only keys that it was told.
import { expect, test } from 'vitest'
import type { NoiseDescriptor, StructCodec } from '../../../runtime/core/handshake-descriptor.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import { NewestOfPeers } from '../../../runtime/guard/newest.ts'
import { HARSH } from '../harsh.ts'
import { CHAT } from './kinds.ts'
import { type Kind, opened, Party, publicOf, secretOf, world } from './network.ts'

/** The server's key of old, the one of now, and somebody else's. */
const OLD = 5
const NOW = 7
const CLIENT_KEY = 8

/** Packets by kind: the first four bits of std/packet. */
const INIT = 1
const RETRY = 2
const FINAL = 4
const kindOf = (bytes: Uint8Array): number => bytes[0]! >> 4

function pipes(known: number, accepted: readonly number[] | undefined, more: Partial<NoiseDescriptor> = {}): Kind {
  const { handshake } = CHAT.protocol
  const { script } = handshake!
  const noise: NoiseDescriptor = {
    ...script!.noise!,
    suite: 'Noise_IK_25519_ChaChaPoly_BLAKE2s',
    fallback: 'Noise_XXfallback_25519_ChaChaPoly_BLAKE2s',
    static: scope => (scope.param.static_key as Uint8Array) ?? secretOf(CLIENT_KEY),
    remote: { client: () => publicOf(known) },
    accept: {
      server: () => [publicOf(CLIENT_KEY)],
      ...(accepted && { client: () => accepted.map(publicOf) }),
    },
    ...more,
  }
  const protocol: ProtocolDescriptor = {
    ...CHAT.protocol,
    handshake: { ...handshake!, script: { ...script!, noise } },
  }
  return { protocol, server: { static_key: secretOf(NOW) }, client: { server_key: publicOf(known) } }
}

const finals = (party: Party): number => party.wire.sent.filter(one => kindOf(one.bytes) === FINAL).length

test('a client that knows the present key needs two messages, and nobody falls back', () => {
  const all = world(pipes(NOW, [NOW]), 1)
  opened(all)
  expect(finals(all.client)).toBe(0)
})

test('with a key of old both fall back, both are known by their keys, and messages go both ways', () => {
  const all = world(pipes(OLD, [OLD, NOW]), 2)
  const { toServer, toClient } = opened(all)
  expect(finals(all.client)).toBeGreaterThan(0)
  all.client.send(toServer, 'Say', { room: 'hall', text: 'hello' })
  all.server.send(toClient, 'Say', { room: 'hall', text: 'welcome' })
  all.net.run(all.net.now + 500)
  expect(all.server.data.map(one => one.value.text)).toEqual(['hello'])
  expect(all.client.data.map(one => one.value.text)).toEqual(['welcome'])
  const first = all.client.wire.sent.find(one => kindOf(one.bytes) === INIT)!.bytes.length
  const longest = Math.max(...all.server.wire.sent.filter(one => kindOf(one.bytes) < 5).map(one => one.bytes.length))
  console.log(`fallback: longest answer / first packet = ${(longest / first).toFixed(2)}`)
  expect(longest).toBeLessThanOrEqual(first)
})

test.each([
  ['it was never told of', [OLD]],
  ['it could not be told of, for want of a list', undefined],
])('a server that falls back with a key %s is refused', (_what, accepted) => {
  const all = world(pipes(OLD, accepted), 3)
  all.client.connect()
  all.net.run(12_000)
  expect(all.client.closes).toMatchObject([{ code: 'HandshakeFailed' }])
  expect(all.server.sessions).toEqual([])
})

test('a client whose key the server does not take is refused in the pattern that is fallen back to, too', () => {
  const kind = pipes(OLD, [NOW], { accept: { server: () => [publicOf(99)], client: () => [publicOf(NOW)] } })
  const all = world(kind, 4)
  all.client.connect()
  all.net.run(12_000)
  expect(all.client.closes).toMatchObject([{ code: 'HandshakeFailed' }])
  expect(all.server.sessions).toEqual([])
})

test('over a harsh network it opens in every one of 20 seeds', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const all = world(pipes(OLD, [NOW]), seed, HARSH)
    opened(all, 10_000)
    expect(finals(all.client)).toBeGreaterThan(0)
  }
})

test('garbage in place of the answer, and of the last message, changes nothing', () => {
  const all = world(pipes(OLD, [NOW]), 6)
  for (const party of [all.client, all.server])
    party.wire.filter = bytes => {
      if (kindOf(bytes) !== FINAL && kindOf(bytes) !== 3) return [bytes]
      return [Uint8Array.from(bytes, (byte, at) => (at < 5 ? byte : byte ^ 0x55)), bytes]
    }
  opened(all)
})

/** A payload of the first message: the time. */
const HELLO: StructCodec = {
  name: 'Hello',
  encode: (_value, context) => {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(context.now()))
    return bytes
  },
  decode: bytes =>
    bytes.length === 8 ? { time: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0) } : undefined,
}

test('a recorded first message begins nothing where its time must be newer; the next attempt of its client does', () => {
  const { messages, payloads } = CHAT.protocol.handshake!.script!.noise!
  const kind = pipes(NOW, [NOW], {
    fallback: undefined,
    messages,
    payloads: [{ message: 1, struct: HELLO }, ...payloads],
    newer: 'Hello.time',
  })
  const all = world(kind, 7)
  opened(all)
  const [first] = all.client.wire.sent
  // The recording from another place, with the cookie that this place is given.
  const address = '10.0.0.66:6666'
  const thief = new Party(all.net, kind.protocol, 'dials', address, { params: kind.client })
  let cookie: Uint8Array | undefined
  let replayed = 0
  all.server.wire.filter = (bytes, to) => {
    if (to === address && kindOf(bytes) === RETRY) cookie = bytes.slice(5, 21)
    return [bytes]
  }
  thief.wire.filter = bytes => {
    if (kindOf(bytes) !== INIT) return []
    const recorded = Uint8Array.from(first!.bytes)
    if (cookie !== undefined) {
      recorded.set(cookie, 6)
      replayed++
    }
    return [recorded]
  }
  thief.connect()
  all.net.run(all.net.now + 5000)
  expect(replayed).toBeGreaterThan(0)
  expect(all.server.endpoint.size).toBe(1)
  expect(all.server.count('handshake.failed')).toBeGreaterThan(0)
  const again = new Party(all.net, kind.protocol, 'dials', '10.0.0.2:5001', { params: kind.client })
  again.connect()
  all.net.run(all.net.now + 2000)
  expect(again.sessions.length).toBe(1)
})

test('what must grow is remembered for each key, and for so many keys', () => {
  const newest = new NewestOfPeers(2)
  const key = (n: number): Uint8Array => new Uint8Array(32).fill(n)
  expect([5, 5, 4, 6].map(value => newest.accept(key(1), value))).toEqual([true, false, false, true])
  expect([Uint8Array.of(0, 9), Uint8Array.of(0, 10), 7].map(value => newest.accept(key(2), value))).toEqual([
    true,
    true,
    false,
  ])
  expect(newest.accept(key(3), 1n)).toBe(true)
  // The one that was not seen for longest is forgotten.
  expect(newest.accept(key(1), 6)).toBe(true)
  expect(newest.accept(key(3), 1n)).toBe(false)
})
