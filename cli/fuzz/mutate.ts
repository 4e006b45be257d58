// Makes hostile frames from good ones, in place in one slab: flipped bits, lengths that lie, cuts, repeats, splices.

import type { SimRandom } from '../../runtime/sim/random.ts'

/** A frame source that allocates nothing per frame. */
export class Mutator {
  /** The current frame is `slab[0..length)`. */
  readonly slab: Uint8Array
  readonly #random: SimRandom
  readonly #corpus: readonly Uint8Array[]
  readonly #max: number

  constructor(corpus: readonly Uint8Array[], random: SimRandom, max = 4096) {
    this.slab = new Uint8Array(max * 2)
    this.#random = random
    this.#corpus = corpus
    this.#max = max
  }

  /** Puts the next frame into `slab` and returns its length. */
  next(): number {
    const random = this.#random
    if (this.#corpus.length === 0 || random.chance(0.1)) return this.#noise()
    let length = this.#take(0, this.#corpus[random.below(this.#corpus.length)]!)
    for (let changes = 1 + random.below(3); changes > 0; changes--) length = this.#change(length)
    return length
  }

  #noise(): number {
    const length = this.#random.below(this.#random.chance(0.9) ? 64 : this.#max)
    for (let i = 0; i < length; i++) this.slab[i] = this.#random.below(256)
    return length
  }

  #take(at: number, frame: Uint8Array): number {
    const length = Math.min(frame.length, this.#max - at)
    for (let i = 0; i < length; i++) this.slab[at + i] = frame[i]!
    return at + length
  }

  #change(length: number): number {
    const { slab } = this
    const random = this.#random
    const at = random.below(Math.max(1, length))
    switch (random.below(8)) {
      case 0: // one bit
        if (length > 0) slab[at] = slab[at]! ^ (1 << random.below(8))
        return length
      case 1: // any byte
        if (length > 0) slab[at] = random.below(256)
        return length
      case 2: // a value at an edge
        if (length > 0) slab[at] = EDGES[random.below(EDGES.length)]!
        return length
      case 3: {
        // a number of two or four bytes that says too much
        const width = random.chance(0.5) ? 2 : 4
        const fill = random.chance(0.5) ? 0xff : 0x7f
        for (let i = at; i < Math.min(length, at + width); i++) slab[i] = fill
        return length
      }
      case 4: // cut
        return at
      case 5: {
        // more at the end
        const more = Math.min(random.below(16), this.#max - length)
        for (let i = 0; i < more; i++) slab[length + i] = random.below(256)
        return length + more
      }
      case 6: // the end of another frame
        return this.#corpus.length === 0 ? length : this.#take(at, this.#corpus[random.below(this.#corpus.length)]!)
      default: {
        // a run taken out
        const end = Math.min(length, at + 1 + random.below(8))
        slab.copyWithin(at, end, length)
        return length - (end - at)
      }
    }
  }
}

const EDGES = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
