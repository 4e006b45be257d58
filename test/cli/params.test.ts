// --set: values for params from the command line, files and the environment; secrets are never repeated.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Failure } from '../../cli/failure.ts'
import { givenParams, paramValues } from '../../cli/input/params.ts'
import { loadSchema } from '../../cli/protocol.ts'
import type { Protocol } from '../../generator/model/model.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-params-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let chat: Protocol
let mixed: Protocol
beforeAll(async () => {
  chat = (await loadSchema('chat', undefined)).protocol
  mixed = (await loadSchema(file('mixed.yaml', MIXED), undefined)).protocol
})

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const MIXED = `protocol: mixed
version: 1
insecure: [ it is a test ]
params:
  size:  { type: u64, default: 4MiB, range: 1..16MiB }
  ratio: { type: f64, default: 0.5 }
  fast:  { type: bool, default: false }
  names: { type: "string(u8) *", default: none }
frames: { Note: { id: 1 } }
transports: { tcp: { framing: prefix(u16), max_frame: 1KiB } }
`
const KEY = '0123456789abcdef'.repeat(4)

const refused = (protocol: Protocol, ...set: string[]): Failure => {
  try {
    givenParams(protocol, set)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('bytes', () => {
  test.each([
    ['hex', () => `0x${KEY}`],
    ['base64', () => `base64:${Buffer.from(KEY, 'hex').toString('base64')}`],
    ['a key file', () => `@${file('a.key', `0x${KEY}\n`)}`],
    ['a file of bare hex', () => `@${file('b.key', KEY)}`],
    ['a file of bytes', () => `@${file('c.key', Buffer.from(KEY, 'hex'))}`],
  ])('are taken as %s', (_, text) => {
    expect(givenParams(chat, [`static_key=${text()}`])).toEqual({
      static_key: Uint8Array.from(Buffer.from(KEY, 'hex')),
    })
  })

  test('come from the environment', () => {
    process.env.PROTO_TEST_KEY = `0x${KEY}`
    expect(givenParams(chat, ['static_key=env:PROTO_TEST_KEY']).static_key).toHaveLength(32)
    delete process.env.PROTO_TEST_KEY
    expect(refused(chat, 'static_key=env:PROTO_TEST_KEY').exitCode).toBe(66)
  })

  test.each(['0x123456', 'hunter2', 'base64:aHVudGVyMg=='])(
    'a secret that does not fit (%s) is not repeated',
    value => {
      const { exitCode, message } = refused(chat, `static_key=${value}`)
      expect(exitCode).toBe(65)
      expect(message).not.toContain(value)
      expect(message).toContain('bytes(32)')
    },
  )
})

describe('other types', () => {
  test('are read as their type, over the defaults', () => {
    expect(paramValues(mixed, ['size=1MiB', 'fast=true', 'names=a,b'])).toEqual({
      size: 1_048_576n,
      ratio: 0.5,
      fast: true,
      names: ['a', 'b'],
    })
  })

  test('the last of several counts', () => expect(givenParams(mixed, ['size=1', 'size=2'])).toEqual({ size: 2n }))

  test.each([
    ['size=0', 65],
    ['size=17MiB', 65],
    ['size=many', 65],
    ['fast=perhaps', 65],
    ['ratio=', 65],
    ['siz=1', 2],
    ['=1', 2],
    ['size', 2],
    ['names=@no-such-file', 66],
  ])('%s is refused with %i', (setting, exit) => {
    if (exit === 66) expect(() => givenParams(mixed, [setting])).toThrow(/ENOENT/)
    else expect(refused(mixed, setting).exitCode).toBe(exit)
  })
})
