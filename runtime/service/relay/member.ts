// The client's side of a relay: joins its group by itself, and is open once it was let in.

import { PeerError, peerError } from '../../core/errors.ts'
import type { FramePlan } from '../../core/plan.ts'
import type { Session } from '../../core/session.ts'
import type { Reader } from '../../wire/codec.ts'
import type { SessionService } from '../session-service.ts'
import type { Outcome, RelayPlan } from './config.ts'

export class RelayMember implements SessionService {
  readonly #plan: RelayPlan
  readonly #params: Readonly<Record<string, unknown>>
  /** Sessions that have not been let in. */
  readonly #waiting = new Map<Session, { readonly ready: () => void; refusal: PeerError | undefined }>()

  constructor(plan: RelayPlan, params: Readonly<Record<string, unknown>>) {
    this.#plan = plan
    this.#params = params
  }

  opened(session: Session, ready: () => void): boolean {
    const { relay, plan } = this.#plan
    const { join } = relay
    const value = this.#group()
    if (join === undefined || value === undefined) return false
    this.#waiting.set(session, { ready, refusal: undefined })
    session.send(session.now, join.frame, {
      ...(join.role === undefined ? {} : { [join.role]: plan.role.name }),
      [join.group]: value,
    })
    this.#look(session)
    return true
  }

  frame(session: Session, frame: Reader, plan: FramePlan): 'taken' | 'free' {
    const waiting = this.#waiting.get(session)
    if (waiting === undefined) return 'free'
    const { answer } = this.#plan.relay
    if (answer !== undefined && plan.name === answer.frame) {
      const said = frame.toObject()[answer.field]
      if (said !== answer.values.ok) waiting.refusal = refusal(this.#outcome(said), said)
    }
    this.#look(session)
    return 'taken'
  }

  error(): void {}

  closed(session: Session): PeerError | undefined {
    const waiting = this.#waiting.get(session)
    this.#waiting.delete(session)
    return waiting?.refusal
  }

  /** In the state in which frames travel, it is in. */
  #look(session: Session): void {
    const { plan, frame, relay } = this.#plan
    const { observe } = relay
    const { lifecycle } = session
    if (lifecycle.isClosed) return
    const isIn =
      plan.role.name === observe?.role
        ? plan.frames.some(one => one.maySend && one.requestOf.length > 0 && lifecycle.allows(one))
        : lifecycle.allows(frame)
    if (!isIn) return
    const waiting = this.#waiting.get(session)
    this.#waiting.delete(session)
    session.context.dir = `${relay.hub}>${plan.role.name}`
    waiting?.ready()
  }

  /** What this role writes into the field that names the group. */
  #group(): unknown {
    const { relay, plan } = this.#plan
    const { publish, subscribe, observe, memberOf } = relay
    if (plan.role.name === observe?.role)
      return observe.token === undefined ? undefined : (this.#params[observe.token] ?? this.#nobody())
    if (plan.role.name !== publish.role && plan.role.name !== subscribe.role) return undefined
    return memberOf === undefined ? undefined : this.#params[memberOf]
  }

  /** An observer without a token: the hub may admit everybody. */
  #nobody(): unknown {
    const { type } = this.#plan.plan.protocol.params.find(one => one.name === this.#plan.relay.observe?.token) ?? {}
    return type?.kind === 'bytes' && type.size !== undefined ? new Uint8Array(type.size) : undefined
  }

  #outcome(said: unknown): Outcome | undefined {
    const values = Object.entries(this.#plan.relay.answer?.values ?? {})
    return values.find(([, value]) => value === said)?.[0] as Outcome | undefined
  }
}

function refusal(outcome: Outcome | undefined, said: unknown): PeerError {
  if (outcome === 'bad_token') return new PeerError('Denied', 'the relay does not admit this token', { fatal: true })
  return peerError('Refused', `the relay refused: ${String(said)}`, { fatal: true })
}
