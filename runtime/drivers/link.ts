// A machine and its transport, tied together. The application's commands go to the machine; afterwards it calls `soon`,
// and everything commanded in one turn leaves in one write.

import type { Instant } from '../core/machine.ts'

export interface Link {
  /** The time for a command. */
  now(): Instant
  /** A command was given: its output leaves when this turn of the program is over. */
  soon(): void
  /** As `soon`, but now. Nothing happens inside an input, after which output leaves anyway. */
  settle(): void
  /** A single command that somebody waits for: its output leaves now, unless there was another in this turn. */
  promptly(): void
  /** Bytes that the machine has ready to send. */
  readonly queued: number
}

/** Output beyond this is not kept until the turn is over, bytes. */
export const PRESSURE: number = 64 * 1024
