// `roles` (docs/language, "Roles, states, params, session"), and which role a name in `sender>receiver` stands for.

import type { RoleDescriptor } from '../../runtime/core/protocol.ts'
import type { Frame, Protocol, Role } from '../model/model.ts'

export function normalizeRoles(protocol: Protocol): RoleDescriptor[] {
  const roles = [...protocol.roles.values()]
  return roles.map(role => ({ name: role.name, transport: role.transport, is: namesOf(role, roles) }))
}

/** Roles that a program can take: those that only stand for others are not among them. */
export function concreteRoles(protocol: Protocol): Role[] {
  return [...protocol.roles.values()].filter(role => role.anyOf.length === 0)
}

/** Whether a role may send this frame. */
export function canSend(role: RoleDescriptor, frame: Frame): boolean {
  return frame.dirs.length === 0 || frame.dirs.some(dir => role.is.includes(dir.sender))
}

export function canReceive(role: RoleDescriptor, frame: Frame): boolean {
  return frame.dirs.length === 0 || frame.dirs.some(dir => role.is.includes(dir.receiver))
}

/** Itself, its `kind`, and every role whose `any_of` has it, transitively. */
function namesOf(role: Role, roles: readonly Role[]): string[] {
  const names = [role.name]
  for (let at = 0; at < names.length; at++) {
    const one = roles.find(other => other.name === names[at])
    const more = [one?.kind, ...roles.filter(other => other.anyOf.includes(names[at]!)).map(other => other.name)]
    for (const name of more) if (name !== undefined && !names.includes(name)) names.push(name)
  }
  return names
}
