// Sealed frames on streams: counted nonces, keys that both sides change at the same frame, keys from clear fields.
import { describe, expect, test } from 'vitest'
import { protocol as relay } from '../../../generated/hydra-sync/protocol.ts'
import type { KeyScope } from '../../../runtime/core/handshake-descriptor.ts'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { node } from '../../../runtime/crypto/node.ts'
import { Increasing } from '../../../runtime/crypto/seal/increasing.ts'
import { keysOfRoles, SealPlan } from '../../../runtime/crypto/seal/plan.ts'
import { GrowingClock } from '../../../runtime/crypto/seal/renewal.ts'
import { StreamSeal } from '../../../runtime/crypto/seal/stream-seal.ts'
import type { Codec } from '../../../runtime/wire/codec.ts'
import { NO_SCOPE } from './pair.ts'

const [TRANSPORT, DATA] = relay.seals as [SealDescriptor, SealDescriptor]
const KEY = new Uint8Array(32).fill(7)

describe('a sealed stream', () => {
  test('frames open in order, without a counter on the wire', () => {
    const { send, receive } = transport()
    for (let i = 0n; i < 20n; i++) {
      const bytes = send({ value: i })
      expect(bytes.length).toBe(24)
      expect(receive(bytes)).toMatchObject({ value: i })
    }
  })

  test('a frame that is left out, repeated or changed does not open', () => {
    const { send, receive } = transport()
    const [first, second, third] = [send({ value: 1n }), send({ value: 2n }), send({ value: 3n })]
    expect(receive(first)).toBeDefined()
    expect(receive(first)).toBe('aead::Error')
    expect(receive(third)).toBe('aead::Error')
    expect(receive(flipped(second))).toBe('aead::Error')
    expect(receive(second)).toMatchObject({ value: 2n })
  })

  test('both sides take the next key at the same frame, however long nothing was sent', () => {
    const descriptor = { ...TRANSPORT, rekey: { ...TRANSPORT.rekey, packets: 5 } }
    const { send, receive, sealing, opening } = transport(descriptor)
    for (let i = 0n; i < 23n; i++) {
      expect(receive(send({ value: i }))).toMatchObject({ value: i })
      expect(opening.phase).toBe(sealing.phase)
    }
    expect(sealing.phase).toBe(4)
  })
})

describe('a key from clear fields', () => {
  test('is derived once and kept until the fields change', () => {
    const { send, receive } = data()
    for (let i = 0; i < 10; i++)
      expect(receive(send('abc'))).toMatchObject({ payload: text('abc'), counter: BigInt(i) })
  })
})

function transport(descriptor: SealDescriptor = TRANSPORT) {
  const plan = new SealPlan(descriptor, node)
  const sealing = new StreamSeal({ plan, key: KEY, scope: NO_SCOPE })
  const opening = new StreamSeal({ plan, key: KEY, scope: NO_SCOPE })
  return { ...ends(sealing, opening, 'Length', 'length', {}), sealing, opening }
}

function data(increasing = new Increasing(), clock = new GrowingClock()) {
  const plan = new SealPlan(DATA, node)
  const scope: KeyScope = {
    ...NO_SCOPE,
    param: { session_key: KEY, session_id: new Uint8Array(64).fill(1) },
    now: () => 1_700_000_000_000,
  }
  const sealing = new StreamSeal({
    plan,
    key: keysOfRoles(DATA, ['producer', 'client'], ['server'])!.send,
    scope,
    clock,
  })
  const opening = new StreamSeal({ plan, key: keysOfRoles(DATA, ['consumer'], ['server'])!.receive, scope, increasing })
  return ends(sealing, opening, 'Data', 'stream', { payload_len: 3n })
}

function ends(sealing: StreamSeal, opening: StreamSeal, frame: string, state: string, session: object) {
  const codec: Codec = relay.codec()
  codec.context = {
    ...codec.context,
    state,
    session: { ...session },
    seal: (_name, bytes, start, end, of) => sealing.seal(bytes, start, end, of),
    open: (_name, bytes, start, end, of) => opening.open(bytes, start, end, of),
  }
  return {
    send(value: Record<string, unknown> | string, now = 0): Uint8Array {
      const given = typeof value === 'string' ? { payload: text(value) } : { ...value }
      sealing.stamp(now, given)
      const into = new Uint8Array(codec.sizeOf(frame, given))
      return into.slice(0, codec.encode(frame, given, into, 0))
    },
    receive(bytes: Uint8Array): Record<string, unknown> | string {
      const reader = codec.decode(bytes.slice(), 0, bytes.length, { whole: false, maxFrame: 1000, frame })
      return reader?.toObject() ?? relay.errors[codec.failure!.code]?.text ?? codec.failure!.code
    },
  }
}

function text(of: string): Uint8Array {
  return new TextEncoder().encode(of)
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[copy.length - 1]! ^= 1
  return copy
}
