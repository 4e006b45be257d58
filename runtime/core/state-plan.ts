// A row of the states table by the index of frames: every frame of every connection asks it.

import type { FrameDescriptor, StateRow } from './protocol.ts'

export interface StatePlan {
  readonly row: StateRow
  /** Something is dropped silently in this state. */
  readonly isIgnoring: boolean
  /** Some step of this state depends on how many frames there were. */
  readonly isCounting: boolean
  /** By index: it may pass; the next state depends on what it says; it leads nowhere and nobody counts it. */
  readonly allows: readonly boolean[]
  readonly looksInto: readonly boolean[]
  readonly stays: readonly boolean[]
}

export function statePlan(row: StateRow, frames: readonly FrameDescriptor[]): StatePlan {
  const steps = frames.map(frame => row.frames[frame.name])
  const isCounting = Object.values(row.frames).some(some => some.some(one => one.when !== undefined))
  return {
    row,
    isIgnoring: row.ignore.length > 0,
    isCounting,
    allows: steps.map(some => some !== undefined),
    looksInto: steps.map(some => some?.some(one => one.when !== undefined) ?? false),
    stays: steps.map(some => !isCounting && some?.length === 1 && some[0]?.to === row.name),
  }
}
