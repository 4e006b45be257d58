// The text of a frame: its bytes without what a seal puts around them. Parity covers texts and a bundle holds several, so
// both go inside one sealed datagram; what comes out of it stands in a copy of the frame around it, to be decoded.

import type { Codec, Reader } from '../wire/codec.ts'

/** Bytes of the seal in front of a text and behind it; none where frames are not sealed. */
export interface TextPlaces {
  readonly before: number
  readonly after: number
}

/** Of a frame that was decoded, or written. Borrowed. */
export function textOf({ before, after }: TextPlaces, bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.subarray(start + before, end - after)
}

/** The frame with a text that came inside one that began with `head`, in memory of its own. Undefined where it is none. */
export function frameOf(
  { before, after }: TextPlaces,
  codec: Codec,
  head: Uint8Array,
  text: Uint8Array,
): Reader | undefined {
  const datagram = new Uint8Array(before + text.length + after)
  datagram.set(head)
  datagram.set(text, before)
  return codec.decode(datagram, 0, datagram.length, WHOLE)
}

/** What stands in front of the text of a frame. Borrowed. */
export function headOf({ before }: TextPlaces, { byteSource, byteStart }: Reader): Uint8Array {
  return byteSource.subarray(byteStart, byteStart + before)
}

const WHOLE = { whole: true } as const
