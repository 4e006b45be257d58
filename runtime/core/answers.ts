// The answering half of `replies`, for one peer: which rule a frame falls under, making its answer, and requests that
// come again.

import type { RequestId } from '../reliability/outstanding.ts'
import type { Reader } from '../wire/codec.ts'
import { copyOf } from '../wire/copy.ts'
import type { Carrier } from './carrier.ts'
import type { Emission } from './emission.ts'
import type { Instant } from './machine.ts'
import type { FramePlan, Rule } from './plan.ts'
import type { Plain } from './recast.ts'
import { keyOf } from './requests.ts'
import type { Session } from './session.ts'

export class Answers {
  readonly #session: Session
  readonly #carrier: Carrier
  readonly #emission: Emission

  constructor(session: Session, carrier: Carrier, emission: Emission) {
    this.#session = session
    this.#carrier = carrier
    this.#emission = emission
  }

  /** On datagrams: an answer would wait behind a full queue. */
  get isFull(): boolean {
    return this.#carrier.isFull ?? (!this.#session.plan.isStream && !this.#carrier.hasRoom)
  }

  /** Answers a request: `value` with what the rule copies from the request. `name` of several possible answers. */
  answer(now: Instant, rule: Rule, request: Reader, value: Plain, name: string | undefined = rule.reply.with[0]): void {
    const frame = this.#session.plan.byName.get(name as string)
    if (frame === undefined) return
    const answer = { ...value }
    const { by, copy } = rule.reply
    if (by !== undefined && by !== 'order') {
      const id = by.request.get(request)
      if (id !== undefined) by.reply.set(answer, id)
    }
    for (const { from, to } of copy) {
      const copied = from.get(request)
      if (copied !== undefined) to.set(answer, copied)
    }
    if (this.#emission.emit(now, frame, answer)) this.#remember(rule, request)
  }

  /** True when the request was here before; then its answer is sent again, where there was one. */
  isRepeated(rule: Rule, frame: Reader): boolean {
    const key = requestKey(rule, frame)
    const { shared, address } = this.#session
    const seen = key === undefined ? undefined : shared.duplicates.get(rule)?.check(address, key)
    if (seen === undefined) return false
    if (seen.answer !== undefined) this.#again(seen.answer)
    shared.meter.count('reply.duplicate', frame.frameName)
    return true
  }

  /** The request was not taken after all: when it comes again it is new. */
  forget(rule: Rule | undefined, frame: Reader): void {
    const key = rule && requestKey(rule, frame)
    if (rule === undefined || key === undefined) return
    this.#session.shared.duplicates.get(rule)?.retract(this.#session.address, key)
  }

  /** A piece of a message that is done: its answer was lost. Answered once for each attempt, not for each piece. */
  answerLate(frame: Reader, plan: FramePlan, index: number): void {
    const rule = index === 0 ? ruleFor(plan, frame) : undefined
    const key = rule && requestKey(rule, frame)
    if (rule === undefined || key === undefined) return
    const { shared, address } = this.#session
    const duplicates = shared.duplicates.get(rule)
    const seen = duplicates?.check(address, key)
    if (seen === undefined) duplicates?.retract(address, key)
    else if (seen.answer !== undefined) this.#again(seen.answer)
  }

  /** Whoever asks again and again fills no memory with answers that nobody takes: the next time will do. */
  #again(answer: Uint8Array): void {
    if (!this.isFull) this.#carrier.writeAgain(this.#session, answer)
  }

  /** Keeps the answer just written, for a request that comes again. */
  #remember(rule: Rule, request: Reader): void {
    if (!rule.reply.duplicates?.answerAgain) return
    const key = requestKey(rule, request)
    const { lastBytes, lastStart, lastEnd } = this.#carrier
    const { shared, address } = this.#session
    const answer = copyOf(lastBytes, lastStart, lastEnd)
    if (key !== undefined) shared.duplicates.get(rule)?.answer(address, key, answer, answer.length)
  }
}

/** The rule by which this frame is to be answered. */
export function ruleFor(plan: FramePlan, frame: Reader): Rule | undefined {
  for (const rule of plan.answeredBy) if (rule.reply.when === undefined || rule.reply.when(frame)) return rule
  return undefined
}

/** What is equal in a request and its repetition. */
export function requestKey(rule: Rule, frame: Reader): RequestId | undefined {
  const { by } = rule.reply
  return by === undefined || by === 'order' ? undefined : keyOf(by.request.get(frame))
}
