// The sections of a descriptor that hold code beside data: frames, framing, states, replies, channels, metrics.

import type { Expr, Frame, Protocol } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import type {
  Behaviour,
  Channel,
  FramePath,
  FramingData,
  Metric,
  Reply,
  State,
  Transport,
} from '../../normalize/behaviour.ts'
import { innerType } from '../../normalize/path.ts'
import { quote } from '../naming.ts'
import { exprText } from '../notation.ts'
import { frameTest } from './accessor.ts'
import { Code } from './literal.ts'
import { prefixCode } from './prefix.ts'
import { overReader } from './reach.ts'
import type { DescriptorUnit } from './unit.ts'

export class Sections {
  readonly #protocol: Protocol
  readonly #unit: DescriptorUnit

  constructor(protocol: Protocol, unit: DescriptorUnit) {
    this.#protocol = protocol
    this.#unit = unit
  }

  frame(frame: Frame): object {
    return {
      name: frame.name,
      index: frame.index,
      dirs: frame.dirs,
      states: frame.states,
      bare: frame.bare,
      seal: frame.seal,
      channel: frame.channel,
      repeat: frame.repeat,
      close: frame.close,
      learn: frame.learn.map(({ name, value }) => ({ name, value: new Code(this.#value(value, frame.name)) })),
      max: frame.max?.is === 'int' ? Number(frame.max.value) : undefined,
      secret: secretFields(frame, this.#protocol),
    }
  }

  transport(transport: Transport): object {
    return { ...transport, framing: framing(transport.framing) }
  }

  state(state: State): object {
    const steps = (frame: string, next: State['frames'][number]['next']): object[] =>
      next.map(step => (step.when ? { to: step.to, when: new Code(this.#step(step.when, frame)) } : { to: step.to }))
    return {
      name: state.name,
      timeout: state.timeout,
      ignore: state.ignore,
      frames: Object.fromEntries(state.frames.map(({ frame, next }) => [frame, steps(frame, next)])),
    }
  }

  reply(reply: Reply): object {
    return {
      name: reply.name,
      to: reply.to,
      any: reply.any,
      when: reply.when && new Code(frameTest(reply.when, this.#protocol, this.#unit)),
      with: reply.with,
      by:
        typeof reply.by === 'object'
          ? { request: this.#path(reply.by.request), reply: this.#path(reply.by.reply) }
          : reply.by,
      copy: reply.copy.map(({ from, to }) => ({ from: this.#path(from), to: this.#path(to) })),
      auto: reply.auto,
      timeout: reply.timeout,
      retry: reply.retry,
      inFlight: reply.inFlight,
      ids: reply.ids,
      every: reply.every,
      only: reply.only,
      duplicates: reply.duplicates,
      ask: reply.ask.map(path => this.#path(path)),
    }
  }

  channel(channel: Channel): object {
    const { doc: _, priority, orderBy, transfer, ...rest } = channel
    return {
      ...rest,
      transfer: transfer && {
        ...transfer,
        id: this.#path(transfer.id),
        index: this.#path(transfer.index),
        count: this.#path(transfer.count),
      },
      priority: typeof priority === 'number' ? priority : this.#path(priority),
      orderBy: orderBy && this.#path(orderBy),
    }
  }

  channelHeader(header: Behaviour['channelHeader']): object | undefined {
    if (!header) return undefined
    const paths = header.paths.map(({ role, path }) => [role, this.#path(path)] as const)
    const frameOf = (role: string): string | undefined =>
      header.paths.find(one => one.role === role)?.path.frames[0]?.frame
    return {
      ...Object.fromEntries(paths),
      seqSpace: header.seqSpace,
      ackSweep: header.ackSweep,
      parityFrame: frameOf('parity'),
      bundleFrame: frameOf('bundle'),
    }
  }

  metric(metric: Metric): object {
    const { when, whenText: _, ...rest } = metric
    return { ...rest, when: when && new Code(`({ code }) => ${eventText(when)}`) }
  }

  #path(path: FramePath): Code {
    return new Code(this.#unit.accessor(path))
  }

  #value(expr: Expr, frame: string): string {
    const { text, fails } = overReader(expr, frame, this.#protocol, this.#unit)
    return `frame => ${fails ? `${this.#unit.use('valueOr')}(undefined, () => ${text})` : text}`
  }

  #step(expr: Expr, frame: string): string {
    const { text, fails } = overReader(expr, frame, this.#protocol, this.#unit)
    const used = text.includes('frame') ? 'frame' : '_frame'
    const parameters = counts(expr) ? `(${used}, count)` : used
    return `${parameters} => ${fails ? `${this.#unit.use('valueOr')}(false, () => ${text})` : text}`
  }
}

export function framing(data: FramingData): object {
  if (data.kind !== 'prefix') return data
  return { kind: data.kind, ...prefixCode(data.type) }
}

/** Paths of the fields that are secret, also inside structs. */
function secretFields(frame: Frame, protocol: Protocol): string[] {
  const within = (body: Frame['body'], prefix: string, depth: number): string[] =>
    fieldsOf(body.nodes).flatMap(field => {
      if (field.secret) return [prefix + field.name]
      const type = innerType(field.type)
      const struct = type.kind === 'struct' && depth < DEEPEST ? protocol.structs.get(type.name) : undefined
      return struct ? within(struct.body, `${prefix}${field.name}.`, depth + 1) : []
    })
  return within(frame.body, '', 0)
}

function counts(expr: Expr): boolean {
  return exprText(expr).includes("count('")
}

/** Conditions of metrics: over `code` alone. */
function eventText(expr: Expr): string {
  switch (expr.is) {
    case 'field':
      return expr.name
    case 'enumValue':
      return quote(expr.name)
    case 'text':
      return quote(expr.value)
    case 'bool':
      return String(expr.value)
    case 'not':
      return `!(${eventText(expr.of)})`
    case 'binary': {
      const operator = EVENT_OPERATORS[expr.operator]
      if (!operator) throw new Error(`${expr.operator} is not known in conditions of metrics`)
      return `${eventText(expr.left)} ${operator} ${eventText(expr.right)}`
    }
    case 'in':
      return `[${expr.items.map(item => eventText(item.from)).join(', ')}].includes(${eventText(expr.of)})`
    default:
      throw new Error(`${exprText(expr)} is not known in conditions of metrics`)
  }
}

const EVENT_OPERATORS: Readonly<Record<string, string>> = { '==': '===', '!=': '!==', and: '&&', or: '||' }
const DEEPEST = 8
