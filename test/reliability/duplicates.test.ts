// The memory of requests: who is new, what is answered again, and that hostile sources cannot make it grow.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Duplicates } from '../../runtime/reliability/duplicates.ts'

test('a request is new once, and its answer comes again', () => {
  const seen = new Duplicates<string>({ window: 4, sources: 2, bytes: 100 })
  expect(seen.check('a', 7n)).toBeUndefined()
  expect(seen.check('a', 7n)?.answer).toBeUndefined()
  seen.answer('a', 7n, 'ack 7', 5)
  expect(seen.check('a', 7n)?.answer).toBe('ack 7')
  expect(seen.check('b', 7n)).toBeUndefined()
})

test('the window holds the last N keys of a source and no more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(12), { maxLength: 100 }), (window, keys) => {
      const seen = new Duplicates<string>({ window, sources: 1, bytes: 0 })
      let model: number[] = []
      for (const key of keys) {
        expect(seen.check('a', key) !== undefined).toBe(model.includes(key))
        if (!model.includes(key)) model = [...model, key].slice(-window)
      }
    }),
  )
})

test('stored answers stay below the byte bound; the key of a forgotten one is still a repetition', () => {
  const seen = new Duplicates<string>({ window: 100, sources: 2, bytes: 30 })
  for (let key = 0; key < 10; key++) {
    seen.check('a', key)
    seen.answer('a', key, `answer ${key}`, 10)
    expect(seen.bytes).toBeLessThanOrEqual(30)
  }
  expect(seen.check('a', 0)).toEqual({ key: 0, answer: undefined, size: 0 })
  expect(seen.check('a', 9)?.answer).toBe('answer 9')
  seen.answer('a', 9, 'larger than all', 31)
  expect(seen.check('a', 9)?.answer).toBeUndefined()
  expect(seen.bytes).toBe(20)
})

test('a key that leaves the window takes its answer along', () => {
  const seen = new Duplicates<string>({ window: 2, sources: 1, bytes: 100 })
  for (const key of [1, 2, 3, 4]) {
    seen.check('a', key)
    seen.answer('a', key, 'x', 10)
  }
  expect(seen.bytes).toBe(20)
})

test('the source silent for longest makes room for a new one', () => {
  const seen = new Duplicates<string>({ window: 2, sources: 2, bytes: 100 })
  seen.check('a', 1)
  seen.check('b', 1)
  seen.answer('b', 1, 'x', 10)
  seen.check('a', 2)
  seen.check('c', 1)
  expect(seen.sources).toBe(2)
  expect(seen.bytes).toBe(0)
  expect(seen.check('a', 1)).toBeDefined()
})

test('a retracted request is new again, a forgotten source too', () => {
  const seen = new Duplicates<string>({ window: 3, sources: 2, bytes: 100 })
  seen.check('a', 1)
  seen.retract('a', 1)
  expect(seen.check('a', 1)).toBeUndefined()
  seen.check('a', 2)
  seen.check('a', 3)
  expect(seen.check('a', 1)).toBeDefined()
  seen.forget('a')
  expect(seen.check('a', 2)).toBeUndefined()
})
