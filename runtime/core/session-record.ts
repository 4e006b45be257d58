// What is known of one peer at any time: who and where it is, how far its connection is, what was counted. The session
// (session.ts) is this and what happens to it.

import type { Context } from '../wire/codec.ts'
import type { Secured } from './handshake-stream.ts'
import { Lifecycle } from './lifecycle.ts'
import { type Address, type Instant, NEVER } from './machine.ts'
import { type ConnectionState, PHASES, type Phase, type PhaseEvent, STATES } from './phases.ts'
import type { Plan } from './plan.ts'
import type { SessionSeals } from './session-seals.ts'
import { freshContext, type Shared } from './shared.ts'

export abstract class SessionRecord {
  /** Where the peer is now. */
  address: Address
  readonly shared: Shared
  readonly plan: Plan
  readonly context: Context
  readonly lifecycle: Lifecycle
  openedAt: Instant
  /** When the peer was last heard, and the time of the latest input. */
  seenAt: Instant
  now: Instant
  deadline: Instant = NEVER
  phase: Phase
  framesIn = 0
  framesOut = 0
  bytesIn = 0
  bytesOut = 0
  /** For the application: the peer object that stands for this session. */
  owner: unknown
  /** Frames are sealed: what arrives is from the peer. */
  isSealed = false
  /** What the handshake agreed on: the key of the peer, payloads, a hash for channel binding. */
  secured: Secured | undefined
  /** Keys and counters of sealed frames. */
  seals: SessionSeals | undefined
  /** A frame that ends the connection has arrived: nothing behind it counts. */
  saidGoodbye = false

  constructor(shared: Shared, address: Address, now: Instant, phase: Phase) {
    this.shared = shared
    this.plan = shared.plan
    this.phase = phase
    this.address = address
    this.openedAt = now
    this.seenAt = now
    this.now = now
    this.lifecycle = new Lifecycle(shared.plan, now)
    this.context = freshContext(shared, address, () => this.now)
  }

  /** The connection as an application sees it. */
  get state(): ConnectionState {
    return STATES[this.phase]
  }

  /** Something happened to the connection. False: it means nothing in this phase. */
  protected enter(event: PhaseEvent): boolean {
    const next = PHASES[this.phase][event]
    if (next === undefined) return false
    const before = this.state
    this.phase = next
    if (this.state !== before) this.changedState(this.state)
    return true
  }

  /** The application is told. */
  protected abstract changedState(state: ConnectionState): void
}
