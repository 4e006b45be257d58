// Where things are written: keys, values, and parts of scalars in every style that YAML has.

import { describe, expect, test } from 'vitest'
import { loadSchema, type Path, type Problem } from '../../../generator/index.ts'
import { reading } from '../files.ts'

const HEAD = 'protocol: x\nversion: 1\n'

/** Reports a problem about `word` in the text at `path` and gives the text that the diagnostic points at. */
function pointed(yaml: string, path: Path, word: string, more: Partial<Problem> = {}): string {
  const file = 'x.yaml'
  const text = HEAD + yaml
  const { document, diagnostics } = loadSchema(file, { read: reading({ [file]: text }) })
  expect(diagnostics).toEqual([])
  let value: unknown = document!.data
  for (const step of path) value = (value as Record<string | number, unknown>)[step]
  const start = String(value).indexOf(word)
  expect(start).toBeGreaterThanOrEqual(0)
  document!.report(path, { code: 'type', message: 'wrong', span: { start, end: start + word.length }, ...more })
  const { line, column, width } = diagnostics[0]!
  return text.split('\n')[line - 1]!.slice(column - 1, column - 1 + width)
}

describe('a part of a scalar is found', () => {
  const path = ['frames', 'A', 'fields', 'a']
  const field = (written: string): string => `frames:\n  A:\n    id: 1\n    fields:\n      a: ${written}\n`

  test.each([
    ['plain', 'u8 = wrong else Bad'],
    ['single quotes', `'u8 = wrong else Bad'`],
    ['single quotes with quotes inside', `'bytes = "it''s" wrong'`],
    ['double quotes', `"u8 = wrong else Bad"`],
    ['double quotes with escapes', `"bytes = \\"\\x41\\u00e9\\n\\" wrong"`],
    ['plain over two lines', 'u8 =\n        wrong else Bad'],
    ['double quotes over two lines', '"u8 =\n        wrong else Bad"'],
    ['a literal block', '|\n        u8 = 1\n        else wrong\n'],
    ['a folded block', '>-\n        u8 = 1\n        else wrong\n'],
  ])('in %s', (_, written) => {
    expect(pointed(field(written), path, 'wrong')).toBe('wrong')
  })

  test('in a flow map', () => {
    expect(pointed('frames: { A: { id: 1, fields: { a: u8 = wrong else Bad } } }\n', path, 'wrong')).toBe('wrong')
  })

  test('behind characters outside the basic plane', () => {
    expect(pointed(field('"u8 = \\"😀\\" wrong"'), path, 'wrong')).toBe('wrong')
  })
})

test('a whole value is underlined to its end, a map by its key', () => {
  const text = `${HEAD}frames:\n  Ping: { id: 1, doc: Hello }\n`
  const { document, diagnostics } = loadSchema('x.yaml', { read: reading({ 'x.yaml': text }) })
  document!.report(['frames', 'Ping', 'doc'], { code: 'a', message: 'value' })
  document!.report(['frames', 'Ping', 'doc'], { code: 'a', message: 'key', on: 'key' })
  document!.report(['frames', 'Ping'], { code: 'a', message: 'map' })
  document!.report(['frames', 'Ping', 'fields', 'x'], { code: 'a', message: 'not there' })
  expect(diagnostics.map(one => [one.message, one.line, one.column, one.width])).toEqual([
    ['value', 4, 23, 5],
    ['key', 4, 18, 3],
    ['map', 4, 3, 4],
    ['not there', 4, 3, 4],
  ])
})

test('the same problem is noted once', () => {
  const { document, diagnostics } = loadSchema('x.yaml', { read: reading({ 'x.yaml': HEAD }) })
  for (let times = 0; times < 3; times++) document!.report(['protocol'], { code: 'a', message: 'b' })
  expect(diagnostics).toHaveLength(1)
})
