// Frames that carry other frames: parity (`fec`) and bundles (`coalesce`). What they cost is measured once, and whether a
// frame whose text came inside one can be told from it again is tried once, before anything is sent.

import type { Codec } from '../wire/codec.ts'
import { stamp } from './channel-values.ts'
import { LocalError } from './errors.ts'
import { frameOf, type TextPlaces, textOf } from './frame-texts.ts'
import { leastValue } from './least.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Accessor, ChannelDescriptor, ChannelHeader } from './protocol.ts'
import type { Plain } from './recast.ts'
import { datagramSeal } from './secure-plan.ts'

export interface ParityPlan {
  readonly frame: FramePlan
  readonly count: Accessor
  readonly length: Accessor
  readonly sum: Accessor
}

export interface BundlePlan {
  readonly frame: FramePlan
  /** A list of texts. */
  readonly parts: Accessor
  /** Bytes of an empty bundle, and what each part adds to its text. */
  readonly overhead: number
  readonly overheadEach: number
}

export interface InsidePlan {
  readonly texts: TextPlaces
  readonly parity: ParityPlan | undefined
  readonly bundle: BundlePlan | undefined
  /** What a parity adds to the longest frame that it covers. */
  readonly parityOverhead: number
}

/** What is known of the channels by then. */
interface Around {
  readonly header: ChannelHeader
  readonly isSeqWide: boolean
  readonly channels: readonly ChannelDescriptor[]
  /** By place: a frame that travels there. */
  readonly carriers: readonly (FramePlan | undefined)[]
}

/** Throws LocalError NotBuilt where a frame cannot be told from its text. */
export function insidePlan(plan: Plan, codec: Codec, around: Around): InsidePlan {
  const { header, channels, carriers } = around
  const seal = datagramSeal(plan)?.layout
  const texts = seal === undefined ? { before: 0, after: 0 } : { before: seal.sealedAt, after: seal.behind + TAG }
  const covered = channels.findIndex(one => one.fec !== undefined)
  const shared = channels.findIndex(one => one.coalesce !== undefined)
  const parity = covered < 0 ? undefined : parityPlan(plan, header)
  const bundle = shared < 0 ? undefined : bundlePlan(plan, codec, header)
  const tried = new Set([covered, shared])
  for (const place of tried) {
    const channel = channels[place]
    const carrier = carriers[place]
    const outer = place === covered ? parity?.frame : bundle?.frame
    if (channel === undefined || carrier === undefined || outer === undefined) continue
    if (!comesBack(codec, around, channel, carrier, outer, texts))
      throw new LocalError(
        'NotBuilt',
        `${channel.name}: what stands in front of the sealed part tells ${carrier.name} from ${outer.name}, so no frame can be made of its sealed part alone`,
      )
  }
  const empty: Plain = parity === undefined ? {} : numberedOn(around, channels[covered] as ChannelDescriptor)
  parity?.count.set(empty, 1)
  parity?.length.set(empty, 0)
  parity?.sum.set(empty, new Uint8Array(0))
  const parityOverhead = parity === undefined ? 0 : codec.sizeOf(parity.frame.name, empty) - texts.before - texts.after
  return { texts, parity, bundle, parityOverhead }
}

function parityPlan(plan: Plan, header: ChannelHeader): ParityPlan | undefined {
  const frame = plan.byName.get(header.parityFrame ?? '')
  const { parity: sum, parity_count: count, parity_length: length } = header
  return frame && sum && count && length && { frame, sum, count, length }
}

function bundlePlan(plan: Plan, codec: Codec, header: ChannelHeader): BundlePlan | undefined {
  const frame = plan.byName.get(header.bundleFrame ?? '')
  const { bundle: parts } = header
  if (frame === undefined || parts === undefined) return undefined
  const size = (count: number): number => {
    const value: Plain = {}
    parts.set(value, new Array(count).fill(new Uint8Array(0)))
    return codec.sizeOf(frame.name, value)
  }
  const overhead = size(0)
  return { frame, parts, overhead, overheadEach: size(1) - overhead }
}

function numberedOn(around: Around, channel: ChannelDescriptor): Plain {
  const value: Plain = {}
  stamp(value, around, channel, 1)
  return value
}

/** Whether the text of one frame, behind the clear part of the other, is that frame again. */
function comesBack(
  codec: Codec,
  numbers: Around,
  channel: ChannelDescriptor,
  carrier: FramePlan,
  outer: FramePlan,
  texts: TextPlaces,
): boolean {
  const { header } = numbers
  const inner = leastValue(codec, carrier.name, numberedOn(numbers, channel))
  const around = leastValue(codec, outer.name, header.seq === undefined ? {} : numberedOn(numbers, channel))
  if (inner === undefined || around === undefined) return false
  const bytes = new Uint8Array(codec.sizeOf(carrier.name, inner))
  const end = codec.encode(carrier.name, inner, bytes, 0)
  const head = new Uint8Array(codec.sizeOf(outer.name, around))
  codec.encode(outer.name, around, head, 0)
  const read = frameOf(texts, codec, head.subarray(0, texts.before), textOf(texts, bytes, 0, end))
  return read?.frameName === carrier.name && Number(header.seq?.get(read) ?? 1) === 1
}

const TAG = 16
