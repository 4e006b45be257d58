// Every sealed packet and frame that was recorded from the published implementations, through the seal engines.
import { describe, expect, test } from 'vitest'
import { protocol as fastnet } from '../../../generated/fastnet/profiles/crate-0.3.1/protocol.ts'
import { protocol as hybrid } from '../../../generated/fastnet-hybrid/protocol.ts'
import { protocol as hydra } from '../../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/protocol.ts'
import { protocol as intentra } from '../../../generated/intentra/profiles/crate-0.1.3/protocol.ts'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { noble } from '../../../runtime/crypto/noble.ts'
import { node } from '../../../runtime/crypto/node.ts'
import type { CryptoProvider } from '../../../runtime/crypto/provider.ts'
import { OpenBatch } from '../../../runtime/crypto/seal/open-batch.ts'
import { PacketSeal, VERDICT } from '../../../runtime/crypto/seal/packet-seal.ts'
import { SealPlan } from '../../../runtime/crypto/seal/plan.ts'
import { ReplayWindow } from '../../../runtime/crypto/seal/replay.ts'
import { SealBatch } from '../../../runtime/crypto/seal/seal-batch.ts'
import { FAILED, StreamSeal } from '../../../runtime/crypto/seal/stream-seal.ts'
import { widen } from '../../../runtime/crypto/seal/widen.ts'
import { chooseProvider } from '../../../runtime/native/choose.ts'
import { native } from '../../../runtime/native/load.ts'
import type { SealedFrame } from '../../../runtime/wire/codec.ts'
import { hex, toHex, vectors } from '../../vectors/codecs.ts'
import { NO_SCOPE } from './pair.ts'

const { addon, reason } = native()
if (addon === undefined) console.log(`skipped: the provider native (${reason})`)
const PROVIDERS = [...(addon === undefined ? [] : [chooseProvider('native')]), node, noble]
const records = vectors<Intentra>('intentra')
const packets = vectors<Fastnet>('fastnet')
const frames = vectors<Hydra>('hydra-sync')
const ZERO = new Uint8Array(32)

describe.each(PROVIDERS)('intentra crate-0.1.3, $name', provider => {
  const [descriptor] = intentra.seals as [SealDescriptor]

  test('seals and opens what the crate sealed', () => {
    for (const { header_aad, plaintext, packet, key, conn_id, seq } of records.aead.sealed) {
      const own = under(descriptor, header_aad, conn_id, seq)
      expect(sealed(own, provider, hex(key), header_aad, plaintext)).toBe(packet)
      expect(opened(own, provider, hex(key), packet)).toBe(plaintext)
    }
  })

  test('seals and opens ACKs, whose nonces repeat', () => {
    for (const { packet } of records.aead.acks.cases) {
      expect(sealed(descriptor, provider, ZERO, packet.slice(0, 32), '')).toBe(packet)
      expect(opened(descriptor, provider, ZERO, packet)).toBe('')
    }
  })

  test('opens with the key of the sender only', () => {
    const { packet, header } = records.aead.directions
    const own = under(descriptor, header, 1, 1)
    expect(opened(own, provider, new Uint8Array(32).fill(1), packet)).toBe('78')
    expect(opened(own, provider, new Uint8Array(32).fill(2), packet)).toBe('error')
  })

  test('refuses what the crate refuses', () => {
    for (const { aad, ciphertext_and_tag, conn_id, seq, result } of records.aead.open.cases) {
      const own = under(descriptor, aad, conn_id, seq)
      expect(opened(own, provider, ZERO, aad + ciphertext_and_tag)).toBe(result.plaintext ?? 'error')
    }
  })
})

test('intentra: the replay window accepts what the crate accepts, but for its holes', () => {
  let compared = 0
  for (const { note, window, seq, accept } of records.replay.cases) {
    // The engine has windows of at least 32, and one of 1024 is not cut to 64.
    if (window < 32 || window > 64) continue
    const own = new ReplayWindow(window)
    seq.forEach((low, i) => {
      const number = { hi: 0, lo: low }
      widen(number, 4, own.hi, own.isEmpty ? 1 : own.lo)
      const isFresh = own.isFresh(number.hi, number.lo)
      const behind = (own.hi - number.hi) * 2 ** 32 + own.lo - number.lo
      if (isFresh) own.mark(number.hi, number.lo)
      compared++
      if (isFresh === (accept[i] === 1)) return
      // It takes a number at exactly the width of the window, again and again, and old ones for new where 32 bits wrap.
      const isHole = accept[i] === 1 && (behind === window || /wrap|2\^31|maximum/.test(note))
      if (!isHole) throw new Error(`${note}: ${low} is ${isFresh ? 'new' : 'old'} here, ${behind} behind`)
    })
  }
  expect(compared).toBeGreaterThan(200)
})

describe.each(PROVIDERS)('fastnet crate-0.3.1, $name', provider => {
  const [descriptor] = fastnet.seals as [SealDescriptor]
  const { send_key, recv_key } = packets.aead

  test('seals with the counter of the crate, up to the last of 64 bits, and opens', () => {
    for (const { counter, packet, plaintext } of packets.aead.cases) {
      const own = sealed(descriptor, provider, hex(send_key), '00'.repeat(8), plaintext, BigInt(counter))
      expect(own).toBe(packet)
      expect(opened(descriptor, provider, hex(send_key), packet)).toBe(plaintext)
    }
    expect(recv_key).not.toBe(send_key)
  })

  test('follows a peer that rotates its keys by itself, in both directions', () => {
    const { send_key: theirs, recv_key: ours, cases } = packets.key_rotation
    for (const { next_packet, next_packet_plaintext, new_send_key, new_recv_key } of cases) {
      const seal = new PacketSeal({
        plan: new SealPlan(descriptor, provider),
        send: hex(ours),
        receive: hex(theirs),
        scope: NO_SCOPE,
        now: 0,
      })
      expect(open(seal, hex(next_packet))).toBe(next_packet_plaintext)
      expect(toHex(seal.receiving.secret)).toBe(new_send_key)
      expect(toHex(seal.sending.secret)).toBe(new_recv_key)
      // A forged packet behind it changes nothing.
      const forged = hex(next_packet)
      forged[0]! ^= 1
      forged[10]! ^= 1
      expect(open(seal, forged)).toBe('error')
      expect(toHex(seal.receiving.secret)).toBe(new_send_key)
    }
  })

  test('follows it even where the first packets behind the rotation were lost, but not too many', () => {
    const { send_key: theirs, recv_key: ours, cases } = packets.key_rotation
    const rotated = cases.find(({ counter_at_rotation }) => counter_at_rotation > 100)!
    const begin = BigInt(rotated.counter_at_rotation)
    const seen = [0n, 7n, 8n].map(lost => {
      const plan = new SealPlan(descriptor, provider)
      const seal = new PacketSeal({ plan, send: hex(ours), receive: hex(theirs), scope: NO_SCOPE, now: 0 })
      const late = sealed(descriptor, provider, hex(rotated.new_send_key), '00'.repeat(8), 'abcd', begin + lost)
      return open(seal, hex(late))
    })
    expect(seen).toEqual(['abcd', 'abcd', 'error'])
  })

  test('opens a recorded session', () => {
    const { secure_session: session } = packets.captures
    const all: [string, string][] = [
      ...session.client_to_server.map(({ wire }): [string, string] => [session.client_send_key, wire]),
      ...session.server_to_client.map(({ wire }): [string, string] => [session.client_recv_key, wire]),
    ]
    expect(all.length).toBeGreaterThan(5)
    for (const [key, wire] of all) {
      const text = opened(descriptor, provider, hex(key), wire)
      expect(text).not.toBe('error')
      expect(sealed(descriptor, provider, hex(key), '00'.repeat(8), text, hex64(wire))).toBe(wire)
    }
  })

  test('seals the datagram of the fallback, and opens those of peers', () => {
    const { send_key: key, channel, data, udp_datagram } = packets.hybrid
    const [seal] = hybrid.seals as [SealDescriptor]
    const text = channel.toString(16).padStart(2, '0') + data
    expect(sealed(seal, provider, hex(key), '00'.repeat(8), text)).toBe(udp_datagram)
    expect(opened(seal, provider, hex(key), udp_datagram)).toBe(text)
    const { initiator_send_key, initiator_hello_counter1, initiator_punch_counter0 } = packets.p2p_cipher
    expect(opened(descriptor, provider, hex(initiator_send_key), initiator_punch_counter0)).toBe('')
    expect(opened(descriptor, provider, hex(initiator_send_key), initiator_hello_counter1)).toBe(
      toHex(Buffer.from('hello')),
    )
  })
})

describe.each(PROVIDERS)('hydra-sync crate-1.0.0-beta.9, $name', provider => {
  test('seals and opens every frame under the nonce that the crate drew', () => {
    for (const { key, nonce, plaintext, wire } of frames.frames) {
      const [sealing, opening] = [stream(provider, key), stream(provider, key)]
      const bytes = hex(nonce + plaintext + '00'.repeat(16))
      expect(sealing.seal(bytes, 12, bytes.length - 16, FRAME)).toBe(bytes.length)
      expect(toHex(bytes)).toBe(wire)
      expect(opening.open(bytes, 12, bytes.length, FRAME)).toBe(plaintext.length / 2)
      expect(toHex(bytes.subarray(12, bytes.length - 16))).toBe(plaintext)
    }
  })

  test('refuses what the crate refuses', () => {
    const damaged = frames.rejects.flatMap(({ key, wire }) => (key && wire ? [[key, wire] as const] : []))
    expect(damaged.length).toBe(4)
    for (const [key, wire] of damaged)
      expect(stream(provider, key).open(hex(wire), 12, wire.length / 2, FRAME)).toBe(FAILED)
  })

  test('opens the frames of recorded connections', () => {
    for (const { transport_key, join, status } of [frames.recorded_client, ...frames.recorded_server]) {
      for (const wire of [join, status]) {
        const length = stream(provider, transport_key).open(hex(wire), 12, wire.length / 2, FRAME)
        expect(length).toBe(wire.length / 2 - 28)
      }
    }
  })
})

const FRAME: SealedFrame = { frameStart: 0, aadStart: 0, aadEnd: 0, clear: () => undefined }

function stream(provider: CryptoProvider, key: string): StreamSeal {
  return new StreamSeal({ plan: new SealPlan(hydra.seals[0]!, provider), key: hex(key), scope: NO_SCOPE })
}

function sealed(
  descriptor: SealDescriptor,
  provider: CryptoProvider,
  key: Uint8Array,
  header: string,
  text: string,
  first?: bigint,
): string {
  const plan = new SealPlan(descriptor, provider)
  const seal = new PacketSeal({ plan, send: key, receive: ZERO, scope: NO_SCOPE, now: 0, first })
  const slab = hex(`ffff${header}${text}${'00'.repeat(16)}`)
  const batch = new SealBatch(1)
  batch.reset(slab, 0)
  const row = batch.add(seal, 2, slab.length - 16)
  batch.run()
  return toHex(slab.subarray(2, batch.sealedTo[row]))
}

function opened(descriptor: SealDescriptor, provider: CryptoProvider, key: Uint8Array, packet: string): string {
  const plan = new SealPlan(descriptor, provider)
  return open(new PacketSeal({ plan, send: ZERO, receive: key, scope: NO_SCOPE, now: 0 }), hex(packet))
}

function open(seal: PacketSeal, packet: Uint8Array): string {
  const slab = new Uint8Array([1, 2, 3, ...packet])
  const batch = new OpenBatch(1)
  batch.reset(slab, 0)
  const row = batch.add(seal, 3, slab.length)
  batch.run()
  if (batch.verdict[row] !== VERDICT.opened) return 'error'
  return toHex(slab.subarray(batch.textFrom[row], batch.textTo[row]))
}

/** The seal with exactly these bytes in front, and the nonce of these numbers wherever they came from. */
function under(descriptor: SealDescriptor, header: string, conn_id: number, seq: number): SealDescriptor {
  const size = header.length / 2
  if (size === 16 && header.slice(8).startsWith(be(conn_id) + be(seq))) return descriptor
  return {
    ...descriptor,
    counter: { ...descriptor.counter, place: undefined, field: undefined },
    nonce: [{ is: 'bytes', bytes: hex(`${be(conn_id)}${be(seq)}00000000`) }],
    layout: { ...descriptor.layout!, sealedAt: size, aadTo: size },
  }
}

function be(value: number): string {
  return value.toString(16).padStart(8, '0')
}

/** The counter in front, little-endian. */
function hex64(wire: string): bigint {
  return Buffer.from(wire.slice(0, 16), 'hex').readBigUInt64LE()
}

interface Intentra {
  aead: {
    sealed: { conn_id: number; seq: number; key: string; header_aad: string; packet: string; plaintext: string }[]
    acks: { cases: { packet: string }[] }
    directions: { packet: string; header: string }
    open: {
      cases: { aad: string; ciphertext_and_tag: string; conn_id: number; seq: number; result: { plaintext?: string } }[]
    }
  }
  replay: { cases: { note: string; window: number; seq: number[]; accept: number[] }[] }
}

interface Fastnet {
  aead: { send_key: string; recv_key: string; cases: { counter: string; packet: string; plaintext: string }[] }
  key_rotation: {
    send_key: string
    recv_key: string
    cases: ({ counter_at_rotation: number } & Record<
      'next_packet' | 'next_packet_plaintext' | 'new_send_key' | 'new_recv_key',
      string
    >)[]
  }
  captures: {
    secure_session: {
      client_send_key: string
      client_recv_key: string
      client_to_server: { wire: string }[]
      server_to_client: { wire: string }[]
    }
  }
  hybrid: { send_key: string; channel: number; data: string; udp_datagram: string }
  p2p_cipher: Record<'initiator_send_key' | 'initiator_hello_counter1' | 'initiator_punch_counter0', string>
}

interface Hydra {
  frames: { key: string; nonce: string; plaintext: string; wire: string }[]
  rejects: { key?: string; wire?: string }[]
  recorded_client: { transport_key: string; join: string; status: string }
  recorded_server: { transport_key: string; join: string; status: string }[]
}
