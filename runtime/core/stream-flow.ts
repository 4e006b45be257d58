// Bytes of a stream connection that are not frames of its session: what a service passes on as it came (an intake), and
// what it sends to many (a feed). Both are set by the service once the session has got to where only such bytes travel.

import { type Instant, instant, NEVER } from './machine.ts'

/** Takes what arrives, instead of the session. */
export interface Intake {
  /** False: give no more bytes now. */
  readonly hasRoom: boolean
  /** Bytes that must be there before it can go on, counted from the first one that it did not take. */
  readonly needs: number
  /**
   * Whole units in `bytes[from..end)`, from the first one on; returns where it stopped. Borrowed, unless `keeps` says
   * afterwards that it still refers to the memory.
   */
  take(now: Instant, bytes: Uint8Array, from: number, end: number): number
  /** Whether the last `take` left somebody referring to its bytes. */
  readonly keeps: boolean
}

/** Runs of bytes to send behind everything that the session has queued. */
export interface Feed {
  /** The next run, or undefined. It stays as it is until `release`. */
  take(): Uint8Array | undefined
  /** The oldest run taken is gone. */
  release(): void
  /** Bytes that wait to be taken. */
  readonly bytes: number
  readonly deadline: Instant
  wake(now: Instant): void
  /** The connection is over: nothing more is taken. */
  end(): void
}

/** Both, for one connection, and when nothing is read. One run of the feed at a time is out. */
export class Flow {
  intake: Intake | undefined
  feed: Feed | undefined
  #out: Uint8Array | undefined
  /** Units since then. */
  #units = 0
  #since = Number.NEGATIVE_INFINITY
  /** Nothing is read before. */
  #restsUntil: Instant = NEVER

  take(): Uint8Array | undefined {
    if (this.#out === undefined) {
      this.#out = this.feed?.take()
      return this.#out
    }
    return undefined
  }

  /** False: this is no run of the feed. */
  release(chunk: Uint8Array): boolean {
    if (chunk !== this.#out) return false
    this.#out = undefined
    this.feed?.release()
    return true
  }

  get bytes(): number {
    return this.feed?.bytes ?? 0
  }

  /**
   * A read of `size` bytes brought so many units for the intake. Where many have come within a millisecond and reads are
   * small, it is not worth to wake up, read and write for each: the next ones wait a moment for company.
   */
  passed(now: Instant, size: number, units: number): void {
    if (this.intake === undefined) return
    if (now - this.#since > HURRY.within) {
      this.#since = now
      this.#units = 0
    }
    this.#units += units
    if (this.#units >= HURRY.units && size < HURRY.worth) this.rest(instant(now + HURRY.rest))
  }

  rest(until: Instant): void {
    this.#restsUntil = until
  }

  wake(now: Instant): void {
    if (now >= this.#restsUntil) this.#restsUntil = NEVER
    this.feed?.wake(now)
  }

  get hasRoom(): boolean {
    return this.intake?.hasRoom !== false && this.#restsUntil === NEVER
  }

  get deadline(): Instant {
    return instant(Math.min(this.feed?.deadline ?? NEVER, this.#restsUntil))
  }
}

/** So many units within so many milliseconds are a hurry; a read of `worth` bytes is worth it even then. */
const HURRY = { units: 16, within: 1, worth: 16 * 1024, rest: 0.2 } as const
