// Handshakes on streams: Noise and explicit steps, in portions of any size, with everything that can be wrong about them.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { protocol as crate } from '../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/protocol.ts'
import { protocol as relay } from '../../generated/hydra-sync/protocol.ts'
import { protocol as noise } from '../../generated/noise-frames/protocol.ts'
import type { HandshakeScript } from '../../runtime/core/handshake-descriptor.ts'
import { instant } from '../../runtime/core/machine.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { node } from '../../runtime/crypto/node.ts'
import { cross, drawn, join, sealedEnd } from './sealed-pair.ts'

const SECRET = drawn(77)(32)
const SESSION = { session_id: drawn(5)(64), session_key: drawn(6)(32) }
const relayKey = node.curve('25519').publicKey(SECRET)

function relayPair(
  changes: { client?: object; protocol?: ProtocolDescriptor; serverProtocol?: ProtocolDescriptor } = {},
) {
  const { client = {}, protocol = relay, serverProtocol = protocol } = changes
  return [
    sealedEnd({
      protocol,
      role: 'producer',
      side: 'dials',
      params: { relay_key: relayKey, ...SESSION, ...client },
      seed: 11,
    }),
    sealedEnd({
      protocol: serverProtocol,
      role: 'server',
      side: 'accepts',
      params: { static_key: SECRET, packet_len: 64 },
      seed: 12,
    }),
  ] as const
}

function cratePair(script: Partial<HandshakeScript> = {}, label = 'a label') {
  const protocol = scripted(crate, script)
  return [
    sealedEnd({ protocol, role: 'producer', side: 'dials', params: { ...SESSION, kdf_label: label }, seed: 3 }),
    sealedEnd({ protocol, role: 'server', side: 'accepts', params: { packet_len: 64, kdf_label: 'a label' }, seed: 4 }),
  ] as const
}

function scripted(protocol: ProtocolDescriptor, changes: Partial<HandshakeScript>): ProtocolDescriptor {
  const { handshake } = protocol
  return { ...protocol, handshake: { ...handshake!, script: { ...handshake!.script!, ...changes } } }
}

describe('Noise, raw on the stream', () => {
  test('opens in portions of any size, and both sides know the same hash', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), portion => {
        const [client, server] = relayPair()
        join(client, server, { portion })
        expect([client.notes.opened, server.notes.opened]).toEqual([1, 1])
        expect(client.sent.length).toBe(48)
        expect(server.sent.length).toBe(48)
        expect(client.session.secured?.noise?.hash).toEqual(server.session.secured?.noise?.hash)
        expect(client.session.secured?.noise?.remoteStatic).toEqual(relayKey)
      }),
      { numRuns: 30 },
    )
  })

  test('every flipped bit of either message fails on the side that reads it, and nothing opens there', () => {
    for (let bit = 0; bit < 48 * 8; bit += 7)
      for (const flipped of [0, 1] as const) {
        const [client, server] = relayPair()
        const change = (bytes: Uint8Array, from: 0 | 1) => {
          if (from === flipped && bytes.length === 48) bytes[bit >> 3]! ^= 1 << (bit & 7)
          return bytes
        }
        join(client, server, { change })
        const reader = flipped === 0 ? server : client
        expect(reader.notes.opened, `bit ${bit} from ${flipped}`).toBe(0)
        expect(reader.notes.errors[0]?.code).toBe('HandshakeFailed')
      }
  })

  test('somebody in between with a key of his own gets no byte of the join (SECURITY 53)', () => {
    const [client] = relayPair()
    const [, other] = relayPair()
    const middle = sealedEnd({
      protocol: relay,
      role: 'server',
      side: 'accepts',
      params: { static_key: drawn(99)(32), packet_len: 64 },
    })
    join(client, middle)
    expect(middle.notes.opened + client.notes.opened + other.notes.opened).toBe(0)
    expect(client.sent.length).toBe(48)
    // It answers something of the right length all the same.
    const [victim] = relayPair()
    victim.machine.start(instant(0))
    victim.machine.receive(instant(0), drawn(3)(48))
    expect(victim.notes.errors.map(error => error.code)).toEqual(['HandshakeFailed'])
    expect(() => victim.session.say(instant(0), 'Join', { role: 'producer', id: SESSION.session_id })).not.toThrow()
    expect(victim.machine.transmit()?.length).toBe(48)
    expect(victim.machine.transmit()).toBeUndefined()
  })

  test('another version of the protocol does not connect', () => {
    const other = { ...relay.handshake!.script!.noise!, prologue: () => new TextEncoder().encode('hydra-sync\x0b') }
    const [client, server] = relayPair({ serverProtocol: scripted(relay, { noise: other }) })
    join(client, server)
    expect(server.notes.errors[0]?.code).toBe('HandshakeFailed')
    expect(client.notes.opened).toBe(0)
  })

  test('a peer that is silent, or leaves, ends the handshake with a reason', () => {
    const [silent] = relayPair()
    silent.machine.start(instant(0))
    expect(silent.machine.deadline).toBe(5000)
    silent.machine.wake(instant(5000))
    expect(silent.notes.errors.map(error => error.code)).toEqual(['Timeout'])
    const [left] = relayPair()
    left.machine.start(instant(0))
    left.machine.end(instant(10))
    expect(left.notes.errors.map(error => error.code)).toEqual(['HandshakeFailed'])
    const [reset] = relayPair()
    reset.machine.start(instant(0))
    reset.machine.lost(instant(10), 'ECONNRESET')
    expect(reset.notes.closes[0]?.error?.code).toBe('HandshakeFailed')
  })

  test('nothing can be sent before it is over', () => {
    const [client] = relayPair()
    client.machine.start(instant(0))
    expect(() => client.session.send(instant(0), 'Join', { role: 'producer', id: SESSION.session_id })).toThrow(
      /before the handshake is over/,
    )
  })
})

type HandshakeRemote = NonNullable<HandshakeScript['noise']>['remote']

describe('Noise in a framing', () => {
  const peers = (one: Uint8Array, other: Uint8Array, protocol: ProtocolDescriptor = noise) =>
    [
      sealedEnd({ protocol, role: 'peer', side: 'dials', params: { psk: one }, seed: 21 }),
      sealedEnd({ protocol, role: 'peer', side: 'accepts', params: { psk: other }, seed: 22 }),
    ] as const

  test('XXpsk3: three messages, static keys drawn for the connection, then sealed messages both ways', () => {
    const psk = drawn(1)(32)
    const [a, b] = peers(psk, psk)
    join(a, b, { portion: 7 })
    expect([a.notes.opened, b.notes.opened]).toEqual([1, 1])
    expect(a.session.secured?.noise?.remoteStatic?.length).toBe(32)
    for (let i = 0; i < 3; i++) {
      a.session.send(instant(0), 'Message', { data: Uint8Array.of(i) })
      b.session.send(instant(0), 'Message', { data: Uint8Array.of(9, i) })
    }
    cross(a, b, { portion: 5 })
    expect(b.notes.got.map(one => one.value.data)).toEqual([0, 1, 2].map(i => Uint8Array.of(i)))
    expect(a.notes.got.map(one => one.value.data)).toEqual([0, 1, 2].map(i => Uint8Array.of(9, i)))
    expect(a.sent.join()).not.toContain([9, 0].join())
  })

  test('with another pre-shared key it fails', () => {
    const [a, b] = peers(drawn(1)(32), drawn(2)(32))
    join(a, b)
    expect(b.notes.opened).toBe(0)
    expect(b.notes.errors[0]?.code).toBe('HandshakeFailed')
  })

  const pipes = (known: Uint8Array, accepted: Uint8Array[], server: Uint8Array) => {
    const base = noise.handshake!.script!.noise!
    const of = (secret: Uint8Array, remote: HandshakeRemote) =>
      scripted(noise, {
        noise: {
          ...base,
          suite: 'Noise_IK_25519_ChaChaPoly_BLAKE2s',
          fallback: 'Noise_XXfallback_25519_ChaChaPoly_BLAKE2s',
          psk: undefined,
          static: () => secret,
          remote,
          accept: { peer: () => accepted },
        },
      })
    const psk = drawn(1)(32)
    const end = (side: 'dials' | 'accepts', protocol: ProtocolDescriptor, seed: number) =>
      sealedEnd({ protocol, role: 'peer', side, params: { psk }, seed })
    return [end('dials', of(drawn(50)(32), { peer: () => known }), 23), end('accepts', of(server, {}), 24)] as const
  }
  const publicKey = (secret: Uint8Array): Uint8Array => node.curve('25519').publicKey(secret)
  const ours = publicKey(drawn(50)(32))
  const [old, present] = [drawn(51)(32), drawn(52)(32)]

  test('pipes: IK with a known key takes two messages, XXfallback with one of old three, and both know who is there', () => {
    for (const [known, portion] of [
      [present, 1000],
      [old, 9],
    ] as const) {
      const [a, b] = pipes(publicKey(known), [ours, publicKey(present)], present)
      join(a, b, { portion })
      expect([a.notes.opened, b.notes.opened]).toEqual([1, 1])
      expect(a.session.secured?.noise?.remoteStatic).toEqual(publicKey(present))
      expect(b.session.secured?.noise?.remoteStatic).toEqual(ours)
      expect(a.session.secured?.noise?.hash).toEqual(b.session.secured?.noise?.hash)
      a.session.send(instant(0), 'Message', { data: Uint8Array.of(1, 2) })
      cross(a, b)
      expect(b.notes.got.map(one => one.value.data)).toEqual([Uint8Array.of(1, 2)])
    }
  })

  test('pipes: a key that is on no list is refused after the fall back, too', () => {
    const [a, b] = pipes(publicKey(old), [ours, publicKey(old)], present)
    join(a, b)
    expect(a.notes.errors[0]?.message).toMatch(/not one to accept/)
    expect([a.notes.opened, b.notes.opened]).toEqual([0, 0])
  })

  test.each([
    ['keep', [1, 1], ['hi']],
    ['drop', [1, 1], []],
    ['reject', [1, 0], []],
  ] as const)('bytes behind the last message, remainder: %s', (remainder, opened, got) => {
    const psk = drawn(1)(32)
    const [a, b] = peers(psk, psk, scripted(noise, { remainder }))
    a.machine.start(instant(0))
    b.machine.start(instant(0))
    let isFirst = true
    // The last message of the handshake and the first of the session travel in one portion.
    for (let turn = 0; turn < 6; turn++) {
      const chunk = collect(a)
      if (a.notes.opened === 1 && isFirst) {
        isFirst = false
        a.session.send(instant(0), 'Message', { data: new TextEncoder().encode('hi') })
      }
      const both = Uint8Array.of(...chunk, ...collect(a))
      if (both.length > 0) b.machine.receive(instant(0), both)
      const back = collect(b)
      if (back.length > 0) a.machine.receive(instant(0), back)
    }
    expect([a.notes.opened, b.notes.opened]).toEqual(opened)
    expect(b.notes.got.map(one => new TextDecoder().decode(one.value.data as Uint8Array))).toEqual(got)
    if (remainder === 'reject') expect(b.notes.errors[0]?.message).toMatch(/behind the last message/)
  })
})

describe('explicit steps and a key schedule', () => {
  test('both sides make the same key, whatever the portions, and it opens the first sealed frame', () => {
    for (const portion of [1, 33, 160, 1000]) {
      const [client, server] = cratePair()
      join(client, server, { portion })
      expect([client.notes.opened, server.notes.opened]).toEqual([1, 1])
      expect(client.session.secured?.keys.transport).toEqual(server.session.secured?.keys.transport)
      expect(client.session.secured?.keys.transport?.length).toBe(32)
      client.session.send(instant(0), 'Join', { role: 'producer', id: SESSION.session_id })
      cross(client, server, { portion })
      expect(server.notes.got).toMatchObject([{ frame: 'Join', value: { role: 'producer', id: SESSION.session_id } }])
    }
  })

  test('with another label the first sealed frame does not open, and the connection ends', () => {
    const [client, server] = cratePair({}, 'another label')
    join(client, server)
    client.session.send(instant(0), 'Join', { role: 'producer', id: SESSION.session_id })
    cross(client, server)
    expect(server.notes.got).toEqual([])
    expect(server.notes.errors.map(error => error.code)).toEqual(['ControlFailed'])
    expect(server.machine.closing).toBe('after-flush')
  })

  test('an all-zero key of the peer is refused, unless the profile says otherwise', () => {
    const zero = (bytes: Uint8Array, from: 0 | 1) => {
      if (from === 0 && bytes.length === 160) bytes.fill(0, 128)
      return bytes
    }
    const [client, server] = cratePair({ acceptZero: false })
    join(client, server, { change: zero })
    expect(server.notes.errors[0]).toMatchObject({
      code: 'HandshakeFailed',
      message: expect.stringContaining('all zero'),
    })
    const [, lenient] = cratePair()
    const [other] = cratePair()
    join(other, lenient, { change: zero })
    expect(lenient.notes.opened).toBe(1)
  })

  test('a frame of the handshake that never ends does not grow memory', () => {
    const [, server] = cratePair()
    server.machine.start(instant(0))
    for (let i = 0; i < 20 && server.notes.errors.length === 0; i++)
      server.machine.receive(instant(0), new Uint8Array(64 * 1024))
    expect(server.notes.opened + server.notes.errors.length).toBeGreaterThan(0)
  })

  test('hostile bytes never throw out of a handshake', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 50 }), (bytes, portion) => {
        for (const [, server] of [relayPair(), cratePair()]) {
          server.machine.start(instant(0))
          for (let at = 0; at < bytes.length && server.machine.reading; at += portion)
            server.machine.receive(instant(0), bytes.slice(at, at + portion))
          server.machine.lost(instant(1), 'closed')
          expect(server.notes.closes.length).toBe(1)
        }
      }),
      { numRuns: 100 },
    )
  })
})

function collect({ machine }: { machine: ReturnType<typeof sealedEnd>['machine'] }): Uint8Array {
  const all: number[] = []
  for (let run = machine.transmit(); run !== undefined; run = machine.transmit()) {
    all.push(...run)
    machine.release(run)
  }
  return Uint8Array.from(all)
}
