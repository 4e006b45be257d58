// How a protocol's frames carry the numbers of its channels, worked out once: which fields, how wide, what they add to a
// frame, and which frame acknowledges when nothing else goes out.

import { Budget } from '../channel/budget.ts'
import type { NumberWidths } from '../channel/host.ts'
import { isReliable } from '../channel/lane.ts'
import type { Codec, Reader } from '../wire/codec.ts'
import type { TextPlaces } from './frame-texts.ts'
import { idShape } from './ids.ts'
import { type BundlePlan, insidePlan, type ParityPlan } from './inside-plan.ts'
import { leastValue } from './least.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Accessor, ChannelDescriptor, ChannelHeader, ProtocolDescriptor } from './protocol.ts'
import { type Plain, roundTrip } from './recast.ts'
import { emptyOf, spokenAlone } from './spoken.ts'

export interface ChannelPlan {
  readonly header: ChannelHeader
  readonly channels: readonly ChannelDescriptor[]
  readonly numbers: NumberWidths
  /** By place: the largest frame in one datagram, without what acknowledgements add to it. */
  readonly mtu: readonly number[]
  readonly pieceOverhead: number
  /** Numbers that the codec gives and takes as bigint. */
  readonly isSeqWide: boolean
  readonly areBitsWide: boolean
  readonly budgets: readonly (Budget | undefined)[]
  /** Values with all fields of a frame on a channel, all undefined; made when first needed. */
  readonly templates: (Plain | undefined)[]
  /** Values that are encoded at once, and the fields that were given for them. */
  readonly reused: ({ readonly value: Plain; readonly names: readonly string[] } | undefined)[]
  /** What acknowledges by itself, by place. */
  readonly ackFrames: readonly (FramePlan | undefined)[]
  /** What stands around the text of a frame. */
  readonly texts: TextPlaces
  /** The frame that carries parity, where a channel has `fec`. */
  readonly parity: ParityPlan | undefined
  /** The frame that carries several messages, where a channel has `coalesce`. */
  readonly bundle: BundlePlan | undefined
  /** Frames that only acknowledge, by index. */
  readonly acknowledging: ReadonlySet<number>
  /** By place: what is lost is sent again. */
  readonly isReliable: readonly boolean[]
  /** The reliable channel, where there is only one. */
  readonly onlyReliable: number | undefined
  /** By name. */
  readonly places: ReadonlyMap<string, number>
  /** Where a value says which channel it is for. */
  readonly path: readonly string[]
  /** The place of the channel with this id, as the header's field gives it. */
  placeOf(id: unknown): number | undefined
}

/** Whether channels of this plan have an engine: on datagrams, where frames say which message they carry. */
export function isChannelled(plan: Pick<Plan, 'isStream' | 'protocol'>): boolean {
  return !plan.isStream && plan.protocol.channels.length > 0 && plan.protocol.channelHeader?.seq !== undefined
}

/** What is the same for all endpoints of a role. */
type ChannelFacts = Omit<ChannelPlan, 'budgets' | 'templates' | 'reused'>

/** Finding out takes milliseconds, and descriptors do not change. */
const known = new WeakMap<ProtocolDescriptor, Map<string, ChannelFacts>>()

/** `codec` is one for frames of this side. */
export function channelPlan(plan: Plan, codec: Codec): ChannelPlan {
  const { protocol, role } = plan
  let roles = known.get(protocol)
  if (roles === undefined) {
    roles = new Map()
    known.set(protocol, roles)
  }
  let facts = roles.get(role.name)
  if (facts === undefined) {
    const { context } = codec
    // Measuring draws nothing: the same seed gives the same run, also the first time.
    codec.context = { ...context, random: n => new Uint8Array(n) }
    facts = factsOf(plan, codec, emptyOf(spokenAlone(codec, plan.frames, protocol.channelHeader)))
    codec.context = context
    roles.set(role.name, facts)
  }
  const budgets = protocol.channels.map(({ fragment }) => fragment && new Budget(fragment.bytes))
  return { ...facts, budgets, templates: [], reused: [] }
}

function factsOf(plan: Plan, codec: Codec, empty: FramePlan | undefined): ChannelFacts {
  const header = plan.protocol.channelHeader as ChannelHeader
  const { channels } = plan.protocol
  const carriers = channels.map(channel => carrierOf(plan, codec, header, channel))
  const first = carriers.find(one => one !== undefined)
  const least = first && leastOn(codec, header, first, channels[carriers.indexOf(first)] as ChannelDescriptor)
  const seq = first && least && header.seq && idShape(codec, first.name, least, header.seq)
  const ackFrames = channels.map(channel => plan.byName.get(channel.ack?.frame ?? '') ?? empty)
  const acks = acksOf(codec, header, channels, ackFrames) ?? acksOf(codec, header, channels, carriers)
  const pieces = channels.find(one => one.fragment !== undefined)
  const inside = insidePlan(plan, codec, { header, channels, carriers, isSeqWide: seq?.wide ?? false })
  const reliable = channels.map(isReliable)
  const ids = channels.map(one => one.id)
  const piece = pieces && pieceOf(codec, header, carriers[channels.indexOf(pieces)], pieces)
  return {
    header,
    channels,
    numbers: {
      seqBits: seq?.bits ?? 0,
      ackBits: acks?.bits ?? 0,
      seqSpace: header.seqSpace,
      ...(plan.protocol.seals.some(({ replay }) => replay?.by === 'window' && replay.wraps) && { copies: true }),
      ...(piece !== undefined && { fragmentIdBits: piece.idBits, fragmentCountBits: piece.countBits }),
    },
    mtu: channels.map(({ fec }) => plan.maxFrame - (fec === undefined ? (acks?.overhead ?? 0) : inside.parityOverhead)),
    texts: inside.texts,
    parity: inside.parity,
    bundle: inside.bundle,
    pieceOverhead: piece?.overhead ?? 0,
    isSeqWide: seq?.wide ?? false,
    areBitsWide: acks?.wide ?? false,
    ackFrames,
    acknowledging: new Set(channels.flatMap(channel => plan.byName.get(channel.ack?.frame ?? '')?.index ?? [])),
    isReliable: reliable,
    onlyReliable: reliable.filter(one => one).length === 1 ? reliable.indexOf(true) : undefined,
    places: new Map(channels.map((one, place) => [one.name, place])),
    path: header.channel?.path.split('.') ?? [],
    placeOf: id => {
      for (let place = 0; place < ids.length; place++) if (ids[place] === id) return place
      return undefined
    },
  }
}

/** A frame that travels on the channel, and of which the least is known. */
function carrierOf(plan: Plan, codec: Codec, header: ChannelHeader, channel: ChannelDescriptor): FramePlan | undefined {
  const travels = plan.frames.filter(one => one.descriptor.channel === channel.name || one.descriptor.channel === 'any')
  return travels.find(one => leastOn(codec, header, one, channel) !== undefined)
}

function leastOn(codec: Codec, header: ChannelHeader, frame: FramePlan, channel: ChannelDescriptor): Plain | undefined {
  const given: Plain = {}
  if (channel.id !== undefined) header.channel?.set(given, channel.id)
  return leastValue(codec, frame.name, given)
}

/** Width of the bits, and what an acknowledgement adds to a frame of a reliable channel. */
function acksOf(
  codec: Codec,
  header: ChannelHeader,
  channels: readonly ChannelDescriptor[],
  frames: readonly (FramePlan | undefined)[],
): { bits: number; wide: boolean; overhead: number } | undefined {
  const place = channels.findIndex(one => one.delivery === 'reliable' || one.delivery === 'reliable-ordered')
  const frame = frames[place]
  const channel = channels[place]
  if (frame === undefined || channel === undefined) return undefined
  const bare = leastOn(codec, header, frame, channel)
  if (bare === undefined) return undefined
  const acked: Plain = { ...bare }
  header.ack_flag?.set(acked, true)
  header.ack?.set(acked, 1)
  const withBits: Plain = { ...acked }
  header.ack_bits?.set(withBits, 0)
  const shape = header.ack_bits && idShape(codec, frame.name, acked, header.ack_bits)
  const read = roundTrip(codec, frame.name, withBits) ?? roundTrip(codec, frame.name, acked)
  if (read === undefined) return undefined
  const overhead = read.byteEnd - read.byteStart - sizeOf(codec, frame.name, bare)
  return { bits: shape?.bits ?? 0, wide: shape?.wide ?? false, overhead: Math.max(0, overhead) }
}

function pieceOf(
  codec: Codec,
  header: ChannelHeader,
  frame: FramePlan | undefined,
  channel: ChannelDescriptor,
): { idBits: number; countBits: number; overhead: number } | undefined {
  const { fragment_id: id, fragment_index: index, fragment_count: count, fragment_flag: flag } = header
  const bare = frame && leastOn(codec, header, frame, channel)
  if (!id || !index || !count || frame === undefined || bare === undefined) return undefined
  const piece: Plain = { ...bare }
  flag?.set(piece, true)
  id.set(piece, 0)
  index.set(piece, 0)
  count.set(piece, 2)
  const width = (accessor: Accessor): number => idShape(codec, frame.name, piece, accessor)?.bits ?? 8
  const read = roundTrip(codec, frame.name, piece)
  if (read === undefined) return undefined
  return {
    idBits: width(id),
    countBits: width(count),
    overhead: Math.max(0, size(read) - sizeOf(codec, frame.name, bare)),
  }
}

function sizeOf(codec: Codec, frame: string, value: Plain): number {
  const read = roundTrip(codec, frame, value)
  return read === undefined ? 0 : size(read)
}

function size(read: Reader): number {
  return read.byteEnd - read.byteStart
}
