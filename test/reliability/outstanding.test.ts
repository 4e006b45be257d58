// Requests that wait: when they are sent again, when they end, and how often.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RequestIds } from '../../runtime/reliability/ids.ts'
import { Outstanding } from '../../runtime/reliability/outstanding.ts'

const retry = { times: 3, from: 100, to: 5000 }

/** Runs the table alone and notes what it asks for and when. */
function timeline(table: Outstanding<string>, until: number): string[] {
  const seen: string[] = []
  for (let now = table.deadline(); now <= until; now = table.deadline())
    for (let r = table.due(now); r !== undefined; r = table.due(now))
      seen.push(`${now} ${r.token} ${r.expired ? 'expired' : `attempt ${r.attempts}`}`)
  return seen
}

test('an unanswered request is sent at 0, 2.1, 4.3 and 6.7 s and given up at 8.7 s', () => {
  const table = new Outstanding<string>({ timeout: 2000, retry, inFlight: 4 })
  table.open(0, 1n, 'a')
  expect(timeline(table, 1e6)).toEqual(['2100 a attempt 2', '4300 a attempt 3', '6700 a attempt 4', '8700 a expired'])
  expect(table.size).toBe(0)
  expect(table.deadline()).toBe(Infinity)
})

test('the wait stops growing at `to`', () => {
  const table = new Outstanding<string>({ timeout: 10, retry: { times: 4, from: 100, to: 200 }, inFlight: 1 })
  table.open(0, 1, 'a')
  expect(timeline(table, 1e6)).toEqual([
    '110 a attempt 2',
    '320 a attempt 3',
    '530 a attempt 4',
    '740 a attempt 5',
    '750 a expired',
  ])
})

test('without retries there is one attempt', () => {
  const table = new Outstanding<string>({ timeout: 50, inFlight: 1 })
  table.open(7, 'x', 'a')
  expect(timeline(table, 1e6)).toEqual(['57 a expired'])
})

test('with timeout never the attempts are the delay apart and the last one waits for ever', () => {
  const table = new Outstanding<string>({ timeout: Infinity, retry, inFlight: 1 })
  table.open(0, 1, 'a')
  expect(timeline(table, 1e6)).toEqual(['100 a attempt 2', '300 a attempt 3', '700 a attempt 4'])
  expect(table.size).toBe(1)
  expect(table.answered(1)?.token).toBe('a')
})

test('an answer ends a request once, also between two attempts', () => {
  const table = new Outstanding<string>({ timeout: 2000, retry, inFlight: 4 })
  table.open(0, 1, 'a')
  table.open(1, 2, 'b')
  table.due(2100)
  expect(table.answered(1)).toMatchObject({ id: 1, token: 'a', attempts: 2, openedAt: 0, expired: false })
  expect(table.answered(1)).toBeUndefined()
  expect(table.answered(99)).toBeUndefined()
  expect(timeline(table, 3000)).toEqual(['2101 b attempt 2'])
})

test('replies in order belong to the oldest request', () => {
  const table = new Outstanding<string>({ timeout: 2000, retry, inFlight: 4 })
  for (const id of [5, 3, 4]) table.open(id, id, `r${id}`)
  table.due(1e4)
  const order: string[] = []
  for (let r = table.first(); r !== undefined; r = table.first()) {
    order.push(r.token)
    table.answered(r.id)
  }
  expect(order).toEqual(['r5', 'r3', 'r4'])
})

test('the bound on open requests and the reuse of an open id are refused with a sentence', () => {
  const table = new Outstanding<string>({ timeout: 2000, inFlight: 2 })
  table.open(0, 1, 'a')
  expect(() => table.open(0, 1, 'b')).toThrow('request 1 is open already')
  table.open(0, 2, 'b')
  expect(table.full).toBe(true)
  expect(() => table.open(0, 3, 'c')).toThrow('2 requests are open already')
  table.cancel(1)
  expect(table.full).toBe(false)
  table.open(0, 3, 'c')
  expect([...table.drain()].map(r => r.token)).toEqual(['b', 'c'])
  expect(table.deadline()).toBe(Infinity)
})

test('every request ends exactly once, whatever is answered when', () => {
  const answers = fc.array(fc.tuple(fc.nat(20), fc.nat(10_000)), { maxLength: 40 })
  fc.assert(
    fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 20 }), answers, (opened, answered) => {
      const table = new Outstanding<number>({ timeout: 300, retry, inFlight: 20 })
      const ends = opened.map(() => 0)
      const events = [
        ...opened.map((at, id) => ({ at, run: () => void table.open(at, id, id) })),
        ...answered.map(([id, at]) => ({
          at,
          run: () => {
            const r = table.answered(id)
            if (r !== undefined) ends[r.token]!++
          },
        })),
        { at: 1e6, run: () => {} },
      ].sort((a, b) => a.at - b.at)
      for (const event of events) {
        while (table.deadline() <= event.at) {
          const r = table.due(table.deadline())
          if (r?.expired) ends[r.token]!++
        }
        event.run()
      }
      expect(ends).toEqual(opened.map(() => 1))
    }),
  )
})

test('a counter begins at 1 and skips ids that are open', () => {
  const ids = new RequestIds({ ids: 'counter', bits: 2 })
  const open = new Set<number | bigint>()
  const isOpen = (id: number | bigint) => open.has(id)
  expect([ids.next(isOpen), ids.next(isOpen)]).toEqual([1, 2])
  open.add(3)
  expect([ids.next(isOpen), ids.next(isOpen)]).toEqual([1, 2])
  open.add(1).add(2)
  expect(() => ids.next(isOpen)).toThrow('every request id is in use')
})

test('random ids begin anywhere in 63 bits, are bigint, and count on from there past the end', () => {
  const ff = new RequestIds({ ids: 'random', bits: 64, random: n => new Uint8Array(n).fill(0xff) })
  expect(ff.next(() => false)).toBe(2n ** 63n - 1n)
  expect(ff.next(() => false)).toBe(2n ** 63n)
  const small = new RequestIds({ ids: 'random', bits: 8, random: n => new Uint8Array(n).fill(0xff) })
  const drawn = Array.from({ length: 255 }, () => small.next(() => false))
  expect(new Set(drawn).size).toBe(255)
  expect(drawn.slice(0, 1).concat(drawn.slice(-1))).toEqual([127, 126])
  expect(drawn).not.toContain(0)
  expect(() => new RequestIds({ ids: 'random', bits: 64 })).toThrow('random needs a source')
})
