// The part of the docs about behaviour: transports, handshake, states, replies, channels, limits, metrics, values.

import type { ParamType, Size } from '../../../runtime/core/protocol.ts'
import type { Protocol } from '../../model/model.ts'
import type { Behaviour, Channel, FramingData, Reply, State } from '../../normalize/behaviour.ts'
import { bytesText } from '../notation.ts'
import { bullets, code, section, table } from './markdown.ts'
import { countText, durationText, rateText, sizeText } from './quantity.ts'
import { handshakeLines, writtenSections } from './written.ts'

export function behaviourSections(protocol: Protocol, behaviour: Behaviour): string[] {
  return [
    ...section(2, 'Roles', roles(behaviour)),
    ...section(2, 'Params', params(behaviour)),
    ...section(2, 'Session values', session(behaviour)),
    ...section(2, 'Transports', transports(behaviour)),
    ...section(2, 'Handshake', handshake(protocol, behaviour)),
    ...section(2, 'States', states(behaviour.states)),
    ...section(2, 'Replies', replies(behaviour.replies)),
    ...section(2, 'Channels', [...channels(behaviour.channels), ...channelHeader(behaviour)]),
    ...writtenSections(protocol, behaviour),
    ...section(2, 'Limits', limits(behaviour)),
    ...section(2, 'When something is wrong', onError(behaviour)),
    ...section(2, 'Metrics', metrics(behaviour)),
  ]
}

function roles(behaviour: Behaviour): string[] {
  const text = (role: Behaviour['roles'][number]): string[] => [
    code(role.name),
    role.transport,
    role.is.slice(1).map(code).join(', '),
  ]
  return table(['role', 'transport', 'counts as'], behaviour.roles.map(text))
}

function params(behaviour: Behaviour): string[] {
  const rows = behaviour.params.map(param => [
    code(param.name),
    paramText(param.type),
    param.for.join(', ') || 'all',
    param.fallback === undefined
      ? 'must be given'
      : 'word' in param.fallback
        ? param.fallback.word
        : valueText(param.fallback.value, param.secret),
    [param.doc, param.secret && 'secret', param.min !== undefined && `${param.min} to ${param.max}`]
      .filter(Boolean)
      .join('; '),
  ])
  return table(['param', 'type', 'for', 'default', ''], rows)
}

function session(behaviour: Behaviour): string[] {
  const rows = behaviour.session.map(one => [
    code(one.name),
    one.start === undefined ? '' : valueText(one.start, one.secret),
    one.max === undefined ? '' : sizeText(one.max),
    one.lifetime === Number.POSITIVE_INFINITY ? '' : durationText(one.lifetime),
    one.secret ? 'secret' : '',
  ])
  return table(['value', 'starts as', 'at most', 'forgotten after', ''], rows)
}

function transports(behaviour: Behaviour): string[] {
  const rows = behaviour.transports.map(one => [
    one.kind,
    one.port === undefined ? '' : String(one.port),
    framingText(one.framing),
    maxText(one.maxFrame),
    one.maxSend === undefined ? '' : sizeText(one.maxSend),
    one.kind === 'udp' ? `${one.trailing === 'ignore' ? 'ignored' : 'refused'}` : '',
    one.use === 'handshake' ? 'handshake only' : '',
  ])
  return table(['transport', 'port', 'a frame ends', 'largest frame', 'largest sent', 'bytes behind a frame', ''], rows)
}

function framingText(framing: FramingData): string {
  switch (framing.kind) {
    case 'datagram':
      return 'with the datagram'
    case 'packed':
      return 'by itself, several in a datagram'
    case 'self':
      return 'by itself'
    case 'raw':
      return 'with what a read returns'
    case 'prefix':
      return `after the length in front, ${code(framing.text)}`
    case 'delimiter':
      return `before ${code(bytesText(framing.delimiter))}`
    case 'fixed':
      return `after ${framing.size} bytes`
  }
}

function handshake(protocol: Protocol, behaviour: Behaviour): string[] {
  const { handshake: one } = behaviour
  if (!one) return []
  const tls = one.tls && [
    `TLS ${one.tls.versions.join(' or ')}${one.tls.alpn.length > 0 ? `, ALPN ${one.tls.alpn.map(code).join(', ')}` : ''}`,
    `certificate verified against ${'param' in one.tls.verify ? code(`param.${one.tls.verify.param}`) : one.tls.verify.value}`,
  ]
  return bullets([
    ...(one.transport ? [`on ${one.transport}`] : []),
    ...(tls ?? []),
    `done within ${durationText(one.timeout)}`,
    ...handshakeLines(protocol),
  ])
}

function states(rows: readonly State[]): string[] {
  const text = (state: State): string[] => {
    const frames = state.frames.map(({ frame, next }) => {
      const steps = next.map(step => (step.text === undefined ? step.to : `${step.to} if ${code(step.text)}`))
      return `${frame} → ${steps.join(', ')}`
    })
    return [code(state.name), frames.join('<br>'), state.ignore.join(', '), durationText(state.timeout)]
  }
  return table(['state', 'frame → next state', 'ignored', 'at most'], rows.map(text))
}

function replies(rows: readonly Reply[]): string[] {
  const by = (reply: Reply): string => {
    if (reply.by === undefined || reply.by === 'order') return reply.by ?? ''
    const { request, reply: answer } = reply.by
    return request.text === answer.text ? code(request.text) : `${code(request.text)} = ${code(answer.text)}`
  }
  const text = (reply: Reply): string[] => [
    reply.name,
    [reply.any ? 'any' : reply.to.join(', '), reply.when && `if ${code(reply.when.text)}`].filter(Boolean).join(' '),
    reply.with.join(', '),
    by(reply),
    reply.auto ? `the runtime, ${reply.auto.replace('-', ' ')}` : 'the handler',
    durationText(reply.timeout),
    reply.retry
      ? `${reply.retry.times} times, ${durationText(reply.retry.from)} to ${durationText(reply.retry.to)}`
      : '',
    reply.every === undefined ? '' : durationText(reply.every),
  ]
  return table(
    ['', 'request', 'answer', 'matched by', 'answered by', 'timeout', 'sent again', 'sent every'],
    rows.map(text),
  )
}

function channels(rows: readonly Channel[]): string[] {
  const text = (one: Channel): string[] => [
    code(one.name),
    one.id === undefined ? '' : String(one.id),
    one.delivery,
    one.retransmit
      ? `${durationText(one.retransmit.from)} to ${durationText(one.retransmit.to)}, ${one.retransmit.times} times`
      : '',
    one.fragment
      ? `${code(one.fragment.cut)} above ${sizeText(one.fragment.above)}, at most ${one.fragment.pieces} pieces`
      : '',
    one.transfer ? `${code(one.transfer.cut)} above ${sizeText(one.transfer.above)}` : '',
    `${one.queue.in} in, ${one.queue.out} out, ${sizeText(one.queue.bytes)}; full: ${one.queue.full}`,
    one.doc ?? '',
  ]
  return table(['channel', 'id', 'delivery', 'resent', 'cut', 'sent in parts', 'queue', ''], rows.map(text))
}

function channelHeader(behaviour: Behaviour): string[] {
  const paths = behaviour.channelHeader?.paths ?? []
  return table(
    ['carries', 'field'],
    paths.map(one => [one.role.replaceAll('_', ' '), code(one.path.text)]),
  )
}

function limits({ limits: one }: Behaviour): string[] {
  const { rate, strikes } = one
  return table(
    ['limit', ''],
    [
      [
        'connections',
        `${countText(one.connections)}, ${countText(one.connectionsPerAddress)} per address; above: ${one.overLimit}`,
      ],
      [
        'handshakes',
        `${countText(one.handshakes)}, ${countText(one.handshakesPerAddress)} per address, ${durationText(one.handshake)} at most`,
      ],
      ['silence', `${durationText(one.idle)}, counted from what was ${one.refreshIdle}`],
      ['rate', rateLimit(rate)],
      ['queue', `${countText(one.queue.messages)} messages, ${sizeText(one.queue.bytes)}`],
      ['memory', sizeText(one.memory)],
      ['nesting', countText(one.depth)],
      ...(strikes
        ? [
            [
              'strikes',
              `${strikes.max} of ${strikes.on.join(', ')} in ${durationText(strikes.window)}: ${strikes.then}`,
            ],
          ]
        : []),
    ],
  )
}

function rateLimit(rate: Behaviour['limits']['rate']): string {
  const parts = [
    ...(rate.packets === Number.POSITIVE_INFINITY
      ? []
      : [`${rateText(rate.packets)} frames, bursts of ${countText(rate.burst)}`]),
    ...(rate.bytes === Number.POSITIVE_INFINITY ? [] : [`${rateText(rate.bytes)} bytes`]),
  ]
  if (parts.length === 0) return 'none'
  return `${parts.join(', ')}, charged before ${rate.before === 'open' ? 'opening' : 'delivery'}`
}

function onError({ onError: one }: Behaviour): string[] {
  return bullets([
    `on a stream: ${one.stream}; in a datagram: ${one.datagram}`,
    ...(one.tell ? [`${one.tell.frame} tells the other side, ${one.tell.on === 'any' ? 'always' : 'on streams'}`] : []),
  ])
}

function metrics(behaviour: Behaviour): string[] {
  const rows = behaviour.metrics.map(one => [
    code(one.name),
    one.kind,
    [one.on, one.of && `of ${one.of}`, one.whenText && `if ${code(one.whenText)}`].filter(Boolean).join(' '),
    one.by.join(', '),
    one.help,
  ])
  return table(['metric', 'kind', 'counts', 'labels', ''], rows)
}

function maxText(size: Size): string {
  return typeof size === 'number' ? sizeText(size) : code(`param.${size.param}`)
}

function paramText(type: ParamType): string {
  if (type.kind === 'list') return `list of ${paramText(type.of)}`
  return type.kind === 'bytes' && type.size !== undefined ? `${type.size} bytes` : type.kind
}

function valueText(value: unknown, secret: boolean): string {
  if (secret) return 'set'
  return code(value instanceof Uint8Array ? bytesText(value) : String(value))
}
