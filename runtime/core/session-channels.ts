// The channels of a session: the plan of how frames carry their numbers is made once for an endpoint.

import type { Arrivals } from './arrivals.ts'
import type { Carrier } from './carrier.ts'
import { channelPlan } from './channel-plan.ts'
import { SessionChannels } from './channels.ts'
import type { Emission } from './emission.ts'
import type { Instant } from './machine.ts'
import type { Outgoing } from './outgoing.ts'
import type { Session } from './session.ts'

export interface SessionParts {
  readonly session: Session
  readonly carrier: Carrier
  readonly emission: Emission
  readonly arrivals: Arrivals
  readonly out: Outgoing
}

export function sessionChannels({ arrivals, out, ...rest }: SessionParts, now: Instant): SessionChannels {
  const { session, carrier } = rest
  const { shared, plan } = session
  shared.channels.plan ??= channelPlan(plan, carrier.mirror(session))
  const host = {
    ...rest,
    deliver: arrivals.delivered.bind(arrivals),
    ready: () => out.proceed(session.now),
  }
  return new SessionChannels(shared.channels.plan, host, now)
}
