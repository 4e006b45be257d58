// The channels of a session that opens: the plan of how frames carry their numbers is made once for an endpoint.

import { channelPlan } from './channel-plan.ts'
import { type ChannelsHost, SessionChannels } from './channels.ts'
import type { Instant } from './machine.ts'

/** The channels of a session that opens. */
export function sessionChannels(host: ChannelsHost, now: Instant): SessionChannels {
  const { session, carrier } = host
  const { shared, plan } = session
  shared.channels.plan ??= channelPlan(plan, carrier.mirror(session))
  return new SessionChannels(shared.channels.plan, host, now)
}
