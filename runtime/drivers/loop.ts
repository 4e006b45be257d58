// The one clock and the one timer of this process: every link that drives a machine is woken from here. Deadlines move
// with almost every frame, so the timer is lazy: it is armed only when one comes nearer than what it is armed for, and
// firing early costs one superfluous `wake`.

import { type Instant, instant } from '../core/machine.ts'
import { DeadlineHeap, type Timed } from '../reliability/heap.ts'

/** Something with a deadline. */
export interface Woken extends Timed {
  wake(): void
}

export class Loop {
  readonly #heap = new DeadlineHeap<Woken>()
  readonly #onTime: () => void = () => this.#fire()
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  /** What the timer is armed for. */
  #armed = Infinity
  /** The clock when it was last read. */
  latest: Instant = instant(performance.now())

  /** Reads the clock. */
  now(): Instant {
    this.latest = instant(performance.now())
    return this.latest
  }

  /** Unix milliseconds when the clock is at 0. */
  get epoch(): number {
    return performance.timeOrigin
  }

  /** Wakes `woken` at `at` or before. */
  arm(woken: Woken, at: number): void {
    if (at === Infinity || (woken.place >= 0 && woken.at <= at)) return
    this.#heap.move(woken, at)
    if (at < this.#armed) this.#set(at)
  }

  disarm(woken: Woken): void {
    this.#heap.remove(woken)
  }

  #set(at: number): void {
    this.#armed = at
    const wait = at - this.now()
    if (wait <= 0) {
      this.#immediate ??= setImmediate(this.#onTime)
      return
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#onTime, Math.min(Math.ceil(wait), LONGEST))
    // Sockets keep the process alive, not their timers; but whoever has no socket may wait for a moment's pause to end.
    if (wait > MOMENT) this.#timer.unref()
  }

  #fire(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#armed = Infinity
    const now = this.now()
    // What is armed again meanwhile has its turn the next time.
    const due: Woken[] = []
    for (let next = this.#heap.peek(); next !== undefined && next.at <= now; next = this.#heap.peek()) {
      this.#heap.remove(next)
      due.push(next)
    }
    for (const woken of due) woken.wake()
    const next = this.#heap.deadline()
    if (next < this.#armed) this.#set(next)
  }
}

/** For all drivers of this process. */
export const loop: Loop = new Loop()

/** Milliseconds. */
const MOMENT = 20
/** The longest that a timer of Node waits. */
const LONGEST = 2 ** 31 - 1
