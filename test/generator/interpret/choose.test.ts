// Which frame some bytes are, and what opens on the way.
import { describe, expect, it } from 'vitest'
import { codecFrom, decode } from './schema.ts'

const TAGGED = `
errors: { BadKind: { text: bad kind } }
roles: { client: { transport: dials }, server: { transport: accepts }, watcher: { transport: dials, kind: client } }
states: { hello: { Hi: open }, open: { A: open, B: open, Old: open } }
envelope:
  fields: { version: u8 = 1, kind: id(u8) else BadKind, body: frame, sum: u8 = sum8(..) }
frames:
  Hi: { bare: true, state: hello, fields: { x: u8 } }
  A: { id: [ 1, 2 ], state: open, dir: client>server, fields: { a: u8 } }
  B: { id: 1, state: open, dir: server>client, fields: { b: u16 } }
  Old: { id: 9, state: hello }
`

describe('choosing the frame', () => {
  it('takes direction and state first, then the id', () => {
    expect(decode(codecFrom(TAGGED, { dir: 'client>server', state: 'open' }), '01 01 05 07')).toMatchObject({
      frame: 'A',
      fields: { a: 5 },
    })
    expect(decode(codecFrom(TAGGED, { dir: 'server>client', state: 'open' }), '01 01 0005 07')).toMatchObject({
      frame: 'B',
      fields: { b: 5 },
    })
    expect(decode(codecFrom(TAGGED, { dir: 'watcher>server', state: 'open' }), '01 02 05 08').frame).toBe('A')
    expect(decode(codecFrom(TAGGED, { state: 'hello' }), '01 09 0a').frame).toBe('Old')
  })

  it('reports what fits nothing at the turn of the id', () => {
    const codec = codecFrom(TAGGED, { state: 'open' })
    expect(decode(codec, '01 07 08').error).toBe('BadKind 1 kind')
    expect(decode(codec, '02 07 08').error).toBe('BadValue 0 version')
    expect(decode(codec, '01 09 0a').error).toBe('WrongState 1 kind')
    expect(decode(codecFrom(TAGGED, { state: 'open', dir: 'client>server' }), '01 07 08').error).toBe('BadKind 1 kind')
    expect(decode(codecFrom(TAGGED), '01 01 05 07').error).toBe('AmbiguousFrame 0')
  })

  it('decodes as the frame that is asked for', () => {
    const codec = codecFrom(TAGGED)
    expect(decode(codec, '05', { frame: 'Hi' })).toMatchObject({ frame: 'Hi', fields: { x: 5 } })
    expect(decode(codec, '01 01 0005 07', { frame: 'B' }).frame).toBe('B')
    expect(() => decode(codec, '05', { frame: 'Nope' })).toThrow('test has no frame Nope')
  })

  it('takes bare frames where the state leaves only them', () => {
    const text = TAGGED.replace('Old: { id: 9, state: hello }', 'Old: { id: 9, state: open }')
    expect(decode(codecFrom(text, { state: 'hello' }), '05').frame).toBe('Hi')
  })

  it('matches values and bits, and `else` where nothing else fits', () => {
    const codec = codecFrom(`
bitsets: { Flags: { type: u8, bits: { stop: 0, ping: 1 }, undefined: keep } }
envelope: { flags: { type: Flags, default: 0 }, level: u8, body: frame }
frames:
  Stop: { match: { flags.stop: true } }
  Ping: { match: { flags.stop: false, flags.ping: true }, fields: { x: u8 } }
  Deep: { match: { flags.stop: false, flags.ping: false, level: [ 7, 8 ] } }
  Rest: { match: else, fields: { y: bytes } }
`)
    expect(decode(codec, '03 00').frame).toBe('Stop')
    expect(decode(codec, '02 00 05').frame).toBe('Ping')
    expect(decode(codec, '00 08').frame).toBe('Deep')
    expect(decode(codec, '00 00 0506').frame).toBe('Rest')
  })
})

describe('sealed frames', () => {
  const SEALED = `
errors: { Broken: { text: broken }, TooOld: { text: too old } }
enums: { Kind: { type: u8, values: { clear: 0, sealed: 1 } } }
seal: { box: { aead: aes-256-gcm, key: param.key, nonce: [ u32(0), counter ], aad: kind..seq, error: Broken } }
params: { key: { type: bytes(32), secret: true } }
envelope:
  kind: Kind
  counter: u64
  seq: { type: u8, range: 1..9 }
  inside: { type: Inside sealed(box), inline: true, if: kind == sealed }
  outside: frame if kind == clear
structs: { Inside: { type: id(u8), body: frame } }
frames:
  Hello: { match: { kind: clear }, fields: { x: u8 } }
  Data: { id: 1, fields: { y: u16 }, check: [ seq != 5 else TooOld, y != 0 ] }
  More: { id: 2 }
`
  const CLEAR = '01 0000000000000000'
  /** A seal that adds sixteen bytes of 0xee and turns every bit around. */
  const turning = {
    seal: (_: string, bytes: Uint8Array, start: number, end: number): number => {
      for (let i = start; i < end; i++) bytes[i]! ^= 0xff
      bytes.fill(0xee, end, end + 16)
      return end + 16
    },
    open: (_: string, bytes: Uint8Array, start: number, end: number): number => {
      if (bytes[end - 1] !== 0xee) return -1
      for (let i = start; i < end - 16; i++) bytes[i]! ^= 0xff
      return end - 16 - start
    },
  }

  it('are opened once, after everything in front was found right', () => {
    let opened = 0
    const open: typeof turning.open = (...args) => {
      opened++
      return turning.open(...args)
    }
    const codec = codecFrom(SEALED, { ...turning, open })
    const tag = 'ee'.repeat(16)
    expect(decode(codec, `${CLEAR} 02 fe fffe ${tag}`)).toMatchObject({ frame: 'Data', fields: { y: 1 } })
    expect(opened).toBe(1)
    expect(decode(codec, `${CLEAR} 00 fe fffe ${tag}`).error).toBe('OutOfRange 9 seq')
    expect(opened).toBe(1)
    expect(decode(codec, `${CLEAR} 02 fe fffe ${'aa'.repeat(16)}`).error).toBe('Broken 10')
    expect(decode(codec, `${CLEAR} 02 fe ff ${tag}`).error).toBe('Truncated 11 y')
    expect(decode(codec, `${CLEAR} 02 fe fffeff ${tag}`).error).toBe('TrailingBytes 13')
    expect(decode(codec, `${CLEAR} 02 fe ffff ${tag}`).error).toBe('CheckFailed 0')
    expect(decode(codec, `${CLEAR} 02 fc ${tag}`).error).toBe('UnknownFrame 10 type')
    expect(decode(codec, '00 0000000000000000 02 05').frame).toBe('Hello')
  })

  it('run rules about clear fields before opening, once the frame is known', () => {
    const codec = codecFrom(SEALED, { ...turning, state: undefined })
    expect(decode(codec, `${CLEAR} 05 fe ffff ${'ee'.repeat(16)}`, { frame: 'Data' }).error).toBe('TooOld 0')
    expect(decode(codec, `${CLEAR} 05 fe ffff ${'aa'.repeat(16)}`, { frame: 'Data' }).error).toBe('TooOld 0')
  })

  it('stay opaque without a key, unless their content names the frame', () => {
    const codec = codecFrom(SEALED)
    expect(decode(codec, `${CLEAR} 02 fe ffff ${'aa'.repeat(16)}`).error).toBe('Broken 10')
    const seen = decode(codec, `${CLEAR} 02 fe ffff ${'aa'.repeat(16)}`, { frame: 'Data' })
    expect(seen).toEqual({ frame: 'Data', fields: { kind: 'sealed', counter: 0n, seq: 2 } })
    expect(decode(codecFrom(SEALED, { plain: true }), `${CLEAR} 02 01 0001`)).toMatchObject({
      frame: 'Data',
      fields: { y: 1 },
    })
  })

  it('tell the seal where the AAD is and what the clear fields hold', () => {
    const seen: unknown[] = []
    const codec = codecFrom(SEALED, {
      open: (name, bytes, start, end, frame) => {
        seen.push([
          name,
          start,
          end,
          frame.frameStart,
          frame.aadStart,
          frame.aadEnd,
          frame.clear('kind'),
          frame.clear('counter'),
        ])
        return turning.open(name, bytes, start, end)
      },
    })
    decode(codec, `${CLEAR} 02 fe fffe ${'ee'.repeat(16)}`)
    expect(seen).toEqual([['box', 10, 29, 0, 0, 10, 'sealed', 0n]])
  })

  it('are written plain, then sealed last of all', () => {
    const codec = codecFrom(SEALED, turning)
    const value = { kind: 'sealed', counter: 0n, seq: 2, y: 1 }
    const into = new Uint8Array(codec.sizeOf('Data', value))
    expect(codec.encode('Data', value, into, 0)).toBe(29)
    expect(Buffer.from(into).toString('hex')).toBe(`01000000000000000002fefffe${'ee'.repeat(16)}`)
    const sealed = { count: 0 }
    const counting = codecFrom(SEALED, {
      seal: (name, bytes, start, end) => ++sealed.count && turning.seal(name, bytes, start, end),
    })
    expect(() => counting.encode('Data', { ...value, y: 0 }, new Uint8Array(100), 0)).toThrow(
      expect.objectContaining({ code: 'CheckFailed' }),
    )
    expect(() => counting.encode('Data', value, new Uint8Array(20), 0)).toThrow(RangeError)
    expect(sealed.count).toBe(0)
    expect(() => codecFrom(SEALED).encode('Data', value, new Uint8Array(100), 0)).toThrow(
      expect.objectContaining({ code: 'WrongState' }),
    )
  })
})
