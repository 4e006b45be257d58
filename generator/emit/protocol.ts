// `protocol.ts`: the descriptor that the runtime runs (runtime/core/protocol.ts), as nested data that a person can read.
// Conditions and accessors are functions over the generated readers.

import type { Protocol } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'
import { type EmitOptions, printFile } from './file.ts'
import { rolePlans } from './handlers/plan.ts'
import { dispatchName } from './handlers.ts'
import { codecName } from './names.ts'
import { className } from './naming.ts'
import { accessorText } from './protocol/accessor.ts'
import { Code, literal } from './protocol/literal.ts'
import { Sections } from './protocol/sections.ts'
import { Security } from './protocol/security.ts'
import { DescriptorUnit } from './protocol/unit.ts'

/** The text of `protocol.ts`. */
export function emitProtocol(protocol: Protocol, behaviour: Behaviour, options: EmitOptions): string {
  const unit = new DescriptorUnit(protocol)
  const types = `${className(protocol.name)}Types`
  const roles = rolePlans(protocol, behaviour).map(plan => plan.role.name)
  const dispatch = Object.fromEntries(roles.map(role => [role, new Code(dispatchName(role))]))
  const text = literal(descriptor(protocol, behaviour, dispatch, unit))
  const constants = unit.statements(path => accessorText(path, protocol, unit))
  const handlers = [types, ...roles.map(dispatchName)]
  const runtimeTypes = ['TypedProtocol', ...(unit.hasAccessors ? ['Accessor'] : [])]
  return printFile(protocol, [
    ...unit.imports(protocol, options.runtime, runtimeTypes, handlers),
    ...constants,
    writer => writer.writeLine(`export const protocol: TypedProtocol<${types}> = ${text}`),
  ])
}

function descriptor(protocol: Protocol, behaviour: Behaviour, dispatch: object, unit: DescriptorUnit): object {
  const sections = new Sections(protocol, unit)
  const security = new Security(protocol, unit)
  return {
    name: protocol.name,
    version: protocol.version,
    doc: protocol.doc,
    profile: protocol.profile,
    ...(protocol.profile === undefined &&
      protocol.profiles.length > 0 && { profiles: protocol.profiles.map(one => one.name) }),
    insecure: protocol.insecure,
    frames: [...protocol.frames.values()].map(frame => sections.frame(frame)),
    errors: Object.fromEntries(
      [...protocol.errors.values()].map(one => [one.name, { text: one.text, fatal: one.fatal }]),
    ),
    ...(protocol.covers.size > 0 && { covers: Object.fromEntries(protocol.covers) }),
    roles: behaviour.roles,
    params: behaviour.params,
    session: behaviour.session,
    transports: behaviour.transports.map(one => sections.transport(one)),
    states: behaviour.states.map(one => sections.state(one)),
    replies: behaviour.replies.map(one => sections.reply(one)),
    channels: behaviour.channels.map(one => sections.channel(one)),
    channelHeader: sections.channelHeader(behaviour.channelHeader),
    limits: behaviour.limits,
    onError: behaviour.onError,
    handshake: security.handshake(behaviour),
    seals: behaviour.seals.map(one => security.seal(one)),
    service: behaviour.service && { [behaviour.service.kind]: behaviour.service.data },
    metrics: behaviour.metrics.map(one => sections.metric(one)),
    dispatch,
    codec: new Code(`() => new ${codecName(protocol)}()`),
  }
}
