// What a seal may see of the frame around it (runtime/wire/codec.ts, SealedFrame): of one that is read, and of one that
// is written.
import type { Context, DecodeOptions, SealedFrame } from '../wire/codec.ts'
import { NO_BYTES } from './exact.ts'
import { type Input, NO_CONTEXT } from './input.ts'

/** A reader with sealed fields. */
export interface SealedReader {
  readonly byteStart: number
  clearField(name: string): unknown
}

export class ReaderSeal implements SealedFrame {
  aadStart = 0
  aadEnd = 0
  readonly clear: (field: string) => unknown
  private readonly reader: SealedReader

  constructor(reader: SealedReader) {
    this.reader = reader
    this.clear = field => this.reader.clearField(field)
  }

  get frameStart(): number {
    return this.reader.byteStart
  }

  /** The additional data is `start..end`. */
  covers(start: number, end: number): void {
    this.aadStart = start
    this.aadEnd = end
  }
}

/** A reader that can be laid over a frame whose sealed part nobody opens. */
export interface LaidReader extends SealedReader {
  byteSource: Uint8Array
  byteStart: number
  readonly byteInput: Input
  layOut(input: Input): void
}

/** A frame that is being sealed. Used again for every frame of its kind; its clear fields are read back when asked for. */
export class WriterSeal implements SealedFrame {
  frameStart = 0
  aadStart = 0
  aadEnd = 0
  readonly clear: (field: string) => unknown
  private readonly reader: LaidReader
  private bytes: Uint8Array = NO_BYTES
  private frameEnd = 0
  private context: Context = NO_CONTEXT
  private isLaidOut = false

  constructor(reader: LaidReader) {
    this.reader = reader
    this.clear = field => this.laidOut().clearField(field)
  }

  /** The frame is `bytes[start..end)`, the tag included; the additional data `aadStart..aadEnd`. */
  over(bytes: Uint8Array, start: number, end: number, aadStart: number, aadEnd: number, context: Context): this {
    this.bytes = bytes
    this.frameStart = start
    this.frameEnd = end
    this.aadStart = aadStart
    this.aadEnd = aadEnd
    this.context = context
    this.isLaidOut = false
    return this
  }

  private laidOut(): LaidReader {
    const { reader } = this
    if (this.isLaidOut) return reader
    reader.byteInput.begin(this.bytes, this.frameStart, this.frameEnd, WHOLE, this.context)
    reader.byteSource = this.bytes
    reader.byteStart = this.frameStart
    reader.layOut(reader.byteInput)
    this.isLaidOut = true
    return reader
  }
}

const WHOLE: DecodeOptions = { whole: true }
