// Small protocols for tests, written as schemas: the text goes through the real loader and model builder.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type InterpretedCodec, interpret } from '../../../generator/interpret/index.ts'
import { loadSchema } from '../../../generator/load/load.ts'
import { buildModel } from '../../../generator/model/build.ts'
import type { Protocol } from '../../../generator/model/model.ts'
import type { Context, DecodeOptions } from '../../../runtime/wire/codec.ts'

/** The model of a schema given without its first two lines. */
export function protocolFrom(text: string): Protocol {
  const { document, diagnostics } = loadSchema('/test.yaml', {
    shipped: fileURLToPath(new URL('../../../schema', import.meta.url)),
    read: path => {
      if (path === '/test.yaml') return `protocol: test\nversion: 1\n${text}`
      try {
        return readFileSync(path, 'utf8')
      } catch {
        return undefined
      }
    },
  })
  const protocol = document && buildModel(document)
  if (!protocol) throw new Error(diagnostics.map(d => `${d.line}:${d.column} ${d.code}: ${d.message}`).join('\n'))
  return protocol
}

export function codecFrom(text: string, context: Partial<Context> = {}): InterpretedCodec {
  return interpret(protocolFrom(text), context)
}

/** A codec of one frame without an envelope; `fields` are lines of a field map. */
export function frameOf(fields: readonly string[], sections = ''): InterpretedCodec {
  const lines = fields.map(field => `      ${field}`).join('\n')
  return codecFrom(`${sections}\nframes:\n  Test:\n    bare: true\n    fields:\n${lines}\n`)
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export interface Seen {
  readonly frame?: string
  readonly fields?: Record<string, unknown>
  /** `Code offset field`, as in `Truncated 3 header.len`. */
  readonly error?: string
  readonly consumed?: number
  readonly needs?: number
}

export function decode(codec: InterpretedCodec, bytes: string, options: Partial<DecodeOptions> = {}): Seen {
  const all = hex(bytes)
  const reader = codec.decode(all, 0, all.length, { whole: true, ...options })
  if (reader) return { frame: reader.frameName, fields: reader.toObject() }
  const { failure } = codec
  if (!failure) return { needs: codec.needs }
  return { error: `${failure.code} ${failure.offset} ${failure.field}`.trim(), consumed: failure.consumed }
}

export function encode(codec: InterpretedCodec, value: object, frame: string = codec.frameNames[0]!): string {
  const size = codec.sizeOf(frame, value)
  const into = new Uint8Array(size)
  const end = codec.encode(frame, value, into, 0)
  if (end !== size) throw new Error(`sizeOf said ${size}, encode wrote ${end}`)
  return toHex(into)
}
