// How a frame of one session gets out: encoded once, in pieces where it is too large for a datagram, and seen by what
// follows frames in both directions (states, learned values, the tap).

import type { Codec, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Carrier } from './carrier.ts'
import type { SessionChannels } from './channels.ts'
import { learn } from './learning.ts'
import { leastValue } from './least.ts'
import type { Instant } from './machine.ts'
import { type CutMessage, Pieces, pieceFields } from './pieces.ts'
import type { FramePlan } from './plan.ts'
import { type Plain, roundTrip } from './recast.ts'
import type { Session } from './session.ts'
import type { SessionSeals } from './session-seals.ts'

/** Where a frame stands that was encoded. */
type Written = Pick<Carrier, 'lastBytes' | 'lastStart' | 'lastEnd'>

export class Emission {
  /** How the frame emitted last was cut. */
  lastCut: CutMessage | undefined
  /** Where the schema has channels with an engine. */
  channels: SessionChannels | undefined
  readonly #session: Session
  readonly #carrier: Carrier
  /** By channel. */
  #pieces: Map<string, Pieces> | undefined

  constructor(session: Session, carrier: Carrier) {
    this.#session = session
    this.#carrier = carrier
  }

  /** When a number for pieces is free again, where none is; -Infinity otherwise. */
  get freeAt(): number {
    let next = Number.NEGATIVE_INFINITY
    if (this.#pieces === undefined) return next
    for (const one of this.#pieces.values()) next = Math.max(next, one.freeAt)
    return next
  }

  /**
   * Writes a frame, in pieces where it must be. False: no number for its pieces is free yet. Throws.
   * `isPart`: it is a part of something larger, which the tap has seen.
   */
  emit(now: Instant, frame: FramePlan, given: Plain, isPart = false, channel?: string): boolean {
    if (frame.isChannelled) {
      const channels = this.channels ?? this.#session.makeChannels(now)
      if (channels !== undefined) return channels.send(now, frame, given, channel)
    }
    const value = this.channels?.stamps ? this.channels.stamped(given) : given
    const codec = this.#carrier.codec(this.#session)
    const { seals } = this.#session
    if (frame.split !== undefined && !isPart) {
      const { messages } = this.#session
      let count = 0
      for (const part of messages.cut(frame, value)) {
        this.emit(now, frame, part, true)
        count++
      }
      if (count > 0) messages.show(frame, value)
      return true
    }
    if (seals !== undefined && frame.descriptor.seal !== undefined)
      return this.#sealed(now, frame, value, codec, seals, isPart)
    const size = codec.sizeOf(frame.name, value)
    this.lastCut = undefined
    if (frame.fragment !== undefined && size > frame.fragment.above) {
      const pieces = this.pieces(frame)
      if (pieces !== undefined) {
        const cut = pieces.cut(now, codec, frame, value, size)
        if (cut === undefined) return false
        if (cut.cut.count > 1) {
          this.show(frame, value)
          this.emitPieces(now, frame, value, pieces, cut)
          return true
        }
      }
    }
    this.#carrier.write(this.#session, frame, value, size)
    this.#passed(now, frame, true, isPart)
    return true
  }

  /** Writes a value that is nobody else's, of at most `size` bytes, as it is. `isPart`: the tap has seen it or need not; `isFirst`: not a further piece of a message. */
  put(now: Instant, frame: FramePlan, value: Plain, size: number, isPart: boolean, isFirst: boolean): void {
    this.#carrier.write(this.#session, frame, value, size, true)
    this.#passed(now, frame, isFirst, isPart)
  }

  /** A frame that leaves later, inside another one. */
  gathered(now: Instant, frame: FramePlan, written: Written): void {
    this.#passed(now, frame, true, false, written)
  }

  /** What is in a sealed frame is looked at as it was given: what was written cannot be read by whoever wrote it. */
  #sealed(now: Instant, frame: FramePlan, value: Plain, codec: Codec, seals: SessionSeals, isPart: boolean): boolean {
    const session = this.#session
    const given = seals.prepare(now, frame, value)
    this.#carrier.write(session, frame, given, codec.sizeOf(frame.name, given))
    const { lastStart: start, lastEnd: end } = this.#carrier
    session.framesOut++
    session.bytesOut += end - start
    session.shared.meter.sent(frame.index, end - start)
    const looks = session.lifecycle.looksInto(frame) || frame.descriptor.learn.length > 0
    const tap = isPart ? undefined : session.shared.sink.tap
    const reader = looks || tap !== undefined ? roundTrip(this.#carrier.mirror(session), frame.name, given) : undefined
    if (reader !== undefined) {
      tap?.(session, 'out', reader)
      learn(session, now, frame, reader)
    }
    session.passed(now, frame, reader)
    return true
  }

  /** Shows the tap a message that leaves in pieces or parts. */
  show(frame: FramePlan, value: Plain): void {
    const { tap } = this.#session.shared.sink
    if (tap === undefined) return
    const whole = roundTrip(this.#carrier.mirror(this.#session), frame.name, value)
    if (whole !== undefined) this.#session.shared.sink.tap?.(this.#session, 'out', whole)
  }

  emitPieces(now: Instant, frame: FramePlan, value: Plain, pieces: Pieces, message: CutMessage): void {
    const codec = this.#carrier.codec(this.#session)
    for (let index = 0; index < message.cut.count; index++) {
      const piece = pieces.piece(frame, value, message, index)
      this.#carrier.write(this.#session, frame, piece, codec.sizeOf(frame.name, piece))
      this.#passed(now, frame, index === 0, true)
    }
    this.lastCut = message
  }

  /** A frame that is sent whether there is room or not, where the schema can make it of nothing: goodbye, an error. */
  tell(now: Instant, frame: FramePlan): void {
    if (!this.#session.lifecycle.allows(frame)) return
    this.channels?.leave(now)
    try {
      this.emit(now, frame, {})
    } catch {
      // It has fields that nobody gave: then there is nothing to tell, except where saying nothing is not safe.
      const least = this.#session.isSealed ? leastValue(this.#carrier.mirror(this.#session), frame.name) : undefined
      if (least !== undefined) this.emit(now, frame, least)
    }
  }

  /** Sends a frame that arrived back as it is. False: it cannot go out so. */
  repeat(now: Instant, frame: Reader): boolean {
    const plan = this.#session.plan.frames[frame.frameIndex] as FramePlan
    const size = frame.byteEnd - frame.byteStart
    if (!this.#carrier.hasRoom || !this.#session.lifecycle.allows(plan)) return false
    // It was opened where it lies, and would be sealed under another key anyway.
    if (plan.descriptor.seal !== undefined && this.#session.seals !== undefined) return false
    if (plan.fragment !== undefined && size > plan.fragment.above) return false
    if (this.#session.isSealed || plan.isChannelled) return false
    this.#carrier.writeAgain(this.#session, frame.byteSource.subarray(frame.byteStart, frame.byteEnd))
    this.#passed(now, plan, true, false)
    return true
  }

  /** How frames of this kind are cut; undefined where the schema has no fields for it. */
  pieces(frame: FramePlan): Pieces | undefined {
    const { channel } = frame.descriptor
    const known = this.#pieces?.get(channel ?? '')
    if (known !== undefined) return known
    const fields = pieceFields(this.#session.plan.protocol.channelHeader)
    if (fields === undefined || frame.fragment === undefined) return undefined
    const made = new Pieces(fields, frame.fragment)
    this.#pieces ??= new Map()
    this.#pieces.set(channel ?? '', made)
    return made
  }

  /** A frame in memory of its own, made of a joined value. Undefined where the schema does not allow it whole. */
  build(frame: FramePlan, value: Plain): Reader | undefined {
    const codec = this.#carrier.codec(this.#session)
    try {
      const bytes = new Uint8Array(codec.sizeOf(frame.name, value))
      const end = codec.encode(frame.name, value, bytes, 0)
      return codec.decode(bytes, 0, end, { whole: true, frame: frame.name })
    } catch {
      return undefined
    }
  }

  /** A frame of ours is the last one of the carrier. `isFirst`: not a further piece of the same message. */
  #passed(now: Instant, frame: FramePlan, isFirst: boolean, isPart: boolean, written: Written = this.#carrier): void {
    const session = this.#session
    const { lastBytes: bytes, lastStart: start, lastEnd: end } = written
    session.framesOut++
    session.bytesOut += end - start
    session.shared.meter.sent(frame.index, end - start)
    const { learn: taught, repeat } = frame.descriptor
    const looks = session.lifecycle.looksInto(frame) || taught.length > 0
    if (looks || session.shared.sink.tap !== undefined) {
      const mirror = this.#carrier.mirror(session)
      const reader = mirror.decode(bytes, start, end, { whole: true, ignoreTrailing: true, frame: frame.name })
      if (reader !== undefined) {
        if (!isPart) session.shared.sink.tap?.(session, 'out', reader)
        if (isFirst && looks) learn(session, now, frame, reader)
        if (isFirst) session.passed(now, frame, reader)
      }
    } else if (isFirst && !session.lifecycle.stays(frame)) session.passed(now, frame, undefined)
    if (!session.plan.isStream && repeat > 1) {
      const copy = copyOf(bytes, start, end)
      for (let i = 1; i < repeat; i++) this.#carrier.writeAgain(session, copy)
    }
  }
}
