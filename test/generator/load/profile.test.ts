// The five rules by which a profile is laid over its document, and the mistakes in it.

import { describe, expect, test } from 'vitest'
import { loadSchema } from '../../../generator/index.ts'
import { reading } from '../files.ts'

function load(text: string, profile = 'p'): ReturnType<typeof loadSchema> {
  return loadSchema('x.yaml', { profile, read: reading({ 'x.yaml': `protocol: x\nversion: 1\n${text}` }) })
}

function merged(text: string): Record<string, unknown> {
  const { document, diagnostics } = load(text)
  expect(diagnostics).toEqual([])
  return document!.data
}

test('maps are merged key by key; new keys go to the end, changed ones keep their place', () => {
  const data = merged(
    'structs: { A: { x: u8, y: u8 } }\nprofiles: { p: { structs: { A: { z: u8, x: u16 }, B: { a: u8 } } } }\n',
  )
  expect(data.structs).toEqual({ A: { x: 'u16', y: 'u8', z: 'u8' }, B: { a: 'u8' } })
  expect(Object.keys((data.structs as Record<string, object>).A!)).toEqual(['x', 'y', 'z'])
})

test('null deletes a key, so the default is back', () => {
  expect(merged('limits: { idle: 5s }\ndoc: a\nprofiles: { p: { limits: null } }\n')).not.toHaveProperty('limits')
})

test('lists and scalars are replaced', () => {
  const data = merged(
    'limits: { strikes: { on: [ BadValue, BadText ] } }\nprofiles: { p: { limits: { strikes: { on: [ TooLarge ] } } } }\n',
  )
  expect(data.limits).toEqual({ strikes: { on: ['TooLarge'] } })
})

test('$replace drops the base map first', () => {
  const data = merged(
    'structs: { A: { x: u8, y: u8 } }\nprofiles: { p: { structs: { A: { $replace: true, z: u8 } } } }\n',
  )
  expect(data.structs).toEqual({ A: { z: 'u8' } })
})

test('$before places a new field', () => {
  const data = merged(
    'structs: { A: { x: u8, y: u8 } }\nprofiles: { p: { structs: { A: { z: { type: u8, $before: y } } } } }\n',
  )
  expect(Object.keys((data.structs as Record<string, object>).A!)).toEqual(['x', 'z', 'y'])
  expect((data.structs as Record<string, Record<string, unknown>>).A!.z).toEqual({ type: 'u8' })
})

test('a short field met by a map is first read as its type; other scalars are replaced', () => {
  const data = merged(
    'structs: { A: { x: u8 = 1 } }\non_error: { tell: Err }\nframes: { Err: { id: 1 } }\nprofiles: { p: { structs: { A: { x: { doc: one } } }, on_error: { tell: { frame: Err, on: any } } } }\n',
  )
  expect(data.structs).toEqual({ A: { x: { type: 'u8 = 1', doc: 'one' } } })
  expect(data.on_error).toEqual({ tell: { frame: 'Err', on: 'any' } })
})

test('what a profile extends comes first, and all reasons of the chain are listed', () => {
  const data = merged(
    'insecure: [ plain ]\nlimits: { idle: 5s }\nprofiles:\n  p: { extends: base, insecure: [ old, plain ], limits: { idle: 7s } }\n  base: { insecure: [ weak ], limits: { idle: 6s, connections: 3 } }\n',
  )
  expect(data.limits).toEqual({ idle: '7s', connections: 3 })
  expect(data.insecure).toEqual(['plain', 'weak', 'old'])
})

test("the document's examples do not hold for a profile; its own do", () => {
  expect(merged('examples: [ { hex: "00" } ]\nprofiles: { p: {} }\n')).not.toHaveProperty('examples')
  expect(merged('examples: [ { hex: "00" } ]\nprofiles: { p: { examples: [ { hex: "01" } ] } }\n').examples).toEqual([
    { hex: '01' },
  ])
})

test('places are those of the profile where it says something, and of the document elsewhere', () => {
  const { document } = load('structs:\n  A: { x: u8, y: u8 }\nprofiles:\n  p:\n    structs: { A: { x: { max: 5 } } }\n')
  expect(document!.place(['structs', 'A', 'x', 'max'])).toMatchObject({ line: 7, column: 31 })
  expect(document!.place(['structs', 'A', 'x', 'type'])).toMatchObject({ line: 4, column: 11 })
  expect(document!.place(['structs', 'A', 'y'])).toMatchObject({ line: 4, column: 18 })
})

describe('is an error', () => {
  test.each([
    ['deleting what is not there', 'p: { limits: null }', 'there is no limits to delete'],
    [
      'a field to stand before that is not there',
      'p: { structs: { A: { z: { type: u8, $before: q } } } }',
      'there is no field "q" to stand before',
    ],
    ['extending itself', 'p: { extends: q }\n  q: { extends: p }', 'profile "p" extends itself'],
    ['extending nothing', 'p: { extends: r }', 'there is no profile "r"'],
    ['a key that the language has not', 'p: { structs: { A: { x: { typ: u8 } } } }', 'unknown key "typ"'],
    ['a section that the language has not', 'p: { struct: {} }', 'unknown key "struct"'],
    ['a value of the wrong kind', 'p: { limits: { idle: 5 } }', 'expected a time such as'],
  ])('%s', (_, profile, message) => {
    const { diagnostics } = load(`structs: { A: { x: u8 } }\nprofiles:\n  ${profile}\n`)
    expect(diagnostics.map(one => one.message)).toEqual([expect.stringContaining(message)])
    expect(diagnostics[0]!.line).toBeGreaterThan(4)
  })

  test('a profile that is not there', () => {
    expect(load('profiles: { older: {} }\n', 'oldr').diagnostics).toMatchObject([
      { code: 'profile', hint: 'did you mean "older"?' },
    ])
  })
})
