// protocol.ts at work: generated, transpiled, imported, and its accessors, conditions and prefixes used on real frames.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { generate, transpile } from '../../../generator/index.ts'
import type { Accessor, ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import type { Codec, Reader } from '../../../runtime/wire/codec.ts'
import { ROOT, reading } from './load.ts'

const folder = mkdtempSync(join(tmpdir(), 'descriptor-'))
afterAll(() => rmSync(folder, { recursive: true }))

const OWN = `
protocol: own
version: 3
insecure: [ a test ]
errors: { Odd: { text: odd, fatal: true } }
enums: { Kind: { type: u8, values: { small: 1, large: 2 } } }
bitsets: { Flags: { type: u16, bits: { ask: 0, wide: 15 } } }
structs:
  Part: { number: u32, of: u8 }
  Item: { code: u8, len: u8, value: bytes(len) }
envelope:
  type: id(u8)
  flags: { type: Flags, default: 0 }
  body: frame
frames:
  Ask:   { id: 1, dir: client>server, fields: { part: Part, kind: Kind, key: { type: u32, secret: true } } }
  Reply: { id: 2, dir: server>client, fields: { part: Part, note: string(u8) } }
  Items:
    id: 3
    fields: { list: { type: "Item*", default: none, map: { key: code, value: value }, entries: { port: { key: 7, type: u16 } } } }
transports: { tcp: { framing: prefix(leb128(3)), max_frame: 64KiB } }
replies: { ask: { to: Ask, if: flags.ask and kind == large, with: Reply, by: part.number, timeout: 1s } }
states:
  open: { Ask: { busy: count(Ask) > 1, open: else }, Reply: open, Items: closed }
  busy: { Ask: { closed: part.of == 9, busy: else }, Reply: open, timeout: 5s }
metrics: { odd_total: { kind: counter, on: error, if: code == Odd or code == Truncated, help: Odd ones } }
`

let vstp: ProtocolDescriptor
let own: ProtocolDescriptor

beforeAll(async () => {
  const read = reading({ 'own.yaml': OWN })
  const { files, diagnostics } = await generate(['schema/vstp.yaml', 'own.yaml'], { read, emit: ['ts'] })
  expect(diagnostics.filter(one => one.severity === 'error')).toEqual([])
  const runtime = pathToFileURL(join(ROOT, 'runtime/codegen/v1.ts')).href
  for (const [path, text] of await transpile(files, runtime)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  vstp = await load('vstp')
  own = await load('own')
}, 30_000)

async function load(name: string): Promise<ProtocolDescriptor> {
  return ((await import(join(folder, name, 'index.js'))) as { protocol: ProtocolDescriptor }).protocol
}

describe('an accessor', () => {
  it('reads a well-known entry, and writes it as text without touching what was given', () => {
    const { request } = by(vstp, 'ack')
    const headers = [{ key: ascii('x'), value: ascii('1') }]
    const value: Record<string, unknown> = { headers, payload: ascii('hi') }
    request.set(value, 2n ** 63n - 1n)
    expect(headers).toHaveLength(1)
    expect(request.get(roundTrip(vstp, 'Data', value))).toBe(2n ** 63n - 1n)
    request.set(value, 5n)
    expect(value.headers).toHaveLength(2)
    expect(request.get(roundTrip(vstp, 'Data', value))).toBe(5n)
  })

  it('is undefined for an absent entry and for a frame without the field', () => {
    expect(by(vstp, 'ack').request.get(roundTrip(vstp, 'Data', {}))).toBeUndefined()
    expect(by(own, 'ask').request.get(roundTrip(own, 'Items', {}))).toBeUndefined()
  })

  it('writes an entry as the integer that it is on the wire', () => {
    const items = roundTrip(own, 'Items', { list: [{ code: 7, value: Uint8Array.of(0x1f, 0x90) }] })
    expect((items as unknown as { listPort: number }).listPort).toBe(8080)
  })

  it('sets and clears one bit, whatever form the bits were given in', () => {
    const flag = vstp.channelHeader!.fragment_flag!
    for (const flags of [undefined, 0, 0x20, ['comp'], []]) {
      const value: Record<string, unknown> = { flags }
      flag.set(value, true)
      expect(flag.get(roundTrip(vstp, 'Data', value))).toBe(true)
      flag.set(value, false)
      const frame = roundTrip(vstp, 'Data', value) as Reader & { flags: number }
      expect(flag.get(frame)).toBe(false)
      expect(frame.flags).toBe(
        flags === undefined || flags === 0 || (Array.isArray(flags) && flags.length === 0) ? 0 : 0x20,
      )
    }
  })

  it('reaches into structs, whose given value it copies', () => {
    const part = { number: 1, of: 2 }
    const value: Record<string, unknown> = { part, kind: 'small', key: 1 }
    by(own, 'ask').request.set(value, 77)
    expect(part.number).toBe(1)
    expect(by(own, 'ask').request.get(roundTrip(own, 'Ask', value))).toBe(77)
  })
})

describe('a condition', () => {
  it('of a reply looks at bits, enums and presence, and is false for other frames', () => {
    const when = own.replies[0]!.when!
    const ask = (flags: number, kind: string): Reader =>
      roundTrip(own, 'Ask', { flags, kind, key: 0, part: { number: 1, of: 1 } })
    expect(when(ask(1, 'large'))).toBe(true)
    expect(when(ask(0x8000, 'large'))).toBe(false)
    expect(when(ask(1, 'small'))).toBe(false)
    expect(when(roundTrip(own, 'Items', {}))).toBe(false)
    const msgId = { headers: [{ key: ascii('msg-id'), value: ascii('1') }] }
    expect(vstp.replies[0]!.when!(roundTrip(vstp, 'Data', { flags: ['req_ack'], ...msgId }))).toBe(true)
    expect(vstp.replies[0]!.when!(roundTrip(vstp, 'Data', { flags: ['req_ack'] }))).toBe(false)
  })

  it('of a state counts frames and reads fields, and the steps stay in order', () => {
    const frame = roundTrip(own, 'Ask', { kind: 'small', key: 0, part: { number: 1, of: 9 } })
    const [open, busy] = own.states
    expect(open!.frames.Ask!.map(step => step.to)).toEqual(['busy', 'open'])
    expect(open!.frames.Ask![0]!.when!(frame, () => 2)).toBe(true)
    expect(open!.frames.Ask![0]!.when!(frame, () => 1)).toBe(false)
    expect(busy!.frames.Ask![0]!.when!(frame, () => 0)).toBe(true)
  })

  it('of a metric compares the code', () => {
    const when = own.metrics[0]!.when!
    expect(['Odd', 'Truncated', 'TooLarge'].map(code => when({ code }))).toEqual([true, true, false])
  })
})

describe('the rest of the descriptor', () => {
  it('lists secret fields, roles and ask bits', () => {
    expect(own.frames.map(frame => frame.secret)).toEqual([['key'], [], []])
    expect(own.replies[0]!.ask).toEqual([])
    expect(vstp.replies[0]!.ask.map(one => one.path)).toEqual(['flags.req_ack'])
    expect(own.errors).toEqual({ Odd: { text: 'odd', fatal: true } })
  })

  it('dispatches to the handler of the frame and hands back what it returned', () => {
    const frame = roundTrip(vstp, 'Data', { payload: ascii('hi') })
    const seen: unknown[] = []
    const handlers = {
      Data(one: Reader, peer: unknown): string {
        seen.push(one.frameName, peer)
        return 'done'
      },
    }
    expect(vstp.dispatch!.server!(frame, handlers, 'peer')).toBe('done')
    expect(seen).toEqual(['Data', 'peer'])
    expect(vstp.dispatch!.server!(frame, {}, 'peer')).toBeUndefined()
  })

  it('reads back every length that its prefix wrote, and asks for more bytes in between', () => {
    const { framing } = own.transports[0]!
    if (framing.kind !== 'prefix') throw new Error('not a prefix')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 21 - 1 }), length => {
        const bytes = new Uint8Array(8)
        const end = framing.write(bytes, 2, length)
        const out = { value: -1 }
        expect(framing.read(bytes, 2, end, out)).toBe(end - 2)
        expect([out.value, framing.size(length)]).toEqual([length, end - 2])
        expect(framing.read(bytes, 2, end - 1, out)).toBe(0)
      }),
    )
    expect(() => framing.write(new Uint8Array(8), 0, 2 ** 21)).toThrow(/2097152 bytes is too long for its prefix/)
    const endless = { value: 0 }
    expect(framing.read(Uint8Array.of(0xff, 0xff, 0xff, 0xff), 0, 4, endless)).toBe(3)
    expect(endless.value).toBe(Infinity)
  })

  it('gives every profile its own codec, loaded when it is asked for', async () => {
    const { profiles } = (await import(join(folder, 'vstp', 'index.js'))) as Profiled
    const { protocol } = await profiles['crate-0.2.1']!()
    expect([protocol.profile, vstp.profile]).toEqual(['crate-0.2.1', undefined])
    expect(protocol.replies.map(reply => [reply.name, reply.any])).toEqual([['ack', true]])
    expect(protocol.codec()).not.toBe(protocol.codec())
  })
})

interface Profiled {
  readonly profiles: Readonly<Record<string, () => Promise<{ protocol: ProtocolDescriptor }>>>
}

function by(protocol: ProtocolDescriptor, reply: string): { request: Accessor; reply: Accessor } {
  const found = protocol.replies.find(one => one.name === reply)!.by
  if (typeof found !== 'object') throw new Error(`${reply} has no field to match by`)
  return found
}

/** Encodes the value and decodes it again. */
function roundTrip(protocol: ProtocolDescriptor, frame: string, value: object): Reader {
  const codec: Codec = protocol.codec()
  const bytes = new Uint8Array(codec.sizeOf(frame, value))
  const end = codec.encode(frame, value, bytes, 0)
  const reader = codec.decode(bytes, 0, end, { whole: true })
  if (!reader) throw new Error(`${frame} does not decode: ${codec.failure?.code} in ${codec.failure?.field}`)
  return reader
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
