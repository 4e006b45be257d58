// proto sim: protocols in the simulated network, from the command line.

import { expect, test } from 'vitest'
import Sim from '../../cli/commands/sim.ts'
import { run } from './run.ts'

test('a reliable channel delivers everything in bad weather, and the same seed gives the same run', async () => {
  const args = [
    'schema/examples/chat.yaml',
    'Say',
    'room=a',
    'text=hi',
    '--seed',
    '7',
    '--count',
    '60',
    '--clients',
    '2',
  ]
  const weather = ['--loss', '30%', '--reorder', '0.2', '--duplicate', '10%', '--json']
  const { code, json } = await run(Sim, ...args, ...weather)
  expect(code).toBe(0)
  expect(json).toMatchObject({ opened: 2, sent: 120, delivered: 120, failed: 0, closed: { closed: 2 }, seed: 7 })
  expect(json.network.lost).toBeGreaterThan(0)
  const again = await run(Sim, ...args, ...weather)
  expect(again.json.transcript).toBe(json.transcript)
})

test('what is not promised may be lost: frames without acknowledgement over a lossy network', async () => {
  const { json } = await run(Sim, 'vstp', '--seed', '1', '--loss', '20%', '--count', '200', '--json')
  expect(json.sent).toBe(200)
  expect(json.delivered).toBeLessThan(200)
  expect(json.delivered).toBeGreaterThan(120)
})

test('streams are simulated too, and lose nothing', async () => {
  const { code, json } = await run(Sim, 'vstp', '--transport', 'tcp', '--seed', '1', '--count', '200', '--json')
  expect({ code, delivered: json.delivered }).toEqual({ code: 0, delivered: 200 })
})

test.each([
  [['vstp', '--loss', '120%'], 'write a share'],
  [['vstp', '--transport', 'tcp', '--rate', 'fast'], 'is not a rate'],
  [['vstp', 'Datum'], 'Datum'],
  [['schema/examples/chat.yaml', '--transport', 'tcp'], 'has no transport tcp'],
])('a wrong command line is one sentence and exit 2: %s', async (args, text) => {
  const { code, stderr } = await run(Sim, ...args)
  expect(code).toBe(2)
  expect(stderr).toContain(text)
})
