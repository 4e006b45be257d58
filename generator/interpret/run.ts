// One call of decode: the bytes, how many are there, and what was opened on the way. All offsets count from the first
// byte of the frame; `base` is where that byte stands.
import type { Context } from '../../runtime/wire/codec.ts'
import type { Protocol } from '../model/model.ts'
import { NeedBytes, type Region } from './fault.ts'

export class Run {
  readonly protocol: Protocol
  readonly context: Context
  readonly bytes: Uint8Array
  readonly base: number
  /** Bytes from `base` that are there. */
  readonly available: number
  /** What the frame must fit into: its bytes, or no end on a stream. */
  readonly region: Region
  /** Plain text of sealed groups by the offset of their first sealed byte: a seal is opened once. */
  readonly opened: Map<number, { readonly start: number; readonly end: number }> = new Map()
  /** Size of the frame, from the moment that `framing` was passed. */
  framed = 0

  constructor(protocol: Protocol, context: Context, bytes: Uint8Array, start: number, end: number, whole: boolean) {
    this.protocol = protocol
    this.context = context
    this.bytes = bytes
    this.base = start
    this.available = end - start
    this.region = { end: whole ? end - start : Number.POSITIVE_INFINITY }
  }

  /** Bytes up to `upTo` are about to be read. */
  need(upTo: number): void {
    if (upTo > this.available) throw new NeedBytes(upTo)
  }

  view(start: number, end: number): Uint8Array {
    this.need(end)
    return this.bytes.subarray(this.base + start, this.base + end)
  }
}

/** A place in the bytes, in bits, and the region around it. */
export class Cursor {
  at: number
  readonly region: Region

  constructor(at: number, region: Region) {
    this.at = at
    this.region = region
  }

  get byte(): number {
    return Math.floor(this.at / 8)
  }
}

/** Computes once; a step that throws is tried again. */
export function lazy<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined
  return () => {
    known ??= { value: compute() }
    return known.value
  }
}
