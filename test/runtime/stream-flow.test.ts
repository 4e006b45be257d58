// When bytes that a service passes on are read: at once, unless they come faster than a read for each is worth.

import { expect, test } from 'vitest'
import { instant, NEVER } from '../../runtime/core/machine.ts'
import { Flow, type Intake } from '../../runtime/core/stream-flow.ts'

const INTAKE: Intake = { hasRoom: true, needs: 1, keeps: false, take: (_now, _bytes, _from, end) => end }

function flow(): Flow {
  const made = new Flow()
  made.intake = INTAKE
  return made
}

test('units that come one by one, or a few now and then, never make the next one wait', () => {
  const one = flow()
  for (let ms = 0; ms < 100; ms++) {
    one.passed(instant(ms * 1.1), 3000, ms % 10 === 0 ? 15 : 1)
    expect([one.hasRoom, one.deadline]).toEqual([true, NEVER])
  }
})

test('sixteen small ones within a millisecond do, until the deadline', () => {
  const one = flow()
  for (let i = 0; i < 15; i++) one.passed(instant(5 + i / 100), 1000, 1)
  expect(one.hasRoom).toBe(true)
  one.passed(instant(5.5), 1000, 1)
  expect([one.hasRoom, one.deadline]).toEqual([false, 5.7])
  one.wake(instant(5.6))
  expect(one.hasRoom).toBe(false)
  one.wake(instant(5.7))
  expect([one.hasRoom, one.deadline]).toEqual([true, NEVER])
})

test('a large read is worth itself, and what is not passed on counts for nothing', () => {
  const one = flow()
  one.passed(instant(1), 64 * 1024, 64)
  expect(one.hasRoom).toBe(true)
  one.intake = undefined
  one.passed(instant(1.1), 100, 64)
  expect(one.hasRoom).toBe(true)
})
