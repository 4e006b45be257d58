// How wide an id is that the runtime writes for itself. The descriptor gives an accessor, not a type, so the codec is
// asked: the widest number that comes back as it went in.

import { RequestIds } from '../reliability/ids.ts'
import type { Codec } from '../wire/codec.ts'
import type { Accessor } from './protocol.ts'
import { type Plain, roundTrip } from './recast.ts'

export interface IdShape {
  readonly bits: number
  /** Whether the codec gives it as bigint. */
  readonly wide: boolean
}

/** Undefined where the field takes no number, or `value` makes no frame. */
export function idShape(codec: Codec, frame: string, value: Plain, accessor: Accessor): IdShape | undefined {
  for (const bits of WIDTHS) {
    for (const wide of bits > 53 ? [true] : [false, true]) {
      const most = (1n << BigInt(bits)) - 1n
      const id = wide ? most : Number(most)
      const probe: Plain = { ...value }
      accessor.set(probe, id)
      const read = roundTrip(codec, frame, probe)
      const got = read && accessor.get(read)
      if (got === id) return { bits, wide }
    }
  }
  return undefined
}

export function requestIds(shape: IdShape, ids: 'counter' | 'random', random: (n: number) => Uint8Array): RequestIds {
  return new RequestIds({ ids, bits: shape.bits, wide: shape.wide, random })
}

const WIDTHS = [64, 63, 62, 56, 53, 48, 40, 35, 32, 31, 30, 28, 24, 21, 16, 15, 14, 12, 10, 8, 7, 6, 5, 4, 3, 2]
