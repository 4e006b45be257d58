// The size of frames that always have the same, whatever is in them.

import type { Codec } from '../wire/codec.ts'

/**
 * Bytes of a frame of this kind; undefined where it depends on what is in it. Found by reading: whatever stands in the
 * bytes, the codec has to ask for equally many. Sealed bytes stay closed: the codec's context must not open them.
 */
export function fixedSize(codec: Codec, frame: string, most: number): number | undefined {
  let size: number | undefined
  for (const fill of FILLS) {
    const found = sizeWith(codec, frame, fill, most)
    if (found === undefined || (size !== undefined && found !== size)) return undefined
    size = found
  }
  return size
}

function sizeWith(codec: Codec, frame: string, fill: (i: number) => number, most: number): number | undefined {
  let bytes: Uint8Array = new Uint8Array(0)
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const reader = codec.decode(bytes, 0, bytes.length, { whole: false, maxFrame: most, frame })
    if (reader !== undefined) return reader.byteEnd === bytes.length ? bytes.length : undefined
    if (codec.needs <= bytes.length || codec.needs > most) return undefined
    bytes = new Uint8Array(codec.needs)
    for (let i = 0; i < bytes.length; i++) bytes[i] = fill(i)
  }
  return undefined
}

const FILLS: readonly ((i: number) => number)[] = [() => 0, () => 0xff, () => 1, i => (i * 167 + 13) & 0xff]
const MOST_TURNS = 8
