// What holds for any traffic: windows and numbers against simple models, batches against single packets.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { node } from '../../../runtime/crypto/node.ts'
import { OpenBatch } from '../../../runtime/crypto/seal/open-batch.ts'
import { PacketSeal, VERDICT } from '../../../runtime/crypto/seal/packet-seal.ts'
import { SealPlan } from '../../../runtime/crypto/seal/plan.ts'
import { ReplayWindow } from '../../../runtime/crypto/seal/replay.ts'
import { SealBatch } from '../../../runtime/crypto/seal/seal-batch.ts'
import { widen } from '../../../runtime/crypto/seal/widen.ts'
import { Counting } from './counting.ts'
import { NO_SCOPE, PACKET, pair } from './pair.ts'

describe('replay window', () => {
  test('is a set of numbers, of which those far behind the highest count as seen', () => {
    const step = fc.oneof(
      fc.integer({ min: -80, max: 80 }),
      fc.integer({ min: -3000, max: 3000 }),
      fc.constant(2 ** 33),
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 300 }),
        fc.constantFrom(32, 64, 1024),
        fc.nat(2 ** 40),
        (steps, size, from) => {
          const window = new ReplayWindow(size)
          const seen = new Set<number>()
          let highest = -Infinity
          let near = from
          for (const by of steps) {
            const number = Math.max(0, near + by)
            const [hi, lo] = [Math.floor(number / 2 ** 32), number % 2 ** 32]
            const isFresh = !seen.has(number) && number > highest - size
            expect(window.isFresh(hi, lo)).toBe(isFresh)
            if (!isFresh) continue
            window.mark(hi, lo)
            seen.add(number)
            highest = Math.max(highest, number)
            near = highest
          }
        },
      ),
    )
  })

  test('asking changes nothing: a packet that does not open does not move it', () => {
    const window = new ReplayWindow(1024)
    window.mark(0, 5)
    for (let i = 0; i < 1_000_000; i += 7) window.isFresh(i % 3, i)
    expect([window.hi, window.lo, window.isFresh(0, 4), window.isFresh(0, 5)]).toEqual([0, 5, true, false])
  })

  test('at least as many numbers as asked for', () => {
    expect([1, 1024, 1025, 8192, 10_000].map(size => new ReplayWindow(size).size)).toEqual([
      32, 1024, 2048, 8192, 16_384,
    ])
    expect(() => new ReplayWindow(2 ** 20 + 1)).toThrow(/1048576/)
  })
})

test('the low bits of a number, read nearest to another one', () => {
  const number = fc.bigInt({ min: 0n, max: 2n ** 62n })
  fc.assert(
    fc.property(
      number,
      fc.integer({ min: 1, max: 7 }),
      fc.bigInt({ min: -(2n ** 55n), max: 2n ** 55n }),
      (near, size, by) => {
        const range = 2n ** BigInt(8 * size)
        const off = by % (range / 2n)
        // Half a range is as near above as below; nothing is below zero.
        if (off <= -range / 2n + 1n || near + off < 0n) return
        const whole = near + off
        const got = { hi: Number((whole % range) >> 32n), lo: Number((whole % range) & 0xffff_ffffn) }
        widen(got, size, Number(near >> 32n), Number(near & 0xffff_ffffn))
        expect((BigInt(got.hi) << 32n) + BigInt(got.lo)).toBe(whole)
      },
    ),
    { numRuns: 2000 },
  )
})

describe('batches', () => {
  test.each([
    ['a counter of 64 bits', PACKET],
    ['a counter of 8 bits', narrow(1)],
    ['a counter of 16 bits', narrow(2)],
    ['a counter of 32 bits', narrow(4)],
  ])(
    '%s: opened together gives what it gives one by one, under loss, reorder, duplication and forgery',
    (_name, base) => {
      const descriptor = { ...base, rekey: { ...base.rekey, packets: 12 } }
      const event = fc.record({
        back: fc.nat(30),
        damage: fc.constantFrom(0, 0, 0, 0, 1),
        phase: fc.constantFrom(0, 0, 0, 1, 2, 3),
        sends: fc.nat(4),
      })
      fc.assert(
        fc.property(
          fc.array(event, { maxLength: 120 }),
          fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
          (events, sizes) => {
            const { one, other } = pair({ descriptor, provider: new Counting(false) })
            const twin = pair({ descriptor, provider: new Counting(false) }).other
            one.receive(other.send('')!)
            twin.send('')
            const sent: Uint8Array[] = [one.send('0')!]
            let at = 0
            for (let i = 0; at < events.length; i++) {
              const batch = events.slice(at, (at += sizes[i % sizes.length]!)).map(({ back, damage, phase, sends }) => {
                for (let k = 0; k < sends; k++) {
                  const packet = one.send(`${sent.length}`)
                  if (packet) sent.push(packet)
                }
                const packet = sent[Math.max(0, sent.length - 1 - back)]!.slice()
                packet[0]! ^= phase << 2
                packet[packet.length - 1]! ^= damage
                return packet
              })
              expect(other.receiveAll(batch)).toEqual(batch.map(packet => twin.receive(packet)))
              expect(other.seal.receiving.phase).toBe(twin.seal.receiving.phase)
              // An answer, so that phases move.
              const answer = other.send('')!
              expect(twin.send('')).toEqual(answer)
              one.receive(answer)
            }
          },
        ),
        { numRuns: 60 },
      )
    },
  )

  test('packets of several connections, each under its own key, in one batch', () => {
    const plan = new SealPlan(PACKET, node)
    const [size, count] = [64, 40]
    const seals = Array.from({ length: 5 }, (_, i) => {
      const key = new Uint8Array(32).fill(i + 1)
      const common = { plan, scope: NO_SCOPE, now: 0 }
      return {
        from: new PacketSeal({ ...common, send: key, receive: new Uint8Array(32) }),
        to: new PacketSeal({ ...common, send: new Uint8Array(32), receive: key }),
      }
    })
    const slab = new Uint8Array(count * size)
    const sealing = new SealBatch(2)
    sealing.reset(slab, 0)
    for (let i = 0; i < count; i++) {
      slab[i * size] = 0x50
      slab.fill(i, i * size + 13, i * size + 48)
      sealing.add(seals[i % 5]!.from, i * size, i * size + 48)
    }
    expect(sealing.run()).toBe(count)
    const opening = new OpenBatch(2)
    opening.reset(slab, 0)
    for (let i = 0; i < count; i++) opening.add(seals[i % 5]!.to, i * size, (i + 1) * size)
    expect(opening.run()).toBe(count)
    for (let i = 0; i < count; i++) {
      expect([opening.hi[i], opening.lo[i], opening.newest[i]]).toEqual([0, Math.floor(i / 5), 1])
      expect(slab.subarray(opening.textFrom[i], opening.textTo[i])).toEqual(new Uint8Array(35).fill(i))
    }
  })

  test('keys of two providers do not go into one batch', () => {
    const [mine, yours] = [pair(), pair({ provider: new Counting() })]
    const batch = new SealBatch()
    batch.reset(new Uint8Array(200), 0)
    batch.add(mine.one.seal, 0, 50)
    expect(() => batch.add(yours.one.seal, 100, 150)).toThrow(/one for each/)
    expect(() => batch.reset(new Uint8Array(200), 0)).toThrow(/call `run`/)
  })
})

describe('layouts', () => {
  test('a tag in front of the text', () => {
    const { one, other } = pair({ descriptor: { ...PACKET, tag: 'prepend' } })
    const appended = pair().one.send('text')!
    const packet = one.send('text')!
    expect(packet).toEqual(
      Uint8Array.from([...appended.slice(0, 13), ...appended.slice(-16), ...appended.slice(13, -16)]),
    )
    expect(other.receive(packet)).toMatchObject({ verdict: VERDICT.opened, text: 'text' })
  })

  test('a text padded with zeros to a multiple', () => {
    const { one, other } = pair({ descriptor: { ...PACKET, pad: 16 } })
    for (const [length, sealed] of [
      [0, 0],
      [1, 16],
      [16, 16],
      [17, 32],
    ] as const) {
      const packet = one.send('x'.repeat(length))!
      expect(packet.length).toBe(13 + sealed + 16)
      expect(other.receive(packet).text).toBe('x'.repeat(length).padEnd(sealed, '\0'))
    }
  })

  test('a packet too short for a tag does not open', () => {
    const { one, other } = pair()
    const packet = one.send('')!
    for (let length = 13; length < packet.length; length++)
      expect(other.receive(packet.slice(0, length)).verdict).toBe(VERDICT.failed)
    expect(other.receive(packet).verdict).toBe(VERDICT.opened)
  })

  test('any flipped bit, of header, text or tag, keeps a packet from opening, and the genuine one opens behind it', () => {
    const { one, other } = pair()
    other.receive(one.send('before')!)
    const packet = one.send('text')!
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const flipped = packet.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(other.receive(flipped).verdict).not.toBe(VERDICT.opened)
    }
    expect(other.receive(packet).text).toBe('text')
  })

  test('replays that only some frames count are told by their name, after decoding', () => {
    const descriptor: SealDescriptor = { ...PACKET, replay: { by: 'window', size: 64, only: ['Data'] } }
    const { one, other } = pair({ descriptor })
    const packet = one.send('text')!
    expect([other.receive(packet).verdict, other.receive(packet).verdict]).toEqual([VERDICT.opened, VERDICT.opened])
    const { seal } = other
    expect([seal.admit('Ack', 0, 0), seal.admit('Ack', 0, 0)]).toEqual([true, true])
    expect([seal.admit('Data', 0, 0), seal.admit('Data', 0, 0)]).toEqual([true, false])
  })

  test('what no engine runs is refused by name', () => {
    const refused = (descriptor: SealDescriptor) => () => pair({ descriptor })
    expect(refused({ ...PACKET, keyedByClear: true })).toThrow(/clear fields on datagrams/)
    expect(refused({ ...PACKET, rekey: { ...PACKET.rekey, seen: undefined } })).toThrow(/phase and seen/)
    const counter = { ...PACKET.counter, place: undefined, field: undefined }
    const nonce: SealDescriptor['nonce'] = [
      { is: 'bytes', bytes: new Uint8Array(4) },
      { is: 'counter', size: 8, little: false },
    ]
    expect(refused({ ...PACKET, counter, nonce })).toThrow(/counter that no field carries/)
    expect(refused({ ...PACKET, nonce: nonce.slice(1) })).toThrow(/nonce of 12 bytes, not 8/)
  })
})

/** The counter in the last bytes of its field, the whole of it in the nonce. */
function narrow(size: number): SealDescriptor {
  return {
    ...PACKET,
    counter: { ...PACKET.counter, place: { at: 13 - size, size, little: false } },
    nonce: [
      { is: 'bytes', bytes: new Uint8Array(4) },
      { is: 'counter', size: 8, little: false },
    ],
    replay: { by: 'window', size: 64, only: undefined },
  }
}
