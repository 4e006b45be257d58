// Plain values and the JSON of the command line.
import { describe, expect, it } from 'vitest'
import { fromAssignments, valueFromText } from '../../../generator/interpret/assignments.ts'
import { fromJson, toJson, ValueError } from '../../../generator/interpret/values.ts'
import { hex, protocolFrom } from './schema.ts'

const protocol = protocolFrom(`
enums:
  Kind: { type: u8, values: { start: 1, stop: 2 } }
  Open: { type: u8, values: { start: 1 }, unknown: keep }
bitsets: { Flags: { type: u8, bits: { ack: 0, crc: 1 }, undefined: keep } }
structs:
  Point: { x: u8, y: i16 }
  Entry: { key: string(u8), value: bytes(u8) }
unions:
  Shape: { tag: u8, variants: { Dot: { id: 1, fields: { at: Point } }, Raw: { id: 2, type: bytes(u8) }, Else: { other: true, type: bytes(u8) } } }
params:
  keys: { type: bytes(2)*, default: any }
  name: { type: string, default: target }
  limit: { type: u64, default: 5 }
frames:
  All:
    bare: true
    fields:
      small: u8
      big: u64
      pair: { type: u64, number: pair }
      ratio: f64
      on: bool
      data: bytes(u8)
      text: string(u8)
      kind: Kind
      open: Open
      flags: Flags
      point: Point
      entries: Entry*u8
      shape: Shape
      numbers: u16*u8
      key: { type: bytes(2), secret: true }
      _hidden: u8
`)

const plain = {
  small: 7,
  big: 2n ** 63n,
  pair: { hi: 1, lo: 2 },
  ratio: 1.5,
  on: true,
  data: hex('abcd'),
  text: 'text:x',
  kind: 'stop',
  open: 9,
  flags: 0x81,
  point: { x: 1, y: -2 },
  entries: [{ key: 'a', value: hex('01') }],
  shape: { is: 'Dot', at: { x: 3, y: 4 } },
  numbers: [1, 2],
  key: hex('0102'),
}

const json = {
  small: 7,
  big: '9223372036854775808',
  pair: 4294967298,
  ratio: 1.5,
  on: true,
  data: '0xabcd',
  text: 'text:x',
  kind: 'stop',
  open: 9,
  flags: ['ack', 128],
  point: { x: 1, y: -2 },
  entries: [{ key: 'a', value: '0x01' }],
  shape: { is: 'Dot', at: { x: 3, y: 4 } },
  numbers: [1, 2],
  key: '<secret>',
}

const files = (path: string): Uint8Array | undefined => (path === 'blob' ? hex('0a0b') : undefined)
const refused = (step: () => unknown): { code: string; path: string; message: string } => {
  try {
    step()
  } catch (error) {
    if (error instanceof ValueError) return { code: error.code, path: error.path, message: error.message }
    throw error
  }
  throw new Error('nothing was refused')
}
const from = (value: object) => fromJson(protocol, 'All', value, files)

describe('values as JSON', () => {
  it('are written as people and jq read them, secrets never', () => {
    expect(toJson(protocol, 'All', plain)).toEqual(json)
    expect(JSON.stringify(toJson(protocol, 'All', plain))).not.toContain('0102')
  })

  it('are read back as they were', () => {
    const { key: _, ...rest } = json
    const { key, ...wanted } = plain
    expect(from(rest)).toEqual(wanted)
    expect(from({ key: '0x0102' })).toEqual({ key })
  })

  it('take bytes in every spelling', () => {
    expect(from({ data: 'text:hé' })).toEqual({ data: hex('68c3a9') })
    expect(from({ data: 'base64:q80=' })).toEqual({ data: hex('abcd') })
    expect(from({ data: '@blob' })).toEqual({ data: hex('0a0b') })
    expect(from({ data: '0x' })).toEqual({ data: hex('') })
    expect(refused(() => from({ data: '@gone' }))).toMatchObject({ code: 'MissingFile', path: 'data' })
    expect(refused(() => from({ data: 'hello' })).message).toContain('text:hello')
    expect(refused(() => from({ data: '0xabc' }))).toMatchObject({ code: 'BadType', path: 'data' })
  })

  it('take names and numbers for enums and bits', () => {
    expect(from({ kind: 1, open: 'start', flags: 3 })).toEqual({ kind: 'start', open: 'start', flags: 3 })
    expect(from({ kind: '0x2', open: 200, flags: ['crc', 64] })).toEqual({ kind: 'stop', open: 200, flags: 66 })
    expect(refused(() => from({ kind: 'sotp' }))).toMatchObject({
      code: 'UnknownValue',
      message: expect.stringContaining('did you mean "stop"?'),
    })
    expect(refused(() => from({ kind: 3 }))).toMatchObject({ code: 'UnknownValue', path: 'kind' })
    expect(refused(() => from({ flags: ['akc'] })).message).toContain('did you mean "ack"?')
  })

  it('name the field and say what would be right', () => {
    expect(refused(() => from({ smal: 1 }))).toMatchObject({
      code: 'UnknownField',
      path: 'smal',
      message: expect.stringContaining('did you mean "small"?'),
    })
    expect(refused(() => from({ _hidden: 1 }))).toMatchObject({ code: 'UnknownField', path: '_hidden' })
    expect(refused(() => from({ small: 256 })).message).toBe('small is 256, but must be 0..255')
    expect(refused(() => from({ entries: [{ key: 'a' }, { key: 5 }] }))).toMatchObject({
      code: 'BadType',
      path: 'entries.1.key',
    })
    expect(refused(() => from({ point: 5 }))).toMatchObject({ code: 'BadType', path: 'point' })
    expect(refused(() => from({ shape: { is: 'Dto' } }))).toMatchObject({ code: 'UnknownVariant', path: 'shape.is' })
    expect(refused(() => from({ big: 2 ** 60 })).message).toContain('"1152921504606846976" as a string')
    expect(refused(() => from({ key: '<secret>' })).path).toBe('key')
    expect(refused(() => fromJson(protocol, 'Al', {})).message).toContain('did you mean "All"?')
  })
})

describe('assignments', () => {
  const assigned = (...list: string[]) => fromAssignments(protocol, 'All', list, files)

  it('reach into records and lists', () => {
    expect(assigned('small=7', 'point.x=1', 'point.y=-2', 'on=true', 'ratio=1e3', 'big=0xff')).toEqual({
      small: 7,
      point: { x: 1, y: -2 },
      on: true,
      ratio: 1000,
      big: 255n,
    })
    expect(assigned('numbers=[1,2]', 'entries.0.key=a=b', 'entries.0.value=0x01')).toEqual({
      numbers: [1, 2],
      entries: [{ key: 'a=b', value: hex('01') }],
    })
    expect(assigned('shape.is=Raw', 'shape.value=text:hi')).toEqual({ shape: { is: 'Raw', value: hex('6869') } })
    expect(assigned('shape={"is":"Dot","at":{"x":1,"y":2}}')).toEqual({ shape: { is: 'Dot', at: { x: 1, y: 2 } } })
  })

  it('leave text as it is and split names of bits', () => {
    expect(assigned('text=[1]', 'flags=ack,crc', 'data=@blob')).toEqual({ text: '[1]', flags: 3, data: hex('0a0b') })
    expect(assigned('text=')).toEqual({ text: '' })
  })

  it('go over what JSON gave', () => {
    expect(
      fromAssignments(protocol, 'All', ['small=2', 'point.x=9'], files, { small: 1, point: { x: 1, y: 2 } }),
    ).toEqual({
      small: 2,
      point: { x: 9, y: 2 },
    })
  })

  it('are refused with their place', () => {
    expect(refused(() => assigned('small'))).toMatchObject({
      code: 'BadType',
      message: expect.stringContaining('name=value'),
    })
    expect(refused(() => assigned('point.z=1'))).toMatchObject({ code: 'UnknownField', path: 'point.z' })
    expect(refused(() => assigned('small.x=1'))).toMatchObject({ code: 'UnknownField', path: 'small.x' })
    expect(refused(() => assigned('numbers=[1,'))).toMatchObject({ code: 'BadType', path: 'numbers' })
    expect(refused(() => assigned('numbers.1=5'))).toMatchObject({ code: 'BadType', path: 'numbers.1' })
    expect(refused(() => assigned('__proto__.x=1')).code).toBe('UnknownField')
  })

  it('give params too', () => {
    const type = (name: string) => protocol.params.get(name)!.type
    expect(valueFromText(protocol, type('keys'), '0x0102,0x0304')).toEqual([hex('0102'), hex('0304')])
    expect(valueFromText(protocol, type('keys'), '["0x0102"]')).toEqual([hex('0102')])
    expect(valueFromText(protocol, type('name'), 'localhost')).toBe('localhost')
    expect(valueFromText(protocol, type('limit'), '12')).toBe(12n)
    expect(refused(() => valueFromText(protocol, type('limit'), 'x', files, 'limit'))).toMatchObject({
      code: 'BadType',
      path: 'limit',
    })
  })
})
