// Where values come from while encoding, and what is refused (docs/adr/0002-decoding.md, "Encoding").
import { describe, expect, it } from 'vitest'
import type { Context } from '../../../runtime/wire/codec.ts'
import { codecFrom, decode, encode, frameOf, hex } from './schema.ts'

const refused = (code: string, field: string) => expect.objectContaining({ code, field })

describe('values while encoding', () => {
  it('come from =, the caller, defaults, and what they size, in this order', () => {
    const codec = frameOf([
      'magic: u8 = 7',
      'len: u8',
      'n: u16',
      'kind: { type: u8, default: 3 }',
      'text: string(len)',
      'items: u8*n',
      '_zero: u16',
    ])
    expect(encode(codec, { text: 'hi', items: [9] })).toBe('07 02 0001 03 6869 09 0000'.replaceAll(' ', ''))
    expect(encode(codec, { magic: 7, len: 2, kind: 4, text: 'hi', items: [] })).toBe(
      '0702000004 6869 0000'.replaceAll(' ', ''),
    )
    expect(() => encode(codec, { magic: 8, text: '', items: [] })).toThrow(refused('BadValue', 'magic'))
    expect(() => encode(codec, { len: 3, text: 'hi', items: [] })).toThrow(refused('SizeMismatch', 'text'))
    expect(() => encode(codec, { n: 2, text: 'hi', items: [1] })).toThrow(refused('SizeMismatch', 'items'))
    expect(() => encode(codec, { items: [] })).toThrow(refused('MissingField', 'text'))
  })

  it('of one length for several fields must agree', () => {
    const codec = frameOf(['n: u8', 'a: u8*n', 'b: u16*n'])
    expect(encode(codec, { a: [1, 2], b: [3, 4] })).toBe('02010200030004')
    expect(() => encode(codec, { a: [1], b: [] })).toThrow(refused('SizeMismatch', 'n'))
  })

  it('are written for a condition that holds, and asked for when there are none', () => {
    const sections = 'bitsets: { Flags: { type: u8, bits: { big: 0, more: 1 } } }'
    const codec = frameOf(
      ['flags: { type: Flags, default: 0 }', 'a: u8 if flags.big', 'b: { type: u8, if: flags.more, default: 5 }'],
      sections,
    )
    expect(encode(codec, {})).toBe('00')
    expect(encode(codec, { flags: ['big', 'more'], a: 1 })).toBe('030105')
    expect(() => encode(codec, { a: 1 })).toThrow(refused('ConditionMismatch', 'a'))
    expect(() => encode(codec, { flags: 1 })).toThrow(refused('MissingField', 'a'))
  })

  it('behind a condition that looks ahead are written when they are given', () => {
    const codec = frameOf(['a: u8', 'b: u8 if remaining > 0'])
    expect(encode(codec, { a: 1 })).toBe('01')
    expect(encode(codec, { a: 1, b: 2 })).toBe('0102')
  })

  it('are computed over bytes that are already there, their own counting as zero', () => {
    const codec = frameOf([
      'a: u8',
      'sum: u16 = internet_checksum(a..)',
      'crc: u32 = crc32(..)',
      'b: bytes(1)',
      'all: u8 = sum8(a..b)',
    ])
    const bytes = encode(codec, { a: 1, b: hex('05') })
    expect(decode(codec, bytes).fields).toMatchObject({ a: 1, b: hex('05') })
    const inside = frameOf(['a: u16', 'sum: u16 = internet_checksum(a..b)', 'b: u16'])
    expect(encode(inside, { a: 0x0102, b: 0x0304 })).toBe(`0102${(0xffff - 0x0406).toString(16)}0304`)
    expect(decode(inside, `0102${(0xffff - 0x0406).toString(16)}0304`).frame).toBe('Test')
  })

  it('never wrap round: what does not fit its field is refused', () => {
    expect(() => encode(frameOf(['a: u8']), { a: 256 })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['a: i8']), { a: -129 })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['a: bytes(u8)']), { a: new Uint8Array(256) })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['a: leb128(1)']), { a: 128 })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['a: quic']), { a: 2n ** 62n })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['a: leb128']), { a: -1n })).toThrow(refused('OutOfRange', 'a'))
    expect(() => encode(frameOf(['n: u8 = size(x)', 'x: bytes']), { x: new Uint8Array(256) })).toThrow(
      refused('OutOfRange', 'n'),
    )
  })

  it('of a wrong kind are refused with their path', () => {
    const codec = frameOf(['list: Point*u8'], 'structs: { Point: { x: u8, name: string(u8) } }')
    expect(() => encode(codec, { list: [{ x: 1, name: 5 }] })).toThrow(refused('BadType', 'list.name'))
    expect(() => encode(codec, { list: 5 })).toThrow(refused('BadType', 'list'))
    expect(() => encode(codec, { list: [{ x: 1.5, name: '' }] })).toThrow(refused('BadType', 'list.x'))
    expect(() => encode(codec, { list: [{ x: null, name: '' }] })).toThrow(refused('BadType', 'list.x'))
    expect(() => encode(codec, { list: [{ x: 1, name: '\ud800' }] })).toThrow(refused('BadText', 'list.name'))
  })

  it('are held to range, max and rules as on decode', () => {
    const sections = 'errors: { Mine: { text: mine } }'
    const codec = frameOf(['a: { type: u8, range: 1..5, error: Mine }', 'b: { type: bytes, max: 2 }'], sections)
    expect(() => encode(codec, { a: 6, b: hex('') })).toThrow(refused('Mine', 'a'))
    expect(() => encode(codec, { a: 1, b: hex('010203') })).toThrow(refused('TooLarge', 'b'))
    const listed = frameOf(['a: { type: u8*, max: 1 }'])
    expect(() => encode(listed, { a: [1, 2] })).toThrow(refused('TooMany', 'a'))
    expect(decode(listed, '0102').error).toBe('TooMany 0 a')
  })

  it('never contain their delimiter, and until-lists end where they say', () => {
    const line = frameOf(['a: string until("\\r\\n")'])
    expect(encode(line, { a: 'x\ry' })).toBe('780d790d0a')
    expect(() => encode(line, { a: 'x\r\ny' })).toThrow(refused('BadValue', 'a'))
    const list = frameOf(['a: u8* until(item == 0)'])
    expect(encode(list, { a: [1, 0] })).toBe('0100')
    expect(() => encode(list, { a: [1] })).toThrow(refused('SizeMismatch', 'a'))
    expect(() => encode(list, { a: [0, 1, 0] })).toThrow(refused('SizeMismatch', 'a'))
    expect(() => encode(list, { a: [] })).toThrow(refused('SizeMismatch', 'a'))
  })

  it('of unions select their tag, or must fit the tag outside', () => {
    const sections = `
unions:
  In: { tag: u8, variants: { A: { id: 5, fields: { x: u8 } }, B: { other: true, type: bytes } } }
  Out: { by: u8, variants: { A: { id: 1, fields: { x: u8 } }, B: { id: 2, type: u16 } } }
`
    expect(encode(frameOf(['u: In'], sections), { u: { is: 'B', tag: 9, value: hex('07') } })).toBe('0907')
    expect(() => encode(frameOf(['u: In'], sections), { u: { is: 'C' } })).toThrow(refused('UnknownVariant', 'u'))
    expect(() => encode(frameOf(['u: In'], sections), { u: { is: 'B', value: hex('') } })).toThrow(
      refused('MissingField', 'u'),
    )
    const outside = frameOf(['tag: u8', 'u: Out(tag)'], sections)
    expect(encode(outside, { tag: 2, u: { is: 'B', value: 7 } })).toBe('020007')
    expect(() => encode(outside, { tag: 1, u: { is: 'B', value: 7 } })).toThrow(refused('BadValue', 'u'))
  })

  it('take randomness and time from the context, once', () => {
    const context: Partial<Context> = {
      random: n => Uint8Array.from({ length: n }, (_, i) => i + 1),
      now: () => 0x0102,
    }
    const codec = codecFrom(
      'frames: { A: { bare: true, fields: { id: u32 ?= random(4), salt: bytes(2) ?= random(2), at: u64 ?= now() } } }',
      context,
    )
    expect(encode(codec, {})).toBe('0102030401020000000000000102')
    expect(() => encode(codecFrom('frames: { A: { bare: true, fields: { id: u32 ?= random(4) } } }'), {})).toThrow(
      /given no random/,
    )
  })

  it('compute the wire from what is not on it', () => {
    const codec = frameOf(['high: u8 ?= value >> 8', 'low: u8 ?= value & 0xff', 'value: u16 from (high << 8) | low'])
    expect(encode(codec, { value: 0x1234 })).toBe('1234')
    expect(decode(codec, '1234').fields).toEqual({ high: 0x12, low: 0x34, value: 0x1234 })
  })

  it('of the frame: its id, its match, and what `with` fixes', () => {
    const codec = codecFrom(`
errors: { Wrong: { text: wrong } }
enums: { Kind: { type: u8, values: { a: 1, b: 2 } } }
bitsets: { Flags: { type: u8, bits: { stop: 0, ping: 1 } } }
envelope: { type: id(u8), kind: Kind, flags: Flags, len: { type: u8, default: 9 }, body: frame }
frames:
  A: { id: [ 4, 5 ], match: { kind: [ b, a ], flags.ping: true, flags.stop: false }, with: { len: size(x) }, error: Wrong, fields: { x: bytes } }
  B: { id: 6, with: { len: ?= 3 } }
`)
    expect(encode(codec, { x: hex('aa') }, 'A')).toBe('04020201aa')
    expect(encode(codec, { type: 5, kind: 'a', flags: ['stop'], x: hex('aa') }, 'A')).toBe('05010201aa')
    expect(() => encode(codec, { type: 6, x: hex('') }, 'A')).toThrow(refused('BadValue', 'type'))
    expect(() => encode(codec, { len: 7, x: hex('') }, 'A')).toThrow(refused('Wrong', 'len'))
    expect(encode(codec, { kind: 'a', flags: 0 }, 'B')).toBe('06010003')
    expect(encode(codec, { kind: 'a', flags: 0, len: 8 }, 'B')).toBe('06010008')
    expect(() => encode(codec, {}, 'Nope')).toThrow('test has no frame Nope')
  })

  it('nested deeper than the limit are refused', () => {
    const codec = codecFrom(
      'limits: { depth: 3 }\nstructs: { Tree: { kids: Tree*u8 } }\nframes: { A: { bare: true, fields: { tree: Tree } } }',
    )
    const nest = (depth: number): object => ({ kids: depth === 0 ? [] : [nest(depth - 1)] })
    expect(encode(codec, { tree: nest(2) })).toBe('01010 0'.replace(' ', ''))
    expect(() => encode(codec, { tree: nest(3) })).toThrow(refused('LimitExceeded', 'tree.kids.kids.kids'))
    const round: { kids: object[] } = { kids: [] }
    round.kids.push(round)
    expect(() => encode(codec, { tree: round })).toThrow(expect.objectContaining({ code: 'LimitExceeded' }))
  })

  it('that do not fit the buffer leave it alone', () => {
    const codec = frameOf(['a: u32'])
    const into = new Uint8Array(6)
    expect(() => codec.encode('Test', { a: 1 }, into, 3)).toThrow(RangeError)
    expect([...into]).toEqual([0, 0, 0, 0, 0, 0])
    expect(codec.encode('Test', { a: 1 }, into, 1)).toBe(5)
  })

  it('computes for an item what the one before left to be computed', () => {
    const codec = frameOf(
      ['items: Item*u8'],
      'structs: { Item: { own: u8 if next(u8) >= 0x80, kind: u8 from own or prev.kind or 0, size: u8, data: Data(kind) } }\nunions: { Data: { by: u8, variants: { Byte: { id: 0x81, type: u8 }, Word: { other: true, type: u16 } } } }',
    )
    const byte = (value: number, own?: number): object => ({
      ...(own === undefined ? {} : { own }),
      size: 1,
      data: { is: 'Byte', value },
    })
    expect(encode(codec, { items: [byte(7, 0x81), byte(8), byte(9)] })).toBe('03810107' + '0108' + '0109')
  })
})
