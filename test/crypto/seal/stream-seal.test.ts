// Sealed frames on streams: counted nonces, keys that both sides change at the same frame, keys from clear fields.
import { describe, expect, test } from 'vitest'
import { protocol as relay } from '../../../generated/hydra-sync/protocol.ts'
import type { KeyScope } from '../../../runtime/core/handshake-descriptor.ts'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { node } from '../../../runtime/crypto/node.ts'
import type { CryptoProvider } from '../../../runtime/crypto/provider.ts'
import { Increasing } from '../../../runtime/crypto/seal/increasing.ts'
import { keysOfRoles, SealPlan } from '../../../runtime/crypto/seal/plan.ts'
import { GrowingClock } from '../../../runtime/crypto/seal/renewal.ts'
import { REPLAYED, StreamSeal } from '../../../runtime/crypto/seal/stream-seal.ts'
import { SimRandom } from '../../../runtime/sim/random.ts'
import type { Codec, SealedFrame } from '../../../runtime/wire/codec.ts'
import { Counting } from './counting.ts'
import { LONG, NO_SCOPE } from './pair.ts'

const [TRANSPORT, DATA] = relay.seals as [SealDescriptor, SealDescriptor]
const KEY = new Uint8Array(32).fill(7)
const RESTARTS = LONG ? 100_000 : 10_000
const STALE = 'Frame of an older stream'
const BARE: SealedFrame = { frameStart: 0, aadStart: 0, aadEnd: 0, clear: () => undefined }

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
    const refused = relay.errors[TRANSPORT.error]?.text
    expect(refused).toBeTypeOf('string')
    expect(receive(first)).toBe(refused)
    expect(receive(third)).toBe(refused)
    expect(receive(flipped(second))).toBe(refused)
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

test('a connection that was idle for ten minutes sends 2^20 + 1 frames: both sides take the next key at the same one', () => {
  const plan = new SealPlan(TRANSPORT, new Counting(false))
  const [sealing, opening] = [KEY, KEY].map(key => new StreamSeal({ plan, key, scope: NO_SCOPE })) as [
    StreamSeal,
    StreamSeal,
  ]
  const bytes = new Uint8Array(24)
  const steps: number[] = []
  for (let i = 0; i <= 2 ** 20; i++) {
    sealing.seal(bytes, 0, 8, BARE)
    if (opening.open(bytes, 0, 24, BARE) !== 8) throw new Error(`frame ${i} does not open`)
    if (sealing.phase !== opening.phase) throw new Error(`frame ${i}: ${sealing.phase} and ${opening.phase}`)
    if (sealing.phase > steps.length) steps.push(i)
  }
  expect(steps).toEqual([2 ** 20])
})

describe('a key from clear fields', () => {
  test('is derived once and kept until a sender draws them anew, by count or by age', () => {
    const descriptor = { ...DATA, rekey: { ...DATA.rekey, packets: 10 } }
    const provider = new Counting()
    const { send, receive } = data({ descriptor, provider })
    for (let i = 0; i < 25; i++)
      expect(receive(send('abc'))).toMatchObject({ payload: text('abc'), counter: BigInt(i) })
    // Three keys, at each end.
    expect([provider.used.size, provider.keys.length, provider.repeats]).toEqual([3, 6, 0])
    receive(send('abc', 119_999))
    expect(provider.used.size).toBe(3)
    expect(receive(send('abc', 120_000))).toMatchObject({ counter: 26n })
    expect(provider.used.size).toBe(4)
    // Only the last key of each end is kept.
    expect(provider.live).toBe(2)
  })

  test('a relay that repeats, swaps or leaves out frames, or feeds those of another session, delivers none of them', () => {
    const increasing = new Increasing()
    const { send, receive } = data({ increasing })
    const [first, second, third, fourth] = [send('one'), send('two'), send('thr'), send('fou')]
    expect(receive(second)).toMatchObject({ payload: text('two') })
    expect([receive(second), receive(first)]).toEqual([STALE, STALE])
    expect(increasing.lost).toBe(0)
    expect(receive(fourth)).toMatchObject({ payload: text('fou') })
    expect([receive(third), increasing.lost]).toEqual([STALE, 1])
    const other = data({ session: 2 })
    expect(receive(other.send('oth'))).toBe('aead::Error')
    expect(receive(send('fiv'))).toMatchObject({ payload: text('fiv') })
  })

  test('the memory of a consumer outlives its connections: a recording is stale, a producer that began anew is not', () => {
    const increasing = new Increasing()
    const clock = new GrowingClock()
    const before = data({ increasing, clock })
    const recording = [before.send('one'), before.send('two')]
    for (const frame of recording) expect(typeof before.receive(frame)).toBe('object')
    const after = data({ increasing, clock })
    expect(recording.map(frame => after.receive(frame))).toEqual([STALE, STALE])
    const [lost, seen] = [after.send('one'), after.send('two')]
    expect(lost.length).toBe(seen.length)
    expect(after.receive(seen)).toMatchObject({ counter: 1n })
    // The first frame of the new stream was missed.
    expect(increasing.lost).toBe(1)
  })

  test('a changed frame costs one derivation, and the key in use stays', () => {
    const provider = new Counting(false)
    const { send, receive } = data({ provider })
    receive(send('one'))
    const made = provider.keys.length
    const genuine = send('two')
    for (let i = 0; i < 32; i++) {
      const forged = genuine.slice()
      forged[i % 24]! ^= 1 + i
      expect(receive(forged)).toBe('aead::Error')
    }
    expect(provider.keys.length - made).toBe(32)
    expect(provider.live).toBe(2)
    expect(receive(genuine)).toMatchObject({ payload: text('two') })
    expect(provider.keys.length - made).toBe(32)
  })

  test(`a producer that starts ${RESTARTS} times with one session key uses no (key, nonce) twice`, () => {
    const provider = new Counting()
    const random = new SimRandom(9)
    for (let start = 0; start < RESTARTS; start++) {
      // A new process: nothing is remembered, and the clock stands still.
      const { send } = data({ provider, random: n => random.bytes(n) })
      send('abc')
    }
    expect([provider.seals, provider.used.size, provider.repeats]).toEqual([RESTARTS, RESTARTS, 0])
  })

  test('within one process no two streams begin in the same millisecond', () => {
    const clock = new GrowingClock()
    const begins = new Set(Array.from({ length: 1000 }, () => clock.next(1_700_000_000_000)))
    expect(begins.size).toBe(1000)
    expect(clock.next(5)).toBe(1_700_000_001_000)
  })

  test('a frame that nobody stamped is not sealed', () => {
    const { send, encode } = data({})
    send('one')
    expect(() => encode({ payload: text('two'), counter: 0n, started: 1n, salt: new Uint8Array(16) })).toThrow(
      /must be stamped/,
    )
  })

  test('a role without a key has none, and a peer that passes frames on is opened with the own one', () => {
    expect(keysOfRoles(DATA, ['server'], ['consumer', 'client'])).toBeUndefined()
    const { producer, consumer } = DATA.key as Record<string, () => Uint8Array>
    expect(keysOfRoles(DATA, ['consumer', 'client'], ['server'])).toEqual({ send: consumer, receive: consumer })
    expect(keysOfRoles(DATA, ['producer'], ['consumer'])).toEqual({ send: producer, receive: consumer })
    expect(() => keysOfRoles(TRANSPORT, ['server'], ['client'])).toThrow(/from the handshake/)
  })
})

function transport(descriptor: SealDescriptor = TRANSPORT) {
  const plan = new SealPlan(descriptor, node)
  const sealing = new StreamSeal({ plan, key: KEY, scope: NO_SCOPE })
  const opening = new StreamSeal({ plan, key: KEY, scope: NO_SCOPE })
  return { ...ends(sealing, opening, 'Length', 'length', {}), sealing, opening }
}

interface DataOptions {
  readonly descriptor?: SealDescriptor
  readonly provider?: CryptoProvider
  readonly increasing?: Increasing
  readonly clock?: GrowingClock
  readonly session?: number
  readonly random?: (n: number) => Uint8Array
}

function data({ descriptor = DATA, provider = node, increasing, clock, session = 1, random = counted() }: DataOptions) {
  const plan = new SealPlan(descriptor, provider)
  const scope: KeyScope = {
    ...NO_SCOPE,
    param: { session_key: KEY, session_id: new Uint8Array(64).fill(session) },
    random,
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

/** Salts that differ. */
function counted(): (n: number) => Uint8Array {
  let drawn = 0
  return n => new Uint8Array(n).fill(++drawn)
}

function ends(sealing: StreamSeal, opening: StreamSeal, frame: string, state: string, session: object) {
  const codec: Codec = relay.codec()
  let result = 0
  codec.context = {
    ...codec.context,
    state,
    session: { ...session },
    seal: (_name, bytes, start, end, of) => sealing.seal(bytes, start, end, of),
    open: (_name, bytes, start, end, of) => (result = opening.open(bytes, start, end, of)),
  }
  const encode = (given: Record<string, unknown>): Uint8Array => {
    const into = new Uint8Array(codec.sizeOf(frame, given))
    return into.slice(0, codec.encode(frame, given, into, 0))
  }
  return {
    encode,
    send(value: Record<string, unknown> | string, now = 0): Uint8Array {
      const given = typeof value === 'string' ? { payload: text(value) } : { ...value }
      sealing.stamp(now, given)
      return encode(given)
    },
    receive(bytes: Uint8Array): Record<string, unknown> | string {
      const reader = codec.decode(bytes.slice(), 0, bytes.length, { whole: false, maxFrame: 1000, frame })
      if (result === REPLAYED) return STALE
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
