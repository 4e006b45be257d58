// Properties over every shipped schema: what can be written is read back and written again the same; no bytes make a
// decoder throw; on a stream, more bytes never change what was decided.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { explain, formatExplain } from '../../../generator/interpret/explain.ts'
import { type InterpretedCodec, interpret } from '../../../generator/interpret/index.ts'
import { fromJson, toJson } from '../../../generator/interpret/values.ts'
import type { Frame, Protocol } from '../../../generator/model/model.ts'
import { fieldsOf } from '../../../generator/model/walk.ts'
import { type Context, EncodeError } from '../../../runtime/wire/codec.ts'
import { protocolOf } from '../../vectors/codecs.ts'
import { frameValue } from './arbitrary.ts'

const SCHEMAS: readonly (readonly [schema: string, profile?: string])[] = [
  ['schema/vstp'],
  ['schema/vstp', 'crate-0.2.1'],
  ['schema/intentra'],
  ['schema/intentra', 'crate-0.1.3'],
  ['schema/hydra-sync'],
  ['schema/hydra-sync', 'crate-1.0.0-beta.9'],
  ['schema/fastnet'],
  ['schema/fastnet', 'crate-0.3.1'],
  ['schema/fastnet-hybrid'],
  ['schema/fastnet-signalling'],
  ['schema/pea2pea'],
  ['schema/examples/chat'],
  ['schema/examples/kademlia'],
  ['schema/examples/noise'],
  ['schema/examples/potato'],
  ['schema/examples/rpc'],
]

describe.each(SCHEMAS.map(([schema, profile]) => ({ schema, profile })))('$schema $profile', ({ schema, profile }) => {
  const protocol = protocolOf(schema, profile)

  it('reads back what it writes, and writes the same again', () => {
    let written = 0
    for (const frame of protocol.frames.values()) {
      fc.assert(
        fc.property(frameValue(protocol, frame), value => {
          const codec = plainCodec(protocol)
          const bytes = tryEncode(codec, frame.name, value)
          if (!bytes) return
          written++
          const reader = codec.decode(bytes, 0, bytes.length, { whole: true, frame: frame.name })
          expect(codec.failure).toBeUndefined()
          const fields = reader!.toObject()
          expect(fields).toMatchObject(comparable(frame, value))
          expect(tryEncode(codec, frame.name, fields)).toEqual(bytes)
          const json = JSON.parse(JSON.stringify(toJson(protocol, frame.name, fields)))
          if (!JSON.stringify(json).includes('<secret>')) expect(fromJson(protocol, frame.name, json)).toEqual(fields)
        }),
        { numRuns: 30 },
      )
    }
    expect(written).toBeGreaterThan(protocol.frames.size * 8)
  })

  it('never throws on any bytes, nor does a dump of them', () => {
    fc.assert(
      fc.property(hostile(protocol), fc.boolean(), fc.boolean(), (bytes, whole, plain) => {
        const codec = plain ? plainCodec(protocol) : interpret(protocol, SESSION)
        const reader = codec.decode(bytes, 0, bytes.length, { whole, maxFrame: 4096 })
        if (reader) {
          expect(protocol.frames.has(reader.frameName)).toBe(true)
          reader.toObject()
        } else if (codec.failure) {
          expect(codec.failure.offset).toBeLessThanOrEqual(bytes.length)
          expect(codec.failure.consumed).toBeLessThanOrEqual(bytes.length)
        } else {
          expect(whole).toBe(false)
          expect(codec.needs).toBeGreaterThan(bytes.length)
          expect(codec.needs).toBeLessThanOrEqual(4096)
        }
        formatExplain(explain(protocol, codec.outcome!))
      }),
      { numRuns: 200 },
    )
  })

  it('finds on a stream the frame that it found in fewer bytes', () => {
    fc.assert(
      fc.property(hostile(protocol), bytes => {
        const codec = plainCodec(protocol)
        const options = { whole: false, maxFrame: 4096 }
        let found: number | undefined
        for (let there = 0; there <= bytes.length; there++) {
          const reader = codec.decode(bytes, 0, there, options)
          if (found !== undefined) expect(reader?.byteEnd).toBe(found)
          found ??= endless(protocol) ? undefined : reader?.byteEnd
        }
      }),
      { numRuns: 40 },
    )
  })
})

const SESSION: Partial<Context> = { session: { payload_len: 3n, conn_id: 7n, udp_port: 1n, peer_id: 1n } }

function plainCodec(protocol: Protocol): InterpretedCodec {
  return interpret(protocol, { ...SESSION, plain: true, random: n => new Uint8Array(n).fill(7), now: () => 1 })
}

function tryEncode(codec: InterpretedCodec, frame: string, value: object): Uint8Array | undefined {
  try {
    const into = new Uint8Array(codec.sizeOf(frame, value))
    expect(codec.encode(frame, value, into, 0)).toBe(into.length)
    return into
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}

/** Lists of bits come back as numbers; bits that tell the frame are set and cleared whatever was given. */
function comparable(frame: Frame, value: Record<string, unknown>): Record<string, unknown> {
  const forced = new Set(fieldsOf(frame.body.nodes).flatMap(field => (field.matchBits ? [field.name] : [])))
  return Object.fromEntries(
    Object.entries(value).filter(
      ([name, item]) => !Array.isArray(item) && typeof item !== 'object' && !forced.has(name),
    ),
  )
}

/** Frames that take the rest have no end on a stream; the schema's check says so, the codec makes the best of it. */
function endless(protocol: Protocol): boolean {
  const transports = protocol.document.transports as
    | Record<string, { framing?: string; use?: string } | null>
    | undefined
  return !Object.values(transports ?? {}).some(
    transport => transport?.framing === 'self' && transport.use !== 'handshake',
  )
}

/** Random bytes, and frames that were damaged. */
function hostile(protocol: Protocol): fc.Arbitrary<Uint8Array> {
  const frames = [...protocol.frames.values()]
  const valid = fc
    .constantFrom(...frames)
    .chain(frame =>
      frameValue(protocol, frame).map(value => tryEncode(plainCodec(protocol), frame.name, value) ?? new Uint8Array(0)),
    )
  const damaged = fc
    .tuple(valid, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(3))
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, Math.max(0, bytes.length - cut))
      for (const [at, byte] of changes) if (copy.length > 0) copy[at % copy.length] = byte
      return copy
    })
  return fc.oneof(fc.uint8Array({ maxLength: 40 }), damaged, valid)
}
