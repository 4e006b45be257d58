// `service` (docs/language, "Service"): what the runtime does with frames that have no handler. Plain data with its
// defaults; paths, conditions and tokens stay as written, for the engine that runs the service to resolve.

import type { Frame, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import type { Service } from './behaviour.ts'
import { isMap, type Section } from './section.ts'

export function normalizeService(section: Section, protocol: Protocol): Service | undefined {
  const kinds = section.keys()
  if (kinds.length === 0) return undefined
  const [kind] = kinds
  if (kinds.length > 1) section.wrong(kinds[1]!, 'a protocol has one service', { on: 'key' })
  if (kind === 'echo') return { kind, role: undefined, data: echo(section.section(kind)) }
  if (kind === 'relay') return relay(section.section(kind), protocol)
  if (kind === 'node') return { kind, role: undefined, data: node(section.section(kind)) }
  section.wrong(kind!, `unknown service ${kind}`, { on: 'key', code: 'reference', hint: 'echo, relay or node' })
  return undefined
}

function echo(section: Section): Record<string, unknown> {
  return { frame: section.text('frame', undefined) }
}

function relay(section: Section, protocol: Protocol): Service {
  const observe = section.section('observe')
  const queue = section.section('queue')
  const hub = section.text('hub', RELAY.hub)
  const data = {
    hub,
    join: join(section, protocol),
    memberOf: paramName(section.text('member_of', undefined)),
    publish: {
      ...texts(section.section('publish'), ['role', 'frame']),
      max: section.section('publish').count('max', RELAY.max),
    },
    subscribe: {
      ...texts(section.section('subscribe'), ['role', 'frame']),
      from: section.section('subscribe').word('from', ['join', 'start'], RELAY.from),
    },
    observe: section.has('observe')
      ? {
          role: observe.text('role', undefined),
          token: paramName(observe.text('token', undefined)),
          ifNoToken: observe.word('if_no_token', ['refuse', 'admit'], RELAY.ifNoToken),
          report: isMap(observe.raw('report')) ? observe.raw('report') : {},
        }
      : undefined,
    queue: {
      frames: queue.count('frames', RELAY.queue.frames),
      bytes: queue.size('bytes', RELAY.queue.bytes),
      overflow: queue.word(
        'overflow',
        ['drop-newest', 'drop-oldest', 'drop-client', 'backpressure'],
        RELAY.queue.overflow,
      ),
      stall: queue.duration('stall', RELAY.queue.stall),
      hold: queue.duration('hold', RELAY.queue.hold),
    },
    whenPublisherLeaves: section.word('when_publisher_leaves', ['close-subscribers', 'keep-subscribers'], RELAY.leaves),
    answer: answer(section, protocol),
  }
  return { kind: 'relay', role: hub, data }
}

/** The frame by which clients join, its field that names the group, and the one whose values are their roles. */
function join(section: Section, protocol: Protocol): object | undefined {
  const [name = '', group = ''] = section.text('group', '').split('.')
  const frame = protocol.frames.get(name)
  if (!frame) return undefined
  const roles = ['publish', 'subscribe'].map(rule => section.section(rule).text('role', ''))
  return { frame: name, group, role: enumField(protocol, frame, roles) }
}

/** The frame that tells a client how it went, and its field that has the values. */
function answer(section: Section, protocol: Protocol): object | undefined {
  const raw = section.raw('answer')
  if (!isMap(raw)) return undefined
  const { frame: name, ...values } = raw
  const frame = protocol.frames.get(String(name))
  const words = Object.values(values).filter(value => typeof value === 'string')
  const field = frame && enumField(protocol, frame, words)
  return field === undefined ? undefined : { frame: String(name), field, values }
}

/** The field whose enum has all of these values. */
function enumField(protocol: Protocol, frame: Frame, names: readonly string[]): string | undefined {
  return fieldsOf(frame.body.nodes).find(({ type }) => {
    const known = type.kind === 'enum' ? protocol.enums.get(type.name)?.values.map(one => one.name) : undefined
    return known !== undefined && names.every(name => known.includes(name))
  })?.name
}

function paramName(text: string | undefined): string | undefined {
  return text === undefined ? undefined : /^param\.(\w+)$/.exec(text)?.[1]
}

function node(section: Section): Record<string, unknown> {
  const hooks = section.section('hooks')
  const hook = (name: (typeof HOOKS)[number]): Record<string, unknown> => {
    const one = hooks.section(name)
    return {
      timeout: one.duration('timeout', NODE.timeout),
      idle: one.duration('idle', NODE.idle),
      buffer: one.size('buffer', NODE.buffer),
      queue: one.count('queue', NODE.queue),
      backpressure: one.flag('backpressure', NODE.backpressure),
      abortable: one.flag('abortable', NODE.abortable),
    }
  }
  return {
    hooks: Object.fromEntries(HOOKS.filter(name => hooks.has(name)).map(name => [name, hook(name)])),
    selfConnect: section.word('self_connect', ['refuse', 'allow'], NODE.selfConnect),
    duplicatesBy: section.section('duplicates').text('by', undefined),
    drainOnClose: section.flag('drain_on_close', NODE.drainOnClose),
    shutdown: section.section('shutdown').duration('timeout', NODE.timeout),
    acceptErrorPause: section.duration('accept_error_pause', NODE.acceptErrorPause),
  }
}

function texts(section: Section, keys: readonly string[]): Record<string, string | undefined> {
  return Object.fromEntries(keys.map(key => [key, section.text(key, undefined)]))
}

const HOOKS = ['handshake', 'reading', 'writing', 'on_connect', 'on_disconnect'] as const

const RELAY = {
  hub: 'server',
  max: 1,
  from: 'join',
  ifNoToken: 'refuse',
  queue: { frames: 255, bytes: 64 * 1024 ** 2, overflow: 'drop-newest', stall: 10_000, hold: 50 },
  leaves: 'close-subscribers',
} as const

const NODE = {
  timeout: 3000,
  idle: 60_000,
  buffer: 64 * 1024,
  queue: 64,
  backpressure: true,
  abortable: false,
  selfConnect: 'refuse',
  drainOnClose: true,
  acceptErrorPause: 500,
} as const
