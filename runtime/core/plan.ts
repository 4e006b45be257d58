// What one side of a protocol does on one transport, worked out once from the descriptor: which frames it may send and
// receive, which rule answers what, and where the hot path has nothing to do but deliver. Sections that no engine runs
// are refused here by name, so that nothing of a schema is ever silently ignored.

import { isChannelled } from './channel-plan.ts'
import { LocalError } from './errors.ts'
import type {
  ChannelDescriptor,
  FragmentDescriptor,
  FrameDescriptor,
  ProtocolDescriptor,
  ReplyDescriptor,
  RoleDescriptor,
  SplitDescriptor,
  TransportDescriptor,
} from './protocol.ts'
import { type StatePlan, statePlan } from './state-plan.ts'
import { unbuilt } from './unbuilt.ts'

export interface Plan {
  readonly protocol: ProtocolDescriptor
  readonly role: RoleDescriptor
  readonly side: 'dials' | 'accepts'
  readonly transport: TransportDescriptor
  readonly isStream: boolean
  /** Its channels have an engine on this transport. */
  readonly hasChannels: boolean
  /** Largest frame in bytes, both ways. */
  readonly maxFrame: number
  /** By index, as in the codec. */
  readonly frames: readonly FramePlan[]
  readonly byName: ReadonlyMap<string, FramePlan>
  /** Rules that this side may ask or answer. */
  readonly rules: readonly Rule[]
  /** `sender>receiver` of frames that arrive; undefined where the peer may have one of several roles. */
  readonly incoming: string | undefined
  readonly states: ReadonlyMap<string, StatePlan>
  readonly firstState: string | undefined
  /** Sent when this side ends the connection: the first frame with `close` that it may send. */
  readonly bye: FramePlan | undefined
  /** Sent before an error of the peer closes the connection. */
  readonly tell: FramePlan | undefined
}

export interface FramePlan {
  readonly name: string
  readonly index: number
  readonly descriptor: FrameDescriptor
  readonly maySend: boolean
  readonly mayReceive: boolean
  /** Rules by which this side answers it. */
  readonly answeredBy: readonly Rule[]
  /** Rules of which it is the answer to a request of this side. */
  readonly answerTo: readonly Rule[]
  /** Rules by which the peer answers it. */
  readonly requestOf: readonly Rule[]
  /** Those of `requestOf` that a value asks for by its bits, and those whose answers are matched by order alone. */
  readonly asksBits: readonly Rule[]
  readonly inOrder: readonly Rule[]
  readonly channel: ChannelDescriptor | undefined
  readonly fragment: FragmentDescriptor | undefined
  /** It travels on channels that have an engine; then the place of its channel, unless the sender names it. */
  readonly isChannelled: boolean
  /** It travels on them, holds what does, or acknowledges what did. */
  readonly concernsChannels: boolean
  readonly place: number | undefined
  /** On streams: how messages are laid into frames, and the field that marks the last one. */
  readonly split: SplitDescriptor | undefined
  readonly end: string | undefined
  /** Arriving: nothing but its delivery happens. */
  readonly isPlain: boolean
}

/** A reply rule with its place in `Plan.rules`. */
export interface Rule {
  readonly index: number
  readonly reply: ReplyDescriptor
  /** The fields that hold the bits of `reply.ask`: a value without them does not ask. */
  readonly askFields: readonly string[]
}

export interface PlanOptions {
  /** Own role; undefined: the first that fits `side`. */
  readonly role?: string | undefined
  readonly side: 'dials' | 'accepts'
  /** Own values for params that sizes refer to. */
  readonly params: Readonly<Record<string, unknown>>
}

/** The role of this side. Throws LocalError BadRole. */
export function chooseRole(protocol: ProtocolDescriptor, side: 'dials' | 'accepts', name?: string): RoleDescriptor {
  const fits = (role: RoleDescriptor): boolean => role.transport === side || role.transport === 'both'
  const verb = side === 'dials' ? 'connect' : 'serve'
  if (name === undefined) {
    const first = protocol.roles.find(fits)
    if (first === undefined) throw new LocalError('BadRole', `${protocol.name} has no role that can ${verb}`)
    return first
  }
  const named = protocol.roles.find(role => role.name === name)
  const fitting = protocol.roles.filter(fits).map(role => role.name)
  if (named === undefined)
    throw new LocalError('BadRole', `${protocol.name} has no role "${name}"; to ${verb} there is ${fitting.join(', ')}`)
  if (!fits(named))
    throw new LocalError('BadRole', `the role "${name}" cannot ${verb}; there is ${fitting.join(', ') || 'none'}`)
  return named
}

/** Works everything out. Throws LocalError NotBuilt, BadRole. */
export function plan(protocol: ProtocolDescriptor, transport: TransportDescriptor, options: PlanOptions): Plan {
  const role = chooseRole(protocol, options.side, options.role)
  const isStream = transport.kind !== 'udp'
  refuseUnbuilt(protocol, transport)
  const peers = protocol.roles.filter(
    one =>
      (one !== role || one.transport === 'both' || protocol.roles.length === 1) &&
      one.transport !== (options.side === 'dials' ? 'dials' : 'accepts'),
  )
  const mayPass = (frame: FrameDescriptor, senders: readonly RoleDescriptor[], receivers: readonly RoleDescriptor[]) =>
    frame.dirs.length === 0 ||
    frame.dirs.some(
      dir => senders.some(one => one.is.includes(dir.sender)) && receivers.some(one => one.is.includes(dir.receiver)),
    )
  const maySend = (frame: FrameDescriptor): boolean => mayPass(frame, [role], peers)
  const mayReceive = (frame: FrameDescriptor): boolean => mayPass(frame, peers, [role])
  const rules = protocol.replies.map((reply, index) => ({
    index,
    reply,
    askFields: reply.ask.map(bit => bit.path.split('.')[0] ?? ''),
  }))
  const named = (names: readonly string[]): FrameDescriptor[] => protocol.frames.filter(one => names.includes(one.name))
  const applies = ({ reply }: Rule, receivers: readonly RoleDescriptor[]): boolean => {
    const { transport: kind, receiver } = reply.only
    return (
      (kind === undefined || kind === transport.kind) &&
      (receiver === undefined || receivers.some(one => one.is.includes(receiver)))
    )
  }
  const isRequest = ({ reply }: Rule, frame: FrameDescriptor): boolean =>
    reply.any ? !reply.with.includes(frame.name) || reply.when !== undefined : reply.to.includes(frame.name)
  const hasChannels = isChannelled({ isStream, protocol })
  const frames = protocol.frames.map((descriptor): FramePlan => {
    const answeredBy = rules.filter(
      rule => isRequest(rule, descriptor) && applies(rule, [role]) && named(rule.reply.with).some(maySend),
    )
    const answerTo = rules.filter(rule => rule.reply.with.includes(descriptor.name) && applies(rule, peers))
    const requestOf = rules.filter(
      rule => isRequest(rule, descriptor) && applies(rule, peers) && named(rule.reply.with).some(mayReceive),
    )
    const channel = protocol.channels.find(one => one.name === descriptor.channel)
    const channelled = descriptor.channel !== undefined && hasChannels
    const fragment = isStream || channelled ? undefined : channel?.fragment
    const place = channel === undefined ? -1 : protocol.channels.indexOf(channel)
    const split = isStream ? channel?.split : undefined
    const end = isStream ? channel?.end : undefined
    const receives = mayReceive(descriptor)
    return {
      name: descriptor.name,
      index: descriptor.index,
      descriptor,
      maySend: maySend(descriptor),
      mayReceive: receives,
      answeredBy,
      answerTo,
      requestOf,
      asksBits: requestOf.filter(({ reply }) => reply.ask.length > 0),
      inOrder: requestOf.filter(
        ({ reply }) =>
          (reply.by === undefined || reply.by === 'order') && reply.ask.length === 0 && reply.with.length > 0,
      ),
      channel,
      fragment,
      isChannelled: channelled,
      concernsChannels: channelled || (hasChannels && servesChannels(protocol, descriptor.name)),
      place: channelled && place >= 0 ? place : undefined,
      split,
      end,
      isPlain:
        receives &&
        // Where there are channels, any frame may acknowledge or carry others.
        !hasChannels &&
        answeredBy.length + answerTo.length + descriptor.learn.length + protocol.states.length === 0 &&
        descriptor.close === undefined &&
        descriptor.max === undefined &&
        (fragment ?? split ?? end) === undefined,
    }
  })
  const byName = new Map(frames.map(one => [one.name, one]))
  const from = common(peers)
  return {
    protocol,
    role,
    side: options.side,
    transport,
    isStream,
    hasChannels,
    maxFrame: sizeOf(transport.maxFrame, options.params),
    frames,
    byName,
    rules,
    incoming: from === undefined ? undefined : `${from}>${role.name}`,
    states: new Map(protocol.states.map(row => [row.name, statePlan(row, protocol.frames)])),
    firstState: protocol.states[0]?.name,
    bye: frames.find(one => one.descriptor.close !== undefined && one.maySend),
    tell: toldBy(protocol, isStream, byName),
  }
}

/** Whether a frame is one that channels send for themselves. */
function servesChannels({ channelHeader, channels }: ProtocolDescriptor, name: string): boolean {
  const { bundleFrame, parityFrame } = channelHeader ?? {}
  return name === bundleFrame || name === parityFrame || channels.some(one => one.ack?.frame === name)
}

function toldBy(
  protocol: ProtocolDescriptor,
  isStream: boolean,
  byName: Map<string, FramePlan>,
): FramePlan | undefined {
  const { tell } = protocol.onError
  if (tell === undefined || (tell.on === 'stream' && !isStream)) return undefined
  const frame = byName.get(tell.frame)
  return frame?.maySend ? frame : undefined
}

/** The narrowest name that stands for all of these roles. */
function common(roles: readonly RoleDescriptor[]): string | undefined {
  const [first, ...others] = roles
  return first?.is.find(name => others.every(one => one.is.includes(name)))
}

function sizeOf(size: TransportDescriptor['maxFrame'], params: Readonly<Record<string, unknown>>): number {
  return typeof size === 'number' ? size : Number(params[size.param])
}

/** Throws for what no engine runs yet. */
function refuseUnbuilt(protocol: ProtocolDescriptor, transport: TransportDescriptor): void {
  const [section] = unbuilt(protocol, transport)
  if (section === undefined) return
  throw new LocalError(
    'NotBuilt',
    `${protocol.name}: the schema has \`${section}\`, which no engine of the runtime runs yet; encode and decode work`,
  )
}
