// What waits for one subscriber: bounded in frames and bytes, with a rule for what happens when it is full. A queue begins
// where the socket takes no more; before that nothing waits.

import { type Instant, instant, NEVER } from '../../core/machine.ts'
import type { Feed } from '../../core/stream-flow.ts'
import type { Boundary } from './boundary.ts'
import type { Run } from './run.ts'

/** What happens when a queue is full. */
export const OVERFLOWS = ['drop-newest', 'drop-oldest', 'drop-client', 'backpressure'] as const
export type Overflow = (typeof OVERFLOWS)[number]

export interface QueueLimits {
  readonly frames: number
  readonly bytes: number
  readonly overflow: Overflow
  /** Milliseconds that a subscriber may stand still, or take for what is left once it was dropped. */
  readonly stall: number
  /** Backpressure: milliseconds that others who have nothing left wait for one that takes nothing. */
  readonly hold: number
}

/** Who owns the queue, and is told what becomes of it. */
export interface QueueOwner {
  /** Bytes may be taken now. */
  flush(): void
  /** Frames were dropped. */
  dropped(frames: number): void
  /** Drop-client, or nobody waits for it any longer: nothing more is offered. */
  overflowed(): void
  /** Backpressure: whether everybody has to wait for this one. */
  full(isFull: boolean): void
  /** Whether somebody else in the group has nothing left to send: it waits for this one. */
  readonly isAwaited: boolean
  /** It stood still for too long. */
  stalled(): void
  /** After `finish`: everything has been sent. */
  finished(): void
  now(): Instant
}

export class SubscriberQueue implements Feed {
  /** Waiting, not taken. */
  frames = 0
  bytes = 0
  deadline: Instant = NEVER
  readonly #limits: QueueLimits
  readonly #boundary: Boundary
  readonly #owner: QueueOwner
  #runs: Run[] = []
  #first = 0
  /** Taken and not gone, and its bytes as they were then. */
  #out: Run | undefined
  #outBytes: Uint8Array = NOTHING
  #isFull = false
  /** Since when it is full, or is not any more. */
  #since: Instant
  /** Milliseconds that others waited for it beyond those in which they did not have to. */
  #debt = 0
  #isFinishing = false
  #isOver = false

  constructor(limits: QueueLimits, boundary: Boundary, owner: QueueOwner) {
    this.#limits = limits
    this.#boundary = boundary
    this.#owner = owner
    this.#since = owner.now()
  }

  /** A run for everybody. */
  offer(run: Run): void {
    if (this.#isOver || this.#isFinishing) return
    this.#push(run)
    this.#owner.flush()
    if (this.frames > 0) this.#bound(run)
  }

  /** Nothing more is offered: `finished` comes when what waits is sent. */
  finish(within: number): void {
    if (this.#isFinishing || this.#isOver) return
    this.#isFinishing = true
    if (within !== Number.POSITIVE_INFINITY) this.deadline = instant(this.#owner.now() + within)
    this.#unfull()
    this.#owner.flush()
    this.#ifDone()
  }

  // ------------------------------------------------------------------------------------------ for the connection

  take(): Uint8Array | undefined {
    if (this.frames === 0) return undefined
    const run = this.#shift()
    this.#out = run
    this.#outBytes = run.lend()
    if (this.#isFull) this.#moved()
    return this.#outBytes
  }

  release(): void {
    this.#giveBack()
    if (this.#isFinishing) this.#ifDone()
  }

  wake(now: Instant): void {
    if (now < this.deadline) return
    this.deadline = NEVER
    if (this.#isFinishing || now - this.#since >= this.#limits.stall) this.#owner.stalled()
    else if (this.#owner.isAwaited) this.#owner.overflowed()
    else this.#arm(now)
  }

  end(): void {
    this.#isOver = true
    for (let i = this.#first; i < this.#runs.length; i++) this.#runs[i]!.release()
    this.#runs = []
    this.#first = 0
    this.frames = this.bytes = 0
    this.#giveBack()
    this.deadline = NEVER
    this.#unfull()
  }

  // -------------------------------------------------------------------------------------------------- the rest

  get #isOverLimit(): boolean {
    return this.frames >= this.#limits.frames || this.bytes >= this.#limits.bytes
  }

  /** What waits is within its bounds, or becomes so. */
  #bound(newest: Run): void {
    newest.settle()
    const { frames, bytes, overflow } = this.#limits
    if (overflow === 'backpressure') {
      if (!this.#isFull && this.#isOverLimit) this.#full()
      return
    }
    if (this.frames <= frames && this.bytes <= bytes) return
    if (overflow === 'drop-oldest') this.#dropOldest()
    else {
      this.#dropNewest()
      if (overflow === 'drop-client') this.#owner.overflowed()
    }
  }

  /** The newest run goes, as far as there is no room for it. */
  #dropNewest(): void {
    const run = this.#runs.pop() as Run
    this.frames -= run.frames
    this.bytes -= run.bytes.length
    const { frames, bytes } = this.#limits
    const fits = this.#boundary.whole(run.bytes, 0, run.bytes.length, frames - this.frames, bytes - this.bytes)
    const kept = fits.frames
    if (kept > 0) this.#push(run.part(0, fits.end, kept))
    run.release()
    this.#owner.dropped(run.frames - kept)
  }

  /** The oldest frames go until the rest fits. A run that the socket has begun is not in the queue any more. */
  #dropOldest(): void {
    const { frames, bytes } = this.#limits
    let dropped = 0
    while (this.frames > frames || this.bytes > bytes) {
      const run = this.#shift()
      const { length } = run.bytes
      // The fewest frames whose end leaves no more than what fits.
      const surplus = Math.max(0, this.frames + run.frames - frames)
      const excess = Math.max(0, this.bytes + length - bytes)
      let gone = this.#boundary.whole(run.bytes, 0, length, surplus, length)
      let [end, count] = [gone.end, gone.frames]
      while (end < excess && count < run.frames) {
        gone = this.#boundary.whole(run.bytes, end, length, 1, length)
        if (gone.frames === 0) break
        end = gone.end
        count += gone.frames
      }
      dropped += count
      if (count < run.frames) this.#unshift(run.part(end, length, run.frames - count))
      run.release()
    }
    this.#owner.dropped(dropped)
  }

  #giveBack(): void {
    this.#out?.gone(this.#outBytes)
    this.#out = undefined
    this.#outBytes = NOTHING
  }

  #push(run: Run): void {
    run.hold()
    this.#runs.push(run)
    this.frames += run.frames
    this.bytes += run.bytes.length
  }

  #unshift(run: Run): void {
    run.hold()
    if (this.#first === 0) this.#runs.unshift(run)
    else this.#runs[--this.#first] = run
    this.frames += run.frames
    this.bytes += run.bytes.length
  }

  #shift(): Run {
    const run = this.#runs[this.#first] as Run
    this.#runs[this.#first++] = NO_RUN
    this.frames -= run.frames
    this.bytes -= run.bytes.length
    if (this.#first === this.#runs.length) {
      this.#runs.length = 0
      this.#first = 0
    } else if (this.#first > COMPACT && this.#first * 2 > this.#runs.length) {
      this.#runs = this.#runs.slice(this.#first)
      this.#first = 0
    }
    return run
  }

  /** Everybody waits for this one from now on. */
  #full(): void {
    this.#isFull = true
    const now = this.#owner.now()
    this.#debt = Math.max(0, this.#debt - (now - this.#since))
    this.#since = now
    this.#arm(now)
    this.#owner.full(true)
  }

  /** It is full, and its socket took something. */
  #moved(): void {
    const now = this.#owner.now()
    if (this.#isOverLimit) {
      this.#arm(now)
      return
    }
    const held = now - this.#since
    const isAwaited = held > 0 && this.#owner.isAwaited
    this.#since = now
    this.#unfull()
    if (!isAwaited) return
    this.#debt += held
    if (this.#debt > this.#limits.stall) this.#owner.overflowed()
  }

  /** It is waited for until then, if nothing moves. */
  #arm(now: Instant): void {
    const { hold, stall } = this.#limits
    const until = Math.min(now + hold, this.#since + stall)
    this.deadline = until === Number.POSITIVE_INFINITY ? NEVER : instant(until)
  }

  #unfull(): void {
    if (!this.#isFull) return
    this.#isFull = false
    if (!this.#isFinishing) this.deadline = NEVER
    this.#owner.full(false)
  }

  #ifDone(): void {
    if (this.frames > 0 || this.#out !== undefined || this.#isOver) return
    this.#isOver = true
    this.deadline = NEVER
    this.#owner.finished()
  }
}

const NO_RUN = undefined as unknown as Run
const NOTHING = new Uint8Array(0)
const COMPACT = 64
