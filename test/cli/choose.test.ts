// What `send` does where the user did not say.

import { expect, test } from 'vitest'
import { fillField, pattern } from '../../cli/live/choose.ts'
import { loadSchema } from '../../cli/protocol.ts'

test.each([
  ['vstp', 'Data', 'payload'],
  ['chat', 'Say', 'text'],
  ['chat', 'File', 'content'],
  ['rpc', 'Request', 'text'],
])('--size fills the roomiest field: %s %s %s', async (schema, name, field) => {
  const { protocol } = await loadSchema(schema, undefined)
  const filled = fillField(protocol, protocol.frames.get(name)!, 5, {})
  expect(Object.keys(filled)).toEqual([field])
  expect((filled[field] as { length: number }).length).toBe(5)
})

test('a field that was given is not filled', async () => {
  const { protocol } = await loadSchema('chat', undefined)
  expect(fillField(protocol, protocol.frames.get('Say')!, 1, { text: 'x' })).toHaveProperty('room')
})

test('a frame without such a field is refused as usage', async () => {
  const { protocol } = await loadSchema('potato', undefined)
  expect(() => fillField(protocol, protocol.frames.get('HotPotato')!, 1, {})).toThrow(/no field of bytes or text/)
})

test('the pattern is the one of the vectors', () => {
  expect([...pattern(4)]).toEqual([7, 38, 69, 100])
})
