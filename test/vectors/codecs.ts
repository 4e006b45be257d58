// The codecs that the known answers are held against. A generated codec joins with one line in CODECS.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { interpret } from '../../generator/interpret/index.ts'
import { loadSchema } from '../../generator/load/load.ts'
import { buildModel } from '../../generator/model/build.ts'
import type { Frame, Protocol } from '../../generator/model/model.ts'
import type { Codec, Context, DecodeOptions } from '../../runtime/wire/codec.ts'

export interface CodecSource {
  readonly name: string
  readonly create: (protocol: Protocol, context?: Partial<Context>) => Codec
}

export const CODECS: readonly CodecSource[] = [{ name: 'interpreter', create: interpret }]

/** The model of a schema (a path below the project, without `.yaml`) with a profile applied. */
export function protocolOf(schema: string, profile?: string): Protocol {
  const key = `${schema} ${profile ?? ''}`
  const known = loaded.get(key)
  if (known) return known
  const file = fileURLToPath(new URL(`../../${schema}.yaml`, import.meta.url))
  const { document, diagnostics } = loadSchema(file, { read, profile })
  const protocol = document && buildModel(document)
  if (!protocol) throw new Error(diagnostics.map(d => `${d.file}:${d.line}:${d.column}: ${d.message}`).join('\n'))
  loaded.set(key, protocol)
  return protocol
}

/** A protocol whose only frame is this struct, so that a record which no frame carries can be decoded too. */
export function recordOf(protocol: Protocol, struct: string): Protocol {
  const { body, place } = protocol.structs.get(struct)!
  const none = { ids: [], match: [], matchElse: false, dirs: [], states: [], learn: [] }
  const frame: Frame = { name: struct, index: 0, body, bare: true, repeat: 1, place, ...none }
  const { envelope: _, ...rest } = protocol
  return { ...rest, frames: new Map([[struct, frame]]) }
}

export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')) as T
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** The frame, the refusal, or how many bytes are wanted: what one call of decode gave. */
export type Seen =
  | { readonly frame: string; readonly size: number; readonly fields: Record<string, unknown> }
  | { readonly error: string; readonly consumed: number; readonly offset: number; readonly field: string }
  | { readonly needs: number }

export function decode(codec: Codec, bytes: Uint8Array, options: DecodeOptions): Seen {
  // Bytes in front make sure that offsets count from the frame and not from the buffer.
  const buffer = new Uint8Array(bytes.length + 3)
  buffer.set(bytes, 3)
  const reader = codec.decode(buffer, 3, buffer.length, options)
  if (reader) return { frame: reader.frameName, size: reader.byteEnd - reader.byteStart, fields: reader.toObject() }
  const { failure } = codec
  if (!failure) return { needs: codec.needs }
  return { error: failure.code, consumed: failure.consumed, offset: failure.offset, field: failure.field }
}

export function encode(codec: Codec, frame: string, value: object): Uint8Array {
  const into = new Uint8Array(codec.sizeOf(frame, value) + 5)
  return into.slice(5, codec.encode(frame, value, into, 5))
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const loaded = new Map<string, Protocol>()
