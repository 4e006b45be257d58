// The channels of one session (docs/adr/0006-channels.md): what the application sends on them gets its number and its
// acknowledgements here, and what arrives is told from repetitions, put in order and joined, before anybody sees it.

import { type Channels, ConnectionSet } from '../channel/connection-set.ts'
import type { ChannelHost, FailureCode, Numbers } from '../channel/host.ts'
import { ChannelSet, type PathState } from '../channel/set.ts'
import type { Parity } from '../reliability/fec.ts'
import type { Codec, DecodeOptions, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import { Bundles } from './bundles.ts'
import type { Carrier } from './carrier.ts'
import { belongs, ChannelPlaces } from './channel-places.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { acknowledge, bytesOf, ChannelValues, scratch } from './channel-values.ts'
import type { Emission } from './emission.ts'
import { PeerError, peerError } from './errors.ts'
import { textOf } from './frame-texts.ts'
import { type Instant, instant } from './machine.ts'
import { Parities } from './parities.ts'
import type { FramePlan } from './plan.ts'
import { inputOf, type Plain, remove } from './recast.ts'
import type { Session } from './session.ts'

/** A message: on its way out a value; of those that arrived a reader, or bytes where it had to wait. */
interface Message {
  readonly frame: FramePlan
  readonly value: Plain
  readonly reader?: Reader | undefined
  readonly bytes?: Uint8Array | undefined
}

export interface ChannelsHost {
  readonly session: Session
  readonly carrier: Carrier
  readonly emission: Emission
  /** A whole message of the peer, in its turn. Borrowed. */
  readonly deliver: (now: Instant, frame: Reader, plan: FramePlan) => void
  /** A channel that refused a message has room again. */
  readonly ready: () => void
}

export class SessionChannels implements ChannelHost<Message> {
  readonly plan: ChannelPlan
  readonly measured = (ms: number): void => this.#host.session.shared.meter.roundTrip(ms)
  readonly #host: ChannelsHost
  readonly #set: Channels<Message>
  /** One row of numbers for the whole connection: every frame carries one, and acknowledgements. */
  readonly #row: ConnectionSet<Message> | undefined
  readonly #values: ChannelValues
  /** Where small messages share a datagram. */
  readonly #bundles: Bundles | undefined
  /** Where lost messages are made again. */
  readonly #parity: Parities | undefined
  readonly #places: ChannelPlaces
  #now: Instant
  /** Something was received since the last `pump` that it may have to answer, or that makes room. */
  #isTouched = false

  constructor(plan: ChannelPlan, host: ChannelsHost, now: Instant) {
    this.plan = plan
    this.#host = host
    this.#now = now
    this.#places = new ChannelPlaces(plan)
    this.#values = new ChannelValues(plan, host.carrier.owned ?? NOTHING)
    const options = {
      channels: plan.channels,
      numbers: plan.numbers,
      host: this as ChannelHost<Message>,
      mtu: plan.mtu,
      pieceOverhead: plan.pieceOverhead,
      handshakeRtt: host.carrier.rtt,
      budgets: plan.budgets,
    }
    this.#row = plan.numbers.seqSpace === 'connection' ? new ConnectionSet(options, plan.header.ackSweep) : undefined
    const set = this.#row === undefined ? new ChannelSet<Message>(options) : undefined
    this.#set = this.#row ?? (set as ChannelSet<Message>)
    if (plan.bundle !== undefined) this.#bundles = new Bundles(plan, plan.bundle, host)
    if (plan.parity !== undefined && set !== undefined) this.#parity = new Parities(plan, plan.parity, host, set)
  }

  /** Messages of ours that the peer has not acknowledged. */
  get unsettled(): number {
    return this.#set.unsettled
  }

  get deadline(): Instant {
    return instant(Math.min(this.#set.deadline, this.#bundles?.due ?? Infinity))
  }

  get waiting(): Pick<Channels<Message>, 'queuedBytes' | 'heldBytes'> {
    return this.#set
  }

  get path(): PathState {
    return this.#set.path
  }

  get counters(): Channels<Message>['counters'] {
    return this.#set.counters
  }

  /** Sends a message. False: there is no room now, `ready` follows. Throws what encoding throws. */
  send(now: Instant, frame: FramePlan, value: Plain, name?: string): boolean {
    this.#now = now
    const { session, carrier } = this.#host
    const place = name === undefined ? this.#places.placeOf(frame, value) : this.#places.named(frame, name)
    const codec = carrier.codec(session)
    const size = codec.sizeOf(frame.name, value)
    const isReliable = this.plan.isReliable[place] === true
    const { fec, coalesce } = this.plan.channels[place] ?? {}
    const result = this.#set.send(now, place, { frame, value: isReliable ? { ...value } : value }, size)
    // What left, and is not sent again, asks for nothing later; a parity or a bundle may.
    if (result === 'sent' && !isReliable && (fec ?? coalesce) === undefined) return true
    session.soonest(this.deadline)
    if (result === 'dropped') session.shared.meter.count('limit.queue', this.plan.channels[place]?.name)
    return result !== 'refused'
  }

  /** A frame arrived that opened: its acknowledgements, and the message it carries. True: nothing is left to do with it. */
  arrived(now: Instant, frame: Reader, plan: FramePlan): boolean {
    this.#now = now
    this.#acked(now, frame)
    if (!plan.isChannelled) {
      this.#heard(now, frame)
      if (plan.index === this.plan.bundle?.frame.index) return this.#unpack(now, frame)
      if (plan.index === this.plan.parity?.frame.index) {
        this.#parity?.arrived(now, frame)
        return true
      }
      return this.plan.acknowledging.has(plan.index)
    }
    const { header } = this.plan
    const place = plan.place ?? this.plan.placeOf(header.channel?.get(frame))
    if (place === undefined || !belongs(this.plan, plan, place, frame)) {
      const error = { frame: plan.name, fatal: true }
      this.#host.session.fail(now, peerError('WrongState', `${plan.name} does not travel on this channel`, error))
      return true
    }
    const size = frame.byteEnd - frame.byteStart
    const seq = Number(header.seq?.get(frame) ?? 0)
    const piece = this.#places.pieceOf(place, frame)
    // A whole message that nobody acknowledges leaves nothing to do.
    if (piece !== undefined || this.#values.acknowledges(place)) this.#isTouched = true
    const message = { frame: plan, value: NOTHING, reader: frame }
    const arrival = this.#set.receive(now, place, seq, piece, message, size)
    if (arrival === 'refused') this.#host.session.shared.meter.count('limit.reorder', this.plan.channels[place]?.name)
    this.#parity?.restore(now, place, frame)
    return true
  }

  /** Whether `stamped` has something to say. */
  get stamps(): boolean {
    return this.#row !== undefined
  }

  /** A frame that is no message leaves: in one row of numbers it carries some, too. */
  stamped(given: Plain): Plain {
    if (this.#row === undefined) return given
    const value: Plain = { ...given }
    const { header, isSeqWide } = this.plan
    const seq = this.#row.quietNumber
    header.seq?.set(value, isSeqWide ? BigInt(seq) : seq)
    acknowledge(this.plan, value, this.#row.acks(0))
    this.#row.carried(0)
    return value
  }

  /** After the last frame of a batch, or when there is room again. */
  pump(now: Instant): void {
    this.#now = now
    this.#isTouched = false
    if (this.#bundles?.isLate) this.#bundles.leave(now)
    this.#set.pump(now)
    this.#host.session.soonest(this.deadline)
  }

  /** The turn ends: what was kept back for company leaves, unless it may wait longer. */
  turned(now: Instant): void {
    if (this.#bundles !== undefined && this.#bundles.due <= now) this.#bundles.leave(now)
  }

  /** What was kept back for company leaves. */
  leave(now: Instant): void {
    this.#bundles?.leave(now)
  }

  /** Whether `pump` is due after what has arrived. */
  get isTouched(): boolean {
    return this.#isTouched
  }

  wake(now: Instant): void {
    this.#now = now
    if (now >= this.#set.deadline) this.#set.wake(now)
    this.turned(now)
  }

  /** A round trip that the peer could not shorten, milliseconds. */
  proved(ms: number): void {
    this.#set.proved(ms)
  }

  /** The peer is reached another way now. */
  moved(): void {
    this.#set.moved()
  }

  end(): void {
    this.#set.end()
  }

  // ------------------------------------------------------------------------------------- from the channel set

  transmit(channel: number, message: Message, numbers: Numbers, kind: 'first' | 'again'): number {
    const { session, carrier, emission } = this.#host
    if (!carrier.hasRoom) {
      carrier.waits(session)
      return 0
    }
    const { frame } = message
    const { fragment } = numbers
    const acks = this.#values.acknowledges(channel) ? this.#set.acks(channel) : undefined
    const value = this.#values.numbered(channel, frame, message.value, numbers, acks)
    if (kind === 'first' && fragment === undefined && this.#mayShare(channel, frame)) {
      const bytes = (this.#bundles as Bundles).add(this.#now, channel, frame, value)
      if (value.ack !== undefined || this.plan.header.ack !== undefined) this.#set.carried(channel)
      return bytes
    }
    if (kind === 'again') {
      session.shared.meter.count('channel.again', this.plan.channels[channel]?.name)
      carrier.write(session, frame, value, session.plan.maxFrame, true)
    } else {
      if (fragment?.index === 0) emission.show(frame, this.#values.sample(channel, message.value))
      emission.put(this.#now, frame, value, session.plan.maxFrame, fragment !== undefined, (fragment?.index ?? 0) === 0)
    }
    if (value.ack !== undefined || this.plan.header.ack !== undefined) this.#set.carried(channel)
    return carrier.lastEnd - carrier.lastStart
  }

  deliver(_channel: number, { frame, reader, bytes }: Message): void {
    const read = reader ?? this.#decode(frame, bytes as Uint8Array)
    if (read !== undefined) this.#host.deliver(this.#now, read, frame)
  }

  hold(_channel: number, { frame, reader }: Message): Message {
    const { byteSource, byteStart, byteEnd } = reader as Reader
    return { frame, value: NOTHING, bytes: copyOf(byteSource, byteStart, byteEnd) }
  }

  acknowledge(channel: number): boolean {
    const { session, carrier, emission } = this.#host
    const frame = this.plan.ackFrames[channel]
    if (frame === undefined || session.phase === 'dead' || session.phase === 'over') return true
    if (!carrier.hasRoom) {
      carrier.waits(session)
      return false
    }
    const value: Plain = {}
    const { id } = this.plan.channels[channel] ?? {}
    if (id !== undefined) this.plan.header.channel?.set(value, id)
    if (this.#row !== undefined) this.plan.header.seq?.set(value, this.#row.quietNumber)
    acknowledge(this.plan, value, this.#set.acks(channel))
    emission.put(this.#now, frame, value, session.plan.maxFrame, true, true)
    this.#set.carried(channel)
    return true
  }

  text(_channel: number, { reader }: Message): Uint8Array {
    const { byteSource, byteStart, byteEnd } = reader as Reader
    return textOf(this.plan.texts, byteSource, byteStart, byteEnd)
  }

  textSent(): Uint8Array {
    const { lastBytes, lastStart, lastEnd } = this.#host.carrier
    return textOf(this.plan.texts, lastBytes, lastStart, lastEnd)
  }

  parity(channel: number, first: number, parity: Parity): number {
    return this.#parity?.send(this.#now, channel, first, parity) ?? 0
  }

  settled(): void {}

  dropped(channel: number): void {
    this.#host.session.shared.meter.count('limit.queue', this.plan.channels[channel]?.name)
  }

  ready(): void {
    this.#host.ready()
  }

  failed(code: FailureCode, text: string): void {
    this.#host.session.fail(this.#now, new PeerError(code, text, { fatal: true }))
  }

  /** What may wait must not be refused by the schema when its turn comes. */
  mayWait(channel: number, { frame, value }: Message, size: number): void {
    if (this.plan.isReliable[channel] !== true) return
    const { carrier, session } = this.#host
    carrier.codec(session).encode(frame.name, this.#values.sample(channel, value), scratch(size + 64), 0)
  }

  measure(): void {
    this.#host.carrier.measure?.(this.#now)
  }

  cutSize(channel: number, { value }: Message): number {
    return bytesOf(value[this.#cut(channel)], this.#cut(channel)).length
  }

  cutBytes(channel: number, message: Message): Uint8Array {
    return bytesOf((this.#peek(message) as unknown as Plain)[this.#cut(channel)], this.#cut(channel))
  }

  join(channel: number, message: Message, payload: Uint8Array): Message {
    const { frame } = message
    // A frame that is not borrowed from the codec that looks for what can be left out.
    const reader = message.reader ?? this.#decode(frame, message.bytes as Uint8Array)
    const { fragment_id: id, fragment_index: index, fragment_count: count, fragment_flag: flag } = this.plan.header
    const { ack, ack_bits: bits, ack_flag: ackFlag } = this.plan.header
    const value = inputOf(reader as Reader, this.#mirror)
    for (const accessor of [id, index, count, ackFlag && ack, ackFlag && bits])
      if (accessor !== undefined) remove(value, accessor, 0)
    flag?.set(value, false)
    ackFlag?.set(value, false)
    value[this.#cut(channel)] = payload
    const whole = this.#host.emission.build(frame, value)
    return { frame, value: NOTHING, reader: whole }
  }

  // ------------------------------------------------------------------------------------------------ the rest

  get #mirror(): Codec {
    return this.#host.carrier.mirror(this.#host.session)
  }

  #cut(channel: number): string {
    return this.plan.channels[channel]?.fragment?.cut ?? ''
  }

  /** Several messages in one frame: each arrives as if it had come alone, and is paid for so. */
  #unpack(now: Instant, outer: Reader): boolean {
    const { session } = this.#host
    let isFirst = true
    for (const frame of this.#bundles?.frames(outer) ?? []) {
      if (!session.plan.frames[frame.frameIndex]?.isChannelled) continue
      if (isFirst || session.charge(now, 0)) session.arrived(now, frame, frame.byteEnd - frame.byteStart)
      isFirst = false
    }
    return true
  }

  /** Whether a message may leave with others. */
  #mayShare(channel: number, { descriptor }: FramePlan): boolean {
    return this.#bundles !== undefined && descriptor.repeat <= 1 && this.plan.channels[channel]?.coalesce !== undefined
  }

  #heard(now: Instant, frame: Reader): void {
    const seq = this.#row === undefined ? undefined : this.plan.header.seq?.get(frame)
    if (seq !== undefined) this.#row?.heard(now, Number(seq))
  }

  #acked(now: Instant, frame: Reader): void {
    const { header } = this.plan
    const ack = header.ack?.get(frame)
    if (ack === undefined) return
    if (this.#row !== undefined) {
      this.#row.acked(now, 0, Number(ack))
      return
    }
    if (Number(ack) === 0) return
    const place = header.channel === undefined ? this.plan.onlyReliable : this.plan.placeOf(header.channel.get(frame))
    if (place === undefined) return
    const bits = header.ack_bits?.get(frame)
    this.#isTouched = true
    if (typeof bits === 'bigint')
      this.#set.acked(now, place, Number(ack), Number(bits & WORD) | 0, Number(bits >> 32n) | 0)
    else this.#set.acked(now, place, Number(ack), Number(bits ?? 0) | 0, 0)
  }

  /** Reads a message beside the one that is being dealt with. */
  #peek({ frame, reader, bytes }: Message): Reader {
    return reader ?? (this.#mirror.decode(bytes as Uint8Array, 0, bytes?.length ?? 0, again(frame)) as Reader)
  }

  /** It was decoded before, so it will be again. */
  #decode(frame: FramePlan, bytes: Uint8Array): Reader | undefined {
    return this.#host.carrier.codec(this.#host.session).decode(bytes, 0, bytes.length, again(frame))
  }
}

const again = (frame: FramePlan): DecodeOptions => ({ whole: true, ignoreTrailing: true, frame: frame.name })

const NOTHING: Plain = {}
const WORD = 0xffff_ffffn
