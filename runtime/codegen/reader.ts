// The base of generated readers: a flyweight that is laid over the bytes of a frame and reads a field when asked.
// Members of readers that are no fields are camelCase with a capital inside, so no schema name can meet them.
import type { Context, DecodeOptions, Reader } from '../wire/codec.ts'
import { Input, NO_CONTEXT } from './input.ts'

export abstract class FrameReader implements Reader {
  abstract readonly frameName: string
  abstract readonly frameIndex: number
  byteSource: Uint8Array
  byteStart = 0
  byteEnd = 0
  readonly byteInput: Input

  constructor(input: Input = new Input()) {
    this.byteInput = input
    this.byteSource = input.bytes
  }

  /** Layout, then validation (docs/adr/0002-decoding.md). Throws Malformed. */
  abstract decodeBytes(input: Input): this

  /** Decodes `bytes[start..end)` as this frame, whatever its id says. Throws Malformed. */
  wrapBytes(bytes: Uint8Array, start = 0, end: number = bytes.length, context: Context = NO_CONTEXT): this {
    this.byteInput.leave()
    this.byteInput.begin(bytes, start, end, WHOLE, context)
    return this.decodeBytes(this.byteInput)
  }

  abstract toObject(): Record<string, unknown>
}

const WHOLE: DecodeOptions = { whole: true }
