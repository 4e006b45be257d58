// Parity of the channels of one session on the wire (`fec`): the frame that carries it, and what becomes of a message that
// was made again. Such a message is decoded and received like any other, so nothing is delivered that the schema refuses,
// nothing twice, and nothing on another channel or under another number than the one that was missing.

import type { ChannelSet } from '../channel/set.ts'
import type { Parity } from '../reliability/fec.ts'
import type { Reader } from '../wire/codec.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { stamp } from './channel-values.ts'
import type { ChannelsHost } from './channels.ts'
import { frameOf, headOf } from './frame-texts.ts'
import type { Instant } from './machine.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'

export class Parities {
  readonly #plan: ChannelPlan
  readonly #parity: NonNullable<ChannelPlan['parity']>
  readonly #host: ChannelsHost
  readonly #set: Pick<ChannelSet<never>, 'parity' | 'restored' | 'counters'>
  /** What stands in front of the texts of the peer. */
  #head: Uint8Array | undefined

  constructor(
    plan: ChannelPlan,
    parity: NonNullable<ChannelPlan['parity']>,
    host: ChannelsHost,
    set: Pick<ChannelSet<never>, 'parity' | 'restored' | 'counters'>,
  ) {
    this.#plan = plan
    this.#parity = parity
    this.#host = host
    this.#set = set
  }

  /** Sends a parity, unless there is no room: then it is gone. Bytes. */
  send(now: Instant, place: number, first: number, parity: Parity): number {
    const { session, carrier, emission } = this.#host
    if (!carrier.hasRoom) return 0
    const { frame, count, length, sum } = this.#parity
    const value: Plain = {}
    stamp(value, this.#plan, this.#plan.channels[place], first)
    count.set(value, parity.count)
    length.set(value, parity.lengths)
    sum.set(value, parity.bytes)
    emission.put(now, frame, value, session.plan.maxFrame, true, true)
    return carrier.lastEnd - carrier.lastStart
  }

  /** A parity arrived. */
  arrived(now: Instant, frame: Reader): void {
    const { header, channels, placeOf } = this.#plan
    const { count, length, sum } = this.#parity
    const place = header.channel === undefined ? 0 : placeOf(header.channel.get(frame))
    if (place === undefined || channels[place]?.fec === undefined) {
      this.#host.session.shared.meter.count('channel.stray')
      return
    }
    this.#heard(frame)
    const bytes = sum.get(frame) as Uint8Array
    const seq = Number(header.seq?.get(frame) ?? 0)
    this.#set.parity(place, seq, Number(count.get(frame)), Number(length.get(frame)), bytes)
    this.restore(now, place, frame)
  }

  /** After anything that a parity covers: what was lost and can be made again is received. */
  restore(now: Instant, place: number, around: Reader): void {
    if (this.#plan.channels[place]?.fec === undefined) return
    this.#heard(around)
    const { session, carrier } = this.#host
    const { header, numbers, texts } = this.#plan
    const lost = this.#set.restored(place)
    if (lost === undefined) return
    const frame = frameOf(texts, carrier.codec(session), this.#head as Uint8Array, lost.text)
    const plan = frame && (session.plan.frames[frame.frameIndex] as FramePlan)
    const seq = frame === undefined ? 0 : Number(header.seq?.get(frame) ?? 0)
    const mine =
      plan?.isChannelled && (plan.place ?? this.#plan.placeOf(header.channel?.get(frame as Reader))) === place
    const modulus = 2 ** Math.min(numbers.seqBits, 32)
    if (frame === undefined || !mine || (seq - lost.number) % modulus !== 0) {
      session.shared.meter.count('error', 'BadParity')
      return
    }
    this.#set.counters.restored++
    session.shared.meter.count('channel.restored', this.#plan.channels[place]?.name)
    session.arrived(now, frame, frame.byteEnd - frame.byteStart)
  }

  #heard(frame: Reader): void {
    this.#head ??= headOf(this.#plan.texts, frame).slice()
  }
}
