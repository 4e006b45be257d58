// Messages of any length in frames whose payload has one size (`channels.NAME.split`), and the frame behind which nothing
// comes (`channels.NAME.end`). On streams, where frames arrive in order and completely.

import type { Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import { LocalError, peerError } from './errors.ts'
import { fixedSize } from './frame-size.ts'
import type { Instant } from './machine.ts'
import type { FramePlan } from './plan.ts'
import type { SplitDescriptor } from './protocol.ts'
import type { Plain } from './recast.ts'
import type { Session } from './session.ts'

export class Messages {
  readonly #session: Session
  /** Bytes of a message in one frame, and the learned values that they follow from. */
  #room: { readonly frame: FramePlan; readonly learned: unknown; readonly bytes: number } | undefined
  #padded: Uint8Array = NOTHING
  /** The beginning of a message whose rest has not come. */
  #parts: Uint8Array[] = []
  #length = 0
  /** Place of the next frame in its message. */
  #next = 0
  #view: MessageReader | undefined
  #sawEnd = false
  #saidEnd = false

  constructor(session: Session) {
    this.#session = session
  }

  /** Frames should still come that end what the peer sends. */
  get isCut(): boolean {
    const { plan, lifecycle } = this.#session
    return (
      !this.#sawEnd &&
      plan.frames.some(
        one =>
          one.end !== undefined && one.mayReceive && !lifecycle.isClosed && lifecycle.allows(one) && this.#isFor(one),
      )
    )
  }

  /** The values of the frames that carry a message, one after the other: each is used up before the next is asked for. */
  *cut(frame: FramePlan, value: Plain): Generator<Plain> {
    const split = frame.split as SplitDescriptor
    if (frame.end !== undefined && value[frame.end] === true) this.#saidEnd = true
    const message = value[split.cut]
    const isLaidOut = [split.used, split.index, split.more].some(
      name => name !== undefined && value[name] !== undefined,
    )
    if (!(message instanceof Uint8Array) || isLaidOut) {
      yield value
      return
    }
    const room = this.#roomIn(frame, split)
    if (message.length > split.max)
      throw new LocalError('TooLarge', `${frame.name}: a message has at most ${split.max} bytes, not ${message.length}`)
    if (split.used === undefined && message.length % room !== 0)
      throw new LocalError('BadOption', `${frame.name}: ${message.length} bytes are no multiple of ${room}`)
    const count = Math.ceil(message.length / room)
    const frames = split.used === undefined ? count : Math.max(1, count)
    for (let i = 0; i < frames; i++) {
      const part = message.subarray(i * room, (i + 1) * room)
      const isLast = i === frames - 1
      yield {
        ...value,
        [split.cut]: part.length === room ? part : this.#pad(part, room),
        ...(split.used !== undefined && { [split.used]: part.length }),
        ...(split.index !== undefined && { [split.index]: i }),
        ...(split.more !== undefined && { [split.more]: !isLast }),
        ...(frame.end !== undefined && !isLast && { [frame.end]: false }),
      }
    }
  }

  /** Shows the tap a message that left. */
  show(frame: FramePlan, value: Plain): void {
    const session = this.#session
    session.shared.sink.tap?.(session, 'out', new MessageReader(frame, value))
  }

  /** A frame arrived: the message that it completes, borrowed as it is; undefined while there is none. */
  joined(now: Instant, frame: Reader, plan: FramePlan): Reader | undefined {
    const { split, end } = plan
    const isEnd = end !== undefined && fieldOf(frame, end) === true
    if (isEnd) this.#sawEnd = true
    if (split === undefined || (split.used === undefined && split.more === undefined)) return frame
    const block = fieldOf(frame, split.cut) as Uint8Array
    const used = split.used === undefined ? block.length : Number(fieldOf(frame, split.used))
    const part = block.subarray(0, used)
    if (split.index !== undefined && !this.#continues(Number(fieldOf(frame, split.index)))) return undefined
    if (this.#length + part.length > split.max) {
      this.#drop()
      const error = peerError('LimitExceeded', `a message of more than ${split.max} bytes`, {
        frame: plan.name,
        fatal: true,
      })
      this.#session.fault(now, error)
      return undefined
    }
    if (split.more !== undefined && fieldOf(frame, split.more) === true) {
      this.#parts.push(copyOf(part))
      this.#length += part.length
      this.#next++
      return undefined
    }
    const message = this.#parts.length === 0 ? part : this.#join(part)
    // A frame that only says that nothing comes is no message.
    return isEnd && message.length === 0 ? undefined : this.#show(frame, plan, split, message)
  }

  /** Sends the frame that ends what this side sends, where the schema has one and nobody sent it. */
  finish(_now: Instant, emit: (frame: FramePlan, value: Plain) => void): void {
    if (this.#saidEnd) return
    const { plan, lifecycle } = this.#session
    for (const frame of plan.frames) {
      const { end, split } = frame
      if (end === undefined || !frame.maySend || lifecycle.isClosed || !lifecycle.allows(frame) || !this.#isFrom(frame))
        continue
      this.#saidEnd = true
      const size = split?.used === undefined && split !== undefined ? this.#roomIn(frame, split) : 0
      emit(frame, { ...(split && { [split.cut]: new Uint8Array(size) }), [end]: true })
    }
  }

  /** A relay passes on what others send and end. */
  #isFor(frame: FramePlan): boolean {
    const { descriptor } = frame
    return descriptor.seal === undefined || this.#session.seals?.isBlind(descriptor.seal) === false
  }

  #isFrom(frame: FramePlan): boolean {
    const { plan } = this.#session
    return this.#isFor(frame) && frame.descriptor.dirs.some(dir => plan.role.is.includes(dir.sender))
  }

  #roomIn(frame: FramePlan, split: SplitDescriptor): number {
    const session = this.#session
    const learned = session.context.session
    if (this.#room?.frame === frame && this.#room.learned === learned) return this.#room.bytes
    const codec = session.plan.protocol.codec()
    codec.context = { ...session.context, open: undefined }
    const whole = fixedSize(codec, frame.name, session.plan.maxFrame)
    if (whole === undefined)
      throw new LocalError('NotBuilt', `${frame.name}: \`split\` needs frames of one size, and these have none`)
    const bytes = whole - codec.sizeOf(frame.name, { [split.cut]: NOTHING })
    this.#room = { frame, learned, bytes }
    return bytes
  }

  #pad(part: Uint8Array, room: number): Uint8Array {
    if (this.#padded.length !== room) this.#padded = new Uint8Array(room)
    this.#padded.fill(0, part.length)
    this.#padded.set(part)
    return this.#padded
  }

  #join(last: Uint8Array): Uint8Array {
    const whole = new Uint8Array(this.#length + last.length)
    let at = 0
    for (const part of this.#parts) {
      whole.set(part, at)
      at += part.length
    }
    whole.set(last, at)
    this.#drop()
    return whole
  }

  /** Whether a frame is the next one of its message. One that is missing takes its message with it, and no other. */
  #continues(index: number): boolean {
    if (index === this.#next) return true
    this.#drop()
    if (index === 0) return true
    this.#session.shared.meter.count('error', 'Cut')
    return false
  }

  #drop(): void {
    this.#next = 0
    this.#parts = []
    this.#length = 0
  }

  /** One view is used again, unless somebody still looks at it. */
  #show(frame: Reader, plan: FramePlan, split: SplitDescriptor, message: Uint8Array): Reader {
    const view = this.#session.isDelivering || this.#view === undefined ? new MessageReader(plan, {}) : this.#view
    this.#view = view
    view.wrap(frame, split, message)
    return view
  }
}

/** A message as a frame: the last frame of it, with the whole payload. */
export class MessageReader implements Reader {
  readonly frameName: string
  readonly frameIndex: number
  byteSource: Uint8Array = NOTHING
  byteStart = 0
  byteEnd = 0
  readonly #plan: FramePlan
  #given: Plain | undefined
  #frame: Reader | undefined
  #split: SplitDescriptor | undefined

  /** `given`: its fields, where it is no frame that arrived. */
  constructor(plan: FramePlan, given: Plain) {
    this.#plan = plan
    this.frameName = plan.name
    this.frameIndex = plan.index
    this.#given = given
    for (const name of Object.keys(given)) this.#field(name, () => this.#given?.[name])
  }

  wrap(frame: Reader, split: SplitDescriptor, message: Uint8Array): void {
    if (this.#frame === undefined) {
      const names = Object.keys(frame.toObject()).filter(name => !(name in this))
      for (const name of names) this.#field(name, () => this.#read(name))
    }
    this.#given = undefined
    this.#frame = frame
    this.#split = split
    this.byteSource = message
    this.byteEnd = message.length
  }

  /** One that may be kept. */
  detached(): MessageReader {
    const kept = new MessageReader(this.#plan, this.toObject())
    kept.byteSource = copyOf(this.byteSource, this.byteStart, this.byteEnd)
    kept.byteEnd = kept.byteSource.length
    return kept
  }

  toObject(): Record<string, unknown> {
    const frame = this.#frame
    const split = this.#split
    if (frame === undefined || split === undefined) return { ...this.#given }
    const value: Record<string, unknown> = { ...frame.toObject(), [split.cut]: copyOf(this.byteSource) }
    if (split.used !== undefined) value[split.used] = this.byteSource.length
    return value
  }

  #read(name: string): unknown {
    if (name === this.#split?.cut) return this.byteSource
    if (name === this.#split?.used) return this.byteSource.length
    return this.#frame && fieldOf(this.#frame, name)
  }

  #field(name: string, get: () => unknown): void {
    Object.defineProperty(this, name, { get, enumerable: true, configurable: true })
  }
}

/** A field of a reader of any codec. */
function fieldOf(frame: Reader, name: string): unknown {
  return name in frame ? (frame as unknown as Plain)[name] : frame.toObject()[name]
}

const NOTHING = new Uint8Array(0)
