// docs.md: what a person finds there.

import { describe, expect, it } from 'vitest'
import { emitDocs } from '../../../generator/emit/docs.ts'
import { behaviourOf, protocolOf, SHIPPED, shipped } from './load.ts'

describe('the docs of a protocol', () => {
  const vstp = docsOf('vstp')

  it('list every frame with what selects it, and link to its section', () => {
    expect(vstp).toMatch(/\| \[Ack\]\(#ack\) +\| id 7 /)
    expect(docsOf('intentra')).toMatch(/\| \[HsRetry\]\(#hsretry\) +\| id 2, ack = 1 +\| server → client /)
  })

  it('give offsets up to the first field of varying size, and sizes in words behind it', () => {
    const rows = rowsOf(vstp, 'Envelope')
    expect(rows.find(row => row[2] === 'payload_len')?.slice(0, 4)).toEqual(['7', '4', 'payload_len', '`u32`'])
    expect(rows.find(row => row[2] === 'headers')?.slice(0, 2)).toEqual(['11', 'header_len'])
    expect(rows.find(row => row[2] === 'crc')?.slice(0, 2)).toEqual(['', '4'])
  })

  it('give offsets of bit fields as byte and bit', () => {
    const rows = rowsOf(docsOf('intentra'), 'Envelope')
    expect(rows.filter(row => /^[01](\.\d)?$/.test(row[0]!)).map(row => `${row[0]} ${row[2]}`)).toEqual([
      '0 version',
      '0.4 kind',
      '1 intent',
      '1.2 priority',
      '1.5 phase',
      '1.7 seen',
    ])
  })

  it('draw the bytes in rows of 32 bits', () => {
    const drawing = /```text\n([\s\S]*?)```/.exec(docsOf('intentra'))![1]!.split('\n')
    expect(drawing[3]).toBe('|version| kind  |int|prior|pha|s|          payload_len          |')
    expect(drawing.filter(line => line.length > 66)).toEqual([])
  })

  it('say what is computed, checked, conditional and secret', () => {
    const text = emitDocs(...both(`protocol: p\nversion: 1\nerrors: { Bad: { text: bad } }\n${FRAME}`))
    for (const note of ['size of data, computed', 'if `kind == 2`', 'else `Bad`', 'secret', '1 to 9', 'a sentence']) {
      expect(text).toContain(note)
    }
  })

  it('have the states, replies, limits, metrics and errors as tables', () => {
    for (const section of ['Transports', 'Replies', 'Channels', 'Limits', 'Metrics', 'Errors', 'Profiles']) {
      expect(vstp).toContain(`\n## ${section}\n`)
    }
    expect(docsOf('hydra-sync')).toContain('Status → length if `code == success`, closed')
  })

  it('never print the value of a secret param', () => {
    const text = emitDocs(
      ...both(
        "protocol: p\nversion: 1\ninsecure: [ a test ]\nparams: { psk: { type: bytes(4), secret: true, default: 'text:abcd' } }\nframes: { A: { id: 1 } }\n",
      ),
    )
    expect(text).not.toContain('abcd')
  })

  it('are well-formed tables for every shipped schema', () => {
    for (const path of SHIPPED) {
      const text = docsOf(path.slice('schema/'.length, -'.yaml'.length)).replaceAll(/```text[\s\S]*?```/g, '')
      const tables = text.split(/\n(?!\|)/).map(part => part.split('\n').filter(line => line.startsWith('|')))
      const uneven = tables.filter(lines => new Set(lines.map(cells)).size > 1)
      expect(uneven).toEqual([])
    }
  })
})

const FRAME = `
frames:
  A:
    id: 1
    fields:
      kind: { type: u8, range: 1..9, doc: a sentence }
      len: u8
      data: bytes(len)
      more: u16 if kind == 2
      last: { type: u8 = 7 else Bad, secret: true }
`

function docsOf(name: string): string {
  const protocol = shipped(name)
  return emitDocs(protocol, behaviourOf(protocol).behaviour)
}

function both(yaml: string): Parameters<typeof emitDocs> {
  const protocol = protocolOf(yaml)
  return [protocol, behaviourOf(protocol).behaviour]
}

/** Cells of the table of fields in a section. */
function rowsOf(text: string, section: string): string[][] {
  const part = text.split(/^#+ /m).find(one => one.startsWith(`${section}\n`))!
  const table = part.slice(part.indexOf('| offset'))
  const lines = table.split('\n').filter(line => line.startsWith('| ') && !line.startsWith('| ---'))
  return lines.map(line =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map(cell => cell.trim().replace(/^(· )+/, '')),
  )
}

function cells(line: string): number {
  return line.split(/(?<!\\)\|/).length
}
