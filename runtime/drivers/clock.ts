// The clock and the one timer of a driver. Nothing else in the runtime reads the time.
import { type Instant, instant, type Machine, NEVER } from '../core/machine.ts'

/** Now, on the clock that all machines of this process share. */
export const now = (): Instant => instant(performance.now())

/** One timer for a machine's deadline. Moving it costs nothing where the new deadline is later: waking early is harmless. */
export class Alarm {
  readonly #machine: Machine
  readonly #ring: () => void
  #timer: NodeJS.Timeout | undefined
  #armed: Instant = NEVER

  /** `ring` is called when the deadline has passed. */
  constructor(machine: Machine, ring: () => void) {
    this.#machine = machine
    this.#ring = ring
  }

  /** Call after every input. */
  arm(): void {
    const due = this.#machine.deadline
    if (due >= this.#armed) return
    clearTimeout(this.#timer)
    this.#armed = due
    // Timers round down to whole milliseconds and cannot wait longer than 24.8 days.
    const wait = Math.min(Math.max(0, Math.ceil(due - now())), LONGEST)
    this.#timer = setTimeout(() => {
      this.#armed = NEVER
      this.#ring()
    }, wait)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#armed = NEVER
  }
}

const LONGEST = 0x7fff_ffff
