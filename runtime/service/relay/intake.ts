// What a publisher sends, passed on as it comes: whole frames of everything that one read brought, in one piece.

import type { Instant } from '../../core/machine.ts'
import type { Session } from '../../core/session.ts'
import type { Intake } from '../../core/stream-flow.ts'
import type { Boundary } from './boundary.ts'
import type { Membership } from './hub.ts'
import { Run } from './run.ts'

export class PublisherIntake implements Intake {
  keeps = false
  readonly #session: Session
  readonly #boundary: Boundary
  readonly #member: Membership
  readonly #frame: number
  readonly #failed: (code: string) => void

  /** `frame`: its index, for meters. `failed` is told where what arrives can be no frame. */
  constructor(session: Session, boundary: Boundary, member: Membership, frame: number, failed: (code: string) => void) {
    this.#session = session
    this.#boundary = boundary
    this.#member = member
    this.#frame = frame
    this.#failed = failed
  }

  get hasRoom(): boolean {
    return this.#member.hasRoom
  }

  get needs(): number {
    return this.#boundary.needs
  }

  take(_now: Instant, bytes: Uint8Array, from: number, end: number): number {
    this.keeps = false
    const whole = this.#boundary.whole(bytes, from, end, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    const { frames, end: at } = whole
    if (frames > 0) this.#pass(bytes, from, at, frames)
    if (this.#boundary.failure !== undefined) this.#failed(this.#boundary.failure)
    return at
  }

  #pass(bytes: Uint8Array, from: number, end: number, frames: number): void {
    const session = this.#session
    const size = end - from
    session.framesIn += frames
    session.bytesIn += size
    session.shared.meter.received(this.#frame, size, frames)
    const run = new Run(bytes.subarray(from, end), frames)
    this.#member.publish(run)
    this.keeps = run.keepsRead
  }
}

/** Nothing is read: what a client may do is being found out. */
export const HOLD: Intake = {
  hasRoom: false,
  needs: 1,
  keeps: false,
  take: (_now, _bytes, from) => from,
}
