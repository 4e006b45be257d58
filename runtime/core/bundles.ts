// Small messages share a datagram (`coalesce`): what a session sends on such channels within one turn, or within the time
// that a channel allows, is gathered, and leaves as one frame that carries the others, or as it is when it stays alone.

import type { Reader } from '../wire/codec.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { scratch } from './channel-values.ts'
import type { ChannelsHost } from './channels.ts'
import { frameOf, headOf, textOf } from './frame-texts.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'

export class Bundles {
  /** When what is gathered has to leave; NEVER when nothing is. */
  due: Instant = NEVER
  /** There was no room when it should have left. */
  isLate = false
  /** Where the frame gathered last stands. */
  lastBytes: Uint8Array = NOTHING
  lastStart = 0
  lastEnd = 0
  readonly #plan: ChannelPlan
  readonly #bundle: NonNullable<ChannelPlan['bundle']>
  readonly #host: ChannelsHost
  #texts: Uint8Array[] = []
  #bytes = 0
  /** The first one, as long as it is alone. */
  #alone: { readonly frame: FramePlan; readonly value: Plain } | undefined

  constructor(plan: ChannelPlan, bundle: NonNullable<ChannelPlan['bundle']>, host: ChannelsHost) {
    this.#plan = plan
    this.#bundle = bundle
    this.#host = host
  }

  /** Takes a message that may wait. Bytes that it takes, without what it shares. */
  add(now: Instant, place: number, frame: FramePlan, value: Plain): number {
    const { session, carrier, emission } = this.#host
    const { maxFrame } = session.plan
    const bytes = scratch(maxFrame)
    const end = carrier.codec(session).encode(frame.name, value, bytes, 0)
    const text = textOf(this.#plan.texts, bytes, 0, end).slice()
    const { overhead, overheadEach } = this.#bundle
    const size = text.length + overheadEach
    if (this.#texts.length > 0 && overhead + this.#bytes + size > maxFrame) this.leave(now)
    this.#alone = this.#texts.length === 0 ? { frame, value } : undefined
    this.#texts.push(text)
    this.#bytes += size
    const wait = this.#plan.channels[place]?.coalesce ?? 0
    this.due = instant(Math.min(this.due, now + wait))
    this.lastBytes = bytes
    this.lastStart = 0
    this.lastEnd = end
    emission.gathered(now, frame, this)
    // What can take no company does not wait for any.
    if (overhead + this.#bytes + overheadEach + LEAST > maxFrame) this.leave(now)
    else if (this.due <= now) carrier.gathers?.(session)
    return size
  }

  /** Everything gathered leaves, or as soon as there is room. */
  leave(now: Instant): void {
    const { session, carrier, emission } = this.#host
    const { frame, parts } = this.#bundle
    const texts = this.#texts
    const alone = this.#alone
    if (texts.length === 0) return
    this.due = NEVER
    this.isLate = !carrier.hasRoom
    if (this.isLate) return carrier.waits(session)
    this.#texts = []
    this.#bytes = 0
    this.#alone = undefined
    if (alone !== undefined) {
      carrier.write(session, alone.frame, alone.value, session.plan.maxFrame, true)
      return
    }
    const value: Plain = {}
    parts.set(value, texts)
    emission.put(now, frame, value, session.plan.maxFrame, true, true)
    session.shared.meter.count('channel.bundled')
  }

  /** The frames in a bundle that arrived, each as if it had come alone. */
  *frames(outer: Reader): Generator<Reader> {
    const { session, carrier } = this.#host
    const { texts } = this.#plan
    // The next frame that is decoded takes the place of this one.
    const head = headOf(texts, outer)
    for (const text of [...(this.#bundle.parts.get(outer) as Iterable<Uint8Array>)]) {
      const frame = frameOf(texts, carrier.codec(session), head, text)
      if (frame === undefined) return
      yield frame
    }
  }
}

const NOTHING = new Uint8Array(0)
/** Bytes of a text that is worth waiting for. */
const LEAST = 8
