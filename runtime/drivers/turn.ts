// When the output of a machine leaves: what every link over a real transport does the same way. Commands of one turn of the
// program leave together at its end; those given inside an input leave after that input.

import { type Instant, NEVER } from '../core/machine.ts'
import type { Link } from './link.ts'
import { loop, type Woken } from './loop.ts'

export abstract class TurnLink implements Link, Woken {
  at: number = NEVER
  place = -1
  /** The machine has an input, or its output is being taken. */
  protected isInside = false
  #isSoon = false
  readonly #onTick: () => void = () => {
    this.#isSoon = false
    this.settle()
  }

  abstract readonly queued: number
  abstract settle(): void
  abstract wake(): void

  now(): Instant {
    return this.#isSoon || this.isInside ? loop.latest : loop.now()
  }

  soon(): void {
    if (this.#isSoon || this.isInside) return
    this.#isSoon = true
    process.nextTick(this.#onTick)
  }

  promptly(): void {
    if (this.#isSoon || this.isInside) return
    this.soon()
    this.settle()
  }
}
