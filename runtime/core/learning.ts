// Session values that frames teach (docs/language, `learn`), whichever side sends them.

import type { Reader } from '../wire/codec.ts'
import { peerError } from './errors.ts'
import type { Instant } from './machine.ts'
import type { FramePlan } from './plan.ts'
import type { Session } from './session.ts'

/** False where a value is over its bound: the peer broke a rule. */
export function learn(session: Session, now: Instant, frame: FramePlan, reader: Reader): boolean {
  for (const { name, value } of frame.descriptor.learn) {
    const learned = value(reader)
    const { max } = session.plan.protocol.session.find(one => one.name === name) ?? {}
    if (max !== undefined && Number(learned) > max) {
      session.fault(now, peerError('LimitExceeded', `${name} is over ${max}`, { frame: frame.name, fatal: true }))
      return false
    }
    session.context.session = { ...session.context.session, [name]: learned }
  }
  return true
}
