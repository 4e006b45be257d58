// The window of messages in flight, and the round-trip time it listens to.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RoundTrip } from '../../runtime/reliability/round-trip.ts'
import { SendWindow } from '../../runtime/reliability/window.ts'

const options = { least: 2, start: 8, most: 256 }

/** One round: the whole window is sent, then each message arrives or is lost. */
function round(window: SendWindow, loss: (i: number) => boolean, swollen = false): void {
  const numbers = Array.from({ length: window.size }, () => window.number())
  for (const [i, number] of numbers.entries()) {
    if (loss(i)) window.lost()
    else window.arrived(number, true, swollen)
  }
}
const none = () => false

test('without loss the window doubles each round up to the most', () => {
  const window = new SendWindow(options)
  const sizes = Array.from({ length: 7 }, () => {
    round(window, none)
    return window.size
  })
  expect(sizes).toEqual([16, 32, 64, 128, 256, 256, 256])
})

test('a little loss does not stop it, loss with swollen round trips shrinks it, much loss halves it', () => {
  const window = new SendWindow(options)
  for (let i = 0; i < 5; i++) round(window, none)
  round(window, i => i % 20 === 0)
  expect(window.size).toBe(256)
  round(window, i => i % 20 === 0, true)
  expect(window.size).toBeLessThan(200)
  const before = window.size
  for (let i = 0; i < 4; i++) round(window, k => k % 2 === 0)
  expect(window.size).toBeLessThan(before / 2)
})

test('after shrinking it grows by one each round', () => {
  const window = new SendWindow(options)
  for (let i = 0; i < 3; i++) round(window, none)
  round(window, i => i === 0, true)
  const { size } = window
  for (let i = 0; i < 10; i++) round(window, none)
  expect(window.size).toBe(size + 10)
})

test('a window that is not used up does not grow', () => {
  const window = new SendWindow(options)
  for (let i = 0; i < 100; i++) window.arrived(window.number(), false, false)
  expect(window.size).toBe(8)
})

test('silence shrinks it to the least; afterwards it doubles up to half of what it was', () => {
  const window = new SendWindow(options)
  for (let i = 0; i < 3; i++) round(window, none)
  expect(window.size).toBe(64)
  for (let i = 0; i < 5; i++) window.silence()
  expect(window.size).toBe(2)
  const sizes = Array.from({ length: 6 }, () => {
    round(window, none)
    return window.size
  })
  expect(sizes).toEqual([4, 8, 16, 32, 33, 34])
})

test('it stays within its bounds whatever happens', () => {
  const step = fc.constantFrom('send', 'arrive', 'lose', 'silence', 'swollen')
  fc.assert(
    fc.property(fc.array(step, { maxLength: 500 }), fc.integer({ min: 1, max: 4 }), (steps, least) => {
      const window = new SendWindow({ least, start: 6, most: 20 })
      let last = 0
      for (const what of steps) {
        if (what === 'send') last = window.number()
        else if (what === 'lose') window.lost()
        else if (what === 'silence') window.silence()
        else window.arrived(last, true, what === 'swollen')
        expect(window.size).toBeGreaterThanOrEqual(least)
        expect(window.size).toBeLessThanOrEqual(20)
      }
    }),
  )
  expect(() => new SendWindow({ least: 3, start: 2, most: 4 })).toThrow('1 <= least <= start <= most')
})

test('round trips are smoothed as in RFC 6298', () => {
  const time = new RoundTrip()
  expect(time.timeout).toBe(250)
  time.sample(0, 100)
  expect([time.smoothed, time.variation, time.timeout]).toEqual([100, 50, 300])
  time.sample(1, 60)
  expect([time.smoothed, time.variation]).toEqual([95, 47.5])
  for (let i = 0; i < 100; i++) time.sample(i, 60)
  expect(time.timeout).toBeCloseTo(61, 0)
  expect(time.reordering).toBeCloseTo(67.5, 0)
})

test('a queue swells round trips, jitter does not, and a longer path is believed after a while', () => {
  const queue = new RoundTrip()
  for (let i = 0; i < 100; i++) queue.sample(i, 40)
  expect(queue.swollen).toBe(false)
  for (let i = 0; i < 100; i++) queue.sample(100 + i, 120)
  expect(queue.swollen).toBe(true)
  for (let i = 0; i < 100; i++) queue.sample(20_000 + 1000 * i, 120)
  expect([queue.swollen, queue.least]).toEqual([false, 120])
  const jitter = new RoundTrip()
  for (let i = 0; i < 200; i++) {
    jitter.sample(i, 40 + ((i * 37) % 60))
    expect(jitter.swollen).toBe(false)
  }
})
