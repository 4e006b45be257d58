// `import`: what is merged, what is an error, and that places and byte orders stay those of the files.

import { describe, expect, test } from 'vitest'
import { loadSchema } from '../../../generator/index.ts'
import { reading } from '../files.ts'

function load(files: Readonly<Record<string, string>>): ReturnType<typeof loadSchema> {
  const [file] = Object.keys(files)
  const full = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [
      name,
      `protocol: ${/(\w+)\.yaml$/.exec(name)![1]}\nversion: 1\n${text}`,
    ]),
  )
  return loadSchema(file!, { read: reading(full) })
}

test('sections are merged, the imported names first', () => {
  const { document, diagnostics } = load({
    'a/main.yaml': 'import: [ ../b/types ]\ndoc: mine\nstructs: { Own: { x: u8 } }\n',
    'b/types.yaml': 'doc: theirs\nstructs: { Point: { x: u16 } }\nexamples: [ { hex: "00" } ]\nprofiles: { old: {} }\n',
  })
  expect(diagnostics).toEqual([])
  expect(document!.data).toEqual({
    protocol: 'main',
    version: 1,
    import: ['../b/types'],
    doc: 'mine',
    structs: { Point: { x: 'u16' }, Own: { x: 'u8' } },
  })
  expect(document!.place(['structs', 'Point', 'x'])).toEqual({ file: 'b/types.yaml', line: 4, column: 24 })
})

test('limits, handshake and seal take single keys from the importing file', () => {
  const { document, diagnostics } = load({
    'main.yaml': 'import: [ base ]\nlimits: { connections: 5, rate: { burst: 3 } }\n',
    'base.yaml': 'limits: { connections: 1, idle: 5s, rate: { packets: 10/s, burst: 1 } }\n',
  })
  expect(diagnostics).toEqual([])
  expect(document!.data.limits).toEqual({ connections: 5, idle: '5s', rate: { packets: '10/s', burst: 3 } })
})

test('a file that two files import comes once', () => {
  const { document, diagnostics } = load({
    'main.yaml': 'import: [ left, right ]\n',
    'left.yaml': 'import: [ base ]\nstructs: { Left: { x: u8 } }\n',
    'right.yaml': 'import: [ base ]\nstructs: { Right: { x: u8 } }\n',
    'base.yaml': 'structs: { Base: { x: u8 } }\n',
  })
  expect(diagnostics).toEqual([])
  expect(Object.keys(document!.data.structs as object)).toEqual(['Base', 'Left', 'Right'])
})

test('an imported file keeps its byte order', () => {
  const { document } = load({
    'main.yaml': 'import: [ base ]\nendian: little\nstructs: { Own: { x: u16 } }\n',
    'base.yaml': 'structs: { Base: { x: u16 } }\n',
  })
  expect(document!.data.endian).toBe('little')
  expect(document!.endian!(['structs', 'Own', 'x'])).toBe('little')
  expect(document!.endian!(['structs', 'Base', 'x'])).toBe('big')
})

describe('is an error at the place where it is written', () => {
  test.each([
    [
      'a name that both have',
      'import: [ base ]\nstructs: { Base: { y: u8 } }\n',
      '4:12 duplicate structs.Base is already in base.yaml',
    ],
    [
      'a second envelope',
      'import: [ base ]\nenvelope: { body: frame }\n',
      '4:1 duplicate envelope is already in base.yaml',
    ],
    ['a file that is not there', 'import: [ nowhere ]\n', '3:11 import there is no "nowhere" to import'],
    ['an extension', 'import: [ base.yaml ]\n', '3:11 import an import has no extension'],
    ['a circle', 'import: [ back ]\n', '3:11 import "main" imports itself by way of this file'],
  ])('%s', (_, text, expected) => {
    const { diagnostics } = load({
      'main.yaml': text,
      'base.yaml': 'structs: { Base: { x: u8 } }\nenvelope: { body: frame }\n',
      'back.yaml': 'import: [ main ]\n',
    })
    expect(diagnostics.map(({ line, column, code, message }) => `${line}:${column} ${code} ${message}`)).toEqual([
      expected,
    ])
  })

  test('a mistake in the imported file, in that file', () => {
    const { diagnostics } = load({ 'main.yaml': 'import: [ base ]\n', 'base.yaml': 'structs: { base: { x: u8 } }\n' })
    expect(diagnostics.map(({ file, line, code }) => `${file}:${line} ${code}`)).toEqual([
      'base.yaml:3 name',
      'main.yaml:3 import',
    ])
  })
})
