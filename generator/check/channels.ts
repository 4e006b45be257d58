// Channels (docs/language, "Channels"): what a delivery needs in the header, sequence numbers wide enough for the
// window, pieces that fit their fields and a datagram, and no key that the delivery ignores.

import type { Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import type { Channel, FramePath, HEADER_ROLES } from '../normalize/behaviour.ts'
import { type Check, type Subject, section } from './subject.ts'
import { rangeOf } from './unreachable.ts'

export const channels: Check = subject => {
  const { behaviour } = subject
  for (const channel of behaviour.channels) {
    if (channel.delivery === 'transport') {
      nothingIgnored(subject, channel)
      splitFields(subject, channel)
      continue
    }
    numbered(subject, channel)
    fragments(subject, channel)
    ackFrame(subject, channel)
    parity(subject, channel)
    company(subject, channel)
  }
  toldApart(subject)
  used(subject)
}

type Role = (typeof HEADER_ROLES)[number]

function numbered(subject: Subject, channel: Channel): void {
  const reliable = channel.delivery === 'reliable' || channel.delivery === 'reliable-ordered'
  const needed: Role[] = reliable ? ['seq', 'ack'] : channel.delivery === 'unreliable-sequenced' ? ['seq'] : []
  const missing = needed.filter(role => !header(subject, role))
  if (missing.length > 0) {
    subject.document.report(['channels', channel.name, 'delivery'], {
      code: 'channel',
      message: `${channel.delivery} needs a field for ${missing.join(' and ')}`,
      hint: `channel_header: { ${missing.map(role => `${role}: FIELD`).join(', ')} }`,
    })
    return
  }
  const bits = reliable ? bitsOf(subject, 'seq') : undefined
  if (bits === undefined || channel.window <= 2 ** (bits - 1)) return
  const written = section(subject, 'channels', channel.name).window !== undefined
  subject.document.report(['channels', channel.name, written ? 'window' : 'delivery'], {
    code: 'channel',
    message: `the window of ${channel.window} is over half of the ${2 ** bits} numbers that ${header(subject, 'seq')!.text} has`,
    hint: `window: ${2 ** (bits - 1)} at most, or a wider field`,
  })
}

function fragments(subject: Subject, channel: Channel): void {
  const { fragment } = channel
  if (!fragment) return
  const path = ['channels', channel.name, 'fragment']
  const needed: Role[] = ['fragment_id', 'fragment_index', 'fragment_count']
  const missing = needed.filter(role => !header(subject, role))
  if (missing.length > 0) {
    subject.document.report(path, {
      code: 'channel',
      on: 'key',
      message: `fragments need a field for ${missing.join(', ')}`,
      hint: `channel_header: { ${missing.map(role => `${role}: FIELD`).join(', ')} }`,
    })
  }
  for (const [role, most] of [
    ['fragment_count', fragment.pieces],
    ['fragment_index', fragment.pieces - 1],
  ] as const) {
    const range = header(subject, role) && rangeOf(subject.protocol, typeOf(subject, role) ?? { kind: 'bytes' })
    if (!range || BigInt(most) <= range.max) continue
    subject.document.report([...path, 'pieces'], {
      code: 'channel',
      message: `${fragment.pieces} pieces do not fit ${header(subject, role)!.text}, which ends at ${range.max}`,
      hint: `pieces: ${range.max} at most`,
    })
    break
  }
  if (fragment.bytesPerPeer > fragment.bytes) {
    subject.document.report([...path, 'bytes_per_peer'], {
      code: 'channel',
      message: `one peer may hold ${fragment.bytesPerPeer} bytes, all together only ${fragment.bytes}`,
    })
  }
  const udp = subject.behaviour.transports.find(transport => transport.kind === 'udp' && transport.use === 'session')
  const room = udp?.maxSend ?? (typeof udp?.maxFrame === 'number' ? udp.maxFrame : undefined)
  if (room !== undefined && fragment.above > room) {
    subject.document.report([...path, 'above'], {
      code: 'channel',
      message: `what has up to ${fragment.above} bytes is sent whole, but a datagram takes ${room}`,
      hint: `above: ${room} at most`,
    })
  }
}

function ackFrame(subject: Subject, channel: Channel): void {
  const frame = channel.ack?.frame
  if (frame === undefined || subject.protocol.frames.has(frame)) return
  subject.document.report(['channels', channel.name, 'ack', 'frame'], {
    code: 'reference',
    message: `there is no frame ${frame}`,
  })
}

function parity(subject: Subject, { name, fec, delivery, coalesce }: Channel): void {
  if (fec === undefined) return
  const path = ['channels', name, 'fec']
  const report = (message: string, hint: string): void =>
    subject.document.report(path, { code: 'channel', on: 'key', message, hint })
  if (!missing(subject, path, 'parity', ['seq', 'parity', 'parity_count', 'parity_length'])) return
  if (delivery === 'reliable' || delivery === 'reliable-ordered')
    report(`${delivery} sends again what is lost, which fec does not replace`, 'fec is for unreliable deliveries')
  else if (subject.behaviour.channelHeader?.seqSpace === 'connection')
    report('groups are told by numbers of the channel, and here all channels share one row', 'seq_space: channel')
  else if (coalesce !== undefined)
    report(
      'messages that share a datagram are lost together, and a parity makes only one again',
      'either fec or coalesce',
    )
  else if (fec.group < 2 || fec.group > MOST_IN_GROUP)
    report(`a group has 2 to ${MOST_IN_GROUP} messages, not ${fec.group}`, 'group: 4')
}

function company(subject: Subject, { name, coalesce }: Channel): void {
  if (coalesce !== undefined) missing(subject, ['channels', name, 'coalesce'], 'messages in one datagram', ['bundle'])
}

/** True when every role has a field. */
function missing(subject: Subject, path: string[], what: string, needed: readonly Role[]): boolean {
  const without = needed.filter(role => !header(subject, role))
  if (without.length === 0) return true
  subject.document.report(path, {
    code: 'channel',
    on: 'key',
    message: `${what} needs a field for ${without.join(', ')}`,
    hint: `channel_header: { ${without.map(role => `${role}: FRAME.FIELD`).join(', ')} }`,
  })
  return false
}

/** On a stream the stream does it all; over udp `transport` promises nothing. */
function nothingIgnored(subject: Subject, channel: Channel): void {
  const written = section(subject, 'channels', channel.name)
  for (const key of ENGINE.filter(key => written[key] !== undefined)) {
    subject.document.report(['channels', channel.name, key], {
      code: 'unused',
      severity: 'warning',
      on: 'key',
      message: `delivery: transport ignores ${key}`,
      hint: 'the stream does it; remove the key',
    })
  }
  const session = subject.behaviour.transports.filter(transport => transport.use === 'session')
  if (session.length === 0 || session.some(transport => transport.kind !== 'udp')) return
  subject.document.report(['channels', channel.name, 'delivery'], {
    code: 'channel',
    message: 'delivery: transport gives what a stream gives, but the session is on udp',
    hint: 'unreliable, or reliable with `seq` and `ack`',
  })
}

/** Fields that `split` and `end` name are fields of every frame on the channel. */
function splitFields(subject: Subject, { name, split, end }: Channel): void {
  const frames = [...subject.protocol.frames.values()].filter(frame => frame.channel === name)
  const named = [
    ...(split ? (['cut', 'used', 'index', 'more'] as const).map(key => [['split', key], split[key]] as const) : []),
    [['end'], end] as const,
  ]
  for (const [path, field] of named) {
    if (field === undefined) continue
    const without = frames.find(frame => !fieldsOf(frame.body.nodes).some(one => one.name === field))
    if (!without) continue
    subject.document.report(['channels', name, ...path], {
      code: 'reference',
      message: `${without.name} has no field ${field}`,
      hint: `every frame on the channel ${name} needs it`,
    })
  }
}

/** Frames on `any` channel say by a field which one it is, and every channel has its number. */
function toldApart(subject: Subject): void {
  const { behaviour, protocol } = subject
  const open = [...protocol.frames.values()].find(frame => frame.channel === 'any')
  if (!open || behaviour.channels.length < 2) return
  if (!header(subject, 'channel')) {
    subject.document.report(['frames', open.name, 'channel'], {
      code: 'channel',
      message: `${open.name} may travel on any of ${behaviour.channels.length} channels, but no field says on which`,
      hint: 'channel_header: { channel: FIELD }',
    })
  }
  const ids = new Map<unknown, string>()
  for (const channel of behaviour.channels) {
    const other = channel.id === undefined ? undefined : ids.get(channel.id)
    if (channel.id === undefined) {
      subject.document.report(['channels', channel.name], {
        code: 'channel',
        on: 'key',
        message: `${channel.name} needs an id: ${open.name} names its channel on the wire`,
        hint: 'id: 1',
      })
    } else if (other !== undefined) {
      subject.document.report(['channels', channel.name, 'id'], {
        code: 'duplicate',
        message: `${channel.name} and ${other} have the same id`,
        hint: 'give it another one',
      })
    }
    ids.set(channel.id, channel.name)
  }
}

/** A profile may leave a channel without frames. */
function used(subject: Subject): void {
  if (subject.protocol.profile !== undefined) return
  const { behaviour, protocol } = subject
  const named = new Set([...protocol.frames.values()].map(frame => frame.channel))
  if (named.has('any')) return
  for (const { name } of behaviour.channels) {
    if (named.has(name)) continue
    subject.document.report(['channels', name], {
      code: 'unused',
      severity: 'warning',
      on: 'key',
      message: `no frame travels on ${name}`,
      hint: `frames: { FRAME: { channel: ${name} } }`,
    })
  }
}

function header(subject: Subject, role: Role): FramePath | undefined {
  return subject.behaviour.channelHeader?.paths.find(one => one.role === role)?.path
}

/** The type of the field or multimap entry at the end of a header path. */
function typeOf(subject: Subject, role: Role): Type | undefined {
  const [first] = header(subject, role)?.frames ?? []
  if (!first) return undefined
  const path: string[] = []
  let at = first.expr
  while (at.is === 'member') {
    path.unshift(at.name)
    at = at.of
  }
  if (at.is !== 'field') return undefined
  const name = at.name
  const frame = subject.protocol.frames.get(first.frame)!
  let field = fieldsOf(frame.body.nodes).find(one => one.name === name)
  for (const step of path) {
    const entry = field?.map?.entries.find(one => one.name === step)
    if (entry) return entry.type
    const struct = field?.type.kind === 'struct' ? subject.protocol.structs.get(field.type.name) : undefined
    field = struct && fieldsOf(struct.body.nodes).find(one => one.name === step)
  }
  return field?.type
}

function bitsOf(subject: Subject, role: Role): number | undefined {
  const range = rangeOf(subject.protocol, typeOf(subject, role) ?? { kind: 'bytes' })
  return range && range.min === 0n ? (range.max + 1n).toString(2).length - 1 : undefined
}

/** Messages that one parity may cover. */
const MOST_IN_GROUP = 64
const ENGINE = ['ack', 'retransmit', 'window', 'reorder', 'congestion', 'pace', 'fec', 'fragment', 'coalesce'] as const
