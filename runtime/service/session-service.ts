// What a service of the schema (`service.relay`) does with sessions before the application sees anything of them.

import type { PeerError } from '../core/errors.ts'
import type { FramePlan, Rule } from '../core/plan.ts'
import type { Session } from '../core/session.ts'
import type { Reader } from '../wire/codec.ts'

export interface SessionService {
  /** A session is there, its handshake done. True: the application hears of it only when `ready` is called. */
  opened(session: Session, ready: () => void): boolean
  /** A frame arrived. `taken`: it goes no further; `busy`: and nothing else is read until `session.done`. */
  frame(session: Session, frame: Reader, plan: FramePlan, rule: Rule | undefined): 'taken' | 'busy' | 'free'
  /** Something is wrong with what arrived; the session may be about to close. */
  error(session: Session, error: PeerError): void
  /** The session is over. Returns why, where the service knows better. */
  closed(session: Session): PeerError | undefined
}
