// The channels of one session (docs/adr/0006-channels.md): what the application sends on them gets its number and its
// acknowledgements here, and what arrives is told from repetitions, put in order and joined, before anybody sees it.

import { type Channels, ConnectionSet } from '../channel/connection-set.ts'
import type { ChannelHost, FailureCode, Numbers, PieceNumbers } from '../channel/host.ts'
import { ChannelSet, type PathState } from '../channel/set.ts'
import type { Codec, DecodeOptions, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Carrier } from './carrier.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { acknowledge, bytesOf, ChannelValues, scratch } from './channel-values.ts'
import type { Emission } from './emission.ts'
import { LocalError, PeerError, peerError } from './errors.ts'
import { type Instant, instant } from './machine.ts'
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
  readonly #host: ChannelsHost
  readonly #set: Channels<Message>
  /** One row of numbers for the whole connection: every frame carries one, and acknowledgements. */
  readonly #row: ConnectionSet<Message> | undefined
  readonly #values: ChannelValues
  readonly #places: ReadonlyMap<string, number>
  /** Where a value says which channel it is for. */
  readonly #path: readonly string[]
  readonly #piece: { id: number; index: number; count: number } = { id: 0, index: 0, count: 0 }
  #now: Instant
  /** A message was received since the last `pump`. */
  #isTouched = false

  constructor(plan: ChannelPlan, host: ChannelsHost, now: Instant) {
    this.plan = plan
    this.#host = host
    this.#now = now
    this.#values = new ChannelValues(plan, host.carrier.owned ?? NOTHING)
    this.#places = new Map(plan.channels.map((one, place) => [one.name, place]))
    this.#path = plan.header.channel?.path.split('.') ?? []
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
    this.#set = this.#row ?? new ChannelSet<Message>(options)
  }

  /** Messages of ours that the peer has not acknowledged. */
  get unsettled(): number {
    return this.#set.unsettled
  }

  get deadline(): Instant {
    return instant(this.#set.deadline)
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
    const place = name === undefined ? this.#placeOf(frame, value) : this.placeNamed(frame, name)
    const channel = this.plan.channels[place]
    const codec = carrier.codec(session)
    const size = codec.sizeOf(frame.name, value)
    const isReliable = channel?.delivery === 'reliable' || channel?.delivery === 'reliable-ordered'
    const result = this.#set.send(now, place, { frame, value: isReliable ? { ...value } : value }, size)
    session.soonest(this.deadline)
    if (result === 'dropped') session.shared.meter.count('limit.queue', channel?.name)
    return result !== 'refused'
  }

  /** A frame arrived that opened: its acknowledgements, and the message it carries. True: nothing is left to do with it. */
  arrived(now: Instant, frame: Reader, plan: FramePlan): boolean {
    this.#now = now
    this.#acked(now, frame)
    if (!plan.isChannelled) {
      this.#heard(now, frame)
      return this.plan.acknowledging.has(plan.index)
    }
    const { header } = this.plan
    const place = plan.place ?? this.plan.placeOf(header.channel?.get(frame))
    if (place === undefined || !this.#belongs(plan, place, frame)) {
      const error = { frame: plan.name, fatal: true }
      this.#host.session.fail(now, peerError('WrongState', `${plan.name} does not travel on this channel`, error))
      return true
    }
    const size = frame.byteEnd - frame.byteStart
    const seq = Number(header.seq?.get(frame) ?? 0)
    this.#isTouched = true
    const arrival = this.#set.receive(
      now,
      place,
      seq,
      this.#pieceOf(place, frame),
      { frame: plan, value: NOTHING, reader: frame },
      size,
    )
    if (arrival === 'refused') this.#host.session.shared.meter.count('limit.reorder', this.plan.channels[place]?.name)
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
    this.#set.pump(now)
    this.#host.session.soonest(this.deadline)
  }

  /** Whether `pump` is due after what has arrived. */
  get isTouched(): boolean {
    return this.#isTouched
  }

  wake(now: Instant): void {
    this.#now = now
    if (now >= this.#set.deadline) this.#set.wake(now)
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

  /** The place of a channel by its name. Throws where the frame does not travel on it. */
  placeNamed(frame: FramePlan, name: string): number {
    const { channel } = frame.descriptor
    const place = this.#places.get(name)
    if (place === undefined || (channel !== name && channel !== 'any'))
      throw new LocalError('BadOption', `${frame.name} does not travel on a channel "${name}"`)
    return place
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

  settled(): void {}

  measured(ms: number): void {
    this.#host.session.shared.meter.roundTrip(ms)
  }

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
    if (!this.plan.channels[channel]?.delivery.startsWith('reliable')) return
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

  #placeOf(frame: FramePlan, value: Plain): number {
    if (frame.place !== undefined) return frame.place
    let id: unknown = value
    for (const name of this.#path) id = (id as Plain | undefined)?.[name]
    const place = this.plan.placeOf(id)
    if (place !== undefined) return place
    const names = this.plan.channels.map(one => one.name).join(' or ')
    throw new LocalError('BadOption', `${frame.name} travels on any channel: say which, ${names}`)
  }

  /** Whether the header agrees with the frame about the channel. */
  #belongs({ descriptor }: FramePlan, place: number, frame: Reader): boolean {
    const { header, channels } = this.plan
    const channel = channels[place]
    if (descriptor.channel !== 'any' && channel?.name !== descriptor.channel) return false
    return header.channel === undefined || channel?.id === undefined || header.channel.get(frame) === channel.id
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
    const place = header.channel === undefined ? this.#onlyReliable : this.plan.placeOf(header.channel.get(frame))
    if (place === undefined) return
    const bits = header.ack_bits?.get(frame)
    this.#isTouched = true
    if (typeof bits === 'bigint')
      this.#set.acked(now, place, Number(ack), Number(bits & WORD) | 0, Number(bits >> 32n) | 0)
    else this.#set.acked(now, place, Number(ack), Number(bits ?? 0) | 0, 0)
  }

  /** The reliable channel, where there is one. */
  get #onlyReliable(): number | undefined {
    const [one, ...others] = this.plan.channels.filter(channel => channel.delivery.startsWith('reliable'))
    return one !== undefined && others.length === 0 ? this.plan.channels.indexOf(one) : undefined
  }

  #pieceOf(channel: number, frame: Reader): PieceNumbers | undefined {
    const { fragment_id: id, fragment_index: index, fragment_count: count } = this.plan.header
    if (this.plan.channels[channel]?.fragment === undefined || id === undefined) return undefined
    const of = Number(count?.get(frame) ?? 0)
    if (of < 2) return undefined
    return Object.assign(this.#piece, {
      id: Number(id.get(frame) ?? 0),
      index: Number(index?.get(frame) ?? 0),
      count: of,
    })
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
