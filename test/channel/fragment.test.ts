// Cutting: held to the known answers where they are right, to arithmetic elsewhere.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Cut, Fragmenter, FragmentIds } from '../../runtime/channel/fragment.ts'
import { EncodeError } from '../../runtime/wire/codec.ts'
import { vectors } from './vectors.ts'

const pattern = (n: number) => Uint8Array.from({ length: n }, (_, i) => (31 * i + 7) % 256)
const partOf = (payload: Uint8Array, cut: Cut, i: number) =>
  payload.subarray(i * cut.size, Math.min((i + 1) * cut.size, cut.length))

test.each(vectors.fragment_payload.filter(v => v.pieces <= 255))('$n bytes are cut as in the vectors', v => {
  const cut = new Fragmenter({ above: 1200, pieces: 255, cut: 'payload' }).cut(v.n, 0, 0)
  if (v.pieces === 0) {
    expect(cut.count).toBe(1)
    return
  }
  expect(cut.count).toBe(v.pieces)
  const payload = pattern(v.n)
  const parts = Array.from({ length: cut.count }, (_, i) => partOf(payload, cut, i))
  expect(parts.at(-1)?.length).toBe(v.last_len)
  expect(createHash('sha256').update(Buffer.concat(parts)).digest('hex')).toBe(v.joined_sha256)
})

test.each(vectors.fragment_payload.filter(v => v.pieces > 255))(
  '$n bytes, which the vectors number modulo 256, are refused',
  v => {
    const fragmenter = new Fragmenter({ above: 1200, pieces: 255, cut: 'payload' })
    expect(() => fragmenter.cut(v.n, 0, 0)).toThrow(`payload of ${v.n} bytes needs ${v.pieces} pieces of 1200`)
  },
)

test('every piece with its overhead fits, pieces cover the payload, and only the last one is short', () => {
  const sizes = fc.record({
    length: fc.nat(5000),
    overhead: fc.nat(40),
    more: fc.nat(40),
    above: fc.integer({ min: 1, max: 300 }),
  })
  fc.assert(
    fc.property(sizes, ({ length, overhead, more, above }) => {
      const fragmenter = new Fragmenter({ above, pieces: 20, cut: 'body' })
      let cut: Cut
      try {
        cut = fragmenter.cut(length, overhead, overhead + more)
      } catch (error) {
        expect((error as EncodeError).code).toBe('LimitExceeded')
        expect(fragmenter.capacity(overhead + more)).toBeLessThan(length + (above <= overhead + more ? 1 : 0))
        return
      }
      if (cut.count === 1 && overhead + length <= above) return
      expect(cut.count).toBeLessThanOrEqual(20)
      expect(cut.size + overhead + more).toBeLessThanOrEqual(above)
      const last = length - (cut.count - 1) * cut.size
      expect(last).toBeGreaterThanOrEqual(length === 0 ? 0 : 1)
      expect(last).toBeLessThanOrEqual(cut.size)
    }),
  )
})

test('a header that leaves no room for the payload is refused with its size', () => {
  const fragmenter = new Fragmenter({ above: 100, pieces: 4, cut: 'payload' })
  expect(() => fragmenter.cut(50, 90, 120)).toThrow('the fields around it take 120 of 100 bytes')
  expect(() => fragmenter.cut(50, 90, 120)).toThrow(EncodeError)
})

test('a fragment id rests before it is used again', () => {
  const ids = new FragmentIds({ space: 3, rest: 100 })
  expect([ids.next(0), ids.next(10), ids.next(20), ids.next(30)]).toEqual([0, 1, 2, -1])
  expect(ids.freeAt()).toBe(100)
  expect(ids.next(99)).toBe(-1)
  expect([ids.next(100), ids.next(105), ids.next(110)]).toEqual([0, -1, 1])
})
