// Mistakes that show while names are resolved: each is reported at its place, with its code, and a hint where one helps.

import { describe, expect, test } from 'vitest'
import { build } from './schema.ts'

const FLAGS = 'bitsets: { F: { type: u8, bits: { ack: 0 } } }'
const KIND = 'enums: { K: { type: u8, values: { one: 1, two: 2 } } }'

describe('references', () => {
  test.each([
    [
      'frames: { A: { fields: { x: Foo } } }\nstructs: { Fooo: { a: u8 } }',
      '1:29 reference no type named Foo',
      'did you mean "Fooo"?',
    ],
    [
      'frames: { A: { fields: { x: u8 else Nope } } }',
      '1:37 reference no error named Nope',
      'declare it: errors: { Nope: { text: .. } }',
    ],
    [
      'frames: { A: { fields: { x: u8 = crc33(..) } } }',
      '1:34 reference no function named crc33',
      'did you mean "crc32"?',
    ],
    [
      'frames: { A: { fields: { x: u8, y: u8 = length(x) } } }',
      '1:41 reference no function named length',
      'did you mean "size" (bytes) or "count" (items)?',
    ],
    [
      'frames: { A: { fields: { xyz: u8, b: u8 = xzy } } }',
      '1:43 reference no field named xzy in frame A',
      'did you mean "xyz"?',
    ],
    ['frames: { A: { fields: { a: u8 = param.x } } }', '1:34 reference no param named x', undefined],
    ['frames: { A: { fields: { a: u8 = session.x } } }', '1:34 reference no session value named x', undefined],
    ['frames: { A: { seal: p } }', '1:22 reference no seal named p', 'declare it under seal:'],
    ['frames: { A: { channel: c } }', '1:25 reference no channel named c', 'there are no channels'],
    ['frames: { A: { dir: client>serverx } }', '1:21 reference no role named serverx', 'did you mean "server"?'],
    ['frames: { A: { learn: { q: 1 } } }', '1:25 reference no session value named q', undefined],
    [
      `${FLAGS}\nframes: { A: { fields: { f: F, c: u8 if f.akc } } }`,
      '2:41 reference F has no bit akc',
      'did you mean "ack"?',
    ],
    [
      `${KIND}\nframes: { A: { fields: { k: K, a: u8 if k == tow } } }`,
      '2:46 reference K has no value tow',
      'did you mean "two"?',
    ],
    [`${KIND}\nframes: { A: { fields: { a: u8 = one } } }`, '2:34 reference no field named one', 'write "K.one"'],
    [
      'structs: { S: { a: bytes(q) } }\nframes: { A: { fields: { q: u8, x: S } } }',
      '1:26 reference no field named q in struct S',
      'write "parent.q"',
    ],
    [
      'structs: { S: { a: bytes(parent.q) } }\nframes: { A: { fields: { x: u8 } } }',
      '1:26 reference no record contains struct S',
      undefined,
    ],
    [
      'frames: { A: { id: 1 } }\nenvelope: { x: u8, body: frame }',
      '1:16 reference the envelope has no field for this id',
      'give it one: "type: id(u8)"',
    ],
    [
      'frames: { A: { with: { z: 1 } } }\nenvelope: { x: u8, body: frame }',
      '1:24 reference the envelope has no field z',
      undefined,
    ],
    ['frames: { A: { validate: [ z ] } }', '1:28 reference no field named z in frame A', undefined],
  ])('%s', (text, error, hint) => {
    const { errors, hints } = build(text)
    expect(errors).toEqual([error])
    expect(hints[0]).toBe(hint)
  })
})

describe('order', () => {
  test.each([
    ['frames: { A: { fields: { x: u8 if y > 0, y: u8 } } }', '1:35 order y comes later than what it decides'],
    ['frames: { A: { fields: { x: bytes(y), y: u8 } } }', '1:35 order y comes later than what it decides'],
    ['frames: { A: { fields: { x: u8*n, n: u8 } } }', '1:32 order n comes later than what it decides'],
    ['frames: { A: { fields: { x: u8 from y + 1, y: u8 } } }', '1:37 order y comes later than what it decides'],
    [
      'structs: { S: { a: bytes(parent.q) } }\nframes: { A: { fields: { x: S, q: u8 } } }',
      '1:26 order q comes later in frame A than what it decides',
    ],
  ])('%s', (text, error) => {
    expect(build(text).errors).toEqual([error])
  })
})

describe('types of expressions', () => {
  test.each([
    [
      'frames: { A: { fields: { t: f32, s: bytes(t) } } }',
      '1:43 type a size is a whole number, this is a floating-point number',
      undefined,
    ],
    [
      'frames: { A: { fields: { t: string(u8), s: u8*t } } }',
      '1:47 type a count is a whole number, this is text',
      undefined,
    ],
    [
      'frames: { A: { fields: { x: u8, y: u8 if x } } }',
      '1:42 type a condition is true or false, this is a whole number',
      'compare it: "x != 0"',
    ],
    [
      'frames: { A: { fields: { x: u8 }, check: [ x + 1 ] } }',
      '1:44 type a rule is true or false, this is a whole number',
      'compare it: "x != 0"',
    ],
    [
      'frames: { A: { fields: { x: u8, y: bytes(4) = x } } }',
      '1:47 type y is bytes, this is a whole number',
      'make bytes of a number with "u32(x)", "u16le(x)"',
    ],
    [
      'frames: { A: { fields: { x: u8, y: u32 = sha256(x) } } }',
      '1:49 type bytes are expected, this is a whole number',
      'make bytes of a number with "u32(x)", "u16le(x)"',
    ],
    [
      `${FLAGS}\nframes: { A: { fields: { f: F, x: u8 = f & 1 } } }`,
      '2:40 type "&" takes whole numbers, this is F',
      'name the bit: "flags.NAME"',
    ],
    [`${KIND}\nframes: { A: { fields: { k: K, a: u8 if k == 3 } } }`, '2:46 type K has no value 3', 'it has one, two'],
    [
      `${KIND}\nframes: { A: { fields: { k: K, a: u8 if k > one } } }`,
      '2:41 type values of an enum have no order',
      'write "x in (a, b)"',
    ],
    [
      'frames: { A: { fields: { x: u64 = random(8) } } }',
      '1:35 type random() gives another value each time',
      'a value that is drawn is written "?= ..": the receiver cannot check it',
    ],
    [
      'frames: { A: { fields: { x: u64, y: u8 = next(u8) } } }',
      '1:42 type next(T) looks at bytes that are still to come',
      'use it in conditions, sizes and while(..)',
    ],
    [
      'frames: { A: { fields: { x: "u8 = 1", y: { type: u8 = 1, default: 2 } } } }',
      '1:67 type y has a fixed value, so it cannot have a default',
      'leave one of them out',
    ],
  ])('%s', (text, error, hint) => {
    const { errors, hints } = build(text)
    expect(errors).toEqual([error])
    expect(hints[0]).toBe(hint)
  })
})

describe('fields that can be absent', () => {
  const frame = (fields: string, check = 'true'): string =>
    `${FLAGS}\nframes: { A: { fields: { f: F, a: u8 if f.ack, ${fields} }, check: [ "${check}" ] } }`

  test.each([
    frame('b: u8 = a or 0'),
    frame('b: u8 = if present(a) then a else 0'),
    frame('b: u8 = if f.ack then a else 0'),
    frame('b: u8 = a if f.ack'),
    frame('b: u8 if f.ack and a > 3'),
    frame('b: u8', 'not f.ack or a > 3'),
    frame('b: u8', 'not present(a) or a > 3'),
    frame('b: u8 = size(a)'),
  ])('%s is guarded', text => {
    expect(build(text).errors).toEqual([])
  })

  test.each([
    frame('b: u8 = a'),
    frame('b: u8', 'a > 3'),
    frame('b: u8', 'f.ack or a > 3'),
    frame('b: u8 = if f.ack then 0 else a'),
  ])('%s is not', text => {
    expect(build(text).errors).toHaveLength(1)
    expect(build(text).errors[0]).toContain('type a can be absent here')
  })

  test('what is present tells of what is there under the same condition', () => {
    expect(build(frame('b: u8 if f.ack, c: u8 = if present(b) then a else 0')).errors).toEqual([])
  })
})

describe('numbers that cannot be', () => {
  test.each([
    ['frames: { A: { fields: { a: u8 = 300 } } }', '1:34 range 300 does not fit into u8'],
    [
      'frames: { A: { fields: { a: u8, b: u8 if a == 300 } } }',
      '1:47 range 300 does not fit into u8, so the two are never equal',
    ],
    [`frames: { A: { fields: { a: 'bytes(2) = "VTX"' } } }`, '1:41 range 3 bytes do not fill a field of 2'],
    ['frames: { A: { fields: { x: u32 ?= random(8) } } }', '1:36 range random(8) makes 64 bits, the field has 32'],
    ['frames: { A: { fields: { a: u32 in(2) } } }', '1:29 range the region has 2 bytes, what is in it takes 4 bytes'],
    ['frames: { A: { fields: { a: bytes(1 - 2) } } }', '1:35 range a size of -1 is impossible'],
    ['frames: { A: { fields: { a: uint(9) } } }', '1:34 range an integer has at most 8 bytes'],
    ['frames: { A: { fields: { a: { type: u8, range: 5..1 } } } }', '1:48 syntax "5..1" runs backwards'],
    ['frames: { A: { fields: { a: { type: u8, range: 0..256 } } } }', '1:48 range 256 does not fit into u8'],
    ['frames: { A: { id: 300 } }', '1:20 range 300 does not fit into the id field, type has 8 bits'],
    ['enums: { E: { type: u2, values: { a: 4 } } }', '1:38 range 4 does not fit into u2'],
    ['bitsets: { E: { type: u8, bits: { a: 8 } } }', '1:38 range bit 8 is outside u8'],
    ['enums: { E: { type: u2, values: { a: 1, b: 1 } } }', '1:44 duplicate b and a are both 1'],
    ['bitsets: { E: { type: u8, bits: { a: 1, b: 1 } } }', '1:44 duplicate b and a are both bit 1'],
  ])('%s', (text, error) => {
    expect(build(text).errors).toEqual([error])
  })
})

describe('layout', () => {
  test.each([
    [
      'frames: { A: { fields: { a: u3 } } }',
      '1:26 alignment frame A ends in the middle of a byte, 5 bits are missing',
      'add a hidden field "_pad: u5"',
    ],
    [
      'frames: { A: { fields: { a: u3, b: bytes(4) } } }',
      '1:33 alignment b begins in the middle of a byte',
      'a ends at bit 3 of a byte: fill up with a hidden field "_pad: u5"',
    ],
    [
      'frames: { A: { fields: { x: u4, y: u16le, z: u4 } } }',
      '1:33 alignment y shares a byte with x, but its bits run the other way',
      'x begins at the most significant bit: write "u16be"',
    ],
    [
      'frames: { A: { fields: { a: u8, b: u4 if a == 1, c: u4 if a == 2 } } }',
      '1:33 alignment frame A ends in the middle of a byte, 4 bits are missing where (a == 1) and not (a == 2)',
      'add a hidden field "_pad: u4"',
    ],
    [
      'frames: { A: { fields: { a: bytes, b: string(u8) } } }',
      '1:29 rest a takes the rest, but b behind it has no fixed size',
      'give a or b a length: "bytes(u16)", or a field that holds it',
    ],
    [
      'frames: { A: { fields: { n: u8, a: bytes, b: u8 if n == 1 } } }',
      '1:36 rest a takes the rest, but b behind it is not always there',
      'give a a length, so that its end is known before b',
    ],
    [
      'structs: { E: { x: u8 if remaining > 3 } }\nframes: { A: { fields: { s: E* } } }',
      '2:29 unbounded an item of this list can be empty, so the list has no end',
      'give it a count: "T*n"',
    ],
    [
      'frames: { A: { fields: { s: string*u8 } } }',
      '1:29 rest an item of this list takes the rest, nothing is left for a second',
      'give the items a length: "(T in(u16))*"',
    ],
    [
      'frames: { A: { fields: { n: u8, s: string until(n) } } }',
      '1:49 type a delimiter is a literal: text, bytes or one byte',
      'only a list "T* until(condition)" ends by a condition',
    ],
    [
      'structs: { S: { x: u8, next: S } }\nframes: { A: { fields: { s: S } } }',
      '1:24 cycle next makes a value without end: struct S contains struct S',
      'make it conditional, a list, or a variant of a union',
    ],
    [
      'structs: { S: { next: S if remaining > 0 } }\nframes: { A: { fields: { s: S } } }',
      '1:17 cycle next repeats without reading a byte: struct S contains struct S',
      'read something in front of it',
    ],
  ])('%s', (text, error, hint) => {
    const { errors, hints } = build(text)
    expect(errors).toEqual([error])
    expect(hints[0]).toBe(hint)
  })

  test.each([
    'frames: { A: { fields: { version: u4 = 6, traffic: u8, flow: u20 } } }',
    'frames: { A: { fields: { a: u8, b: u4 if a == 1, c: u4 if a == 1 } } }',
    'frames: { A: { fields: { a: u8, b: u4 if a == 1, c: u4 if a != 1, d: u4 } } }',
    'frames: { A: { fields: { a: u8, b: bytes if a == 1, c: string if a != 1 } } }',
    'frames: { A: { fields: { a: bytes, crc: u32 = crc32(..) } } }',
    'structs: { S: { x: u8, next: S if x > 0 } }\nframes: { A: { fields: { s: S } } }',
    'structs: { S: { children: S*u8 } }\nframes: { A: { fields: { s: S } } }',
  ])('%s is right', text => {
    expect(build(text).errors).toEqual([])
  })
})

describe('computed fields', () => {
  test.each([
    [
      'frames: { A: { fields: { a: u8 = size(b), b: bytes = zeros(a) } } }',
      '1:29 cycle a would be computed from itself: a needs b needs a',
    ],
    [
      'frames: { A: { fields: { a: u32 = crc32(a..b), b: u32 = crc32(a..b) } } }',
      '1:29 cycle a would be computed from itself: a needs b needs a',
    ],
    ['frames: { A: { fields: { a: u8 = a + 1 } } }', '1:34 cycle a would be computed from itself'],
    [
      'frames: { A: { fields: { a: u8, b: u8, c: u32 = crc32(b..a) } } }',
      '1:55 range the range runs backwards, a stands before b',
    ],
    [
      'frames: { A: { fields: { c: u32 = crc32(a..), a: u8 } } }',
      '1:41 range "a.." ends before c, which stands in front of it',
    ],
    ['frames: { A: { fields: { c: u32 = crc32(a..z), a: u8 } } }', '1:41 reference no field named z in frame A'],
    [
      'frames: { A: { fields: { len: u8, data: bytes(len * 4) } } }',
      '1:26 underivable len decides the size of data by "(len * 4)", which the encoder cannot turn round',
    ],
  ])('%s', (text, error) => {
    expect(build(text).errors).toEqual([error])
  })

  test('a checksum may contain its own place, and a length itself', () => {
    const text = 'frames: { A: { fields: { len: u16 = size(..crc), data: bytes, crc: u32 = crc32(len..crc) } } }'
    expect(build(text).errors).toEqual([])
  })
})

describe('unions', () => {
  test('tags are unique, fit, and are given where the union does not read one', () => {
    const variants = '{ A: { id: 1, type: u8 }, B: { id: 1, type: u8 }, C: { id: 256, type: u8 }, D: { type: u8 } }'
    expect(
      build(`unions: { U: { tag: u8, variants: ${variants} } }\nframes: { X: { fields: { u: U, v: U(u) } } }`).errors,
    ).toEqual([
      '1:70 duplicate B and A have the same tag 1',
      '1:94 range 256 does not fit into the tag',
      '1:111 type D has no id',
      '2:37 type U reads its tag itself',
    ])
    const by = `${KIND}\nunions: { U: { by: K, variants: { A: { id: one, type: u8 }, B: { id: three, type: u8 } } } }`
    expect(build(`${by}\nframes: { X: { fields: { k: K, n: u8, u: U(k), v: U(n), w: U } } }`).errors).toEqual([
      '2:70 type "three" is no tag of U',
      '3:53 type the tag of U is K, this is a whole number',
      '3:60 type U needs its tag',
    ])
  })
})

test('one mistake in the envelope is reported once, however many frames there are', () => {
  expect(
    build('envelope: { x: u8 = y, body: frame }\nframes: { A: { match: { x: 1 } }, B: { match: { x: 2 } } }').errors,
  ).toEqual(['1:21 reference no field named y in the envelope'])
})

test('what uses a line that cannot be read says nothing', () => {
  expect(build('frames: { A: { fields: { n: u23q, data: bytes(n) } } }').errors).toEqual([
    '1:29 syntax unknown type "u23q"',
  ])
})

test('an error that nothing raises is a warning', () => {
  const { errors, warnings } = build('errors: { Lost: { text: lost } }\nframes: { A: { fields: { x: u8 } } }')
  expect([errors, warnings]).toEqual([[], ['nothing raises Lost']])
})
