// What the handlers of a role look like: which frames it can receive, which of them the runtime deals with by itself,
// and what answers a request.

import type { RoleDescriptor } from '../../../runtime/core/protocol.ts'
import type { Frame, Protocol } from '../../model/model.ts'
import type { Behaviour } from '../../normalize/behaviour.ts'
import { canReceive, canSend, concreteRoles } from '../../normalize/roles.ts'

export interface RolePlan {
  readonly role: RoleDescriptor
  readonly sends: readonly Frame[]
  readonly receives: readonly HandlerPlan[]
  /** Request that this role sends -> frames that answer it. */
  readonly requests: readonly { readonly request: string; readonly answers: readonly string[] }[]
}

export interface HandlerPlan {
  readonly frame: Frame
  /** Why an application need not handle it; undefined: it must. */
  readonly optional: string | undefined
  /** Frames of which the handler returns one; empty: it returns nothing. */
  readonly answers: readonly string[]
}

export function rolePlans(protocol: Protocol, behaviour: Behaviour): RolePlan[] {
  const concrete = new Set(concreteRoles(protocol).map(role => role.name))
  return behaviour.roles.filter(role => concrete.has(role.name)).map(role => rolePlan(role, protocol, behaviour))
}

/** The role that `connect` or `serve` takes when none is named: the first that fits. */
export function defaultRole(plans: readonly RolePlan[], transport: 'dials' | 'accepts'): string {
  const fitting = plans.find(plan => plan.role.transport === transport || plan.role.transport === 'both')
  return (fitting ?? plans[0])?.role.name ?? ''
}

function rolePlan(role: RoleDescriptor, protocol: Protocol, behaviour: Behaviour): RolePlan {
  const frames = [...protocol.frames.values()]
  const sends = frames.filter(frame => canSend(role, frame))
  return {
    role,
    sends,
    receives: frames.filter(frame => canReceive(role, frame)).map(frame => handlerPlan(frame, role, behaviour)),
    requests: sends.flatMap(frame => {
      const answers = answersTo(frame.name, behaviour)
      return answers.length > 0 ? [{ request: frame.name, answers }] : []
    }),
  }
}

function handlerPlan(frame: Frame, role: RoleDescriptor, behaviour: Behaviour): HandlerPlan {
  const manual = behaviour.replies.filter(
    reply => reply.to.includes(frame.name) && !reply.auto && reply.with.length > 0,
  )
  return {
    frame,
    optional: dealtWith(frame, role, behaviour),
    answers: [...new Set(manual.flatMap(reply => reply.with))],
  }
}

function answersTo(frame: string, behaviour: Behaviour): string[] {
  const rules = behaviour.replies.filter(reply => reply.any || reply.to.includes(frame))
  return [...new Set(rules.flatMap(reply => reply.with))]
}

/** What the runtime does with the frame when there is no handler. Undefined: nothing, so there must be one. */
function dealtWith(frame: Frame, role: RoleDescriptor, behaviour: Behaviour): string | undefined {
  const { replies, service, handshake, channels, onError } = behaviour
  const serves = service && service.kind !== 'node' && (service.role === undefined || role.is.includes(service.role))
  if (serves) return `The ${service.kind} service takes it.`
  if (handshake?.frames.includes(frame.name)) return 'Part of the handshake.'
  if (replies.some(reply => reply.to.includes(frame.name) && reply.auto && !reply.when))
    return 'The runtime answers it.'
  if (replies.some(reply => reply.with.includes(frame.name))) return 'Goes to whoever sent the request.'
  if (frame.close) return 'Ends the connection.'
  if (onError.tell?.frame === frame.name) return 'Becomes an error of the connection.'
  if (channels.some(channel => channel.ack?.frame === frame.name)) return 'Acknowledges what was sent.'
  if (channels.length > 0 && frame.channel === undefined) return 'Carries nothing of a channel.'
  return undefined
}
