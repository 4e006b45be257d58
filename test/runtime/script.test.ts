// Handshake scripts: read from top to bottom, run without promises or a clock.

import { expect, test } from 'vitest'
import { PeerError } from '../../runtime/core/errors.ts'
import { instant } from '../../runtime/core/machine.ts'
import { fail, receive, type Script, ScriptMachine, send } from '../../runtime/core/script.ts'

function* asks(question: number): Script<number> {
  yield* send(Uint8Array.of(question))
  const answer = yield* receive(500)
  if (answer[0] !== question + 1) fail(`${answer[0]} is no answer to ${question}`)
  return answer[0]!
}

function* answers(): Script<string> {
  const [question = 0] = yield* receive(500)
  yield* send(Uint8Array.of(question + 1))
  return 'served'
}

test('two scripts that fit come to an end on both sides', () => {
  const [a, b] = [new ScriptMachine(asks(7)), new ScriptMachine(answers())]
  a.start(instant(0))
  b.start(instant(0))
  expect(b.receive(instant(10), a.transmit()!)).toBe(true)
  expect(a.receive(instant(20), b.transmit()!)).toBe(true)
  expect([a.outcome, b.outcome]).toEqual([
    { kind: 'done', result: 8 },
    { kind: 'done', result: 'served' },
  ])
  expect([a.transmit(), b.transmit(), a.deadline, b.deadline]).toEqual([undefined, undefined, Infinity, Infinity])
})

test('what arrives after the end belongs to somebody else', () => {
  const machine = new ScriptMachine(answers())
  machine.start(instant(0))
  machine.receive(instant(1), Uint8Array.of(1))
  expect(machine.receive(instant(2), Uint8Array.of(2))).toBe(false)
})

test('a message that does not come is a timeout at exactly its deadline, and a script may try again', () => {
  function* twice(): Script<string> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      yield* send(Uint8Array.of(attempt))
      try {
        yield* receive(100)
        return `answered at ${attempt}`
      } catch (error) {
        if (!(error instanceof PeerError) || attempt === 2) throw error
      }
    }
    return 'never'
  }
  const machine = new ScriptMachine(twice())
  machine.start(instant(0))
  machine.wake(instant(99))
  expect(machine.transmit()).toEqual(Uint8Array.of(1))
  expect(machine.transmit()).toBeUndefined()
  machine.wake(instant(100))
  expect(machine.transmit()).toEqual(Uint8Array.of(2))
  expect(machine.deadline).toBe(200)
  machine.wake(instant(200))
  expect(machine.outcome).toMatchObject({ kind: 'failed', error: { code: 'Timeout' } })
})

test('a script that refuses or breaks ends as HandshakeFailed and never throws out of the machine', () => {
  const refusing = new ScriptMachine(asks(1))
  refusing.start(instant(0))
  refusing.receive(instant(1), Uint8Array.of(9))
  expect(refusing.outcome).toMatchObject({
    kind: 'failed',
    error: { code: 'HandshakeFailed', message: '9 is no answer to 1', fatal: true },
  })

  // biome-ignore lint/correctness/useYield: it breaks before its first step
  function* broken(): Script<void> {
    throw new TypeError('not a point on the curve')
  }
  const machine = new ScriptMachine(broken())
  machine.start(instant(0))
  expect(machine.outcome).toMatchObject({
    kind: 'failed',
    error: { code: 'HandshakeFailed', message: 'not a point on the curve' },
  })
})
