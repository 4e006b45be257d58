// Which error is reported, where, and how much of the frame it takes (docs/adr/0002-decoding.md).
import { describe, expect, it } from 'vitest'
import { codecFrom, decode, encode, frameOf } from './schema.ts'

const ERRORS = 'errors: { First: { text: first }, Second: { text: second }, Third: { text: third } }'

describe('order of validation', () => {
  const envelope = `
${ERRORS}
envelope:
  fields:
    magic: u16 = 0x4142 else First
    length: u16
    body: bytes(length)
    check: u8 = sum8(..) else Second
    end: u8 = 7 else Third
  validate: [ magic, framing, end ]
frames: { Only: {} }
`

  it('follows the names in validate, then the wire', () => {
    const codec = codecFrom(envelope)
    expect(decode(codec, '4142 0001 05 89 07').fields).toMatchObject({ length: 1, check: 0x89 })
    expect(decode(codec, '0000 0001 05 00 00').error).toBe('First 0 magic')
    expect(decode(codec, '4142 0001 05 00 00').error).toBe('Third 6 end')
    expect(decode(codec, '4142 0001 05 00 07').error).toBe('Second 5 check')
  })

  it('consumes nothing before framing and the whole frame after it', () => {
    const codec = codecFrom(envelope)
    expect(decode(codec, '0000 0001 05 89 07')).toMatchObject({ consumed: 0 })
    expect(decode(codec, '4142 0001 05 00 07')).toMatchObject({ consumed: 7 })
    expect(decode(codec, '4142 0001 05 89 07 ff')).toMatchObject({ error: 'TrailingBytes 7', consumed: 0 })
    expect(decode(codec, '4142 0001 05 89 07 ff', { ignoreTrailing: true }).frame).toBe('Only')
    expect(decode(codec, '4142 0001 05 89 07', { maxFrame: 6 })).toMatchObject({ error: 'TooLarge 0', consumed: 0 })
    expect(decode(codec, '4142 0001 05 89 07', { maxFrame: 7 }).frame).toBe('Only')
  })

  it('lets what stands in front of framing speak before a failure of layout', () => {
    const codec = codecFrom(envelope)
    expect(decode(codec, '4142 0009 05').error).toBe('Truncated 4 body')
    expect(decode(codec, '4100 0009 05').error).toBe('First 0 magic')
    expect(decode(codec, '41').error).toBe('Truncated 0 magic')
  })

  it('waits on a stream for what it reads and steps over the rest', () => {
    const codec = codecFrom(envelope)
    const stream = { whole: false, maxFrame: 100 }
    expect(decode(codec, '', stream)).toEqual({ needs: 4 })
    expect(decode(codec, '4142 00', stream)).toEqual({ needs: 4 })
    expect(decode(codec, '4142 0001', stream)).toEqual({ needs: 7 })
    expect(decode(codec, '4100 0001', stream).error).toBe('First 0 magic')
    expect(decode(codec, '4142 0060', stream)).toMatchObject({ error: 'TooLarge 0', consumed: 0 })
    expect(decode(codec, '4142 0001 05 89 07 ff', stream).frame).toBe('Only')
  })

  it('refuses a size that no frame may have without waiting for it', () => {
    const codec = codecFrom('frames: { Only: { fields: { a: bytes(u32), b: bytes(u8) } } }')
    expect(decode(codec, 'ffffffff', { whole: false, maxFrame: 1000 }).error).toBe('TooLarge 0')
    expect(decode(codec, 'ffffffff').error).toBe('Truncated 0 a')
  })

  it('checks hard `with` after all fields and `check` last', () => {
    const codec = codecFrom(`
${ERRORS}
envelope: { kind: id(u8), prio: u8, body: frame }
frames:
  One: { id: 1, with: { prio: 3 }, error: First, fields: { a: u8, b: { type: u8, range: 1..9 } }, check: [ a < b else Second, a != 4 else Third ] }
`)
    expect(decode(codec, '01 03 01 02').frame).toBe('One')
    expect(decode(codec, '01 04 05 00').error).toBe('OutOfRange 3 b')
    expect(decode(codec, '01 04 05 04').error).toBe('First 1 prio')
    expect(decode(codec, '01 03 05 04').error).toBe('Second 0')
    expect(decode(codec, '01 03 04 05').error).toBe('Third 0')
  })
})

describe('else and covers', () => {
  it('leaves alone what runs out outside any region of the field', () => {
    const sections = `${ERRORS}\nstructs: { Pair: { size: u8, text: string(size) } }`
    const codec = frameOf(['pairs: Pair* in(u8) else First'], sections)
    expect(decode(codec, '03 02 4141').fields).toMatchObject({ pairs: [{ text: 'AA' }] })
    expect(decode(codec, '09 02 4141').error).toBe('Truncated 0 pairs')
    expect(decode(codec, '02 02 41').error).toBe('First 2 pairs.text')
    expect(decode(codec, '03 02 41ff').error).toBe('First 2 pairs.text')
    const counted = frameOf(['pairs: Pair*u8 else First'], sections)
    expect(decode(counted, '01 02 41').error).toBe('Truncated 2 pairs.text')
    expect(decode(counted, '01 01 ff').error).toBe('First 2 pairs.text')
  })

  it('takes the outermost else', () => {
    const sections = `${ERRORS}\nstructs: { Inner: { a: u8 = 1 else First } }`
    expect(decode(frameOf(['x: Inner else Second'], sections), '02').error).toBe('Second 0 x.a')
    expect(decode(frameOf(['x: Inner'], sections), '02').error).toBe('First 0 x.a')
  })

  it('renames built-in errors, but not those that else named', () => {
    const codec = frameOf(
      ['a: u8 = 1', 'b: u8 = 2 else BadValue', 'c: u8'],
      'errors: { Mine: { text: mine, covers: [ BadValue, Truncated ] } }',
    )
    expect(decode(codec, '00 02 00').error).toBe('Mine 0 a')
    expect(decode(codec, '01 00 00').error).toBe('BadValue 1 b')
    expect(decode(codec, '01 02').error).toBe('Mine 2 c')
  })
})

describe('regions', () => {
  it('must be filled, after their content was found right', () => {
    const sections = 'structs: { Two: { a: u8 = 1, b: u8* until(item == 0) } }'
    const codec = frameOf(['x: Two in(u8)', 'y: u8'], sections)
    expect(decode(codec, '03 010500 09').fields).toMatchObject({ x: { b: [5, 0] }, y: 9 })
    expect(decode(codec, '04 01050007 09').error).toBe('TrailingBytes 4 x')
    expect(decode(codec, '04 02050007 09').error).toBe('BadValue 1 x.a')
    expect(decode(codec, '02 0105 09').error).toBe('Truncated 3 x.b')
  })

  it('stop before the fixed fields behind them', () => {
    const codec = frameOf(['x: bytes', 'y: u16', 'z: u8'])
    expect(decode(codec, 'aabb 0001 02').fields).toMatchObject({ y: 1, z: 2 })
    expect(decode(codec, '0001').error).toBe('Truncated 0 x')
  })

  it('never take a size below zero', () => {
    const codec = frameOf(['n: u8 = size(x) + 3', 'x: bytes(n - 3)'])
    expect(decode(codec, '04 aa').frame).toBe('Test')
    expect(decode(codec, '02').error).toBe('Truncated 1 x')
  })
})

describe('expressions', () => {
  it('without a value are CheckFailed where they stand', () => {
    const codec = frameOf(['a: u8 ?= 2', 'b: u8 ?= 1', 'c: bytes(a / b)'])
    expect(decode(codec, '02 00').error).toBe('CheckFailed 2 c')
    const shift = frameOf(['a: u8', 'b: u8 = 1 << a'])
    expect(decode(shift, '03 08').frame).toBe('Test')
    expect(decode(shift, 'ff 08').error).toBe('CheckFailed 1 b')
  })

  it('see the item before, the record around, and what remains', () => {
    const sections = 'structs: { Item: { delta: u8, sum: u8 = (prev.sum or parent.base) + delta } }'
    const codec = frameOf(['base: u8', 'items: Item*2', 'rest: u8* while(remaining > 1)', 'last: u8'], sections)
    expect(decode(codec, '0a 010b 020d 0102 03').fields).toMatchObject({
      items: [{ sum: 11 }, { sum: 13 }],
      rest: [1, 2],
      last: 3,
    })
    expect(decode(codec, '0a 010b 020c 0102 03').error).toBe('BadValue 4 items.sum')
  })

  it('look ahead without moving on', () => {
    const codec = frameOf(['x: u8* while(next(u8) != 0xff)', 'end: u8', 'more: u8 if remaining > 0'])
    expect(decode(codec, '0102ff').fields).toEqual({ x: [1, 2], end: 255 })
    expect(decode(codec, '0102ff05').fields).toEqual({ x: [1, 2], end: 255, more: 5 })
    expect(decode(codec, '0102').error).toBe('Truncated 2 x')
  })

  it('find entries of a multimap in whatever case, where the schema says so', () => {
    const codec = codecFrom(`
structs: { Header: { name: 'ascii(u8)', value: 'ascii(u8)' } }
frames:
  Test:
    bare: true
    fields:
      headers:
        type: Header*u8
        map: { key: name, value: value, duplicates: reject, case: ignore }
        entries: { size: { key: Size, type: dec(u8) } }
      body: bytes(headers.size or 0)
`)
    const headers = [{ name: 'sIZE', value: '1' }]
    const bytes = encode(codec, { headers, body: Uint8Array.of(9) })
    expect(decode(codec, bytes).fields).toEqual({ headers, body: Uint8Array.of(9) })
    const twice = [...headers, { name: 'Size', value: '1' }]
    expect(() => encode(codec, { headers: twice, body: Uint8Array.of(9) })).toThrow('a key occurs twice')
    expect(decode(codec, '02 0473495a45 0131 0453697a65 0131 09').error).toBe('BadValue 8 headers')
  })

  it('read well-known entries of a multimap, the first that parses', () => {
    const codec = codecFrom(`
structs: { Entry: { key: string(u8), value: bytes(u8) } }
frames:
  Only:
    bare: true
    fields:
      list: { type: Entry*u8, map: { key: key, value: value }, entries: { id: { key: id, type: dec(u8) } } }
      flag: u8 = if present(list.id) then list.id else 9
`)
    expect(decode(codec, '00 09').frame).toBe('Only')
    expect(decode(codec, '01 026964 0137 07').frame).toBe('Only')
    expect(decode(codec, '02 026964 0178 026964 0135 05').frame).toBe('Only')
    expect(decode(codec, '01 026964 0137 08').error).toBe('BadValue 6 flag')
  })
})

describe('ranges of the record around', () => {
  const sections = `
unions: { Value: { by: u8, variants: { Text: { id: 1, type: bytes }, Sum: { id: 2, fields: { sum: u16 = internet_checksum(parent.parent.head..) } } } } }
structs: { Item: { kind: u8, size: u8, value: Value(kind) in(size), _pad: align(4) } }
`
  const codec = frameOf(['head: u16', 'length: u16 = size(items)', 'items: Item*', 'end: u8'], sections)
  const items = [
    { kind: 1, value: { is: 'Text', value: Uint8Array.of(1, 2, 3) } },
    { kind: 2, value: { is: 'Sum' } },
    { kind: 1, value: { is: 'Text', value: Uint8Array.of() } },
  ]

  it('end before the item that asks, written as read', () => {
    const bytes = encode(codec, { head: 0x0102, items, end: 9 })
    const sum = 0xffff - (0x0102 + 0x0010 + 0x0103 + 0x0102 + 0x0300)
    expect(bytes).toBe(`0102 0010 01030102 03000000 0202${sum.toString(16)} 01000000 09`.replaceAll(' ', ''))
    expect(decode(codec, bytes).fields).toMatchObject({ items: [{}, { value: { sum } }, {}] })
    expect(decode(codec, bytes.replace('0102', '0103')).error).toBe('BadValue 14 items.value.sum')
  })
})
