// Cuts an input into frames as a transport would, and decodes each: a datagram is one frame, a stream has as many as the
// framing finds.

import type { FramingData } from '../../generator/normalize/behaviour.ts'
import type { Codec, DecodeOptions, Malformed, Reader } from '../../runtime/wire/codec.ts'
import { PrefixCutter } from './prefix.ts'

export interface DecodedFrame {
  readonly ok: true
  /** Where the frame begins in the input, behind its prefix. */
  readonly offset: number
  readonly length: number
  /** Borrowed until the next frame is asked for. */
  readonly reader: Reader
}

export interface RefusedFrame {
  readonly ok: false
  /** Where the refused frame begins. */
  readonly start: number
  readonly code: string
  /** Where the error is, from the start of the input. */
  readonly offset: number
  readonly field: string
}

export type Cut = DecodedFrame | RefusedFrame

/** How an input is cut. `whole`: it is one frame, whatever the transports say. */
export type Cutting = { readonly kind: 'whole'; readonly ignoreTrailing: boolean } | FramingData

/** Frames in the order of the input. A refused frame is the last: what follows it cannot be trusted. */
export function* cutFrames(
  codec: Codec,
  bytes: Uint8Array,
  cutting: Cutting,
  options: Omit<DecodeOptions, 'whole' | 'ignoreTrailing'>,
): Generator<Cut, void, void> {
  if (cutting.kind === 'whole' || cutting.kind === 'datagram' || cutting.kind === 'raw') {
    const ignoreTrailing = cutting.kind === 'whole' && cutting.ignoreTrailing
    yield decodeOne(codec, bytes, 0, bytes.length, { ...options, whole: true, ignoreTrailing })
    return
  }
  for (let at = 0; at < bytes.length; ) {
    const piece = nextPiece(bytes, at, cutting)
    if (piece.missing) {
      yield { ok: false, start: at, code: 'Truncated', offset: at, field: '' }
      return
    }
    const cut = decodeOne(codec, bytes, piece.start, piece.end, { ...options, whole: piece.whole })
    yield cut
    if (!cut.ok) return
    const next = piece.whole ? piece.next : cut.offset + cut.length
    if (next <= at) return
    at = next
  }
}

interface Piece {
  readonly start: number
  readonly end: number
  /** False: the frame must find its own end. */
  readonly whole: boolean
  readonly next: number
  readonly missing: boolean
}

function nextPiece(bytes: Uint8Array, at: number, cutting: Exclude<Cutting, { kind: 'whole' }>): Piece {
  const end = bytes.length
  switch (cutting.kind) {
    case 'prefix': {
      const prefix = new PrefixCutter(cutting.type).read(bytes, at)
      const start = at + (prefix?.size ?? 0)
      const stop = start + (prefix?.length ?? 0)
      return { start, end: stop, whole: true, next: stop, missing: prefix === undefined || stop > end }
    }
    case 'delimiter': {
      const stop = Buffer.from(bytes.buffer, bytes.byteOffset, end).indexOf(cutting.delimiter, at)
      return { start: at, end: stop, whole: true, next: stop + cutting.delimiter.length, missing: stop < 0 }
    }
    case 'fixed': {
      const stop = at + cutting.size
      return { start: at, end: stop, whole: true, next: stop, missing: stop > end }
    }
    default:
      return { start: at, end, whole: false, next: end, missing: false }
  }
}

function decodeOne(codec: Codec, bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Cut {
  let reader = codec.decode(bytes, start, end, options)
  // The input ends here, so bytes that a stream would wait for are missing: asked again as a whole, it says where.
  if (!reader && !codec.failure) reader = codec.decode(bytes, start, end, { ...options, whole: true })
  if (reader) return { ok: true, offset: reader.byteStart, length: reader.byteEnd - reader.byteStart, reader }
  const { code, offset, field }: Pick<Malformed, 'code' | 'offset' | 'field'> = codec.failure ?? {
    code: 'Truncated',
    offset: end - start,
    field: '',
  }
  return { ok: false, start, code, offset: start + offset, field }
}
