// A protocol in short, as data: what `proto schema --json` prints and what its tables are made from.

import { typeText } from '../../generator/emit/notation.ts'
import type { Field, Frame, Node, Protocol } from '../../generator/model/model.ts'
import { normalize } from '../../generator/normalize/index.ts'
import { frameSize } from './frame-size.ts'

export interface FieldSummary {
  readonly name: string
  readonly type: string
  /** Bits, where it always has the same size. */
  readonly bits?: number
  readonly optional?: true
  readonly secret?: true
  readonly doc?: string
}

export interface FrameSummary {
  readonly name: string
  readonly id: readonly number[]
  readonly dir: readonly string[]
  readonly states: readonly string[]
  /** Bytes; `max` only where every frame has the same size. */
  readonly size: { readonly min: number; readonly max?: number }
  readonly channel?: string
  readonly seal?: string
  /** Frames that answer it. */
  readonly answers: readonly string[]
  readonly doc?: string
  readonly fields: readonly FieldSummary[]
}

export interface ProtocolSummary {
  readonly protocol: string
  readonly version: number
  readonly doc?: string
  readonly profile?: string
  readonly profiles: readonly string[]
  readonly insecure: readonly string[]
  readonly frames: readonly FrameSummary[]
  readonly states: readonly {
    readonly name: string
    readonly timeout_ms?: number
    readonly frames: Readonly<Record<string, readonly string[]>>
  }[]
  readonly channels: readonly {
    readonly name: string
    readonly id?: number | string
    readonly delivery: string
    readonly fragment_above?: number
  }[]
  readonly transports: readonly {
    readonly kind: string
    readonly framing: string
    readonly port?: number
    readonly max_frame?: number | string
  }[]
  readonly roles: readonly { readonly name: string; readonly transport: string }[]
  readonly params: readonly {
    readonly name: string
    readonly for: readonly string[]
    readonly required: boolean
    readonly secret: boolean
    readonly doc?: string
  }[]
}

export function describe(protocol: Protocol): ProtocolSummary {
  const behaviour = normalize(protocol, () => {})
  const answers = (frame: string): string[] =>
    behaviour.replies.filter(reply => reply.any || reply.to.includes(frame)).flatMap(reply => reply.with)
  return {
    protocol: protocol.name,
    version: protocol.version,
    ...(protocol.doc === undefined ? {} : { doc: protocol.doc }),
    ...(protocol.profile === undefined ? {} : { profile: protocol.profile }),
    profiles: protocol.profiles.map(profile => profile.name),
    insecure: protocol.insecure,
    frames: [...protocol.frames.values()].map(frame => describeFrame(frame, protocol, answers(frame.name))),
    states: behaviour.states.map(({ name, timeout, frames }) => ({
      name,
      ...(Number.isFinite(timeout) ? { timeout_ms: timeout } : {}),
      frames: Object.fromEntries(frames.map(({ frame, next }) => [frame, next.map(step => step.to)])),
    })),
    channels: behaviour.channels.map(({ name, id, delivery, fragment }) => ({
      name,
      ...(id === undefined ? {} : { id }),
      delivery,
      ...(fragment ? { fragment_above: fragment.above } : {}),
    })),
    transports: behaviour.transports.map(({ kind, framing, port, maxFrame }) => ({
      kind,
      framing: framing.kind === 'prefix' ? `prefix(${framing.text})` : framing.kind,
      ...(port === undefined ? {} : { port }),
      ...maxFrameOf(maxFrame),
    })),
    roles: behaviour.roles.map(({ name, transport }) => ({ name, transport })),
    params: behaviour.params.map(({ name, for: roles, required, secret, doc }) => ({
      name,
      for: roles,
      required,
      secret,
      ...(doc === undefined ? {} : { doc }),
    })),
  }
}

function describeFrame(frame: Frame, protocol: Protocol, answers: readonly string[]): FrameSummary {
  const { min, fixed } = frameSize(frame.body, protocol)
  return {
    name: frame.name,
    id: frame.ids.map(Number),
    dir: frame.dirs.map(({ sender, receiver }) => `${sender}>${receiver}`),
    states: frame.states,
    size: fixed ? { min, max: min } : { min },
    ...(frame.channel === undefined ? {} : { channel: frame.channel }),
    ...(frame.seal === undefined ? {} : { seal: frame.seal }),
    answers: [...new Set(answers)].filter(answer => answer !== frame.name),
    ...(frame.doc === undefined ? {} : { doc: frame.doc }),
    fields: fieldsOf(frame.body.nodes).map(describeField),
  }
}

function describeField(field: Field): FieldSummary {
  return {
    name: field.name,
    type: typeText(field.type),
    ...(field.bits === undefined ? {} : { bits: field.bits }),
    ...(field.if ? { optional: true as const } : {}),
    ...(field.secret ? { secret: true as const } : {}),
    ...(field.doc === undefined ? {} : { doc: field.doc }),
  }
}

/** All fields of a record in wire order, groups flattened, hidden ones left out. */
export function fieldsOf(nodes: readonly Node[]): Field[] {
  return nodes.flatMap(node => (node.kind === 'group' ? fieldsOf(node.nodes) : node.hidden ? [] : [node]))
}

/** By frame: the fields that a sender chooses, without those that are constant or computed. */
export function givenFields({ frames }: Protocol): Map<string, Set<string>> {
  const isChosen = ({ value, with: fixed, derives, isId }: Field): boolean => !value && !fixed && !derives && !isId
  return new Map(
    [...frames].map(([name, { body }]) => [
      name,
      new Set(
        fieldsOf(body.nodes)
          .filter(isChosen)
          .map(field => field.name),
      ),
    ]),
  )
}

function maxFrameOf(size: number | { readonly param: string }): { max_frame?: number | string } {
  if (typeof size === 'object') return { max_frame: `param.${size.param}` }
  return Number.isFinite(size) ? { max_frame: size } : {}
}
