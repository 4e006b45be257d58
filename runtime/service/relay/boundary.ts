// Where frames end in a stream that is passed on: nothing else of them is looked at.

import { fixedSize } from '../../core/frame-size.ts'
import { type StreamFraming, streamFraming } from '../../core/framing.ts'
import type { Plan } from '../../core/plan.ts'
import type { Codec } from '../../wire/codec.ts'

/** Frames counted from the front of some bytes. */
export interface Extent {
  /** Offset behind the last of them. */
  end: number
  frames: number
}

export interface Boundary {
  /** Bytes that an unfinished frame must have before it is worth another look, counted from its first one. */
  readonly needs: number
  /** As many whole frames of `bytes[from..end)` as there are, but at most `frames` of them in `size` bytes. Shared: read it at once. */
  whole(bytes: Uint8Array, from: number, end: number, frames: number, size: number): Extent
  /** Set where the last bytes can be no frame: nothing behind them can be passed on. */
  readonly failure: string | undefined
}

/** The cheapest way to find frames of this kind. `codec` has the context of the connection they arrive on. */
export function boundaryOf(plan: Plan, codec: Codec, frame: string): Boundary {
  const { framing } = plan.transport
  if (framing.kind === 'fixed') return new Fixed(framing.size)
  if (framing.kind === 'self') {
    const size = fixedSize(codec, frame, plan.maxFrame)
    if (size !== undefined) return new Fixed(size)
  }
  return new Scanned(streamFraming(plan.transport, plan.maxFrame), codec)
}

/** All frames have one size. */
class Fixed implements Boundary {
  readonly needs: number
  readonly failure = undefined
  readonly #extent: Extent = { end: 0, frames: 0 }

  constructor(size: number) {
    this.needs = size
  }

  whole(_bytes: Uint8Array, from: number, end: number, frames: number, size: number): Extent {
    const extent = this.#extent
    extent.frames = Math.min(frames, Math.floor(Math.min(end - from, size) / this.needs))
    extent.end = from + extent.frames * this.needs
    return extent
  }
}

/** The framing says where each frame ends. */
class Scanned implements Boundary {
  needs = 1
  failure: string | undefined
  readonly #framing: StreamFraming
  readonly #codec: Codec
  readonly #extent: Extent = { end: 0, frames: 0 }

  constructor(framing: StreamFraming, codec: Codec) {
    this.#framing = framing
    this.#codec = codec
  }

  whole(bytes: Uint8Array, from: number, end: number, frames: number, size: number): Extent {
    const extent = this.#extent
    const framing = this.#framing
    extent.end = from
    extent.frames = 0
    this.failure = undefined
    while (extent.end < end && extent.frames < frames) {
      if (framing.find(this.#codec, bytes, extent.end, end) === undefined) {
        this.needs = Math.max(1, framing.needs)
        if (framing.failure !== undefined) this.failure = framing.failure.code
        break
      }
      if (framing.next - from > size) break
      extent.end = framing.next
      extent.frames++
    }
    return extent
  }
}
