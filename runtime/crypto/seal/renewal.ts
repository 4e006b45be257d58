// Clear fields that a sender draws anew for every key (`rekey: { renew }`) and writes into all frames in between. The change
// is the signal: on a stream nobody has to agree on when it happens.

import type { KeyScope } from '../../core/handshake-descriptor.ts'
import { scopeWith } from '../../core/key-scope.ts'
import type { SealDescriptor } from '../../core/seal-descriptor.ts'

/** Unix milliseconds that never come twice. One for a process: its streams may share key material. */
export class GrowingClock {
  #last = Number.NEGATIVE_INFINITY

  next(now: number): number {
    this.#last = Math.max(Math.floor(now), this.#last + 1)
    return this.#last
  }
}

export class Renewal {
  readonly #descriptor: SealDescriptor
  readonly #scope: KeyScope
  #values: Record<string, unknown> | undefined
  #frames = 0
  #since = 0
  /** Draws so far. */
  draws = 0

  constructor(descriptor: SealDescriptor, scope: KeyScope, clock: GrowingClock) {
    this.#descriptor = descriptor
    this.#scope = scopeWith(scope, { now: () => clock.next(scope.now()) })
  }

  /** The values for the next frame. */
  values(now: number): Readonly<Record<string, unknown>> {
    const { packets, age } = this.#descriptor.rekey
    if (this.#values === undefined || this.#frames >= packets || now - this.#since >= age) this.#draw(now)
    return this.#values as Record<string, unknown>
  }

  /** A frame with these values was sealed. */
  count(): void {
    this.#frames++
  }

  #draw(now: number): void {
    const values: Record<string, unknown> = {}
    for (const { name, fresh } of this.#descriptor.clear) {
      if (this.#descriptor.rekey.renew.includes(name) && fresh !== undefined) values[name] = fresh(this.#scope)
    }
    this.#values = values
    this.#frames = 0
    this.#since = now
    this.draws++
  }
}
