// vectors.json: golden frames that decode to their fields, and their fields encode to the same bytes.

import { describe, expect, it } from 'vitest'
import { emitVectors } from '../../../generator/emit/vectors.ts'
import { interpret } from '../../../generator/interpret/index.ts'
import { fromJson } from '../../../generator/interpret/values.ts'
import type { Context } from '../../../runtime/wire/codec.ts'
import { SHIPPED, shipped } from './load.ts'

describe.each(SHIPPED.map(path => path.slice('schema/'.length, -'.yaml'.length)))('the vectors of %s', name => {
  const protocol = shipped(name)
  const file = JSON.parse(emitVectors(protocol)) as VectorFile

  it('have every frame', () => {
    const frames = new Set(file.vectors.map(vector => vector.frame))
    expect([...protocol.frames.keys()].filter(frame => !frames.has(frame))).toEqual([])
  })

  it('decode to their fields and encode to their bytes', () => {
    for (const { frame, hex, fields, plain, error, decode_only, stream, dir, state } of file.vectors) {
      const codec = interpret(protocol, contextOf(file, plain === true, dir, state))
      const bytes = new Uint8Array(Buffer.from(hex, 'hex'))
      const reader = codec.decode(bytes, 0, bytes.length, { whole: stream !== true, frame: error ? undefined : frame })
      if (error !== undefined) {
        expect([hex, codec.failure?.code]).toEqual([hex, error])
        continue
      }
      expect([hex, codec.failure]).toEqual([hex, undefined])
      if (decode_only || fields === undefined) continue
      const given = fromJson(protocol, reader!.frameName, fields)
      const into = new Uint8Array(codec.sizeOf(reader!.frameName, given))
      const end = codec.encode(reader!.frameName, given, into, 0)
      expect(Buffer.from(into.subarray(0, end)).toString('hex')).toBe(hex)
    }
  })
})

interface VectorFile {
  readonly param: Readonly<Record<string, unknown>>
  readonly session: Readonly<Record<string, unknown>>
  readonly vectors: readonly {
    readonly frame?: string
    readonly hex: string
    readonly fields?: unknown
    readonly plain?: boolean
    readonly error?: string
    readonly decode_only?: boolean
    readonly stream?: boolean
    readonly dir?: string
    readonly state?: string
  }[]
}

function contextOf(file: VectorFile, plain: boolean, dir?: string, state?: string): Partial<Context> {
  const bytes = (value: unknown): unknown =>
    typeof value === 'string' && value.startsWith('0x') ? new Uint8Array(Buffer.from(value.slice(2), 'hex')) : value
  const values = (of: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(of).map(([name, value]) => [name, bytes(value)]))
  const context: Partial<Context> = { param: values(file.param), session: values(file.session), dir, state }
  return plain ? { ...context, plain: true } : context
}
