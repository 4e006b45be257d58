// A generated codec and an interpreted one of the same protocol, asked the same questions.
import { isDeepStrictEqual } from 'node:util'
import { interpret } from '../../../generator/interpret/index.ts'
import type { Protocol } from '../../../generator/model/model.ts'
import { type Codec, type Context, type DecodeOptions, EncodeError } from '../../../runtime/wire/codec.ts'
import { generatedCodec } from './generated.ts'

/** What encoding led to. `behind`: the bytes of the slab that are not the frame's. */
export type Encoded =
  | { readonly bytes: Uint8Array; readonly size: number; readonly behind: Uint8Array }
  | { readonly code: string; readonly field: string }

export interface Twins {
  readonly generated: Codec
  readonly interpreted: Codec
  /** Both codecs know this from now on. */
  know(context: Context): void
}

export function twins(protocol: Protocol, context: Context): Twins {
  const generated = generatedCodec(protocol, context)
  const interpreted = interpret(protocol, context)
  return {
    generated,
    interpreted,
    know(next) {
      generated.context = next
      interpreted.context = next
    },
  }
}

/** Encodes into the middle of a slab that is not empty. */
export function encoded(codec: Codec, frame: string, value: object): Encoded {
  try {
    const size = codec.sizeOf(frame, value)
    const slab = new Uint8Array(AT + size + ROOM).fill(0xee)
    const end = codec.encode(frame, value, slab, AT)
    return { bytes: slab.slice(AT, end), size, behind: slab.slice(AT + size) }
  } catch (fault) {
    if (fault instanceof EncodeError) return { code: fault.code, field: fault.field }
    throw fault
  }
}

/** Everything that decoding tells, as data. `upto`: how many of the bytes have arrived. */
export function decoded(codec: Codec, bytes: Uint8Array, options: DecodeOptions, upto: number): unknown {
  const slab = new Uint8Array(AT + bytes.length + ROOM)
  slab.set(bytes, AT)
  const reader = codec.decode(slab, AT, AT + upto, options)
  if (reader) {
    const { frameName, frameIndex, byteStart, byteEnd } = reader
    return { frameName, frameIndex, byteStart, byteEnd, value: reader.toObject() }
  }
  if (codec.needs > 0) return { needs: codec.needs }
  const { code, offset, field, consumed } = codec.failure!
  return { code, offset, field, consumed }
}

/** Throws with everything that a person needs to see the difference. */
export function agree(generated: unknown, interpreted: unknown, about: Readonly<Record<string, unknown>>): void {
  if (isDeepStrictEqual(generated, interpreted)) return
  throw new Error(`generated and interpreted codec differ: ${shown({ ...about, generated, interpreted })}`)
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return `${part}n`
    return part instanceof Uint8Array ? `x${Buffer.from(part).toString('hex')}` : part
  })
}

const AT = 3
const ROOM = 8
