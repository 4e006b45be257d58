// Every type of the language: what it reads, what it writes, what it refuses.
import { describe, expect, it } from 'vitest'
import { codecFrom, decode, encode, frameOf, hex } from './schema.ts'

const SECTIONS = `
enums:
  Kind: { type: u8, values: { a: 1, b: 2 } }
  Open: { type: u16le, values: { x: 1 }, unknown: keep }
  Long: { type: leb128(2), values: { far: 300 }, unknown: BadKind }
  Letter: { type: u8, values: { quit: Q } }
bitsets:
  Keep: { type: u8, bits: { low: 0, high: 7 }, undefined: keep }
  Clear: { type: u8, bits: { low: 0, high: 7 }, undefined: clear }
  Empty: { type: u8, bits: { low: 0, high: 7 }, undefined: empty }
  Strict: { type: u8, bits: { low: 0, high: 7 } }
  Named: { type: u16, bits: { low: 0 }, undefined: BadBits }
structs:
  Point: { x: u8, y: i8 }
  Name: { text: string(u8) }
  Tree: { value: u8, children: Tree*u8 }
unions:
  Shape:
    tag: u8
    variants:
      Dot: { id: 1, fields: { at: Point } }
      Raw: { id: [ 2, 3 ], type: bytes(u8) }
      Nothing: { id: 4 }
  Open2:
    tag: u8
    error: BadShape
    variants:
      Dot: { id: 1, fields: { at: Point } }
      Else: { other: true, type: bytes }
  Strange: { tag: u8, error: BadShape, variants: { Dot: { id: 1 } } }
errors: { BadKind: { text: bad kind }, BadBits: { text: bad bits }, BadShape: { text: bad shape } }
`

const GOOD: readonly (readonly [field: string, bytes: string, value: unknown])[] = [
  ['x: u8', 'ff', 255],
  ['x: i8', 'ff', -1],
  ['x: u16', '0102', 0x0102],
  ['x: u16le', '0102', 0x0201],
  ['x: u24le', '010203', 0x030201],
  ['x: i24', 'fffffe', -2],
  ['x: u48', '010203040506', 0x010203040506],
  ['x: u56', '01020304050607', 0x01020304050607n],
  ['x: u64', 'ffffffffffffffff', 2n ** 64n - 1n],
  ['x: i64le', 'feffffffffffffff', -2n],
  ['x: { type: u64, number: number }', '001fffffffffffff', Number.MAX_SAFE_INTEGER],
  ['x: { type: u64, number: pair }', '00000001ffffffff', { hi: 1, lo: 0xffffffff }],
  ['x: f32', '3fc00000', 1.5],
  ['x: f64le', '000000000000f83f', 1.5],
  ['x: bool', '01', true],
  ['x: leb128', 'ac02', 300n],
  ['x: leb128(4)', 'ac02', 300],
  ['x: sleb128(4)', '7f', -1],
  ['x: zigzag(2)', '8101', -65],
  ['x: vlq', '8100', 128n],
  ['x: vlq(4)', 'ffffff7f', 0x0fffffff],
  ['x: bytes(vlq(2))', '02abcd', hex('abcd')],
  ['x: u8*vlq(2)', '020102', [1, 2]],
  ['x: quic', '7bbd', 15293n],
  ['x: quic', 'c2197c5eff14e88c', 151288809941952652n],
  ['x: uint(3)', '010203', 0x010203n],
  ['x: uintle(3)', '010203', 0x030201n],
  ['x: bytes(2)', 'abcd', hex('abcd')],
  ['x: bytes(u8)', '02abcd', hex('abcd')],
  ['x: bytes', 'abcd', hex('abcd')],
  ['x: string(u8)', '03c3a941', 'éA'],
  ['x: ascii(2)', '4142', 'AB'],
  ['x: latin1(1)', 'e9', 'é'],
  ['x: string until("\\r\\n")', '68690d0a', 'hi'],
  ['x: bytes until(0x00)', '686900', hex('6869')],
  ['x: dec(u16)', '3132', 12],
  ['x: dec(i8) until("\\n")', '2d310a', -1],
  ['x: dec(u64)', '3138343436373434303733373039353531363135', 2n ** 64n - 1n],
  ['x: hex(u32) in(u8)', '026666', 255],
  ['x: u8*3', '010203', [1, 2, 3]],
  ['x: u16*u8', '0200010002', [1, 2]],
  ['x: u8*', '0102', [1, 2]],
  ['x: u8* in(u16)', '00020102', [1, 2]],
  [
    'x: (u8*2)*2',
    '01020304',
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['x: bytes(u8)*u8', '0201aa00', [hex('aa'), hex('')]],
  ['x: u8* until(item == 0)', '010200', [1, 2, 0]],
  ['x: Point', '01ff', { x: 1, y: -1 }],
  [
    'x: Point*2',
    '01020304',
    [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ],
  ],
  ['x: Point in(u8)', '020102', { x: 1, y: 2 }],
  ['x: Name', '0141', { text: 'A' }],
  [
    'x: Tree',
    '0102020003010400',
    {
      value: 1,
      children: [
        { value: 2, children: [] },
        { value: 3, children: [{ value: 4, children: [] }] },
      ],
    },
  ],
  ['x: Kind', '02', 'b'],
  ['x: Open', '0100', 'x'],
  ['x: Open', '0700', 7],
  ['x: Long', 'ac02', 'far'],
  ['x: Letter', '51', 'quit'],
  ['x: Keep', '83', 0x83],
  ['x: Strict', '81', 0x81],
  ['x: Shape', '010102', { is: 'Dot', at: { x: 1, y: 2 } }],
  ['x: Shape', '0201aa', { is: 'Raw', value: hex('aa') }],
  ['x: Shape', '04', { is: 'Nothing' }],
  ['x: Open2', '09aabb', { is: 'Else', tag: 9, value: hex('aabb') }],
]

/** `Code offset field`. */
const BAD: readonly (readonly [field: string, bytes: string, error: string])[] = [
  ['x: u16', '01', 'Truncated 0 x'],
  ['x: { type: u64, number: number }', '0020000000000000', 'OutOfRange 0 x'],
  ['x: bool', '02', 'BadBool 0 x'],
  ['x: leb128(2)', '808001', 'VarintTooLong 0 x'],
  ['x: leb128(2)', '80', 'Truncated 0 x'],
  ['x: vlq(2)', '818101', 'VarintTooLong 0 x'],
  ['x: vlq(2)', '8001', 'VarintTooLong 0 x'],
  ['x: vlq(2)', '81', 'Truncated 0 x'],
  ['x: quic(2)', '80000001', 'VarintTooLong 0 x'],
  ['x: bytes(u8)', '02ab', 'Truncated 0 x'],
  ['x: string(u8)', '01ff', 'BadText 0 x'],
  ['x: string(u8)', '03eda080', 'BadText 0 x'],
  ['x: string(u8)', '02c080', 'BadText 0 x'],
  ['x: ascii(1)', 'e9', 'BadText 0 x'],
  ['x: string until("\\n")', '6869', 'Unterminated 0 x'],
  ['x: dec(u8)', '303132', 'BadNumber 0 x'],
  ['x: dec(u8)', '', 'BadNumber 0 x'],
  ['x: dec(u8)', '2b31', 'BadNumber 0 x'],
  ['x: dec(i8)', '2d30', 'BadNumber 0 x'],
  ['x: dec(u8)', '323536', 'OutOfRange 0 x'],
  ['x: hex(u8)', '4646', 'BadNumber 0 x'],
  ['x: u16*u8', '020001', 'Truncated 3 x'],
  ['x: u16*', '000100', 'Truncated 2 x'],
  ['x: Point in(u8)', '03010203', 'TrailingBytes 3 x'],
  ['x: Point in(u8)', '0101', 'Truncated 1 x'],
  ['x: Name*2', '014102', 'Truncated 2 x.text'],
  ['x: Kind', '03', 'UnknownValue 0 x'],
  ['x: Long', '05', 'BadKind 0 x'],
  ['x: Strict', '02', 'BadValue 0 x'],
  ['x: Named', '0002', 'BadBits 0 x'],
  ['x: Shape', '05', 'UnknownVariant 0 x'],
  ['x: Strange', '02', 'BadShape 0 x'],
  ['x: Shape', '0101', 'Truncated 1 x.at'],
  ['x: u8', '0102', 'TrailingBytes 1'],
  ['x: Tree', `${'0001'.repeat(40)}`, `LimitExceeded 64 x${'.children'.repeat(32)}`],
]

describe('types', () => {
  it.each(GOOD)('%s reads %s and writes it again', (field, bytes, value) => {
    const codec = frameOf([field], SECTIONS)
    expect(decode(codec, bytes)).toEqual({ frame: 'Test', fields: { x: value } })
    expect(encode(codec, { x: value })).toBe(bytes)
  })

  it.each(BAD)('%s refuses %s', (field, bytes, error) => {
    expect(decode(frameOf([field], SECTIONS), bytes).error).toBe(error)
  })

  it('reads other spellings where the schema is lenient, and writes the canonical one', () => {
    const dec = frameOf(['x: { type: dec(u8), lenient: true }'])
    for (const text of ['2b37', '303037', '37']) expect(decode(dec, text).fields).toEqual({ x: 7 })
    expect(encode(dec, { x: 7 })).toBe('37')
    const hexadecimal = frameOf(['x: { type: hex(u16), lenient: true }'])
    expect(decode(hexadecimal, '303046').fields).toEqual({ x: 15 })
  })

  it('applies the policy for undefined bits on reading and writes them as given', () => {
    expect(decode(frameOf(['x: Clear'], SECTIONS), '83').fields).toEqual({ x: 0x81 })
    expect(decode(frameOf(['x: Empty'], SECTIONS), '83').fields).toEqual({ x: 0 })
    expect(encode(frameOf(['x: Empty'], SECTIONS), { x: 0x83 })).toBe('83')
    expect(encode(frameOf(['x: Strict'], SECTIONS), { x: ['low', 'high'] })).toBe('81')
    expect(() => encode(frameOf(['x: Named'], SECTIONS), { x: 2 })).toThrow(
      expect.objectContaining({ code: 'BadBits' }),
    )
  })

  it('runs bits from the most significant down, through bytes', () => {
    const codec = frameOf(['a: u3', 'b: bit', 'c: u12', 'd: i4', 'e: u4'])
    const fields = { a: 5, b: true, c: 0xabc, d: -1, e: 2 }
    expect(decode(codec, 'babcf2').fields).toEqual(fields)
    expect(encode(codec, fields)).toBe('babcf2')
  })

  it('runs bits from the least significant up where the file or the type says so, through bytes', () => {
    const fields = { a: 5, b: true, c: 0xabc, d: -1, e: 2 }
    const codec = frameOf(['a: u3', 'b: bit', 'c: u12', 'd: i4', 'e: u4'], 'bit_order: lsb')
    expect(decode(codec, 'cdab2f').fields).toEqual(fields)
    expect(encode(codec, fields)).toBe('cdab2f')
    const mixed = frameOf(['a: u3le', 'b: bitle', 'c: u12le', 'd: i4', 'e: u4'])
    expect(decode(mixed, 'cdabf2').fields).toEqual(fields)
    expect(encode(mixed, fields)).toBe('cdabf2')
  })

  it('takes whole bytes inside such a run least significant bit first, and on a boundary in the order of bytes', () => {
    const codec = frameOf(['a: u4', 'b: u8', 'c: u16le', 'd: u4', 'e: u16'], 'bit_order: lsb')
    const fields = { a: 1, b: 0x23, c: 0x4567, d: 8, e: 0x9abc }
    expect(decode(codec, '317256849abc').fields).toEqual(fields)
    expect(encode(codec, fields)).toBe('317256849abc')
  })

  it('aligns from the start of the frame and does not look at the padding', () => {
    const codec = frameOf(['a: u8', '_pad: align(4)', 'b: u8'])
    expect(decode(codec, '01aabbcc02').fields).toEqual({ a: 1, b: 2 })
    expect(encode(codec, { a: 1, b: 2 })).toBe('0100000002')
  })

  it('aligns inside lists by where the item really stands', () => {
    const codec = frameOf(['head: u8', 'items: Item*u8'], 'structs: { Item: { text: string(u8), _pad: align(4) } }')
    const fields = { head: 9, items: [{ text: 'a' }, { text: 'bcd' }] }
    expect(encode(codec, fields)).toBe('0902016103626364')
    expect(decode(codec, '0902016103626364').fields).toEqual(fields)
  })

  it('refuses to go on where items take no bytes', () => {
    const codec = frameOf(['n: u8', 'size: u8', 'x: Item*n'], 'structs: { Item: { data: bytes(parent.size) } }')
    expect(decode(codec, '0201aabb').fields).toMatchObject({ x: [{ data: hex('aa') }, { data: hex('bb') }] })
    expect(decode(codec, 'ff00').error).toBe('TooMany 2 x')
  })

  it('nests as deep as the schema says, and never deeper than the stack bears', () => {
    const text = 'structs: { Tree: { kids: Tree*u8 } }\nframes: { A: { bare: true, fields: { tree: Tree } } }'
    const nested = (depth: number): string => `${'01'.repeat(depth - 1)}00`
    const shallow = codecFrom(`limits: { depth: 3 }\n${text}`)
    expect(decode(shallow, nested(3)).frame).toBe('A')
    expect(decode(shallow, nested(4)).error).toBe('LimitExceeded 3 tree.kids.kids.kids')
    const deep = codecFrom(`limits: { depth: 1000000 }\n${text}`)
    expect(decode(deep, nested(128)).frame).toBe('A')
    expect(decode(deep, '01'.repeat(100_000)).error).toMatch(/^LimitExceeded 128 /)
  })

  it('follows references backwards only, each hop further back', () => {
    const sections = `
structs:
  Label: { size: u8, text: string(size) if size < 64, to: Label at(size - 64) if size >= 64 }
`
    const codec = frameOf(['a: Label', 'b: Label', 'c: Label'], sections)
    expect(decode(codec, '0141 40 42').fields).toMatchObject({
      b: { to: { text: 'A' } },
      c: { size: 66, to: { size: 64, to: { text: 'A' } } },
    })
    expect(decode(codec, '0141 42 40').error).toBe('BadReference 3 b.to.to')
    expect(decode(codec, '0141 40 43').error).toBe('BadReference 4 c.to.to')
  })
})
