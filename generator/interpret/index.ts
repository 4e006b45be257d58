// The interpreter: a codec that runs straight from the model, slow and readable. It decodes and encodes schemas nobody
// generated, and generated codecs are held to it frame by frame (docs/adr/0002-decoding.md).
import type { Codec, Context, DecodeOptions, Malformed, Reader } from '../../runtime/wire/codec.ts'
import type { Protocol } from '../model/model.ts'
import { decodeFrame, fullContext, type Outcome } from './decode.ts'
import { encodeFrame, sizeOfFrame } from './encode.ts'

export type { Outcome } from './decode.ts'
export { Unprepared } from './decode.ts'

/** A codec that also shows what it saw, for annotated dumps. */
export interface InterpretedCodec extends Codec {
  /** The last call of `decode`. */
  readonly outcome: Outcome | undefined
}

/**
 * A codec for `protocol`. What `context` leaves out is absent; `random` and `now` then throw when a frame needs them.
 */
export function interpret(protocol: Protocol, context: Partial<Context> = {}): InterpretedCodec {
  return new Interpreter(protocol, fullContext(context))
}

class Interpreter implements InterpretedCodec {
  readonly frameNames: readonly string[]
  context: Context
  outcome: Outcome | undefined
  private readonly protocol: Protocol

  constructor(protocol: Protocol, context: Context) {
    this.protocol = protocol
    this.context = context
    this.frameNames = [...protocol.frames.keys()]
  }

  get needs(): number {
    return this.outcome?.needs ?? 0
  }

  get failure(): Malformed | undefined {
    return this.outcome?.failure
  }

  decode(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined {
    this.outcome = decodeFrame(this.protocol, this.context, bytes, start, end, options)
    return this.outcome.reader
  }

  sizeOf(frame: string, value: object): number {
    return sizeOfFrame(this.protocol, this.context, frame, value)
  }

  encode(frame: string, value: object, into: Uint8Array, at: number): number {
    return encodeFrame(this.protocol, this.context, frame, value, into, at)
  }
}
