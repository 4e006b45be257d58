// A handshake of explicit steps over datagrams (docs/language, "Steps"): messages in order, a key schedule, and no proof
// that anybody has the keys. For profiles that speak with what is out there.

import { keysOfRoles } from '../crypto/seal/plan.ts'
import type { Reader } from '../wire/codec.ts'
import { PeerError, peerError } from './errors.ts'
import type { StepDescriptor } from './handshake-descriptor.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { Plan } from './plan.ts'
import type { Plain } from './recast.ts'
import type { SealDescriptor } from './seal-descriptor.ts'
import type { AttemptHost } from './secure-attempt.ts'

export interface StepsOptions {
  readonly seal: SealDescriptor
  readonly plan: Plan
  /** Milliseconds. */
  readonly timeout: number
}

export class Steps {
  readonly #host: AttemptHost
  readonly #options: StepsOptions
  readonly #steps: readonly { readonly step: StepDescriptor; readonly isOurs: boolean }[]
  #at = 0
  /** Copies of the present message of the peer that arrived. */
  #count = 0
  #last: { readonly frame: string; readonly value: Plain } | undefined
  #wait: number
  #againAt: Instant = NEVER
  readonly #failAt: Instant

  constructor(host: AttemptHost, now: Instant, options: StepsOptions) {
    const { steps, retry } = host.script
    this.#host = host
    this.#options = options
    // What both send is sent by each before it waits for the other's.
    this.#steps = steps.flatMap(step =>
      step.by === 'both' ? [true, false].map(isOurs => ({ step, isOurs })) : [{ step, isOurs: this.#isOurs(step) }],
    )
    this.#wait = retry?.from ?? Number.POSITIVE_INFINITY
    this.#failAt = instant(now + options.timeout)
  }

  get deadline(): Instant {
    return instant(Math.min(this.#againAt, this.#failAt))
  }

  /** Sends what is ours to send. True: that was all, the keys are there. */
  proceed(now: Instant): boolean {
    const { script } = this.#host
    for (let one = this.#steps[this.#at]; one?.isOurs; one = this.#steps[this.#at]) {
      this.#send(now, one.step)
      this.#at++
      this.#count = 0
      this.#againAt = script.retry === undefined ? NEVER : instant(now + this.#wait)
    }
    if (this.#at < this.#steps.length) return false
    this.#finish(now)
    return true
  }

  /** A message of the peer. True: it was the last, the keys are there. */
  arrived(now: Instant, frame: Reader): boolean {
    const one = this.#steps[this.#at]
    if (one === undefined || one.isOurs || one.step.frame !== frame.frameName) return false
    const { scope } = this.#host
    scope.frames[frame.frameName] = frame.toObject()
    for (const { pair, field } of one.step.teaches) {
      const key = field.get(frame)
      if (key instanceof Uint8Array) scope.learn(pair, key)
    }
    this.#host.passed(now, frame.frameName, frame)
    if (++this.#count < one.step.times) return false
    this.#at++
    this.#count = 0
    try {
      return this.proceed(now)
    } catch (error) {
      // No keys can be agreed on with what the peer sent: a point that is none.
      if (!(error instanceof PeerError)) throw error
      this.#host.failed(now, error)
      return false
    }
  }

  wake(now: Instant): void {
    if (now >= this.#failAt) {
      this.#host.failed(now, peerError('Timeout', 'the handshake was not finished', { fatal: true }))
      return
    }
    if (now < this.#againAt) return
    const { retry } = this.#host.script
    this.#wait = Math.min(this.#wait * 2, retry?.to ?? this.#wait)
    this.#againAt = instant(now + this.#wait)
    if (this.#last !== undefined) this.#host.send(this.#last.frame, { ...this.#last.value }, 0)
  }

  destroy(): void {
    this.#host.scope.wipe()
  }

  #isOurs({ by }: StepDescriptor): boolean {
    const { role, side } = this.#options.plan
    return role.is.includes(by) || by === (side === 'dials' ? 'dialer' : 'acceptor')
  }

  #send(now: Instant, step: StepDescriptor): void {
    const { scope } = this.#host
    const value: Plain = {}
    for (const { field, value: given } of step.with) field.set(value, given(scope))
    scope.frames[step.frame] = value
    this.#last = { frame: step.frame, value }
    for (let copy = 0; copy < step.times; copy++) {
      this.#host.send(step.frame, { ...value }, 0)
      this.#host.passed(now, step.frame, undefined)
    }
  }

  #finish(now: Instant): void {
    const { scope, script } = this.#host
    const { seal, plan } = this.#options
    const { role, protocol, side } = plan
    const peer = protocol.roles.filter(one => one !== role && one.transport !== side).flatMap(one => one.is)
    for (const { name, value } of script.keys) scope.key[name] = value(scope)
    const keys = keysOfRoles(seal, role.is, peer)
    if (keys === undefined) return
    this.#host.keyed(now, { send: Uint8Array.from(keys.send(scope)), receive: Uint8Array.from(keys.receive(scope)) }, 0)
  }
}
