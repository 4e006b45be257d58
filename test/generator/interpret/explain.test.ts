// Annotated dumps: every byte has its row, also of input that is refused.
import { describe, expect, it } from 'vitest'
import { explain, formatExplain } from '../../../generator/interpret/explain.ts'
import { interpret } from '../../../generator/interpret/index.ts'
import type { Context, DecodeOptions } from '../../../runtime/wire/codec.ts'
import { hex, protocolFrom } from './schema.ts'

const protocol = protocolFrom(`
errors: { Wrong: { text: this is wrong } }
enums: { Kind: { type: u4, values: { ping: 1 } } }
structs: { Item: { name: string(u8) } }
seal: { box: { aead: aes-256-gcm, key: param.key, nonce: [ u32(0), counter ], aad: none } }
params: { key: { type: bytes(32), secret: true } }
frames:
  Test:
    bare: true
    fields:
      version: u4 = 2
      kind: Kind
      items: Item*u8
      line: string until("\\n")
      heat: { type: i16, scale: 0.01, unit: C }
      token: { type: bytes(2), secret: true }
      sum: u8 = sum8(..) else Wrong
  Sealed: { bare: true, seal: box, fields: { x: u8 } }
`)
const BYTES = '21 02 0161 026263 68690a 0866 abcd'
const SUM = [...hex(BYTES)]
  .reduce((sum, byte) => (sum + byte) & 0xff, 0)
  .toString(16)
  .padStart(2, '0')

function dump(
  bytes: string,
  options: Partial<DecodeOptions> = {},
  context: Partial<Context> = {},
): { rows: ReturnType<typeof explain>; text: string } {
  const codec = interpret(protocol, context)
  const all = hex(bytes)
  codec.decode(all, 0, all.length, { whole: true, frame: 'Test', ...options })
  const rows = explain(protocol, codec.outcome!)
  return { rows, text: formatExplain(rows) }
}

describe('annotated dumps', () => {
  it('give every byte a row, with prefixes, delimiters and bits', () => {
    const { rows } = dump(`${BYTES} ${SUM}`)
    expect(rows.map(row => [row.offset, row.hex, row.path, row.kind, row.value])).toEqual([
      [0, '21', 'version', 'field', '2'],
      [0, '21', 'kind', 'field', 'ping (1)'],
      [1, '02', 'items', 'prefix', '2 items'],
      [2, '01', 'items.0.name', 'prefix', '1 bytes'],
      [3, '61', 'items.0.name', 'field', '"a"'],
      [4, '02', 'items.1.name', 'prefix', '2 bytes'],
      [5, '6263', 'items.1.name', 'field', '"bc"'],
      [7, '6869', 'line', 'field', '"hi"'],
      [9, '0a', 'line', 'delimiter', 'delimiter'],
      [10, '0866', 'heat', 'field', '2150 (21.5 C)'],
      [12, '', 'token', 'field', '<secret>'],
      [14, SUM, 'sum', 'field', String(Number.parseInt(SUM, 16))],
    ])
    expect(rows[1]).toMatchObject({ bit: 4, bits: 4, place: { line: expect.any(Number) } })
  })

  it('never show a secret', () => {
    expect(dump(`${BYTES} ${SUM}`).text).not.toMatch(/ab ?cd/)
  })

  it('mark the bytes that are wrong and leave the rest undecoded', () => {
    const { rows, text } = dump(`${BYTES} 00`)
    expect(rows.at(-1)).toMatchObject({ kind: 'error', offset: 14, path: 'sum', value: 'Wrong: this is wrong' })
    expect(text.split('\n').at(-1)).toMatch(/^000e {2,}\^\^ +sum +Wrong: this is wrong$/)
    const early = dump(`11 ${BYTES.slice(2)} ${SUM}`)
    expect(early.rows.map(row => row.kind)).toEqual(['field', 'field', 'error', 'raw'])
    expect(early.rows[2]).toMatchObject({ offset: 0, path: 'version', value: 'BadValue' })
  })

  it('show as much of cut input as there is', () => {
    const { rows } = dump('21 02 0161 02')
    expect(rows.slice(-2)).toMatchObject([
      { kind: 'error', offset: 4, path: 'items.name', value: 'Truncated' },
      { kind: 'raw', offset: 4, hex: '02' },
    ])
    const stream = dump('21', { whole: false })
    expect(stream.rows.at(-1)).toMatchObject({ kind: 'needs', value: '2 bytes are needed, 1 are there' })
  })

  it('show trailing bytes, sealed bytes and tags', () => {
    const trailing = dump(`${BYTES} ${SUM} ffff`, { ignoreTrailing: true })
    expect(trailing.rows.at(-1)).toMatchObject({ kind: 'trailing', offset: 15, hex: 'ffff' })
    const sealed = dump('07'.padEnd(34, '0'), { frame: 'Sealed' })
    expect(sealed.rows).toMatchObject([{ kind: 'sealed', offset: 0, length: 17 }])
    const opened = dump('07'.padEnd(34, '0'), { frame: 'Sealed' }, { open: (_, __, start, end) => end - start - 16 })
    expect(opened.rows).toMatchObject([
      { kind: 'field', path: 'x', value: '7' },
      { kind: 'tag', offset: 1, length: 16 },
    ])
  })

  it('stand in columns', () => {
    const lines = dump(`${BYTES} ${SUM}`).text.split('\n')
    const column = lines[0]!.indexOf('version')
    expect(lines.every(line => line.slice(column - 2, column) === '  ')).toBe(true)
  })
})
