// Values of frames that travel on channels: their numbers, acknowledgements in them, the field that is cut, and memory to
// try them in.

import type { Acks, ChannelHost, Numbers } from '../channel/host.ts'
import { ChannelSet } from '../channel/set.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { LocalError } from './errors.ts'
import type { FramePlan } from './plan.ts'
import type { ChannelDescriptor } from './protocol.ts'
import { blank, type Plain } from './recast.ts'

/** Makes the values that leave of those that were given. */
export class ChannelValues {
  readonly #plan: ChannelPlan
  readonly #owned: Plain

  /** `owned`: fields that the carrier writes into every frame. */
  constructor(plan: ChannelPlan, owned: Plain) {
    this.#plan = plan
    this.#owned = owned
  }

  /** Whether what travels on this channel carries acknowledgements. */
  acknowledges(channel: number): boolean {
    const { isReliable, numbers } = this.#plan
    return numbers.seqSpace === 'connection' || isReliable[channel] === true
  }

  /** The value with the numbers of its transmission, to be encoded at once. */
  numbered(channel: number, frame: FramePlan, given: Plain, { seq, fragment }: Numbers, acks: Acks | undefined): Plain {
    const { header, channels, isReliable, numbers } = this.#plan
    const value =
      acks === undefined && fragment === undefined
        ? this.#reused(channel, frame, given)
        : Object.assign({ ...this.#templateOf(channel, frame, given) }, given)
    stamp(value, this.#plan, channels[channel], seq)
    if (isReliable[channel] === true) header.reliable_flag?.set(value, true)
    if (acks !== undefined && (acks.ack !== 0 || numbers.seqSpace === 'connection'))
      acknowledge(this.#plan, value, acks)
    if (fragment === undefined) return value
    header.fragment_flag?.set(value, true)
    header.fragment_id?.set(value, fragment.id)
    header.fragment_index?.set(value, fragment.index)
    header.fragment_count?.set(value, fragment.count)
    const cut = channels[channel]?.fragment?.cut ?? ''
    value[cut] = bytesOf(value[cut], cut).subarray(fragment.from, fragment.to)
    return value
  }

  /** The same object again for values with the same fields: all others of it are set anew for each, or never. */
  #reused(channel: number, frame: FramePlan, given: Plain): Plain {
    const { reused, channels } = this.#plan
    const at = frame.index * channels.length + channel
    const known = reused[at]
    if (known !== undefined) {
      const { value, names } = known
      let same = 0
      for (const name in given) {
        if (names[same] !== name) {
          same = -1
          break
        }
        value[name] = given[name]
        same++
      }
      if (same === names.length) return value
    }
    const value: Plain = { ...this.#templateOf(channel, frame, given) }
    for (const name in given) value[name] = given[name]
    reused[at] = { value, names: Object.keys(given) }
    return value
  }

  /** The value as it would be sent first, to see whether it can. */
  sample(channel: number, given: Plain): Plain {
    const value: Plain = { ...given }
    stamp(value, this.#plan, this.#plan.channels[channel], 1)
    return value
  }

  /** Fields that are there already are set much faster than those that are added one by one, so all that may come are. */
  #templateOf(channel: number, { index }: FramePlan, given: Plain): Plain {
    const { templates, channels, header, isReliable } = this.#plan
    const at = index * channels.length + channel
    const known = templates[at]
    if (known !== undefined) return known
    const value: Plain = { ...this.sample(channel, given), ...this.#owned }
    if (isReliable[channel] === true) header.reliable_flag?.set(value, true)
    if (this.acknowledges(channel)) acknowledge(this.#plan, value, NO_ACKS)
    const made = blank(value)
    templates[at] = made
    return made
  }
}

/** Writes which channel a value is for, and its number there. */
export function stamp(
  value: Plain,
  { header, isSeqWide }: Pick<ChannelPlan, 'header' | 'isSeqWide'>,
  channel: ChannelDescriptor | undefined,
  seq: number,
): void {
  if (channel?.id !== undefined) header.channel?.set(value, channel.id)
  header.seq?.set(value, isSeqWide ? BigInt(seq) : seq)
}

/** Throws LocalError where the channels of a schema cannot run. */
export function requireChannels(plan: ChannelPlan): void {
  const { channels, numbers, mtu, pieceOverhead } = plan
  new ChannelSet({ channels, numbers, mtu, pieceOverhead, host: {} as ChannelHost<unknown> })
}

/** Writes an acknowledgement into a value. */
export function acknowledge(
  { header, isSeqWide, areBitsWide, numbers }: ChannelPlan,
  value: Plain,
  { ack, lo, hi }: Acks,
): void {
  header.ack_flag?.set(value, true)
  header.ack?.set(value, isSeqWide ? BigInt(ack) : ack)
  if (header.ack_bits === undefined || numbers.ackBits === 0) return
  header.ack_bits.set(value, areBitsWide ? (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0) : lo >>> 0)
}

/** The field that is cut. */
export function bytesOf(value: unknown, field: string): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new LocalError('NotBuilt', `a message is too large for one datagram, and ${field} is not bytes`)
}

const NO_ACKS: Acks = { ack: 0, lo: 0, hi: 0 }
let spare = new Uint8Array(2048)

/** Memory for what is encoded only to see whether it can be. */
export function scratch(size: number): Uint8Array {
  if (spare.length < size) spare = new Uint8Array(2 * size)
  return spare
}
