// The states table of one connection: which frames may pass now, where they lead, and how long a state may last.
// A frame moves both sides, the one that sends it and the one that receives it.

import type { Reader } from '../wire/codec.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { StateRow } from './protocol.ts'

export const CLOSED = 'closed'

export class Lifecycle {
  readonly #plan: Plan
  #row: StateRow | undefined
  /** Frames of each kind that passed in this state. */
  readonly #counts = new Map<string, number>()
  /** Some step of this state depends on how many frames there were. */
  #isCounting = false
  /** When the state has lasted too long. */
  deadline: Instant = NEVER

  constructor(plan: Plan, now: Instant) {
    this.#plan = plan
    this.#enter(now, plan.firstState)
  }

  /** The session opened now: what its state may last counts from here. */
  restart(now: Instant): void {
    this.deadline = this.#row === undefined ? NEVER : instant(now + this.#row.timeout)
  }

  /** The present state; undefined where the schema has no states. */
  get state(): string | undefined {
    return this.#row?.name
  }

  /** It came to the state in which a connection is closed. */
  get isClosed(): boolean {
    return this.#row === undefined && this.#plan.firstState !== undefined
  }

  /** Whether the frame may pass now. */
  allows(frame: FramePlan): boolean {
    return this.#row === undefined || this.#row.frames[frame.name] !== undefined
  }

  /** What comes this way, `sender>receiver`, is dropped silently in this state. */
  ignores(direction: string | undefined): boolean {
    return this.#row !== undefined && direction !== undefined && this.#row.ignore.includes(direction)
  }

  /** Whether the next state depends on what the frame says. */
  looksInto(frame: FramePlan): boolean {
    return this.#row?.frames[frame.name]?.some(step => step.when !== undefined) ?? false
  }

  /** A frame passed. `reader` is needed where `looksInto` says so. Returns the state it leads to. */
  pass(now: Instant, frame: FramePlan, reader: Reader | undefined): string | undefined {
    const row = this.#row
    if (row === undefined) return undefined
    const only = row.frames[frame.name]
    // Most frames of a long-lived state lead nowhere, and nobody counts them.
    if (only?.length === 1 && only[0]!.when === undefined && !this.#isCounting) {
      if (only[0]!.to !== row.name) this.#enter(now, only[0]!.to)
      return only[0]!.to
    }
    this.#counts.set(frame.name, (this.#counts.get(frame.name) ?? 0) + 1)
    const steps = row.frames[frame.name] ?? []
    const count = (name: string): number => this.#counts.get(name) ?? 0
    const step = steps.find(one => one.when === undefined || (reader !== undefined && one.when(reader, count)))
    if (step === undefined || step.to === row.name) return row.name
    this.#enter(now, step.to)
    return step.to
  }

  #enter(now: Instant, state: string | undefined): void {
    this.#row = state === undefined ? undefined : this.#plan.states.get(state)
    this.#counts.clear()
    this.#isCounting = Object.values(this.#row?.frames ?? {}).some(steps => steps.some(one => one.when !== undefined))
    this.deadline = this.#row === undefined ? NEVER : instant(now + this.#row.timeout)
  }
}
