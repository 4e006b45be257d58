// What drivers and services see of the machine of a datagram socket, whether its frames are sealed or not.

import { channelPlan, isChannelled } from './channel-plan.ts'
import { requireChannels } from './channels.ts'
import { DatagramEndpoint } from './datagram.ts'
import type { Address, DatagramMachine, Instant } from './machine.ts'
import { opened, SealedCodec, unsealed } from './sealed-codec.ts'
import { SecureEndpoint } from './secure-endpoint.ts'
import { securePlan } from './secure-plan.ts'
import type { Session } from './session.ts'
import { freshContext, type Shared } from './shared.ts'

export interface Endpoint extends DatagramMachine {
  /** The driver sets it while the socket takes nothing; then `limits.queue.messages` counts. */
  isBlocked: boolean
  /** Bytes that wait to be taken. */
  readonly queued: number
  /** Sessions. */
  readonly size: number
  sessions(): Iterable<Session>
  /** Begins to talk to a peer. Throws LocalError. */
  connect(now: Instant, address: Address): Session
  /** Ends all sessions, and takes no new ones. */
  close(now: Instant): void
  /** The socket failed: everything is over. */
  lost(now: Instant, reason: string): void
}

/** `accepts`: strangers may become peers. Throws LocalError where the schema or the params are not enough. */
export function datagramEndpoint(shared: Shared, accepts: boolean): Endpoint {
  const context = freshContext(shared, '', () => 0)
  const secure = securePlan(shared.plan, context)
  if (isChannelled(shared.plan)) {
    const codec = new SealedCodec(shared.plan.protocol.codec(), secure?.script.ids?.field)
    codec.peerId = 1
    codec.context = { ...context, open: opened, seal: unsealed, dir: undefined, state: undefined }
    shared.channels.plan = channelPlan(shared.plan, codec)
    requireChannels(shared.channels.plan)
  }
  return secure === undefined
    ? new DatagramEndpoint(shared, accepts)
    : new SecureEndpoint({ shared, secure, crypto: shared.crypto, accepts })
}
