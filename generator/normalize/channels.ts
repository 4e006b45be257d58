// `channels` and `channel_header` (docs/language, "Channels"): what each delivery class promises, its bounds, and
// which fields of the frames its engine reads and writes.

import type { FragmentDescriptor, SplitDescriptor } from '../../runtime/core/protocol.ts'
import type { Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Channel, type ChannelHeaderData, type FramePath, HEADER_ROLES, type Transfer } from './behaviour.ts'
import { framePath, innerType } from './path.ts'
import type { Section } from './section.ts'

export function normalizeChannels(section: Section, protocol: Protocol): Channel[] {
  return section.keys().map(name => channel(name, section.section(name), protocol))
}

export function normalizeChannelHeader(section: Section, protocol: Protocol): ChannelHeaderData | undefined {
  if (section.keys().length === 0) return undefined
  const frames = [...protocol.frames.keys()]
  return {
    paths: HEADER_ROLES.flatMap(role => {
      const text = section.text(role, undefined)
      const path =
        text === undefined ? undefined : framePath(protocol, text, frames, [...section.path, role], section.report)
      return path ? [{ role, path }] : []
    }),
    seqSpace: section.word('seq_space', ['channel', 'connection'], HEADER.seqSpace),
    ackSweep: section.count('ack_sweep', undefined),
  }
}

/** Frames that travel on this channel. */
export function framesOn(channel: string, protocol: Protocol): string[] {
  const carried = [...protocol.frames.values()].filter(frame => frame.channel === channel || frame.channel === 'any')
  return carried.map(frame => frame.name)
}

function channel(name: string, section: Section, protocol: Protocol): Channel {
  const delivery = section.word('delivery', DELIVERIES, DEFAULTS.delivery)
  const reliable = delivery === 'reliable' || delivery === 'reliable-ordered'
  const ack = section.section('ack')
  const reorder = section.section('reorder')
  const queue = section.section('queue')
  const off = (key: string): boolean => section.raw(key) === 'none' || (!reliable && !section.has(key))
  return {
    name,
    doc: section.text('doc', undefined),
    id: id(section),
    delivery,
    priority: priority(section, name, protocol),
    ack: off('ack')
      ? undefined
      : {
          frame: ack.text('frame', undefined),
          after: ack.count('after', RELIABLE.after),
          delay: ack.duration('delay', RELIABLE.delay),
        },
    retransmit: off('retransmit') ? undefined : retransmit(section.section('retransmit')),
    window: section.count('window', DEFAULTS.window),
    reorder: {
      messages: reorder.count('messages', DEFAULTS.reorder.messages),
      bytes: reorder.size('bytes', DEFAULTS.reorder.bytes),
    },
    congestion: section.word(
      'congestion',
      ['newreno', 'cubic', 'bbr', 'none'],
      reliable ? RELIABLE.congestion : DEFAULTS.congestion,
    ),
    pace: section.rate('pace', undefined),
    orderBy: path(section, 'order_by', name, protocol),
    coalesce: section.raw('coalesce') === 'none' ? undefined : section.duration('coalesce', undefined),
    fec: fec(section),
    fragment: fragment(section, name, protocol),
    transfer: transfer(section, name, protocol),
    split: section.has('split') ? split(section.section('split')) : undefined,
    end: section.text('end', undefined),
    queue: {
      in: queue.count('in', DEFAULTS.queue.in),
      out: queue.count('out', DEFAULTS.queue.out),
      bytes: queue.size('bytes', DEFAULTS.queue.bytes),
      full: queue.word('full', ['backpressure', 'drop-newest', 'drop-oldest', 'reject', 'close'], DEFAULTS.queue.full),
      rejectOversize: queue.flag('reject_oversize', DEFAULTS.queue.rejectOversize),
    },
  }
}

function id(section: Section): number | string | undefined {
  const raw = section.raw('id')
  return typeof raw === 'number' || typeof raw === 'string' ? raw : undefined
}

function priority(section: Section, name: string, protocol: Protocol): number | FramePath {
  const raw = section.raw('priority')
  if (typeof raw === 'number') return raw
  return path(section, 'priority', name, protocol) ?? DEFAULTS.priority
}

function path(section: Section, key: string, channel: string, protocol: Protocol): FramePath | undefined {
  const text = section.text(key, undefined)
  if (text === undefined) return undefined
  return framePath(protocol, text, framesOn(channel, protocol), [...section.path, key], section.report)
}

function retransmit(section: Section): Channel['retransmit'] {
  return { ...section.span('rto', RELIABLE.rto), times: section.count('times', RELIABLE.times) }
}

function fec(section: Section): Channel['fec'] {
  if (!section.has('fec') || section.raw('fec') === 'none') return undefined
  const one = section.section('fec')
  return { group: one.count('group', FEC.group), delay: one.duration('delay', FEC.delay) }
}

function split(section: Section): SplitDescriptor {
  return {
    cut: section.text('cut', ''),
    used: section.text('used', undefined),
    index: section.text('index', undefined),
    more: section.text('more', undefined),
    max: section.size('max', DEFAULTS.splitMax),
  }
}

function fragment(section: Section, name: string, protocol: Protocol): FragmentDescriptor | undefined {
  if (!section.has('fragment') || section.raw('fragment') === 'none') return undefined
  const one = section.section('fragment')
  return {
    above: one.size('above', FRAGMENT.above),
    cut: one.text('cut', undefined) ?? largest(name, protocol, one),
    pieces: one.count('pieces', FRAGMENT.pieces),
    timeout: one.duration('timeout', FRAGMENT.timeout),
    sessions: one.count('sessions', FRAGMENT.sessions),
    bytes: one.size('bytes', FRAGMENT.bytes),
    bytesPerPeer: one.size('bytes_per_peer', FRAGMENT.bytesPerPeer),
    duplicates: one.word('duplicates', ['ignore', 'reject'], FRAGMENT.duplicates),
    full: one.word('full', ['drop-oldest', 'drop-newest'], FRAGMENT.full),
    acceptFullCopies: one.flag('accept_full_copies', FRAGMENT.acceptFullCopies),
  }
}

/** Payloads of any length as a row of messages (docs/adr/0005-transfers.md). */
function transfer(section: Section, name: string, protocol: Protocol): Transfer | undefined {
  if (!section.has('transfer') || section.raw('transfer') === 'none') return undefined
  const one = section.section('transfer')
  const [id, index, count] = ['id', 'index', 'count'].map(key => {
    if (!one.has(key)) one.wrong(key, `a transfer needs ${key}: the field that carries it`, { code: 'reference' })
    return path(one, key, name, protocol)
  })
  if (!id || !index || !count) return undefined
  return {
    above: one.size('above', TRANSFER.above),
    cut:
      one.text('cut', undefined) ?? section.section('fragment').text('cut', undefined) ?? largest(name, protocol, one),
    part: one.size('part', undefined),
    id,
    index,
    count,
    window: one.count('window', TRANSFER.window),
    rto: one.span('rto', TRANSFER.rto),
    timeout: one.duration('timeout', TRANSFER.timeout),
    sessions: one.count('sessions', TRANSFER.sessions),
    bytes: one.size('bytes', TRANSFER.bytes),
    bytesPerPeer: one.size('bytes_per_peer', TRANSFER.bytesPerPeer),
    max: one.size('max', TRANSFER.max),
  }
}

/** Without `cut`: the last field of bytes of the channel's frames, which must be the same in all of them. */
function largest(channel: string, protocol: Protocol, section: Section): string {
  const cuts = framesOn(channel, protocol).map(name => {
    const own = fieldsOf(protocol.frames.get(name)!.body.nodes).filter(field => innerType(field.type).kind === 'bytes')
    return own.at(-1)?.name
  })
  const [cut, ...others] = new Set(cuts)
  if (cut !== undefined && others.length === 0) return cut
  section.report(section.path, {
    code: 'reference',
    message: `it is not clear which field of the frames on ${channel} is cut`,
    hint: 'cut: FIELD',
  })
  return ''
}

const DELIVERIES = ['unreliable', 'unreliable-sequenced', 'reliable', 'reliable-ordered', 'transport'] as const

/** Milliseconds and bytes. */
const DEFAULTS = {
  splitMax: 16 * 1024 ** 2,
  delivery: 'unreliable',
  priority: 0,
  window: 256,
  reorder: { messages: 256, bytes: 512 * 1024 },
  congestion: 'none',
  queue: { in: 256, out: 256, bytes: 1024 ** 2, full: 'backpressure', rejectOversize: true },
} as const

/** Of the reliable deliveries. */
const RELIABLE = { after: 2, delay: 25, rto: { from: 100, to: 5000 }, times: 12, congestion: 'newreno' } as const

const FEC = { group: 4, delay: 20 } as const

const FRAGMENT = {
  above: 1200,
  pieces: 255,
  timeout: 10_000,
  sessions: 1000,
  bytes: 64 * 1024 ** 2,
  bytesPerPeer: 1024 ** 2,
  duplicates: 'ignore',
  full: 'drop-oldest',
  acceptFullCopies: false,
} as const

const TRANSFER = {
  above: 4096,
  window: 256,
  rto: { from: 50, to: 2000 },
  timeout: 30_000,
  sessions: 64,
  bytes: 512 * 1024 ** 2,
  bytesPerPeer: 256 * 1024 ** 2,
  max: 256 * 1024 ** 2,
} as const

const HEADER = { seqSpace: 'channel' } as const
