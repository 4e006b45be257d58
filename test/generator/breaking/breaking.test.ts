// Two versions of a schema: each change is told as what it breaks, and what breaks nothing is not told.

import { expect, test } from 'vitest'
import { breaking } from '../../../generator/breaking/breaking.ts'
import { loadProtocol, type Protocol } from '../../../generator/index.ts'
import { reading, SHIPPED } from '../files.ts'

const BASE = `protocol: demo
version: 1
enums: { Kind: { type: u8, values: { a: 1, b: 2 } } }
bitsets: { Flags: { type: u8, bits: { x: 0, y: 1 }, undefined: keep } }
structs: { Point: { x: u16, y: u16 } }
unions: { Shape: { tag: u8, variants: { Dot: { id: 1, type: Point }, Line: { id: 2, fields: { from: Point, to: Point } } } } }
params: { key: { type: bytes(4), default: none } }
frames:
  Say:  { id: 1, fields: { kind: Kind, flags: Flags, text: string(u16) } }
  Draw: { id: 2, dir: client>server, fields: { shape: Shape, size: { type: u32, range: 1..100 } } }
  Ok:   { id: 3 }
transports: { tcp: { framing: prefix(u16), max_frame: 4KiB, port: 7000 } }
channels: { main: { delivery: transport } }
replies: { draw: { to: Draw, with: Ok, by: order } }
insecure: [ plain tcp ]
`

test('a schema breaks nothing of itself, whichever is shipped', () => {
  for (const file of SHIPPED) {
    const { protocol } = loadProtocol(file, { read: reading(), shipped: 'schema', profiles: false })
    expect(breaking(protocol!, protocol!), file).toEqual([])
  }
})

test.each([
  ['an id', 'Ok:   { id: 3 }', 'Ok:   { id: 4 }', 'wire id', 'frame Ok had the id 3, has 4'],
  ['a type', 'text: string(u16)', 'text: string(u8)', 'wire type', 'frame Say.text was string(u16), is string(u8)'],
  ['the order', '{ x: u16, y: u16 }', '{ y: u16, x: u16 }', 'source name', 'struct Point: x is now called y'],
  ['a field that is gone', 'flags: Flags, text', 'text', 'wire removed', 'flags (Flags) is gone'],
  ['a field at the end', 'text: string(u16) }', 'text: string(u16), more: u8 }', 'wire added', 'more (u8) is new'],
  ['a value of an enum', 'b: 2', 'b: 3', 'wire value', 'enum Kind: b was 2, is 3'],
  ['a new value of a closed enum', 'b: 2', 'b: 2, c: 3', 'wire added', 'an old peer refuses it (UnknownValue)'],
  ['a renamed value', 'b: 2', 'bee: 2', 'source name', 'b is now called bee'],
  ['a bit', 'y: 1', 'y: 2', 'wire value', 'bit set Flags: y was bit 1, is bit 2'],
  ['a variant', 'Line: { id: 2', 'Line: { id: 3', 'wire removed', 'union Shape: Line (2) is gone'],
  [
    'a direction',
    'dir: client>server, ',
    'dir: server>client, ',
    'wire direction',
    'Draw no longer travels client>server',
  ],
  ['a range', 'range: 1..100', 'range: 1..50', 'wire range', 'frame Draw.size takes 1..50 only'],
  ['a renamed frame', 'Ok:   {', 'Fine: {', 'source name', 'frame Ok is now called Fine'],
  ['a framing', 'prefix(u16)', 'prefix(u32)', 'wire framing', 'transports.tcp.framing was prefix(u16), is prefix(u32)'],
  ['a port', 'port: 7000', 'port: 7001', 'wire port', 'transports.tcp.port was 7000, is 7001'],
  ['a reply', 'replies: { draw: { to: Draw, with: Ok, by: order } }\n', '', 'wire removed', 'replies.draw is gone'],
  [
    'a param without default',
    'default: none } }',
    'default: none }, id: { type: u8 } }',
    'source param',
    'param id is new',
  ],
])('%s that changes is found and named', (_, from, to, kind, message) => {
  const after = (BASE.includes('Ok:   {') && to === 'Fine: {' ? BASE.replace('with: Ok', 'with: Fine') : BASE).replace(
    from,
    to,
  )
  const findings = breaking(model(BASE), model(after))
  expect(findings.map(one => `${one.breaks} ${one.code}`)).toContain(kind)
  expect(findings.map(one => one.message).join('\n')).toContain(message)
})

test.each([
  ['a new frame', 'Ok:   { id: 3 }', 'Ok:   { id: 3 }\n  New:  { id: 9, fields: { a: u8 } }'],
  ['a wider range', 'range: 1..100', 'range: 0..1000'],
  ['a new bit where unknown bits are kept', 'y: 1', 'y: 1, z: 2'],
  ['a new transport', 'port: 7000 }', 'port: 7000 }, udp: { framing: datagram, max_frame: 1200 }'],
  ['a word for people', 'Ok:   { id: 3 }', 'Ok:   { id: 3, doc: All is well. }'],
])('%s breaks nothing', (_, from, to) => {
  expect(breaking(model(BASE), model(BASE.replace(from, to)))).toEqual([])
})

function model(text: string): Protocol {
  const { protocol, diagnostics } = loadProtocol('demo.yaml', {
    read: reading({ 'demo.yaml': text }),
    shipped: 'schema',
  })
  if (!protocol) throw new Error(diagnostics.map(one => `${one.line}:${one.column} ${one.message}`).join('\n'))
  return protocol
}
