// YAML as it is read: text that is hostile or odd gives a diagnostic, never an exception and never a huge value.

import { describe, expect, test } from 'vitest'
import { loadSchema } from '../../../generator/index.ts'
import { reading } from '../files.ts'

const HEAD = 'protocol: x\nversion: 1\n'

function load(text: string): ReturnType<typeof loadSchema> {
  return loadSchema('x.yaml', { read: reading({ 'x.yaml': text }) })
}

function codes(text: string): string[] {
  return load(text).diagnostics.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`)
}

describe('is refused with a diagnostic', () => {
  test.each([
    ['an empty file', '', '1:1 yaml the file is empty'],
    ['a list', '- a\n', '1:1 yaml a schema is a map: `protocol: NAME`, `version: 1`, ...'],
    ['a text', 'hello', '1:1 yaml a schema is a map: `protocol: NAME`, `version: 1`, ...'],
    ['an anchor inside itself', `${HEAD}doc: &a [ *a ]\n`, '3:11 yaml *a stands inside what it names'],
    ['a key that is a list', `${HEAD}? [ a ]\n: b\n`, '3:3 yaml a key must be a plain word'],
    ['a key that objects have anyway', `${HEAD}__proto__: { a: 1 }\n`, '3:1 yaml "__proto__" cannot be a key'],
    ['ten thousand brackets', `${HEAD}doc: ${'['.repeat(10_000)}`, 'yaml nested too deeply'],
    ['a hundred levels', `${HEAD}doc: ${'['.repeat(100)}${']'.repeat(100)}`, 'nested too deeply'],
    ['more than a mebibyte', `${HEAD}# ${'x'.repeat(1 << 20)}`, 'a schema has at most 1048576 characters'],
    ['an alias to nothing', `${HEAD}doc: *a\n`, '*a names nothing above it'],
  ])('%s', (_, text, message) => {
    expect(codes(text)[0]).toContain(message)
    expect(load(text).document).toBeUndefined()
  })

  test('a file that is not there', () => {
    expect(loadSchema('nowhere.yaml', { read: reading() }).diagnostics).toMatchObject([
      { file: 'nowhere.yaml', line: 1, column: 1, code: 'file' },
    ])
  })

  test('a bomb of aliases, before it is expanded', () => {
    const levels = Array.from(
      { length: 30 },
      (_, level) => `  a${level + 1}: &a${level + 1} [ *a${level}, *a${level} ]`,
    )
    const started = performance.now()
    expect(codes(`${HEAD}x:\n  a0: &a0 [ 1, 2 ]\n${levels.join('\n')}\n`)[0]).toContain(
      'aliases make more than 200000 values',
    )
    expect(performance.now() - started).toBeLessThan(1000)
  })
})

test('anchors and aliases stand for the same value in two places', () => {
  const { document, diagnostics } = load(
    `${HEAD}frames:\n  A: { id: 1, fields: &f { a: u8 } }\n  B: { id: 2, fields: *f }\n`,
  )
  expect(diagnostics).toEqual([])
  expect(document!.data.frames).toEqual({ A: { id: 1, fields: { a: 'u8' } }, B: { id: 2, fields: { a: 'u8' } } })
})

test('an integer beyond 2^53 keeps its digits', () => {
  const { document } = load(`${HEAD}params: { a: { type: u64, default: 18446744073709551615 } }\n`)
  expect(document!.data.params).toEqual({ a: { type: 'u64', default: '18446744073709551615' } })
})

test('the order of keys is the order of the file', () => {
  const { document } = load(`${HEAD}structs: { Z: { z: u8, a: u8 }, A: { b: u8 } }\n`)
  expect(Object.keys(document!.data.structs as object)).toEqual(['Z', 'A'])
  expect(Object.keys((document!.data.structs as Record<string, object>).Z!)).toEqual(['z', 'a'])
})
