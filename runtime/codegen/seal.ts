// What a seal may see of the frame around it (runtime/wire/codec.ts, SealedFrame): over a reader, and over the values of
// a frame that is being encoded.
import type { SealedFrame } from '../wire/codec.ts'

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

/** Clear fields of a frame that is being sealed, by name. */
export class ValueSeal implements SealedFrame {
  readonly frameStart: number
  readonly aadStart: number
  readonly aadEnd: number
  readonly clear: (field: string) => unknown

  constructor(frameStart: number, aadStart: number, aadEnd: number, values: Readonly<Record<string, unknown>>) {
    this.frameStart = frameStart
    this.aadStart = aadStart
    this.aadEnd = aadEnd
    this.clear = field => values[field]
  }
}
