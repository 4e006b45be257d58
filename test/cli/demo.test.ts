// The conversation of `proto demo`, on the code in generated/: frames on real sockets, in order, explained.

import { expect, test } from 'vitest'
import Docs from '../../cli/commands/docs.ts'
import { type CrossedFrame, converse } from '../../cli/demo/conversation.ts'
import { loadDescriptor } from '../../cli/live/descriptor.ts'
import { loadSchema } from '../../cli/protocol.ts'
import { run } from './run.ts'

test('client and server exchange every kind of frame, and each byte is explained', async () => {
  const schema = await loadSchema('vstp', undefined)
  const { server, steps } = await converse(await loadDescriptor(schema), schema.protocol, schema.sources)
  const crossed: CrossedFrame[] = []
  for await (const step of steps) crossed.push(...step.frames)
  const names = (transport: string) =>
    crossed.filter(frame => frame.transport === transport).map(({ from, frame }) => `${from} ${frame}`)
  expect(names('tcp')).toEqual([
    'client Hello',
    'server Welcome',
    'client Data',
    'client Ping',
    'server Pong',
    'client Bye',
  ])
  // A slow machine may send some of them again.
  expect([...new Set(names('udp'))]).toEqual(['client Data', 'server Ack', 'client Bye'])
  expect(crossed[0]!.dump).toMatch(/^0000 {2}56 54 +magic +"VT" +schema\/vstp\.yaml:\d+ {2}magic:/)
  expect(crossed[2]!.dump).toContain('"Hello, wire!"')
  await expect(server.closed).resolves.toBeUndefined()
})

test('docs prints the reference page, or writes it', async () => {
  const { code, stdout } = await run(Docs, 'vstp')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^# vstp 1$/m)
  expect((await run(Docs, 'vstp', '--json')).json).toMatchObject({ protocol: 'vstp', markdown: stdout })
  expect((await run(Docs, 'nope')).code).toBe(66)
})
