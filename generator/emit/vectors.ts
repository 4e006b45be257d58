// `vectors.json`: frames with their bytes, for anybody who implements the protocol elsewhere. The schema's examples, then
// made-up values for each frame, encoded by the interpreter.

import type { Context } from '../../runtime/wire/codec.ts'
import { interpret } from '../interpret/index.ts'
import type { Example, Frame, Node, Protocol } from '../model/model.ts'
import { generatedBy } from './header.ts'
import { hex } from './notation.ts'
import { toJson } from './vectors/json.ts'
import { LEARNED, sampleRecord, sampleValue, type Variant } from './vectors/sample.ts'

export function emitVectors(protocol: Protocol): string {
  const context = vectorContext(protocol)
  const samples = [...protocol.frames.values()].flatMap(frame => samplesOf(protocol, frame, context))
  const seen = new Set<string>()
  const vectors = [...protocol.examples.map(exampleVector), ...samples].filter(vector => {
    const key = `${vector.frame} ${vector.hex}`
    return !seen.has(key) && seen.add(key)
  })
  const file = {
    about: generatedBy(protocol)[0],
    protocol: protocol.name,
    version: protocol.version,
    param: toJson(context.param),
    session: toJson(context.session),
    vectors,
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

interface Vector {
  readonly frame?: string | undefined
  readonly fields?: unknown
  readonly hex: string
  readonly [more: string]: unknown
}

function exampleVector(example: Example): Vector {
  const { place: _, decodeOnly, hex: text, ...rest } = example
  return {
    ...(toJson(rest) as object),
    hex: text.replaceAll(/\s/g, '').toLowerCase(),
    ...(decodeOnly ? { decode_only: true } : {}),
  }
}

/** What was given, encoded, and everything that decoding finds. Without keys, sealed fields stand in the clear. */
function samplesOf(protocol: Protocol, frame: Frame, context: Context): Vector[] {
  return VARIANTS.flatMap(variant => {
    const codec = interpret(protocol, context)
    const given = sampleRecord(protocol, frame.body, variant)
    const bytes = encoded(codec, frame.name, given)
    if (!bytes) return []
    const reader = codec.decode(bytes, 0, bytes.length, { whole: true, frame: frame.name })
    if (!reader) return []
    return [
      {
        frame: frame.name,
        ...(frame.body.nodes.some(isSealed) ? { plain: true } : {}),
        fields: toJson(reader.toObject()),
        hex: hex(bytes),
      },
    ]
  })
}

function isSealed(node: Node): boolean {
  return node.kind === 'group' && (node.seal !== undefined || node.nodes.some(isSealed))
}

/** Undefined where the made-up value breaks a rule of the frame: the schema should give an example of it. */
function encoded(codec: ReturnType<typeof interpret>, frame: string, value: object): Uint8Array | undefined {
  try {
    const bytes = new Uint8Array(codec.sizeOf(frame, value))
    return bytes.slice(0, codec.encode(frame, value, bytes, 0))
  } catch {
    return undefined
  }
}

function vectorContext(protocol: Protocol): Context {
  const params = [...protocol.params.values()].map(param => {
    const literal = param.fallback && 'literal' in param.fallback ? param.fallback.literal : undefined
    return [
      param.name,
      typeof literal === 'number' || typeof literal === 'bigint' ? literal : sampleValue(protocol, param.type),
    ]
  })
  const session = [...protocol.session.values()].map(one => [one.name, small(sampleValue(protocol, one.type))])
  return {
    param: Object.fromEntries(params),
    session: Object.fromEntries(session),
    key: {},
    peer: {},
    local: {},
    random: n => Uint8Array.from({ length: n }, (_, at) => at & 0xff),
    now: () => 1_700_000_000_000,
    plain: true,
  }
}

function small(value: unknown): unknown {
  return typeof value === 'bigint' ? BigInt(LEARNED) : typeof value === 'number' ? LEARNED : value
}

const VARIANTS: readonly Variant[] = ['plain', 'full']
