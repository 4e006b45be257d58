// What has arrived and how it is acknowledged, against a plain set of numbers.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Received } from '../../runtime/channel/received.ts'
import { Seen } from '../../runtime/channel/seen.ts'

/** Numbers that one acknowledgement names. */
function named(received: Received, ack: number, ackBits: number): number[] {
  if (ack === 0) return []
  const numbers = [ack]
  for (let i = 0; i < ackBits; i++)
    if ((received.bits(ack, i < 32 ? 0 : 32) & (1 << (i & 31))) !== 0) numbers.push(ack - 1 - i)
  return numbers
}

test('acknowledgements never name what has not arrived, and name everything in as many steps as it takes', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 1, 8, 31, 32, 33, 64),
      fc.integer({ min: 1, max: 600 }),
      fc.array(fc.record({ ahead: fc.nat(), acknowledge: fc.boolean(), again: fc.boolean() }), { maxLength: 400 }),
      (ackBits, span, steps) => {
        const received = new Received(span, ackBits)
        const arrived = new Set<number>()
        const owed = new Set<number>()
        const acknowledge = () => {
          const { ack } = received
          for (const number of named(received, ack, ackBits)) {
            expect(arrived.has(number)).toBe(true)
            owed.delete(number)
          }
          received.acknowledged(ack)
        }
        for (const { ahead, acknowledge: now, again } of steps) {
          const number = again
            ? 1 + (ahead % (received.base + span))
            : received.base + 1 + (ahead % Math.min(span, 3 + (ahead % 300)))
          expect(received.has(number)).toBe(arrived.has(number))
          if (arrived.has(number)) received.again(number)
          else received.add(number)
          arrived.add(number)
          owed.add(number)
          if (now) acknowledge()
        }
        let base = 0
        while (arrived.has(base + 1)) base++
        expect(received.base).toBe(base)
        for (let left = 2000; received.owes && left > 0; left--) acknowledge()
        expect([...owed]).toEqual([])
      },
    ),
    { numRuns: 300 },
  )
})

test('without losses one acknowledgement names the last 65', () => {
  const received = new Received(256, 64)
  for (let number = 1; number <= 300; number++) {
    received.add(number)
    const { ack } = received
    expect(ack).toBe(number)
    expect(named(received, ack, 64).length).toBe(Math.min(number, 65))
    received.acknowledged(ack)
    expect(received.owes).toBe(false)
  }
})

test('a number beyond 2^32 is as good as a small one', () => {
  const received = new Received(256, 64)
  received.base = received.top = 2 ** 32 - 3
  received.acknowledged(received.top)
  for (const step of [1, 2, 5, 4]) received.add(2 ** 32 - 3 + step)
  expect(received.base).toBe(2 ** 32 - 1)
  expect(received.top).toBe(2 ** 32 + 2)
  expect(received.has(2 ** 32)).toBe(false)
  expect(named(received, received.ack, 4)).toEqual([2 ** 32 + 2, 2 ** 32 + 1, 2 ** 32 - 1, 2 ** 32 - 2])
})

test('numbers of unreliable messages are new once, as far back as the window goes', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 500 }), numbers => {
      const seen = new Seen()
      const model = new Set<number>()
      let top = 0
      for (const number of numbers) {
        const fresh = !model.has(number) && number > top - Seen.SPAN
        expect(seen.add(number)).toBe(fresh)
        top = Math.max(top, number)
        model.add(number)
      }
    }),
  )
})
