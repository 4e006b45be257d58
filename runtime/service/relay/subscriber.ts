// One who receives: its queue on its connection, and what happens when it is too slow or its publisher is gone.

import { peerError } from '../../core/errors.ts'
import type { Instant } from '../../core/machine.ts'
import type { Session } from '../../core/session.ts'
import type { StreamLink } from '../../drivers/stream-link.ts'
import type { RelayDescriptor } from './config.ts'
import type { RelayCounters } from './counters.ts'
import type { Membership, Receiver } from './hub.ts'
import type { QueueOwner, SubscriberQueue } from './queue.ts'
import type { Run } from './run.ts'

type Ending = 'publisher left' | 'overflow' | 'stalled'

export class Subscriber implements Receiver, QueueOwner {
  readonly #session: Session
  readonly #link: StreamLink
  readonly #counters: RelayCounters
  readonly #relay: RelayDescriptor
  #member: Membership | undefined
  #queue: SubscriberQueue | undefined
  /** Offered before the queue was there. */
  #early: Run[] = []
  /** Why it ends once everything is sent. */
  #ending: Ending | undefined

  constructor(session: Session, link: StreamLink, counters: RelayCounters, relay: RelayDescriptor) {
    this.#session = session
    this.#link = link
    this.#counters = counters
    this.#relay = relay
  }

  joined(member: Membership): void {
    this.#member = member
  }

  /** What is offered goes out from now on, behind what the session has said already. */
  start(queue: SubscriberQueue): void {
    this.#queue = queue
    this.#link.connection.flow.feed = queue
    const early = this.#early
    this.#early = []
    for (const run of early) queue.offer(run)
  }

  // ------------------------------------------------------------------------------------------------ for the group

  offer(run: Run): void {
    const queue = this.#queue
    if (queue === undefined) {
      this.#early.push(run)
      return
    }
    this.#counters.queuedBytes += run.bytes.length
    this.#session.framesOut += run.frames
    this.#session.bytesOut += run.bytes.length
    this.#session.shared.meter.count('relay.queued', undefined, run.bytes.length)
    queue.offer(run)
  }

  get isIdle(): boolean {
    return this.#queue?.frames === 0
  }

  orphaned(): void {
    this.#member = undefined
    if (this.#relay.whenPublisherLeaves === 'keep-subscribers') return
    this.#finish('publisher left')
  }

  // ------------------------------------------------------------------------------------------------ for the queue

  flush(): void {
    if (!this.#link.connection.isBlocked) this.#link.settle()
  }

  dropped(frames: number): void {
    if (frames === 0) return
    this.#counters.droppedFrames += frames
    for (let i = 0; i < frames; i++) this.#session.shared.meter.count('relay.dropped')
  }

  get isAwaited(): boolean {
    return this.#member?.isAwaited === true
  }

  overflowed(): void {
    const isStalled = this.#relay.queue.overflow === 'backpressure'
    if (isStalled) this.#session.shared.meter.count('relay.stalled')
    this.#member?.leave()
    this.#finish(isStalled ? 'stalled' : 'overflow')
  }

  full(isFull: boolean): void {
    this.#member?.full(isFull)
    // Nothing else happens on a link that takes nothing: its deadline has to be armed.
    if (isFull) this.#link.soon()
  }

  stalled(): void {
    if (this.#ending !== 'stalled') this.#session.shared.meter.count('relay.stalled')
    const error = peerError('LimitExceeded', `nothing was read for ${this.#relay.queue.stall} ms`, { fatal: true })
    this.#session.abort('stalled', error)
    this.#link.soon()
  }

  finished(): void {
    const why = this.#reproach
    const error = why === undefined ? undefined : peerError('LimitExceeded', why, { fatal: true })
    this.#session.close(this.now(), this.#ending, error)
    this.#link.soon()
  }

  now(): Instant {
    return this.#link.now()
  }

  /** What the subscriber did wrong. */
  get #reproach(): string | undefined {
    if (this.#ending === 'overflow') return `more than ${this.#relay.queue.frames} frames waited`
    if (this.#ending === 'stalled') return 'the others waited for it for too long'
    return undefined
  }

  #finish(why: Ending): void {
    this.#ending = why
    if (this.#queue === undefined) this.#session.close(this.now(), why)
    else this.#queue.finish(this.#relay.queue.stall)
    this.#link.soon()
  }
}
