// The states table of one connection: which frames may pass now, where they lead, and how long a state may last.
// A frame moves both sides, the one that sends it and the one that receives it.

import type { Reader } from '../wire/codec.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { StatePlan } from './state-plan.ts'

export const CLOSED = 'closed'

export class Lifecycle {
  readonly #plan: Plan
  #state: StatePlan | undefined
  /** Frames of each kind that passed in this state; made where a step depends on it. */
  #counts: Map<string, number> | undefined
  /** When the state has lasted too long. */
  deadline: Instant = NEVER

  constructor(plan: Plan, now: Instant) {
    this.#plan = plan
    this.#enter(now, plan.firstState)
  }

  /** The session opened now: what its state may last counts from here. */
  restart(now: Instant): void {
    this.deadline = this.#state === undefined ? NEVER : instant(now + this.#state.row.timeout)
  }

  /** The present state; undefined where the schema has no states. */
  get state(): string | undefined {
    return this.#state?.row.name
  }

  /** It came to the state in which a connection is closed. */
  get isClosed(): boolean {
    return this.#state === undefined && this.#plan.firstState !== undefined
  }

  /** Whether the frame may pass now. */
  allows(frame: FramePlan): boolean {
    return this.#state === undefined || (this.#state.allows[frame.index] as boolean)
  }

  /** What comes this way, `sender>receiver`, is dropped silently in this state. */
  ignores(direction: string | undefined): boolean {
    const state = this.#state
    return direction !== undefined && state?.isIgnoring === true && state.row.ignore.includes(direction)
  }

  /** Whether the next state depends on what the frame says. */
  looksInto(frame: FramePlan): boolean {
    return this.#state !== undefined && (this.#state.looksInto[frame.index] as boolean)
  }

  /** The frame leads nowhere else, and nobody counts it. */
  stays(frame: FramePlan): boolean {
    return this.#state === undefined || (this.#state.stays[frame.index] as boolean)
  }

  /** A frame passed. `reader` is needed where `looksInto` says so. Returns the state it leads to. */
  pass(now: Instant, frame: FramePlan, reader: Reader | undefined): string | undefined {
    const state = this.#state
    if (state === undefined) return undefined
    const { name, frames } = state.row
    if (state.stays[frame.index] === true) return name
    const steps = frames[frame.name] ?? []
    let to = steps[0]?.to
    if (state.isCounting || steps.length !== 1) {
      this.#counts ??= new Map()
      const counts = this.#counts
      counts.set(frame.name, (counts.get(frame.name) ?? 0) + 1)
      const count = (name: string): number => counts.get(name) ?? 0
      to = steps.find(one => one.when === undefined || (reader !== undefined && one.when(reader, count)))?.to
    }
    if (to === undefined || to === name) return name
    this.#enter(now, to)
    return to
  }

  #enter(now: Instant, name: string | undefined): void {
    this.#state = name === undefined ? undefined : this.#plan.states.get(name)
    this.#counts?.clear()
    this.deadline = this.#state === undefined ? NEVER : instant(now + this.#state.row.timeout)
  }
}
