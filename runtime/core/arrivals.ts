// What happens to a frame that arrived before the application sees it: whether it may come now, whether it is a part of
// something larger, an answer, or a request that was here before.

import type { Reader } from '../wire/codec.ts'
import { type Answers, ruleFor } from './answers.ts'
import type { Carrier } from './carrier.ts'
import type { SessionChannels } from './channels.ts'
import type { Delivery } from './delivery.ts'
import type { Emission } from './emission.ts'
import { PeerError, peerError } from './errors.ts'
import { learn } from './learning.ts'
import type { Instant } from './machine.ts'
import type { Outgoing } from './outgoing.ts'
import type { FramePlan, Rule } from './plan.ts'
import { inputOf, type Plain } from './recast.ts'
import type { Session } from './session.ts'

export class Arrivals {
  readonly #session: Session
  readonly #carrier: Carrier
  readonly #emission: Emission
  readonly #out: Outgoing
  readonly #answers: Answers
  readonly #delivery: Delivery

  constructor(
    session: Session,
    carrier: Carrier,
    parts: {
      readonly emission: Emission
      readonly out: Outgoing
      readonly answers: Answers
      readonly delivery: Delivery
    },
  ) {
    this.#session = session
    this.#carrier = carrier
    this.#emission = parts.emission
    this.#out = parts.out
    this.#answers = parts.answers
    this.#delivery = parts.delivery
  }

  /** Any frame. */
  consider(now: Instant, frame: Reader, plan: FramePlan): void {
    if (!this.#mayArrive(now, frame, plan)) return
    const channels = this.#session.plan.hasChannels ? this.#channelsFor(now, frame, plan) : undefined
    if (channels !== undefined) {
      if (plan.isChannelled && !this.#delivery.hasRoom) {
        // Not acknowledged, so it comes again where it is reliable.
        this.#session.shared.meter.count('limit.queue')
        return
      }
      if (channels.arrived(now, frame, plan)) return
    }
    if (plan.fragment !== undefined && this.#joins(now, frame, plan)) return
    this.#whole(now, frame, plan)
  }

  /** A message that its channel delivers, in its turn. */
  delivered(now: Instant, frame: Reader, plan: FramePlan): void {
    this.#whole(now, frame, plan)
  }

  /** The first that travels on channels, holds what does, or acknowledges what did, has them made. */
  #channelsFor(now: Instant, frame: Reader, { concernsChannels }: FramePlan): SessionChannels | undefined {
    const session = this.#session
    if (this.#emission.channels !== undefined) return this.#emission.channels
    const concerns = concernsChannels || !!session.plan.protocol.channelHeader?.ack?.get(frame)
    return concerns ? session.makeChannels(now) : undefined
  }

  #mayArrive(now: Instant, frame: Reader, plan: FramePlan): boolean {
    const session = this.#session
    const { name, descriptor } = plan
    const { max } = descriptor
    const { state } = session.lifecycle
    if (session.lifecycle.ignores(session.plan.incoming)) return false
    if (!plan.mayReceive)
      session.fault(now, wrongState(plan, `${name} cannot be sent to the ${session.plan.role.name}`))
    else if (!session.lifecycle.allows(plan))
      session.fault(now, wrongState(plan, `${name} is not allowed in the state ${state}`))
    else if (max !== undefined && frame.byteEnd - frame.byteStart > max)
      session.fault(now, new PeerError('TooLarge', `${name} of more than ${max} bytes`, { frame: name, fatal: true }))
    else return true
    return false
  }

  /** A whole message: one frame, or pieces that were joined. */
  #whole(now: Instant, arrived: Reader, plan: FramePlan): void {
    const session = this.#session
    const frame =
      plan.split === undefined && plan.end === undefined ? arrived : session.messages.joined(now, arrived, plan)
    if (frame === undefined) {
      session.passed(now, plan, arrived)
      return
    }
    const mayBePart = plan.channel?.transfer !== undefined
    // What a tap sees are messages: not the pieces and parts that they travelled in.
    if (!mayBePart) session.shared.sink.tap?.(session, 'in', frame)
    if (plan.answerTo.length > 0 && this.#out.answered(now, frame, plan)) {
      session.passed(now, plan, frame)
      return
    }
    // An answer to nothing, of those that the runtime asks for by itself.
    if (session.isSealed && plan.answerTo.some(one => one.reply.every !== undefined)) return
    const rule = ruleFor(plan, frame)
    if (mayBePart) {
      if (this.#isPart(now, frame, plan, rule)) return
      session.shared.sink.tap?.(session, 'in', frame)
    }
    if (rule !== undefined && this.#answers.isRepeated(rule, frame)) return
    if (!plan.isChannelled && (!this.#delivery.hasRoom || (rule !== undefined && this.#answers.isFull))) {
      // Not answered, so it is sent again where the schema has it so.
      this.#answers.forget(rule, frame)
      session.shared.meter.count('limit.queue')
      return
    }
    if (plan.descriptor.learn.length > 0 && !learn(session, now, plan, frame)) return
    session.saidGoodbye ||= plan.descriptor.close !== undefined
    if (rule?.reply.auto === 'before-delivery') this.#answers.answer(now, rule, frame, NONE)
    session.passed(now, plan, frame)
    this.#delivery.deliver(now, frame, plan, rule)
  }

  /** True when the frame is a piece; a message that it completes goes on from here. */
  #joins(now: Instant, frame: Reader, plan: FramePlan): boolean {
    const session = this.#session
    const pieces = this.#emission.pieces(plan)
    const reassembly = session.shared.reassembly.get(plan.descriptor.channel ?? '')
    const codec = this.#carrier.mirror(session)
    const piece = reassembly && pieces?.read(session.address, frame, codec)
    if (piece === undefined || reassembly === undefined || pieces === undefined) return false
    const outcome = reassembly.receive(now, piece, () => inputOf(frame, codec))
    if (outcome.kind === 'refused')
      session.fault(now, new PeerError(outcome.code, outcome.message, { frame: plan.name }))
    else if (outcome.kind === 'late') this.#answers.answerLate(frame, plan, piece.index)
    else if (outcome.kind === 'complete') {
      const whole = this.#emission.build(plan, pieces.join(outcome.head, outcome.payload))
      if (whole !== undefined) this.#whole(now, whole, plan)
    }
    return true
  }

  /** True when the frame is a part of a transfer, which has its own way of knowing what was here before. */
  #isPart(now: Instant, frame: Reader, plan: FramePlan, rule: Rule | undefined): boolean {
    const transfers = this.#out.transfers(plan)
    const verdict = transfers?.arrived(now, frame)
    if (transfers === undefined || verdict === undefined) return false
    if (verdict === 'answer' && rule !== undefined) this.#answers.answer(now, rule, frame, NONE)
    for (let one = transfers.takeWhole(); one !== undefined; one = transfers.takeWhole()) {
      const whole = this.#emission.build(plan, one.value)
      if (whole === undefined) continue
      this.#session.shared.sink.tap?.(this.#session, 'in', whole)
      this.#delivery.deliver(now, whole, plan, undefined)
    }
    return true
  }
}

function wrongState(frame: FramePlan, message: string): PeerError {
  return peerError('WrongState', message, { frame: frame.name, fatal: true })
}

const NONE: Plain = {}
