// What becomes of envelopes and frames: one flat record each, cut down to what its id and match leave possible.

import { describe, expect, test } from 'vitest'
import type { Group, Node } from '../../../generator/model/model.ts'
import { build, fields, frame, valid } from './schema.ts'

describe('without an envelope', () => {
  test('ids get a byte in front', () => {
    const protocol = valid('frames: { Ping: { id: 1 }, Data: { id: 2, fields: { payload: bytes } } }')
    expect(outline(frame(protocol, 'Data').body.nodes)).toEqual(['type', ['body', 'payload']])
    expect(fields(frame(protocol, 'Data').body).type).toMatchObject({ isId: true, bits: 8, origin: 'envelope' })
    expect(frame(protocol, 'Data').ids).toEqual([2n])
    expect(frame(protocol, 'Ping').body.bits).toBe(8)
  })

  test('a frame without id is its fields alone', () => {
    const protocol = valid('frames: { Data: { fields: { n: u16, payload: bytes } } }')
    expect(outline(frame(protocol, 'Data').body.nodes)).toEqual([['body', 'n', 'payload']])
  })
})

describe('an envelope', () => {
  const ENVELOPE = 'envelope: { kind: id(u8), len: u16, body: frame in(len), crc: u32 = crc32(..) }'

  test('takes the frame in its place; the rest stops in front of what follows', () => {
    const protocol = valid(
      'envelope: { kind: id(u8), body: frame, crc: u32 = crc32(..) }\nframes: { A: { id: 1, fields: { data: bytes } } }',
    )
    expect(outline(frame(protocol, 'A').body.nodes)).toEqual(['kind', ['body', 'data'], 'crc'])
    expect(fields(frame(protocol, 'A').body).data!.type).toMatchObject({
      kind: 'region',
      extent: { by: 'rest', tail: 4 },
    })
  })

  test('a field of type frame with a size is a region that derives its length', () => {
    const protocol = valid(`${ENVELOPE}\nframes: { A: { id: 1, fields: { data: bytes } } }`)
    const body = group(frame(protocol, 'A').body.nodes, 'body')
    expect(body.extent).toMatchObject({ by: 'size', size: { is: 'field', name: 'len' } })
    expect(fields(frame(protocol, 'A').body).len!.derives).toEqual([{ of: 'body', how: 'size' }])
    expect(fields(frame(protocol, 'A').body).data!.type).toMatchObject({ extent: { by: 'rest', tail: 0 } })
  })

  test('alone, it has an opaque body', () => {
    const protocol = valid(`${ENVELOPE}\nframes: { A: { id: 1, fields: { data: bytes } } }`)
    expect(group(protocol.envelope!.nodes, 'body')).toMatchObject({ opaque: true, nodes: [] })
  })

  test('does not exist where all frames are bare', () => {
    expect(valid('frames: { A: { bare: true, fields: { x: u8 } } }').envelope).toBeUndefined()
  })

  test('has the frame at the end when no field says where', () => {
    const protocol = valid('envelope: { type: id(u8), n: u64 }\nframes: { A: { id: 1, fields: { body: u8 } } }')
    expect(outline(frame(protocol, 'A').body.nodes)).toEqual(['type', 'n', ['_body', 'body']])
  })

  test('its rules and validation come before those of the frame', () => {
    const protocol = valid(
      'envelope: { fields: { a: u8, body: frame }, check: [ a > 0 ], validate: [ a, framing ] }\nframes: { A: { fields: { b: u8 }, check: [ b > a ], validate: [ b ] } }',
    )
    const { check, validate } = frame(protocol, 'A').body
    expect(check.map(rule => rule.error)).toEqual(['CheckFailed', 'CheckFailed'])
    expect(check[0]!.test).toMatchObject({ left: { name: 'a' } })
    expect(validate).toEqual(['a', 'framing', 'b'])
  })
})

describe('with and match', () => {
  const ENVELOPE = `
enums: { K: { type: u8, values: { one: 1, two: 2 } } }
bitsets: { F: { type: u8, bits: { stop: 0, ping: 1 } } }
envelope: { kind: K, flags: { type: F, default: 0 }, len: u16, body: frame }
`

  test('apply to this frame’s copy of the fields', () => {
    const protocol = valid(
      `${ENVELOPE}frames: { A: { match: { kind: one, flags.stop: true }, with: { len: size(x) }, error: BadValue, fields: { x: bytes } }, B: { match: { kind: [ 2 ] }, with: { len: ?= 7 } } }`,
    )
    const a = fields(frame(protocol, 'A').body)
    expect(a.kind!.match).toEqual(['one'])
    expect(a.flags!.matchBits).toEqual([{ bit: 'stop', value: true }])
    expect(a.len!.with).toMatchObject({ error: 'BadValue', value: { is: 'call', name: 'size' } })
    const b = fields(frame(protocol, 'B').body)
    expect(b.kind!.match).toEqual(['two'])
    expect(b.len).toMatchObject({ fallback: { is: 'int', value: 7n } })
    expect(b.len!.with).toBeUndefined()
    expect(frame(protocol, 'A').match).toEqual([
      { path: ['kind'], values: ['one'] },
      { path: ['flags', 'stop'], values: [true] },
    ])
  })

  test('else is a frame of its own', () => {
    const protocol = valid(
      `${ENVELOPE}frames: { A: { match: { kind: one }, with: { len: 0 } }, B: { match: else, with: { len: 0 } } }`,
    )
    expect(frame(protocol, 'B')).toMatchObject({ matchElse: true, match: [] })
  })
})

test('a field that depends on the id is there, or not, in each frame', () => {
  const protocol = valid(
    'envelope: { type: id(u4), flags: u4, packet: "u16 if type in (3, 4)", body: frame }\nframes: { A: { id: 1 }, B: { id: 3 }, C: { id: [ 4, 5 ] } }',
  )
  expect(outline(frame(protocol, 'A').body.nodes)).toEqual(['type', 'flags', ['body']])
  expect(fields(frame(protocol, 'B').body).packet).toMatchObject({ bits: 16 })
  expect(fields(frame(protocol, 'C').body).packet!.if).toBeDefined()
  expect(frame(protocol, 'B').match).toEqual([])
})

describe('two frame fields', () => {
  const ENVELOPE = `
enums: { P: { type: u8, values: { init: 1, data: 2 } } }
structs: { Inner: { seq: u32, type: id(u8), body: frame } }
envelope: { packet: P, counter: u64 if packet == data, inner: { type: Inner if packet == data, inline: true }, clear: frame if packet != data }
`

  test('a frame with an id implies the condition of the id, and only its side remains', () => {
    const protocol = valid(
      `${ENVELOPE}frames: { Init: { match: { packet: init }, fields: { x: u8 } }, Ping: { id: 1, fields: { y: u8 } } }`,
    )
    expect(outline(frame(protocol, 'Init').body.nodes)).toEqual(['packet', ['clear', 'x']])
    expect(outline(frame(protocol, 'Ping').body.nodes)).toEqual([
      'packet',
      'counter',
      ['inner', 'seq', 'type', ['body', 'y']],
    ])
    expect(frame(protocol, 'Ping').match).toEqual([{ path: ['packet'], values: ['data'] }])
    expect(fields(frame(protocol, 'Ping').body).packet!.match).toEqual(['data'])
    expect(fields(frame(protocol, 'Ping').body).counter).toMatchObject({ bits: 64 })
    expect(fields(frame(protocol, 'Ping').body).counter!.if).toBeUndefined()
  })

  test('a struct that holds the frame is no type of its own', () => {
    const protocol = valid(`${ENVELOPE}frames: { Init: { match: { packet: init } }, Ping: { id: 1 } }`)
    expect([...protocol.structs.keys()]).toEqual([])
  })

  test('a frame that fits both, or none, is an error', () => {
    const envelope = 'envelope: { k: u8, a: frame if k == 1, b: frame if k == 2 }\n'
    expect(
      build(`${envelope}frames: { X: { match: { k: 1 } }, Y: { match: { k: 3 }, fields: { y: u8 } }, Z: {} }`).errors,
    ).toEqual([
      '2:35 ambiguous Y has no place: every "frame" field of the envelope is excluded by its match',
      '2:78 ambiguous Z could go into a and b of the envelope',
    ])
  })
})

describe('seals', () => {
  const SEAL =
    'seal: { p: { aead: aes-256-gcm, key: handshake, clear: { salt: bytes(16) ?= random(16) }, nonce: [ u32(0), counter ] } }\n'

  test('a sealed frame has the clear fields and a group with the rest', () => {
    const protocol = valid(
      `${SEAL}envelope: { n: u8, body: frame, end: u16 }\nframes: { A: { seal: p, fields: { x: u32, data: bytes } } }`,
    )
    expect(outline(frame(protocol, 'A').body.nodes)).toEqual(['n', ['body', 'salt', ['_sealed', 'x', 'data']], 'end'])
    const sealed = group(frame(protocol, 'A').body.nodes, '_sealed')
    expect(sealed).toMatchObject({ seal: 'p', extent: { by: 'rest', tail: 2 } })
    expect(fields(frame(protocol, 'A').body).data!.type).toMatchObject({ extent: { by: 'rest', tail: 0 } })
    expect(fields(frame(protocol, 'A').body).salt).toMatchObject({ origin: 'clear', fallback: { name: 'random' } })
    expect(protocol.seals.get('p')).toMatchObject({ overhead: 16, tag: 'append', error: 'OpenFailed' })
  })

  test('on self framing its size follows from what stands in front', () => {
    const protocol = valid(
      `${SEAL}session: { n: { type: u32, max: 1MiB } }\ntransports: { tcp: { framing: self, max_frame: 1MiB } }\nframes: { A: { seal: p, fields: { x: u32, data: bytes(session.n) } } }`,
    )
    const sealed = group(frame(protocol, 'A').body.nodes, '_sealed')
    expect(sealed.extent).toMatchObject({
      by: 'size',
      size: { operator: '+', left: { value: 20n }, right: { space: 'session', name: 'n' } },
    })
  })
})

describe('groups', () => {
  test('an inline struct is part of the record, its rules too', () => {
    const protocol = valid(
      'structs: { H: { fields: { a: u8, b: u8 }, check: [ a < b ] } }\nframes: { A: { fields: { n: u8, h: { type: H if n == 1, inline: true } } } }',
    )
    const { nodes, check } = frame(protocol, 'A').body
    expect(outline(nodes)).toEqual([['body', 'n', ['h', 'a', 'b']]])
    expect(check[0]!.test).toMatchObject({ operator: 'or', left: { is: 'not' }, right: { operator: '<' } })
    expect(protocol.structs.has('H')).toBe(false)
  })

  test('names stay unique over all of it', () => {
    const text = 'structs: { H: { a: u8 } }\nframes: { A: { fields: { a: u8, h: { type: H, inline: true } } } }'
    expect(build(text).errors).toEqual(['1:17 duplicate frame A has two fields named a'])
  })
})

describe('parents', () => {
  test('parent.x is the closest field of that name, however many records are between', () => {
    const protocol = valid(`
structs: { Attribute: { value: V }, Address: { masked: bytes(4), ip: 'bytes from mask(masked, parent.key)' } }
unions: { V: { tag: u16, variants: { Address: { id: 1, type: Address in(u16) }, Other: { other: true, type: bytes(u16) } } } }
frames: { A: { fields: { key: bytes(4), list: Attribute* } } }`)
    const ip = fields(protocol.structs.get('Address')!.body).ip!
    expect(ip.from).toMatchObject({ args: [{ is: 'field' }, { is: 'parent', name: 'key', up: 3 }] })
    expect(protocol.structs.get('Address')!.body.usesParent).toBe(true)
    expect(protocol.structs.get('Attribute')!.body.usesParent).toBe(true)
    expect(frame(protocol, 'A').body.usesParent).toBe(false)
  })

  test('records that disagree about the field are named', () => {
    const text =
      'structs: { S: { a: bytes(parent.n) } }\nframes: { A: { fields: { n: u8, s: S } }, B: { fields: { s: S } } }'
    expect(build(text).errors).toEqual(['1:26 reference no field named n in frame B, which holds struct S'])
  })

  test('a range may begin in a record around', () => {
    const protocol = valid(
      'structs: { T: { crc: u32 = crc32(parent.a..) } }\nframes: { A: { fields: { a: u8, b: bytes(u8), t: T } } }',
    )
    const { value } = fields(protocol.structs.get('T')!.body).crc!
    expect(value).toMatchObject({ args: [{ is: 'range', from: { field: 'a', parent: true, up: 1 } }] })
  })
})

function outline(nodes: readonly Node[]): unknown[] {
  return nodes.map(node => (node.kind === 'field' ? node.name : [node.name, ...outline(node.nodes)]))
}

function group(nodes: readonly Node[], name: string): Group {
  for (const node of nodes) {
    if (node.kind === 'field') continue
    if (node.name === name) return node
    const inner = node.nodes.some(other => other.kind === 'group') ? group(node.nodes, name) : undefined
    if (inner) return inner
  }
  throw new Error(`no group ${name}`)
}
