// `handlers.ts`: what an application implements and calls. For each role an interface with one typed method per frame
// it can receive, a `switch` that calls them, and the types that make `peer.send(..)` know the frames of the protocol.

import { type InterfaceDeclarationStructure, StructureKind, type WriterFunction } from 'ts-morph'
import type { ParamDescriptor, ParamType } from '../../runtime/core/protocol.ts'
import type { Protocol } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'
import { type EmitOptions, printFile, type Statements } from './file.ts'
import { defaultRole, type HandlerPlan, type RolePlan, rolePlans } from './handlers/plan.ts'
import { importFrom, types } from './imports.ts'
import { frameTypeName } from './names.ts'
import { className, propertyKey, quote, unionOf } from './naming.ts'
import { sentences } from './types.ts'

/** The text of `handlers.ts`. */
export function emitHandlers(protocol: Protocol, behaviour: Behaviour, options: EmitOptions): string {
  const plans = rolePlans(protocol, behaviour)
  const context: Emission = { protocol, behaviour, prefix: className(protocol.name), runtime: runtimeNames(protocol) }
  return printFile(protocol, [
    ...imports(context, options),
    frames(context),
    ...plans.flatMap(plan => roleTypes(plan, context)),
    roles(plans, context),
    protocolTypes(plans, context),
    ...plans.map(plan => dispatch(plan, context)),
  ])
}

/** `dispatchClient`. */
export function dispatchName(role: string): string {
  return `dispatch${className(role)}`
}

interface Emission {
  readonly protocol: Protocol
  readonly behaviour: Behaviour
  /** `Chat`, of a protocol named chat. */
  readonly prefix: string
  /** What the runtime's types are called here: a frame may have the same name. */
  readonly runtime: { readonly Peer: string; readonly Reader: string }
}

function runtimeNames(protocol: Protocol): Emission['runtime'] {
  const taken = new Set([...protocol.frames.keys()].flatMap(frame => [frame, `${frame}Reader`, `${frame}Input`]))
  const free = (name: string): string => (taken.has(name) ? `Runtime${name}` : name)
  return { Peer: free('Peer'), Reader: free('Reader') }
}

function imports(context: Emission, options: EmitOptions): Statements[] {
  const { protocol, behaviour, runtime } = context
  const isOwning = [...protocol.frames.keys()].some(frame => ownFields(frame, behaviour).length > 0)
  const names = [...protocol.frames.keys()].map(frame => frameTypeName(protocol, frame))
  const aliased = Object.entries(runtime).map(([name, local]) => (name === local ? name : `${name} as ${local}`))
  return [
    ...importFrom(options.runtime, types(isOwning ? [...aliased, 'Given'] : aliased)),
    ...importFrom('./codec.ts', types(names.map(name => `${name}Reader`))),
    ...importFrom('./types.ts', types(names.flatMap(name => [name, `${name}Input`]))),
  ]
}

function frames(context: Emission): Statements {
  const { protocol, prefix } = context
  const shapes = [...protocol.frames.keys()].map(frame => [frame, frameTypeName(protocol, frame)] as const)
  return exported(`${prefix}Frames`, 'Every frame: as a handler reads it, as a plain copy, as `send` takes it.', {
    properties: shapes.map(([frame, type]) => ({
      name: frame,
      type: `{ reader: ${type}Reader; value: ${type}; input: ${inputType(frame, context)} }`,
    })),
  })
}

/** What `send` takes: what the runtime writes by itself may be left out. */
function inputType(frame: string, { protocol, behaviour }: Emission): string {
  const type = `${frameTypeName(protocol, frame)}Input`
  const own = ownFields(frame, behaviour)
  return own.length === 0 ? type : `Given<${type}, ${unionOf(own)}>`
}

/** Fields that the runtime writes: ids of connections, and the numbers of channels. */
function ownFields(frame: string, { handshake, channelHeader, channels }: Behaviour): string[] {
  const numbers = channels.length === 0 ? [] : (channelHeader?.paths ?? [])
  const paths = numbers.filter(({ role }) => role === 'channel' || role === 'seq').map(one => one.path)
  const ids = handshake?.script?.ids?.field
  const names = [ids, ...paths].flatMap(path => {
    if (path === undefined || !path.frames.some(one => one.frame === frame)) return []
    const name = path.text.startsWith(`${frame}.`) ? path.text.slice(frame.length + 1) : path.text
    return name.includes('.') ? [] : [name]
  })
  return [...new Set(names)]
}

function roleTypes(plan: RolePlan, context: Emission): Statements[] {
  const role = className(plan.role.name)
  return [
    paramsType(plan, context),
    {
      kind: StructureKind.TypeAlias,
      isExported: true,
      docs: [`The other side of a connection, as the ${plan.role.name} sees it.`],
      name: `${role}Peer`,
      type: `${context.runtime.Peer}<${context.prefix}Types, ${quote(plan.role.name)}>`,
    },
    exported(`${role}Handlers`, `What the ${plan.role.name} does with each frame it can receive.`, {
      typeParameters: [{ name: 'P', default: `${role}Peer` }],
      methods: plan.receives.map(one => method(one, context)),
    }),
  ]
}

function method(plan: HandlerPlan, context: Emission): NonNullable<InterfaceDeclarationStructure['methods']>[number] {
  const { frame, optional } = plan
  const { protocol } = context
  const doc = sentences(frame.doc, optional)
  return {
    name: frame.name,
    hasQuestionToken: optional !== undefined,
    ...(doc === '' ? {} : { docs: [doc] }),
    parameters: [
      { name: 'frame', type: `${frameTypeName(protocol, frame.name)}Reader` },
      { name: 'peer', type: 'P' },
    ],
    returnType: returned(plan, context),
  }
}

/** One answer is returned as it is; of several, the handler says which. */
function returned(plan: HandlerPlan, context: Emission): string {
  const inputs = plan.answers.map(answer => inputType(answer, context))
  const [first] = inputs
  if (first === undefined) return 'void | Promise<void>'
  const named = plan.answers.map((answer, at) => `{ frame: ${quote(answer)}; value: ${inputs[at]} }`)
  const answer = inputs.length === 1 ? first : named.join(' | ')
  return `${answer} | Promise<${answer}>`
}

function paramsType(plan: RolePlan, { behaviour }: Emission): Statements {
  const params = behaviour.params.filter(
    param => param.for.length === 0 || param.for.some(role => plan.role.is.includes(role)),
  )
  return exported(`${className(plan.role.name)}Params`, `Values that the ${plan.role.name} is given.`, {
    properties: params.map(param => ({
      name: propertyKey(param.name),
      type: `${valueShape(param)}${param.required ? '' : ' | undefined'}`,
      isReadonly: true,
      hasQuestionToken: !param.required,
      ...(param.doc ? { docs: [sentences(param.doc)] } : {}),
    })),
  })
}

/** Words such as `any` and `none` may be given too, where they are the default. */
function valueShape(param: ParamDescriptor): string {
  const word = param.fallback && 'word' in param.fallback ? param.fallback.word : undefined
  const shape = paramShape(param.type)
  return word === undefined || shape === 'string' ? shape : `${shape} | ${quote(word)}`
}

function paramShape(type: ParamType): string {
  switch (type.kind) {
    case 'int':
      return 'number | bigint'
    case 'float':
      return 'number'
    case 'bool':
      return 'boolean'
    case 'text':
      return 'string'
    case 'bytes':
      return 'Uint8Array'
    case 'list': {
      const item = paramShape(type.of)
      return `readonly ${item.includes(' ') ? `(${item})` : item}[]`
    }
  }
}

function roles(plans: readonly RolePlan[], { prefix }: Emission): Statements {
  return exported(`${prefix}Roles`, 'Every role: what it sends, receives, asks and is given.', {
    properties: plans.map(plan => ({
      name: propertyKey(plan.role.name),
      type: writer => {
        const role = className(plan.role.name)
        writer.block(() => {
          writer.writeLine(`sends: ${unionOf(plan.sends.map(frame => frame.name))}`)
          writer.writeLine(`receives: ${unionOf(plan.receives.map(one => one.frame.name))}`)
          requests(plan)(writer)
          writer.writeLine(`handlers: ${role}Handlers`)
          writer.writeLine(`params: ${role}Params`)
        })
      },
    })),
  })
}

function requests(plan: RolePlan): WriterFunction {
  const lines = plan.requests.map(({ request, answers }) => `${request}: ${unionOf(answers)}`)
  return writer => {
    writer.writeLine(lines.length === 0 ? 'requests: Record<never, never>' : `requests: { ${lines.join('; ')} }`)
  }
}

function protocolTypes(plans: readonly RolePlan[], { prefix }: Emission): Statements {
  return exported(`${prefix}Types`, 'What `connect` and `serve` know of the protocol.', {
    properties: [
      { name: 'frames', type: `${prefix}Frames` },
      { name: 'roles', type: `${prefix}Roles` },
      { name: 'dials', type: quote(defaultRole(plans, 'dials')) },
      { name: 'accepts', type: quote(defaultRole(plans, 'accepts')) },
    ],
  })
}

function dispatch(plan: RolePlan, { protocol, runtime }: Emission): Statements {
  const role = className(plan.role.name)
  return {
    kind: StructureKind.Function,
    isExported: true,
    name: dispatchName(plan.role.name),
    docs: [`Calls the ${plan.role.name}'s handler of the frame, if there is one, and returns what it returned.`],
    typeParameters: [{ name: 'P', default: `${role}Peer` }],
    parameters: [
      { name: 'frame', type: runtime.Reader },
      { name: 'handlers', type: `Partial<${role}Handlers<P>>` },
      { name: 'peer', type: 'P' },
    ],
    returnType: 'unknown',
    statements: writer => {
      writer.write('switch (frame.frameIndex) ').block(() => {
        for (const { frame } of plan.receives) {
          writer.writeLine(`case ${frame.index}:`)
          writer.indent(() =>
            writer.writeLine(
              `return handlers.${frame.name}?.(frame as ${frameTypeName(protocol, frame.name)}Reader, peer)`,
            ),
          )
        }
        writer.writeLine('default:').indent(() => writer.writeLine('return undefined'))
      })
    },
  }
}

function exported(
  name: string,
  doc: string,
  body: Partial<InterfaceDeclarationStructure>,
): InterfaceDeclarationStructure {
  return { kind: StructureKind.Interface, isExported: true, name, docs: [doc], ...body }
}
