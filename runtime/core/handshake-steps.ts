// A handshake by explicit steps: frames in a fixed order, each by one side or by both. What a step says both sides can
// work out is compared, so that a peer which sends something else is refused.

import type { Context, Reader } from '../wire/codec.ts'
import { EncodeError } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { HandshakeScript, KeyScope, StepDescriptor } from './handshake-descriptor.ts'
import { type Exchange, type ExchangeHost, FrameMessages } from './handshake-exchange.ts'
import type { HandshakeScope } from './handshake-scope.ts'
import type { Plan } from './plan.ts'
import { isEqual } from './recast.ts'
import { fail } from './script.ts'

export interface StepsOptions {
  readonly script: HandshakeScript
  readonly plan: Plan
  readonly context: Context
  readonly scope: HandshakeScope
  readonly host: ExchangeHost
}

export class StepsExchange implements Exchange {
  readonly #options: StepsOptions
  readonly #messages: FrameMessages
  /** Who does each message, steps with `times` written out. */
  readonly #turns: readonly { readonly step: StepDescriptor; readonly ours: boolean; readonly theirs: boolean }[]
  #at = 0
  /** Our part of the present turn is sent. */
  #sent = false

  constructor(options: StepsOptions) {
    const { script, plan, context, host } = options
    this.#options = options
    this.#messages = new FrameMessages(plan, context, script.framing, host)
    this.#turns = script.steps.flatMap(step => {
      const ours = isBy(step, plan)
      const turn = { step, ours, theirs: step.by === 'both' || !ours }
      return new Array<typeof turn>(step.times).fill(turn)
    })
  }

  get isDone(): boolean {
    return this.#at >= this.#turns.length
  }

  proceed(): void {
    for (let turn = this.#turns[this.#at]; turn !== undefined; turn = this.#turns[this.#at]) {
      if (turn.ours && !this.#sent) {
        this.#write(turn.step)
        this.#sent = true
      }
      if (turn.theirs) return
      this.#next()
    }
  }

  read(bytes: Uint8Array, at: number, end: number): number {
    const { step } = this.#turns[this.#at] ?? {}
    if (step === undefined) return at
    const found = this.#messages.read(step.frame, bytes, at, end)
    if (found === undefined) return at
    this.#compare(step, found.reader)
    for (const { pair, field } of step.teaches) this.#options.scope.teach(pair, field.get(found.reader))
    const { frames, received } = this.#options.scope
    const plain = found.reader.toObject()
    frames[step.frame] = plain
    received[step.frame] = plain
    this.#messages.accept(step.frame, found.reader)
    this.#next()
    return found.next
  }

  #next(): void {
    this.#at++
    this.#sent = false
  }

  #write(step: StepDescriptor): void {
    const { scope } = this.#options
    const value: Record<string, unknown> = {}
    for (const { field, value: of } of step.with) field.set(value, of(scope))
    try {
      scope.frames[step.frame] = this.#messages.write(step.frame, value)
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      throw new LocalError('MissingParam', `the handshake cannot send ${step.frame}: ${error.message}`, {
        cause: error,
      })
    }
  }

  /** A value that this side knows too has to be the same. */
  #compare(step: StepDescriptor, reader: Reader): void {
    for (const { field, value } of step.with) {
      const wanted = known(value, this.#options.scope)
      if (wanted !== undefined && !isSameValue(wanted, field.get(reader)))
        fail(`${step.frame}: ${field.path.split('.').slice(1).join('.')} is not what it has to be`)
    }
  }
}

/** Whether this side sends the message. */
function isBy({ by }: StepDescriptor, { side, role }: Plan): boolean {
  if (by === 'both') return true
  if (by === 'dialer') return side === 'dials'
  if (by === 'acceptor') return side === 'accepts'
  return role.is.includes(by)
}

/**
 * A value that follows from constants and from what went by; undefined where it depends on what only the peer knows: its
 * params, its keys, what it draws.
 */
function known(value: (scope: KeyScope) => unknown, scope: HandshakeScope): unknown {
  const calm: KeyScope = {
    param: UNKNOWN,
    session: UNKNOWN,
    peer: UNKNOWN,
    local: UNKNOWN,
    key: scope.key,
    frames: scope.frames,
    clear: scope.clear,
    counter: scope.counter,
    publicKey: unknown,
    dh: unknown,
    random: unknown,
    now: unknown,
  }
  try {
    return value(calm)
  } catch {
    return undefined
  }
}

function unknown(): never {
  throw new RangeError('only the peer knows')
}

function isSameValue(a: unknown, b: unknown): boolean {
  if (typeof a === 'bigint' || typeof b === 'bigint') return typeof a !== 'object' && `${a}` === `${b}`
  return isEqual(a, b)
}

const UNKNOWN: Readonly<Record<string, unknown>> = new Proxy({}, { get: unknown })
