// The heap against a sorted array.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeadlineHeap, type Timed } from '../../runtime/reliability/heap.ts'

const entry = (at: number): Timed => ({ at, place: -1 })

test('entries come out in order of time, whatever was pushed, moved and removed before', () => {
  const step = fc.tuple(fc.constantFrom('push', 'move', 'remove', 'pop'), fc.nat(50), fc.nat(1000))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const heap = new DeadlineHeap<Timed>()
      const inside: Timed[] = []
      for (const [what, which, at] of steps) {
        const chosen = inside[which % Math.max(1, inside.length)]
        if (what === 'push') {
          const e = entry(at)
          heap.push(e)
          inside.push(e)
        } else if (what === 'move' && chosen) heap.move(chosen, at)
        else if (what === 'remove' && chosen) {
          heap.remove(chosen)
          inside.splice(inside.indexOf(chosen), 1)
        } else if (what === 'pop' && chosen) {
          const first = heap.pop() as Timed
          expect(first.at).toBe(Math.min(...inside.map(e => e.at)))
          inside.splice(inside.indexOf(first), 1)
        }
        expect(heap.size).toBe(inside.length)
        expect(heap.deadline()).toBe(Math.min(Infinity, ...inside.map(e => e.at)))
      }
      const rest = inside.map(e => e.at).sort((a, b) => a - b)
      expect(Array.from(rest, () => heap.pop()?.at)).toEqual(rest)
      expect(heap.pop()).toBeUndefined()
    }),
  )
})

test('removing an entry twice changes nothing', () => {
  const heap = new DeadlineHeap<Timed>()
  const [a, b] = [entry(1), entry(2)]
  heap.push(a)
  heap.push(b)
  heap.remove(a)
  heap.remove(a)
  expect(heap.size).toBe(1)
  expect(heap.peek()).toBe(b)
})

test('a tie is broken by the order the user gives', () => {
  interface Numbered extends Timed {
    n: number
  }
  const heap = new DeadlineHeap<Numbered>((a, b) => a.at < b.at || (a.at === b.at && a.n < b.n))
  for (const n of [3, 1, 2]) heap.push({ at: 7, place: -1, n })
  expect([heap.pop()?.n, heap.pop()?.n, heap.pop()?.n]).toEqual([1, 2, 3])
})
