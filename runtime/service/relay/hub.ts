// Groups: who publishes to whom. A relay that outgrows one process shares them over a broker; that is what `Hub` is for.
// The default knows the groups of this process alone.

import { Run } from './run.ts'

/** What a group needs of one who receives. */
export interface Receiver {
  /** Whole frames, in the order of the publisher. */
  offer(run: Run): void
  /** It has sent everything that it was offered. */
  readonly isIdle: boolean
  /** The publishers left; nothing more comes. */
  orphaned(): void
}

/** What a group needs of one who publishes. */
export interface Sender {
  /** There is room again, or none. */
  resume(): void
}

export type Admission = 'ok' | 'group_missing' | 'group_occupied'

/** A place in a group. */
export interface Membership {
  /** The same frames for everybody else in the group. */
  publish(run: Run): void
  /** False: a receiver holds the group up (backpressure). */
  readonly hasRoom: boolean
  /** This receiver holds the group up, or does no longer. */
  full(isFull: boolean): void
  /** Whether another receiver has sent everything: while this one is full, that one waits for it. */
  readonly isAwaited: boolean
  /** Once; harmless when repeated. */
  leave(): void
}

export type Admitted =
  | { readonly kind: 'ok'; readonly member: Membership }
  | { readonly kind: Exclude<Admission, 'ok'> }

/** The registry of groups and the way from publishers to subscribers. A broker answers later: then a promise. */
export interface Hub {
  /** A publisher asks for a place. The first one makes the group. */
  publish(group: string, sender: Sender): Admitted | Promise<Admitted>
  subscribe(group: string, receiver: Receiver): Admitted | Promise<Admitted>
  /** Groups now. */
  readonly size: number
}

export interface LocalHubOptions {
  /** Publishers of one group. */
  readonly publishers: number
  /** What a subscriber who comes late gets: what comes from then on, or also the newest that fits into these bounds. */
  readonly history: { readonly frames: number; readonly bytes: number } | undefined
}

/** All groups in this process. */
export class LocalHub implements Hub {
  readonly #options: LocalHubOptions
  readonly #groups = new Map<string, Group>()

  constructor(options: LocalHubOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#groups.size
  }

  publish(name: string, sender: Sender): Admitted {
    const known = this.#groups.get(name)
    if (known !== undefined && known.senders.length >= this.#options.publishers) return { kind: 'group_occupied' }
    const group = known ?? new Group(this.#options.history, () => this.#groups.delete(name))
    if (known === undefined) this.#groups.set(name, group)
    group.senders.push(sender)
    return { kind: 'ok', member: new Member(group, sender, undefined) }
  }

  subscribe(name: string, receiver: Receiver): Admitted {
    const group = this.#groups.get(name)
    if (group === undefined) return { kind: 'group_missing' }
    group.add(receiver)
    return { kind: 'ok', member: new Member(group, undefined, receiver) }
  }
}

class Group {
  readonly senders: Sender[] = []
  /** Never changed in place: a receiver may leave while a run goes round. */
  receivers: readonly Receiver[] = []
  /** Receivers that hold up the publishers. */
  full = 0
  readonly #bounds: LocalHubOptions['history']
  readonly #history: Run[] = []
  #kept = { frames: 0, bytes: 0 }
  readonly #onEnd: () => void

  constructor(bounds: LocalHubOptions['history'], onEnd: () => void) {
    this.#bounds = bounds
    this.#onEnd = onEnd
  }

  add(receiver: Receiver): void {
    this.receivers = [...this.receivers, receiver]
    for (const run of this.#history) receiver.offer(run)
  }

  remove(receiver: Receiver): void {
    this.receivers = this.receivers.filter(one => one !== receiver)
  }

  publish(run: Run): void {
    const { receivers } = this
    for (let i = 0; i < receivers.length; i++) receivers[i]!.offer(run)
    if (this.#bounds !== undefined) this.#keep(run, this.#bounds)
  }

  /** Somebody but this receiver has nothing left. */
  isWaitingFor(receiver: Receiver): boolean {
    const { receivers } = this
    for (let i = 0; i < receivers.length; i++) {
      const one = receivers[i]!
      if (one !== receiver && one.isIdle) return true
    }
    return false
  }

  relieve(): void {
    for (const sender of this.senders) sender.resume()
  }

  /** A publisher left. Without any the group is over. */
  abandon(sender: Sender): void {
    const at = this.senders.indexOf(sender)
    if (at >= 0) this.senders.splice(at, 1)
    if (this.senders.length > 0) return
    this.#onEnd()
    const { receivers } = this
    this.receivers = []
    this.#history.length = 0
    for (const receiver of receivers) receiver.orphaned()
  }

  /** The newest runs, for those who come late. */
  #keep(run: Run, bounds: { readonly frames: number; readonly bytes: number }): void {
    this.#history.push(new Run(run.bytes.slice(), run.frames, false))
    this.#kept.frames += run.frames
    this.#kept.bytes += run.bytes.length
    while (this.#kept.frames > bounds.frames || this.#kept.bytes > bounds.bytes) {
      const gone = this.#history.shift() as Run
      this.#kept.frames -= gone.frames
      this.#kept.bytes -= gone.bytes.length
    }
  }
}

class Member implements Membership {
  readonly #group: Group
  readonly #sender: Sender | undefined
  readonly #receiver: Receiver | undefined
  #isFull = false
  #hasLeft = false

  constructor(group: Group, sender: Sender | undefined, receiver: Receiver | undefined) {
    this.#group = group
    this.#sender = sender
    this.#receiver = receiver
  }

  publish(run: Run): void {
    if (!this.#hasLeft) this.#group.publish(run)
  }

  get hasRoom(): boolean {
    return this.#group.full === 0
  }

  full(isFull: boolean): void {
    if (isFull === this.#isFull) return
    this.#isFull = isFull
    this.#group.full += isFull ? 1 : -1
    if (this.#group.full === 0) this.#group.relieve()
  }

  get isAwaited(): boolean {
    return this.#receiver !== undefined && !this.#hasLeft && this.#group.isWaitingFor(this.#receiver)
  }

  leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.full(false)
    if (this.#receiver !== undefined) this.#group.remove(this.#receiver)
    if (this.#sender !== undefined) this.#group.abandon(this.#sender)
  }
}
