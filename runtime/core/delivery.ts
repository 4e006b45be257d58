// Handing frames to the application, one at a time. While it is busy with one (a handler that returned a promise), the
// frame stays readable, and the frames behind it wait as copies, bounded by `limits.queue`; answers and keep-alives go on.

import type { Context, Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Answers } from './answers.ts'
import type { Carrier } from './carrier.ts'
import { LocalError } from './errors.ts'
import type { Instant } from './machine.ts'
import { MessageReader } from './messages.ts'
import type { FramePlan, Rule } from './plan.ts'
import type { Plain } from './recast.ts'
import type { Session } from './session.ts'

interface Waiting {
  readonly bytes: Uint8Array
  readonly plan: FramePlan
  readonly rule: Rule | undefined
  /** What the frame was decoded with; it may have changed since. */
  readonly session: Context['session']
  readonly state: string | undefined
  /** A message that is more than its bytes: it cannot be decoded again. */
  readonly whole: Reader | undefined
}

interface Current {
  readonly frame: Reader
  readonly plan: FramePlan
  readonly rule: Rule | undefined
}

export class Delivery {
  readonly #session: Session
  readonly #carrier: Carrier
  readonly #answers: Answers
  readonly #queue: Waiting[] = []
  #queuedBytes = 0
  /** The request being shown to the application, or the frame it is busy with. */
  #current: Current | undefined
  #pinned: ReturnType<Carrier['pin']> | undefined

  constructor(session: Session, carrier: Carrier, answers: Answers) {
    this.#session = session
    this.#carrier = carrier
    this.#answers = answers
  }

  /** The application is busy with a frame, or frames wait for it. */
  get isBusy(): boolean {
    return this.#pinned !== undefined || this.#queue.length > 0
  }

  /** One more frame can wait. */
  get hasRoom(): boolean {
    if (this.#pinned === undefined) return true
    const { messages, bytes } = this.#session.plan.protocol.limits.queue
    const { held, most } = this.#session.shared.memory
    return this.#queue.length < messages && this.#queuedBytes < bytes && held < most
  }

  deliver(now: Instant, frame: Reader, plan: FramePlan, rule: Rule | undefined): void {
    if (this.#pinned !== undefined) this.#enqueue(frame, plan, rule)
    else this.#show(now, frame, plan, rule)
  }

  reply(now: Instant, value: unknown): void {
    const { frame, rule } = this.#current ?? {}
    if (frame === undefined || rule === undefined)
      throw new LocalError('NotARequest', 'there is no request to answer: return the reply from its handler')
    const { with: names } = rule.reply
    if (names.length === 1) this.#answers.answer(now, rule, frame, value as Plain)
    else {
      const { frame: name, value: given } = value as { frame: string; value: Plain }
      if (!names.includes(name))
        throw new LocalError('UnknownFrame', `${frame.frameName} is answered by ${names.join(' or ')}, not by ${name}`)
      this.#answers.answer(now, rule, frame, given ?? {}, name)
    }
  }

  done(now: Instant): void {
    const current = this.#current
    if (this.#pinned === undefined || current === undefined) return
    this.#after(now, current.frame, current.plan, current.rule)
    this.#release()
    while (this.#pinned === undefined) {
      const next = this.#queue.shift()
      if (next === undefined) break
      this.#charge(-next.bytes.length)
      const frame = this.#decode(next)
      if (frame !== undefined) this.#show(now, frame, next.plan, next.rule)
    }
    this.#carrier.changed(this.#session)
  }

  /** Drops what waits. */
  end(): void {
    this.#queue.length = 0
    this.#charge(-this.#queuedBytes)
    // A handler may still read its frame: that codec serves nobody else any more.
    this.#pinned = undefined
    this.#current = undefined
  }

  #show(now: Instant, frame: Reader, plan: FramePlan, rule: Rule | undefined): void {
    const session = this.#session
    if (rule !== undefined) this.#current = { frame, plan, rule }
    if (session.shared.sink.frame(session, frame, plan, rule)) {
      this.#current ??= { frame, plan, rule }
      this.#pinned = this.#carrier.pin(session)
      return
    }
    if (rule !== undefined) this.#current = undefined
    this.#after(now, frame, plan, rule)
  }

  #after(now: Instant, frame: Reader, plan: FramePlan, rule: Rule | undefined): void {
    if (rule?.reply.auto === 'after-delivery') this.#answers.answer(now, rule, frame, {})
    if (plan.descriptor.close !== undefined) this.#session.goodbye(now, plan)
  }

  #enqueue(frame: Reader, plan: FramePlan, rule: Rule | undefined): void {
    const { session, state } = this.#session.context
    const whole = frame instanceof MessageReader ? frame.detached() : undefined
    const bytes = whole?.byteSource ?? copyOf(frame.byteSource, frame.byteStart, frame.byteEnd)
    this.#queue.push({ bytes, plan, rule, session, state, whole })
    this.#charge(bytes.length)
  }

  #charge(bytes: number): void {
    this.#queuedBytes += bytes
    this.#session.shared.memory.held += bytes
  }

  /** It was decoded before, with the values of that time; so it is again. */
  #decode({ bytes, plan, session, state, whole }: Waiting): Reader | undefined {
    if (whole !== undefined) return whole
    const codec = this.#carrier.codec(this.#session)
    const { context } = codec
    codec.context = { ...context, session, state, open: this.#session.seals?.again ?? context.open }
    const frame = codec.decode(bytes, 0, bytes.length, { whole: true, ignoreTrailing: true, frame: plan.name })
    codec.context = context
    return frame
  }

  #release(): void {
    const pinned = this.#pinned
    this.#pinned = undefined
    this.#current = undefined
    if (pinned !== undefined) this.#carrier.unpin(this.#session, pinned)
  }
}
