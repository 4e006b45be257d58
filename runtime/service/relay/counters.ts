// What a relay counts about itself, and tells observers.

import type { Instant } from '../../core/machine.ts'
import type { RelayCounter } from './config.ts'
import type { Hub } from './hub.ts'

export class RelayCounters {
  /** Publishers admitted since the start. */
  groupsTotal = 0
  /** Now. */
  subscribers = 0
  /** Bytes put into queues of subscribers, each counted for itself; those dropped later included. */
  queuedBytes = 0
  droppedFrames = 0
  readonly #hub: Hub
  #since: Instant | undefined

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** The relay runs from now on. */
  start(now: Instant): void {
    this.#since ??= now
  }

  /** Fields of an answer, each the counter that it shows. */
  report(fields: Readonly<Record<string, RelayCounter>>, now: Instant): Record<string, number> {
    return Object.fromEntries(Object.entries(fields).map(([field, counter]) => [field, this.#read(counter, now)]))
  }

  #read(counter: RelayCounter, now: Instant): number {
    const seconds = (now - (this.#since ?? now)) / 1000
    switch (counter) {
      case 'uptime_hours':
        return seconds / 3600
      case 'uptime_seconds':
        return Math.floor(seconds)
      case 'groups':
        return this.#hub.size
      case 'groups_total':
        return this.groupsTotal
      case 'subscribers':
        return this.subscribers
      case 'queued_bytes':
        return this.queuedBytes
      case 'dropped_frames':
        return this.droppedFrames
    }
  }
}
