// Members of union values, numbers that the caller gives, ids as text, states from rows, and envelopes that a frame
// leaves out in part.

import { describe, expect, test } from 'vitest'
import { build, valid } from './schema.ts'

describe('members of a union', () => {
  const UNION =
    'unions: { V: { tag: u8, variants: { Text: { id: 1, fields: { size: u8, text: ascii(size) } }, Number: { id: 2, type: u16 }, End: { id: 0 } } } }\n'
  const list = (condition: string): readonly string[] =>
    build(`${UNION}frames: { A: { id: 1, fields: { items: 'V* until(${condition})' } } }`).errors

  test('its variant is a text', () => {
    expect(list('item.is == "End"')).toEqual([])
  })

  test('a field is absent where another variant may be there', () => {
    expect(list('item.size == 0').join()).toContain('item.size can be absent here')
    expect(list('(item.size or 0) == 0')).toEqual([])
    expect(list('present(item.size) and item.size == 0')).toEqual([])
  })

  test('what was asked of the variant before leaves only some', () => {
    expect(list('item.is == "Text" and item.size == 0')).toEqual([])
    expect(list('item.is == "End" or item.is == "Number" or item.size == 0')).toEqual([])
    expect(list('item.is == "End" or item.size == 0').join()).toContain('item.size can be absent here')
  })

  test('names that no variant has are refused', () => {
    expect(list('item.is == "Txt"').join()).toContain('V has no variant Txt')
    expect(list('item.lenght == 1').join()).toContain('no variant of V has a field lenght')
  })
})

test('a number that the caller gives is not derived', () => {
  const { frames } = valid(
    'frames: { A: { id: 1, fields: { n: { type: u8, given: true }, data: bytes((n + 7) / 8) } } }',
  )
  const field = frames.get('A')!.body.nodes.flatMap(node => (node.kind === 'group' ? node.nodes : [node]))[0]!
  expect(field).not.toHaveProperty('derives')
})

test('an id may be a text that fills its integer, in wire order', () => {
  const big = valid('endian: big\nenvelope: { t: id(u32), b: frame }\nframes: { A: { id: IHDR } }')
  const little = valid('endian: little\nenvelope: { t: id(u32), b: frame }\nframes: { A: { id: RIFF } }')
  expect(big.frames.get('A')!.ids).toEqual([0x49484452n])
  expect(little.frames.get('A')!.ids).toEqual([0x46464952n])
})

test('a frame without a state comes in the states whose rows list it', () => {
  const { frames } = valid(
    'frames: { A: { id: 1 }, B: { id: 2, state: open }, C: { id: 3 } }\nstates: { start: { A: open, C: start }, open: { B: open, C: open } }',
  )
  expect(['A', 'B', 'C'].map(name => frames.get(name)!.states)).toEqual([['start'], ['open'], []])
})

test('a frame whose match leaves out the id and the body needs neither', () => {
  const { frames } = valid(
    'envelope: { n: u8 = size(t..b), t: id(u8) if n > 0, b: frame in(n - 1) if n > 0 }\nframes: { Empty: { match: { n: 0 } }, Full: { id: 1, fields: { x: u8 } } }',
  )
  expect(frames.get('Empty')!.body.nodes.map(node => node.name)).toEqual(['n'])
  expect(frames.get('Full')!.body.nodes.map(node => node.name)).toEqual(['n', 't', 'b'])
})
