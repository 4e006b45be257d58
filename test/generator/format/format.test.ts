// Laying schemas out: white space changes, nothing else does.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { formatSchema } from '../../../generator/format/format.ts'
import { SHIPPED } from '../files.ts'

const UNTIDY = `

protocol:   demo
version: 1


#a comment without a space
frames:
    Say: {id: 1,fields: { room:string ,text: string(u16)  }}   # kept
    Draw:
        id:   2
        fields:
            a:    u8
            list: [1,2 , 3]
examples:
- {frame: Say,
   hex: "01"}
-   frame: Draw
    # about the bytes
    hex:    "02"
doc: >
      folded
      text
`

test('an untidy schema becomes a tidy one', () => {
  expect(formatSchema(UNTIDY)).toBe(`protocol: demo
version: 1

# a comment without a space
frames:
  Say: { id: 1, fields: { room:string, text: string(u16) } }   # kept
  Draw:
    id: 2
    fields:
      a:    u8
      list: [ 1, 2, 3 ]
examples:
  - { frame: Say,
      hex: "01" }
  - frame: Draw
    # about the bytes
    hex: "02"
doc: >
  folded
  text
`)
})

test.each(SHIPPED)('%s is laid out as the formatter has it', file => {
  const text = readFileSync(file, 'utf8')
  expect(formatSchema(text)).toBe(text)
})

test('whatever the white space, the meaning stays, and laying out again changes nothing', () => {
  const texts = SHIPPED.map(file => readFileSync(file, 'utf8'))
  const disturbed = fc
    .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(), fc.constantFrom(' ', '\n', '  ')), { maxLength: 12 }))
    .map(([text, changes]) => {
      let result = text
      for (const [at, blank] of changes) {
        const gaps = [...result.matchAll(/(?<=[{[,] )|(?<=: )|\n(?=\n)/g)].map(match => match.index)
        const place = gaps[at % gaps.length] ?? 0
        result = result.slice(0, place) + blank + result.slice(place)
      }
      return result
    })
  const same = fc.property(disturbed, text => {
    let meaning: unknown
    try {
      meaning = parse(text)
    } catch {
      return
    }
    const laid = formatSchema(text)
    expect(parse(laid)).toEqual(meaning)
    expect(formatSchema(laid)).toBe(laid)
  })
  fc.assert(same, { numRuns: 60 })
})

test('text that is no YAML comes back as it is', () => {
  for (const text of ['frames: { a: [1, 2 }', 'a: b: c', '"unfinished', '%TAG'])
    expect(formatSchema(text), text).toBe(text)
})
