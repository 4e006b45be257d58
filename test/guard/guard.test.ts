// Limits: rates, strikes, addresses.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LocalError } from '../../runtime/core/errors.ts'
import { addressKey } from '../../runtime/guard/address.ts'
import { Strikes } from '../../runtime/guard/strikes.ts'
import { TokenBucket } from '../../runtime/guard/token-bucket.ts'

describe('token bucket', () => {
  test('a burst passes, then the rate', () => {
    const bucket = new TokenBucket({ packets: 1000, bytes: Infinity, burst: 5 }, 0)
    const passed = (now: number, n: number) =>
      Array.from({ length: n }, () => bucket.take(now, 100)).filter(Boolean).length
    expect(passed(0, 10)).toBe(5)
    expect(passed(0.5, 10)).toBe(0)
    expect(passed(3, 10)).toBe(3)
    expect(passed(10_000, 10)).toBe(5)
  })

  test('bytes are limited too, and a refused packet costs nothing', () => {
    const bucket = new TokenBucket({ packets: Infinity, bytes: 100_000, burst: 500 }, 0)
    expect(bucket.take(0, 60_000)).toBe(true)
    expect(bucket.take(0, 60_000)).toBe(false)
    expect(bucket.take(0, 40_000)).toBe(true)
    expect(bucket.take(100, 10_001)).toBe(false)
    expect(bucket.take(100, 10_000)).toBe(true)
  })

  test('a clock that steps back gives nothing', () => {
    const bucket = new TokenBucket({ packets: 1, bytes: Infinity, burst: 1 }, 1000)
    expect(bucket.take(1000, 1)).toBe(true)
    expect(bucket.take(0, 1)).toBe(false)
    expect(bucket.rested(1999)).toBe(false)
    expect(bucket.rested(2000)).toBe(true)
  })

  test('over any time no more passes than burst plus rate times time', () => {
    const packets = fc.array(fc.tuple(fc.nat(50), fc.nat(2000)), { maxLength: 200 })
    fc.assert(
      fc.property(packets, fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 50 }), (list, rate, burst) => {
        const bucket = new TokenBucket({ packets: rate, bytes: 100_000, burst }, 0)
        let [now, count, bytes] = [0, 0, 0]
        for (const [pause, size] of list) {
          now += pause
          if (!bucket.take(now, size)) continue
          count++
          bytes += size
        }
        expect(count).toBeLessThanOrEqual(burst + (rate * now) / 1000 + 1e-6)
        expect(bytes).toBeLessThanOrEqual(Math.max(65_535, (100_000 * Math.min(burst, rate)) / rate) + 100 * now + 1e-6)
      }),
    )
  })

  test.each([
    [{ packets: 0, bytes: 1, burst: 1 }],
    [{ packets: 1, bytes: Number.NaN, burst: 1 }],
    [{ packets: 1, bytes: 1, burst: 0 }],
  ])('%o is refused', options => {
    expect(() => new TokenBucket(options, 0)).toThrow(LocalError)
  })
})

describe('strikes', () => {
  test('the tenth within the window is one too many', () => {
    const strikes = new Strikes({ max: 10, window: 5000 })
    const said = Array.from({ length: 10 }, (_, i) => strikes.strike(i * 500))
    expect(said).toEqual([...new Array(9).fill(false), true])
  })

  test('strikes that are further apart are forgiven', () => {
    const strikes = new Strikes({ max: 3, window: 1000 })
    expect([0, 501, 1002, 1503, 2004, 2504].filter(at => strikes.strike(at))).toEqual([])
    expect(strikes.strike(2505)).toBe(true)
  })

  test('it says what a list of all times says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(fc.nat(400), { maxLength: 60 }), (max, pauses) => {
        const strikes = new Strikes({ max, window: 1000 })
        const times: number[] = []
        let now = 0
        for (const pause of pauses) {
          now += pause
          times.push(now)
          expect(strikes.strike(now)).toBe(times.filter(t => now - t <= 1000).length >= max)
        }
      }),
    )
  })
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7:80', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['[::ffff:192.0.2.7]:80', '192.0.2.7'],
  ['[::FFFF:c000:207]:80', '192.0.2.7'],
  ['[2001:db8:1:2:3:4:5:6]:443', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['[2001:0DB8:0001:0002::9]:1', '2001:db8:1:2::/64'],
  ['[::1]:9', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['[fe80::1%eth0]:5', 'fe80:0:0:0::/64%eth0'],
  ['::192.0.2.7', '0:0:0:0::/64'],
  ['example.org:80', 'example.org'],
  ['left', 'left'],
  ['1::2::3', '1::2::3'],
  ['::ffff:300.0.2.7', '::ffff:300.0.2.7'],
])('the place of %s is %s', (address, key) => {
  expect(addressKey(address)).toBe(key)
})
