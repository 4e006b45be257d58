// `service.relay` of a schema as the relay runs it, worked out once: which frames and roles, what every outcome is
// answered with, and where what the schema says cannot be run.

import { LocalError } from '../../core/errors.ts'
import type { FramePlan, Plan } from '../../core/plan.ts'
import type { QueueLimits } from './queue.ts'

/** As the generator writes it into the descriptor. */
export interface RelayDescriptor {
  readonly hub: string
  /** The frame by which a client joins, its field that names the group, and the one that names the client's role. */
  readonly join: { readonly frame: string; readonly group: string; readonly role: string | undefined } | undefined
  /** Param that names the group which a client joins by itself. */
  readonly memberOf: string | undefined
  readonly publish: { readonly role: string; readonly frame: string; readonly max: number }
  readonly subscribe: { readonly role: string; readonly frame: string; readonly from: 'join' | 'start' }
  readonly observe:
    | {
        readonly role: string
        /** Param that holds the secret. */
        readonly token: string | undefined
        readonly ifNoToken: 'refuse' | 'admit'
        /** Fields of the answer to an observer, and the counter that each shows. */
        readonly report: Readonly<Record<string, RelayCounter>>
      }
    | undefined
  readonly queue: QueueLimits
  readonly whenPublisherLeaves: 'close-subscribers' | 'keep-subscribers'
  /** Frame and field that say how it went, and the value for each outcome. */
  readonly answer:
    | { readonly frame: string; readonly field: string; readonly values: Readonly<Partial<Record<Outcome, unknown>>> }
    | undefined
}

export type Outcome = 'ok' | 'invalid_role' | 'group_missing' | 'group_occupied' | 'bad_token'

/** What an observer may be told. */
export type RelayCounter =
  | 'uptime_hours'
  | 'uptime_seconds'
  | 'groups'
  | 'groups_total'
  | 'subscribers'
  | 'queued_bytes'
  | 'dropped_frames'

/** A relay with its plan. */
export interface RelayPlan {
  readonly relay: RelayDescriptor
  readonly plan: Plan
  readonly joinFrame: FramePlan | undefined
  readonly frame: FramePlan
}

/** The relay of a protocol; undefined where it has none. */
export function relayOf(plan: Plan): RelayDescriptor | undefined {
  return plan.protocol.service?.relay as RelayDescriptor | undefined
}

/** Throws LocalError NotBuilt. */
export function relayPlan(relay: RelayDescriptor, plan: Plan): RelayPlan {
  const { publish, subscribe, join } = relay
  const frame = plan.byName.get(publish.frame)
  if (frame === undefined || publish.frame !== subscribe.frame)
    throw notBuilt(plan, `the frame that is published (${publish.frame}) is another one than ${subscribe.frame}`)
  if (!plan.isStream) throw notBuilt(plan, `it runs over ${plan.transport.kind}`)
  const joinFrame = join && plan.byName.get(join.frame)
  if (joinFrame === undefined) throw notBuilt(plan, 'no frame says which group a client joins')
  return { relay, plan, joinFrame, frame }
}

/** The relay with another queue than the schema's. */
export function overflowOf(
  relay: RelayDescriptor,
  { relayQueue }: { readonly relayQueue?: Partial<QueueLimits> | undefined },
): RelayDescriptor {
  if (relayQueue === undefined) return relay
  return { ...relay, queue: { ...relay.queue, ...relayQueue } }
}

function notBuilt({ protocol }: Plan, why: string): LocalError {
  return new LocalError('NotBuilt', `${protocol.name}: this relay cannot be run yet: ${why}`)
}
