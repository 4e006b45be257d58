// What becomes of single fields: sizes, derived numbers, defaults, multimaps, byte order, params.

import { describe, expect, test } from 'vitest'
import { fields, frame, valid } from './schema.ts'

const one = (text: string, rest = '') =>
  fields(frame(valid(`${rest}\nframes: { A: { fields: { ${text} } } }`), 'A').body)

describe('derived fields', () => {
  test.each([
    ['n: u8, x: bytes(n)', [{ of: 'x', how: 'size' }]],
    ['n: u8, x: u16*n', [{ of: 'x', how: 'count' }]],
    ['n: leb128, x: string(n)', [{ of: 'x', how: 'size' }]],
    ['n: u8, x: u8* in(n)', [{ of: 'x', how: 'size' }]],
    [
      'n: u8, k: bit, _p: u7, x: bytes(n) if k, y: bytes(n) if not k',
      [
        { of: 'x', how: 'size' },
        { of: 'y', how: 'size' },
      ],
    ],
    ['n: u8 = size(x), x: bytes(n)', undefined],
    ['n: u8 ?= 3, x: bytes(n)', undefined],
    ['n: u8, x: u8', undefined],
  ])('%s', (text, derives) => {
    expect(one(text).n!.derives).toEqual(derives)
  })
})

test('a size is known where every frame has the same', () => {
  const found = one(
    'a: u3, b: bit, c: u4, d: bytes(4*2), e: u16*3, f: f64, g: bool, h: E, i: S, j: string(u8), k: u8 if b, l: leb128',
    'enums: { E: { type: u16, values: { a: 1 } } }\nstructs: { S: { x: u8, y: bytes(3) } }',
  )
  expect(Object.values(found).map(field => field.bits)).toEqual([
    3,
    1,
    4,
    64,
    48,
    64,
    8,
    16,
    32,
    undefined,
    undefined,
    undefined,
  ])
})

test('byte order comes from the type, then from the file', () => {
  const protocol = valid(
    'endian: little\nframes: { A: { fields: { a: u16, b: u16be, c: u8, d: f32, e: u4, f: u12 } } }',
  )
  const { a, b, c, d, f } = fields(frame(protocol, 'A').body)
  expect([a, b, c, d, f].map(field => (field!.type as { little: boolean }).little)).toEqual([
    true,
    false,
    false,
    true,
    false,
  ])
})

test('an imported file keeps its byte order', () => {
  const protocol = valid(
    'endian: little\nimport: [ std/packet ]\nhandshake: { noise: Noise_NN_25519_ChaChaPoly_BLAKE2s }\nframes: { A: { id: 1, fields: { x: u16 } } }',
  )
  const { x, conn_id } = fields(frame(protocol, 'A').body)
  expect([x!.type, conn_id!.type]).toEqual([
    { kind: 'int', signed: false, bits: 16, little: true },
    { kind: 'int', signed: false, bits: 32, little: false },
  ])
})

describe('values', () => {
  test('enum names and literals take the type of their field', () => {
    const kinds = 'enums: { E: { type: u8, values: { one: 1, two: 2 } } }'
    const found = one(
      `a: E = one, b: { type: E, default: 2 }, c: bytes(2) = "VT", d: f32 ?= 1, e: { type: u8*, default: none }`,
      kinds,
    )
    expect(found.a!.value).toMatchObject({ is: 'enumValue', name: 'one' })
    expect(found.b!.fallback).toMatchObject({ is: 'enumValue', name: 'two', value: 2n })
    expect(found.c!.value).toMatchObject({ is: 'bytes', value: new Uint8Array([86, 84]) })
    expect(found.d!.fallback).toMatchObject({ is: 'float', value: 1 })
    expect(found.e!.fallback).toMatchObject({ is: 'none' })
  })

  test('the words version and protocol are those of the document, fields go first', () => {
    expect(one('v: u8 = version').v!.value).toMatchObject({ is: 'int', value: 1n })
    expect(one('version: u8 = version').version!.value).toMatchObject({ is: 'int', value: 1n })
    expect(one('version: u8, v: u8 = version').v!.value).toMatchObject({ is: 'field', name: 'version' })
    expect(one('p: string = protocol').p!.value).toMatchObject({ is: 'text', value: 'test' })
  })

  test('random bytes make a number where the field is one', () => {
    expect(one('t: u64 ?= random(8)').t!.fallback).toMatchObject({ name: 'random', type: { kind: 'int' } })
    expect(one('t: bytes(8) ?= random(8)').t!.fallback).toMatchObject({ name: 'random', type: { kind: 'bytes' } })
  })

  test('a key of the long form goes before a suffix in its line', () => {
    expect(one('t: { type: u8 ?= 1, default: 2 }').t!.fallback).toMatchObject({ value: 2n })
  })

  test('a condition on what comes is marked as lookahead', () => {
    expect(one('a: u8 if remaining > 3').a!.lookahead).toBe(true)
    expect(one('a: u8 if next(u16le) == 3').a!).toMatchObject({
      lookahead: true,
      if: { left: { lookahead: { bits: 16, little: true } } },
    })
    expect(one('n: u8, a: u8 if n == 3').a!.lookahead).toBe(false)
  })

  test('scale is a number, also as a quotient', () => {
    expect(one('t: { type: i16, scale: 1/100 }').t!.scale).toBe(0.01)
    expect(one('t: { type: i16, scale: 0.5 }').t!.scale).toBe(0.5)
  })
})

test('well-known entries of a multimap have keys as bytes and types of their own', () => {
  const entry = 'structs: { E: { key: string(u8), value: bytes(u8) } }'
  const { headers, id } = one(
    'headers: { type: "E* in(u16)", map: { key: key, value: value }, entries: { msg: { key: msg-id, type: dec(u64), lenient: true } } }, id: u64 = headers.msg or 0',
    entry,
  )
  expect(headers!.map).toMatchObject({
    duplicates: 'keep',
    entries: [
      { name: 'msg', key: new TextEncoder().encode('msg-id'), type: { kind: 'number', base: 10, lenient: true } },
    ],
  })
  expect(id!.value).toMatchObject({
    operator: 'or',
    left: { is: 'member', entry: true, name: 'msg', type: { kind: 'int' } },
  })
})

test('an item can look at the one before it', () => {
  const protocol = valid(
    'structs: { I: { d: u8, n: u8 from (prev.n or 0) + d } }\nframes: { A: { fields: { list: I* } } }',
  )
  expect(fields(protocol.structs.get('I')!.body).n!.from).toMatchObject({
    left: { operator: 'or', left: { is: 'member', of: { is: 'special', name: 'prev' } } },
  })
})

test('params have defaults of their type, or words', () => {
  const { params } = valid(
    'params: { n: { type: u64, default: 4MiB, range: 1..16MiB }, m: { type: u32, default: 8MiB }, k: { type: bytes(2), default: "0xaabb" }, w: { type: bytes(32), default: generate }, t: { type: string, default: hello } }\nframes: { A: { fields: { x: bytes(param.n) } } }',
  )
  expect([...params.values()].map(param => param.fallback)).toEqual([
    { literal: 4194304n },
    { literal: 8388608 },
    { literal: new Uint8Array([0xaa, 0xbb]) },
    { word: 'generate' },
    { literal: 'hello' },
  ])
  expect(params.get('n')!.range).toEqual({ min: 1n, max: 16777216n })
})
