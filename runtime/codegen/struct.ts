// A struct without a frame around it (payloads of handshakes), from the reader and the encoder that were generated for it.
import type { StructCodec } from '../core/handshake-descriptor.ts'
import { type Context, Malformed } from '../wire/codec.ts'
import type { FrameReader } from './reader.ts'

/** What `codec.ts` exports for the struct. */
export interface StructParts {
  readonly reader: new () => FrameReader
  readonly sizeOf: (value: never, context?: Context) => number
  readonly encode: (value: never, into: Uint8Array, at: number, context?: Context) => number
}

export function structCodec(name: string, { reader, sizeOf, encode }: StructParts): StructCodec {
  return {
    name,
    encode(value, context) {
      const bytes = new Uint8Array(sizeOf(value as never, context))
      return bytes.subarray(0, encode(value as never, bytes, 0, context))
    },
    decode(bytes, context) {
      try {
        return new reader().wrapBytes(bytes, 0, bytes.length, context).toObject()
      } catch (fault) {
        if (fault instanceof Malformed) return undefined
        throw fault
      }
    },
  }
}
