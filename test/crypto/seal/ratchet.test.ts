// New keys for sealed datagrams (SECURITY section 2, "Rekey"), on a clock that only the test moves.
import { describe, expect, test } from 'vitest'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { OpenBatch } from '../../../runtime/crypto/seal/open-batch.ts'
import { VERDICT } from '../../../runtime/crypto/seal/packet-seal.ts'
import { SealBatch } from '../../../runtime/crypto/seal/seal-batch.ts'
import { SimRandom } from '../../../runtime/sim/random.ts'
import { Counting } from './counting.ts'
import { type End, LONG, PACKET, pair } from './pair.ts'

/** 2^20 is the budget of the schemas. */
const POWER = LONG ? 20 : 17
const { opened, failed, replayed, wrongState } = VERDICT

describe('numbers', () => {
  test('what one side seals the other opens, both ways, and nobody opens it twice', () => {
    const { one, other } = pair()
    const hello = one.send('hello')!
    expect(other.receive(hello)).toMatchObject({ verdict: opened, text: 'hello' })
    expect(other.receive(hello).verdict).toBe(replayed)
    expect(one.receive(hello).verdict).toBe(failed)
    expect(one.receive(other.send('answer')!).text).toBe('answer')
  })

  test('a retransmission never seals a number twice: a million packets over rekeys, every (key, nonce) distinct', () => {
    const provider = new Counting()
    const { one, other } = pair({ provider, descriptor: every(2 ** 16) })
    const texts = Array.from({ length: 500 }, (_, i) => `message ${i}`)
    for (let i = 0; i < 2000; i++) {
      // The same messages again and again, as if every acknowledgement were lost.
      const packets = one.sendAll(texts)
      if (i % 10 === 0) confirm(one, other, packets[0]!)
    }
    expect([provider.seals >= 1_000_000, provider.repeats]).toEqual([true, 0])
    expect(one.seal.sending.phase).toBeGreaterThan(25)
  })

  test('a send that fails takes a new number when it is sealed again', () => {
    const provider = new Counting()
    const { one, other } = pair({ provider })
    const lost = one.send('try')!
    const again = one.send('try')!
    expect(other.receive(again).number).toBe(other.receive(lost).number + 1)
    expect(provider.repeats).toBe(0)
  })

  test('a number that was taken goes into one packet', () => {
    const { one } = pair()
    expect(() => one.seal.use()).toThrow(/call `take` before/)
    one.seal.take(0, () => {})
    one.seal.use()
    expect(() => one.seal.use()).toThrow(/call `take` before/)
  })

  test('the last number of 64 bits is sealed, and then nothing', () => {
    const { one, other } = pair({ first: 2n ** 64n - 1n })
    expect(other.receive(one.send('last')!).text).toBe('last')
    expect(one.send('one more')).toBeUndefined()
    expect(one.seal.readiness(0)).toBe('spent')
  })

  test('a counter of 32 bits on the wire goes on beyond them', () => {
    const descriptor: SealDescriptor = {
      ...PACKET,
      counter: { ...PACKET.counter, place: { at: 9, size: 4, little: false } },
      nonce: [
        { is: 'bytes', bytes: new Uint8Array(4) },
        { is: 'counter', size: 8, little: false },
      ],
    }
    const { one, other } = pair({ descriptor, first: 2n ** 32n - 3n })
    const early = one.send('early')!
    for (let i = 0; i < 10; i++) expect(other.receive(one.send(`${i}`)!).number).toBe(2 ** 32 - 2 + i)
    expect(other.receive(early)).toMatchObject({ verdict: opened, number: 2 ** 32 - 3 })
  })

  test('where only the narrow field is in the nonce, the key ends before a nonce comes again', () => {
    const descriptor: SealDescriptor = {
      ...PACKET,
      counter: { ...PACKET.counter, place: { at: 12, size: 1, little: false } },
      nonce: [
        { is: 'bytes', bytes: new Uint8Array(11) },
        { is: 'frame', at: 12, size: 1 },
      ],
      rekey: { ...PACKET.rekey, by: 'never' },
    }
    const { one, other } = pair({ descriptor })
    for (let i = 0; i < 256; i++) expect(other.receive(one.send(`${i}`)!)).toMatchObject({ text: `${i}`, number: i })
    expect(one.send('256')).toBeUndefined()
  })
})

describe('ratchet', () => {
  test('a sender at half its budget changes phase and the receiver follows at 30 % loss and 20 % reorder', () => {
    const { one, other } = pair({ descriptor: every(64) })
    const random = new SimRandom(4)
    const ways = [new Way(random), new Way(random)] as const
    let [arrived, sent, delivered] = [0, 0, 0]
    for (let now = 0; now < 20_000; now++) {
      for (const [from, to, way] of [
        [one, other, ways[0]],
        [other, one, ways[1]],
      ] as const) {
        const packet = from.send(`${sent++}`, now)
        if (packet) way.put(packet)
        for (const one of way.take()) {
          arrived++
          if (to.receive(one, now).verdict === opened) delivered++
        }
      }
    }
    expect([one.seal.sending.phase > 200, other.seal.sending.phase > 200]).toEqual([true, true])
    expect(Math.abs(one.seal.sending.phase - other.seal.receiving.phase)).toBeLessThanOrEqual(1)
    // Everything that arrived was opened, exactly once, whatever had happened to the keys meanwhile.
    expect(delivered).toBe(arrived)
    expect(arrived / sent).toBeGreaterThan(0.65)
  })

  test('both sides rekey in the same millisecond', () => {
    const { one, other } = pair({ descriptor: every(10) })
    let inFlight: [Uint8Array, Uint8Array] = [one.send('-')!, other.send('-')!]
    for (let i = 0; i < 200; i++) {
      const next: [Uint8Array, Uint8Array] = [one.send(`${i}`)!, other.send(`${i}`)!]
      expect([other.receive(inFlight[0]).verdict, one.receive(inFlight[1]).verdict]).toEqual([opened, opened])
      inFlight = next
    }
    expect([other.receive(inFlight[0]).verdict, one.receive(inFlight[1]).verdict]).toEqual([opened, opened])
    expect([one.seal.sending.phase, other.seal.sending.phase]).toEqual([
      other.seal.receiving.phase,
      one.seal.receiving.phase,
    ])
    expect(one.seal.sending.phase).toBeGreaterThan(15)
  })

  test('a sender whose peer is silent stops at the hard limit: one phase ahead, 1024 control packets, then nothing', () => {
    const { one, other } = pair({ descriptor: every(1000) })
    one.receive(other.send('once')!)
    let sent = 0
    while (one.seal.readiness(0) === 'open') {
      expect(one.send('')).toBeDefined()
      sent++
    }
    // Half a budget under the first key, a whole one under the second.
    expect([sent, one.seal.sending.phase, one.seal.readiness(0)]).toEqual([1500, 1, 'control'])
    expect(one.seal.wantsProbe(0)).toBe(true)
    let control = 0
    while (one.send('') !== undefined) control++
    expect([control, one.seal.readiness(0), one.seal.sending.phase]).toEqual([1024, 'spent', 1])
  })

  test('a silent peer stops it by age as well, and one confirmation lets it go on', () => {
    const { one, other } = pair()
    one.receive(other.send('once')!)
    const step = one.send('', 60_000)!
    expect([one.seal.sending.phase, one.seal.wantsProbe(60_000)]).toEqual([1, true])
    expect([one.seal.readiness(179_999), one.seal.readiness(180_000)]).toEqual(['open', 'control'])
    expect(one.send('ping', 180_000)).toBeDefined()
    other.receive(step, 180_000)
    one.receive(other.send('pong', 180_000)!, 180_000)
    expect([one.seal.readiness(180_000), one.seal.wantsProbe(180_000)]).toEqual(['open', false])
    one.send('', 180_000)
    expect(one.seal.sending.phase).toBe(2)
  })

  test(`one-way traffic of 3 x 2^${POWER} packets rekeys by the budget of 2^${POWER}, nothing is lost`, () => {
    const { one, other } = pair({ provider: new Counting(false), descriptor: every(2 ** POWER) })
    one.receive(other.send('')!)
    const [sealing, opening, slab] = [new SealBatch(1024), new OpenBatch(1024), new Uint8Array(1024 * 64)]
    let delivered = 0
    for (let i = 0; i < (3 * 2 ** POWER) / 1024; i++) {
      sealing.reset(slab, 0)
      for (let k = 0; k < 1024; k++) sealing.add(one.seal, k * 64, k * 64 + 40)
      sealing.run()
      opening.reset(slab, 0)
      for (let k = 0; k < 1024; k++) opening.add(other.seal, k * 64, k * 64 + 56)
      delivered += opening.run()
      // A Pong is all that comes back, and only where a Ping asked for it.
      if (one.seal.wantsProbe(0)) one.receive(other.send('pong')!)
    }
    expect(delivered).toBe(3 * 2 ** POWER)
    expect(one.seal.sending.phase).toBeGreaterThanOrEqual(3)
  })

  test('packets of the phase before open within ten seconds, and not after', () => {
    const { one, other } = pair({ descriptor: every(10) })
    one.receive(other.send('')!)
    const early = Array.from({ length: 5 }, (_, i) => one.send(`${i}`, 1000)!)
    const step = one.send('step', 1000)!
    expect(other.receive(step, 1000).verdict).toBe(opened)
    expect([other.seal.receiving.phase, other.seal.deadline]).toEqual([1, 11_000])
    expect(other.receive(early[0]!, 10_999).text).toBe('0')
    expect(other.receive(early[1]!, 11_000).verdict).toBe(failed)
    other.seal.wake(11_000)
    expect(other.seal.deadline).toBe(Number.POSITIVE_INFINITY)
  })

  test('forged packets with each phase leave keys and phase as they were, at one attempt each', () => {
    const provider = new Counting()
    const { one, other } = pair({ provider, descriptor: every(10) })
    one.receive(other.send('')!)
    for (let i = 0; i < 6; i++) other.receive(one.send('')!)
    expect(other.seal.receiving.phase).toBe(1)
    const [opens, keys] = [provider.opens, provider.keys.length]
    const genuine = one.send('genuine')!
    for (let i = 0; i < 4000; i++) {
      const forged = genuine.slice()
      forged[0] = (forged[0]! & 0b1111_0011) | ((i % 4) << 2)
      forged[12] = i
      forged[forged.length - 1]! ^= 0xff
      expect(other.receive(forged).verdict).not.toBe(opened)
    }
    expect(provider.opens - opens).toBeLessThanOrEqual(4000)
    // The next key was derived once, for the first packet that claimed it.
    expect(provider.keys.length - keys).toBe(1)
    expect(other.seal.receiving.phase).toBe(1)
    expect(other.receive(genuine).text).toBe('genuine')
  })

  test('a `seen` that names a phase never sent ends the connection', () => {
    const first = pair()
    // A peer that claims a step of ours before there was one.
    first.other.seal.receiving.phase = 1
    expect(first.one.receive(first.other.send('')!).verdict).toBe(wrongState)

    const { one, other } = pair({ descriptor: every(10) })
    one.receive(other.send('')!)
    for (let i = 0; i < 6; i++) other.receive(one.send('')!)
    expect(one.receive(other.send('')!).verdict).toBe(opened)
    expect(one.seal.sending.isConfirmed).toBe(true)
    other.seal.receiving.phase = 2
    expect(one.receive(other.send('')!).verdict).toBe(wrongState)
  })

  test('an overtaken packet with an old `seen` is no lie', () => {
    const { one, other } = pair({ descriptor: every(10) })
    one.receive(other.send('')!)
    const old = other.send('old')!
    for (let i = 0; i < 6; i++) other.receive(one.send('')!)
    expect(one.receive(other.send('new')!).verdict).toBe(opened)
    expect(one.receive(old)).toMatchObject({ verdict: opened, text: 'old' })
    expect(one.seal.sending.isConfirmed).toBe(true)
  })

  test('state captured after a rekey does not open packets of two phases ago: their keys are erased', () => {
    const provider = new Counting()
    const { one, other } = pair({ provider, descriptor: every(10) })
    one.receive(other.send('')!)
    const old = one.send('old')!
    while (other.seal.receiving.phase < 2) confirm(one, other, one.send('')!)
    expect(other.receive(old).verdict).toBe(failed)
    // Of all key material that was ever made, what is not zero is what the four directions use or have derived.
    const readable = provider.secrets.filter(secret => secret.some(byte => byte !== 0))
    const ones = [
      one.seal.sending.secret,
      one.seal.receiving.secret,
      other.seal.sending.secret,
      other.seal.receiving.secret,
    ]
    for (const secret of readable.filter(secret => secret.length === 32 && !isTestKey(secret)))
      expect(ones.some(own => own === secret)).toBe(true)
    one.seal.destroy()
    other.seal.destroy()
    expect(provider.live).toBe(0)
    expect(ones.every(secret => secret.every(byte => byte === 0))).toBe(true)
  })

  test('a replay of a million old packets over three phases delivers nothing', () => {
    const provider = new Counting()
    const { one, other } = pair({ provider, descriptor: every(2000) })
    one.receive(other.send('')!)
    const seen: Uint8Array[] = []
    while (one.seal.sending.phase < 3) {
      const packet = one.send('')!
      seen.push(packet)
      confirm(one, other, packet)
    }
    const tally = new Map<number, number>()
    for (let i = 0; i < 1_000_000; i += 1000) {
      const replay = Array.from({ length: 1000 }, (_, k) => seen[(i + k) % seen.length]!)
      for (const { verdict } of other.receiveAll(replay)) tally.set(verdict, (tally.get(verdict) ?? 0) + 1)
    }
    expect(tally.get(opened)).toBeUndefined()
    expect((tally.get(failed) ?? 0) + (tally.get(replayed) ?? 0)).toBe(1_000_000)
    expect(other.seal.receiving.phase).toBe(one.seal.sending.phase)
  })

  test('too many forged packets wear a connection out', () => {
    const { one, other } = pair({ forged: 3 })
    const packet = one.send('genuine')!
    for (let i = 0; i < 3; i++) {
      expect(other.seal.isWornOut).toBe(false)
      const forged = packet.slice()
      forged[20]! ^= 1
      other.receive(forged)
    }
    expect(other.seal.isWornOut).toBe(true)
    expect(pair().plan.mostForged).toBe(2 ** 36)
    expect(pair({ descriptor: { ...PACKET, aead: 'aes-256-gcm' } }).plan.mostForged).toBe(2 ** 52)
  })

  test('a packet that waits while its connection is destroyed never leaves as text', () => {
    const { one } = pair()
    expect(one.sealAfterDestroying('secret text')).not.toContain('secret')
  })
})

function every(packets: number): SealDescriptor {
  return { ...PACKET, rekey: { ...PACKET.rekey, packets } }
}

/** The packet arrives and is answered, so that both know of each other's phase. */
function confirm(one: End, other: End, packet: Uint8Array): void {
  expect(other.receive(packet).verdict).toBe(opened)
  expect(one.receive(other.send('')!).verdict).toBe(opened)
}

/** The arrays that `pair` hands in are the caller's to erase. */
function isTestKey(secret: Uint8Array): boolean {
  return secret.every(byte => byte === secret[0])
}

/** Loses three of ten packets, and holds two of ten back for a while. */
class Way {
  readonly #random: SimRandom
  #waiting: { packet: Uint8Array; turns: number }[] = []

  constructor(random: SimRandom) {
    this.#random = random
  }

  put(packet: Uint8Array): void {
    if (this.#random.chance(0.3)) return
    this.#waiting.push({ packet, turns: this.#random.chance(0.2) ? this.#random.below(20) : 0 })
  }

  take(): Uint8Array[] {
    const due = this.#waiting.filter(one => one.turns-- <= 0)
    this.#waiting = this.#waiting.filter(one => !due.includes(one))
    return due.map(({ packet }) => packet)
  }
}
