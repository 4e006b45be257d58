// A run of `proto send` on an open connection: sends, measures round trips, waits.

import type { Connection } from '../../runtime/index.ts'
import { asFailure, EXIT, Failure } from '../failure.ts'
import { plural } from '../output/number.ts'
import type { Monitor } from './monitor.ts'
import { Pace, sleep } from './pace.ts'
import type { SendingPlan } from './plan-sending.ts'

export class Sending {
  readonly #plan: SendingPlan
  readonly #monitor: Monitor
  readonly #interrupted: AbortSignal
  /** Aborts when what is waited for is there, or can no longer come. */
  readonly #done = new AbortController()
  readonly #pending = new Set<Promise<void>>()
  #received = 0
  /** What --wait names has arrived. */
  #isThere = false
  #answered = 0
  #onAnswer: () => void = () => {}
  /** What ended the run. */
  #failure: Failure | undefined
  /** The first request without an answer: the others go on. */
  #unanswered: Failure | undefined

  constructor(plan: SendingPlan, monitor: Monitor, interrupted: AbortSignal) {
    this.#plan = plan
    this.#monitor = monitor
    this.#interrupted = interrupted
  }

  /** To be told of every frame that arrives. */
  readonly seen = (frame: string): void => {
    const { wait, answers } = this.#plan
    this.#received++
    if (answers.has(frame)) {
      this.#answered++
      this.#onAnswer()
    }
    if (wait && ('frame' in wait ? wait.frame === frame : this.#received >= wait.frames)) {
      this.#isThere = true
      this.#done.abort()
    }
  }

  /** Connects within --timeout. */
  async open(connect: (signal: AbortSignal) => Promise<Connection>): Promise<Connection> {
    const late = new AbortController()
    const { timeout } = this.#plan
    const timer =
      timeout === undefined || timeout === Number.POSITIVE_INFINITY
        ? undefined
        : setTimeout(() => late.abort(new Failure('timeout', 'Timeout', `no connection within ${timeout} ms`)), timeout)
    try {
      return await connect(AbortSignal.any([this.#interrupted, late.signal]))
    } finally {
      clearTimeout(timer)
    }
  }

  /** Sends everything and waits. Returns why it did not go well. */
  async run(connection: Connection): Promise<Failure | undefined> {
    void connection.closed.then(({ error }) => {
      if (error) this.#failure ??= asFailure(error)
      this.#done.abort()
    })
    await this.#sendAll(connection)
    await Promise.all(this.#pending)
    if (!this.#failure && this.#plan.wait && !this.#isThere && !this.#interrupted.aborted)
      await this.#wait(this.#plan.wait)
    if (this.#interrupted.aborted) return this.#interrupted.reason as Failure
    return this.#failure ?? this.#unanswered
  }

  async #sendAll(connection: Connection): Promise<void> {
    const { count, rate, isRequest, watchAnswer } = this.#plan
    const pace = new Pace(rate)
    // Without a rate a request waits for the one before: what is measured is the way there and back, not a queue.
    const oneByOne = (isRequest || watchAnswer !== undefined) && rate === undefined
    for (let i = 0; i < count && !this.#isOver; i++) {
      await pace.turn(i, this.#interrupted)
      const sent = this.#one(connection)
      if (oneByOne) await sent
      else if (sent) await this.#hold(sent)
    }
  }

  get #isOver(): boolean {
    return this.#interrupted.aborted || this.#failure !== undefined
  }

  /** Undefined when it was taken at once. */
  #one(connection: Connection): Promise<void> | undefined {
    const { frame, value, channel, isRequest } = this.#plan
    const options = { ...(channel === undefined ? {} : { channel }), signal: this.#limit() }
    const start = performance.now()
    const before = this.#answered
    try {
      const sent = isRequest
        ? this.#request(connection, frame, value, options)
        : this.#withAnswer(connection.send(frame as never, value as never, options as never), before)
      return sent.then(
        () => {
          if (this.#answered > before) this.#monitor.rtt.add((performance.now() - start) * 1000)
        },
        error => this.#lost(error),
      )
    } catch (error) {
      this.#failure ??= asFailure(error)
      if (!this.#failure) throw error
      return undefined
    }
  }

  /** A rule may hold on another transport only: then nothing answers here. */
  #request(connection: Connection, frame: string, value: object, options: object): Promise<unknown> {
    try {
      return connection.request(frame as never, value as never, options as never)
    } catch (error) {
      if ((error as { code?: string }).code !== 'NotARequest') throw error
      return connection.send(frame as never, value as never, options as never)
    }
  }

  #withAnswer(sent: Promise<unknown>, before: number): Promise<unknown> {
    return this.#plan.watchAnswer === undefined ? sent : sent.then(() => this.#answer(before + 1))
  }

  /** Waits for an answer that the runtime does not match, because the number of its request was given. */
  async #answer(wanted: number): Promise<void> {
    const { watchAnswer } = this.#plan
    if (watchAnswer === undefined || this.#answered >= wanted) return
    const until = performance.now() + watchAnswer
    while (this.#answered < wanted && performance.now() < until && !this.#isOver) {
      const arrived = new AbortController()
      this.#onAnswer = () => arrived.abort()
      await sleep(until - performance.now(), AbortSignal.any([arrived.signal, this.#interrupted, this.#done.signal]))
      if (this.#done.signal.aborted && this.#failure) return
    }
    if (this.#answered < wanted) throw new Failure('timeout', 'Timeout', `no answer within ${watchAnswer} ms`)
  }

  #limit(): AbortSignal {
    const { timeout } = this.#plan
    if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return this.#interrupted
    return AbortSignal.any([this.#interrupted, AbortSignal.timeout(Math.min(timeout, MOST_TIMER))])
  }

  #lost(error: unknown): void {
    if (this.#interrupted.aborted) return
    this.#monitor.lost()
    const late = (error as Error).name === 'TimeoutError'
    const why = late ? new Failure('timeout', 'Timeout', `no answer within ${this.#plan.timeout} ms`) : asFailure(error)
    if (!why) throw error
    if (why.exitCode === EXIT.timeout) this.#unanswered ??= why
    else this.#failure ??= why
  }

  async #hold(sent: Promise<void>): Promise<void> {
    const held = sent.finally(() => this.#pending.delete(held))
    this.#pending.add(held)
    if (this.#pending.size >= MOST_PENDING) await Promise.race(this.#pending)
  }

  async #wait(wait: NonNullable<SendingPlan['wait']>): Promise<void> {
    const timeout = this.#plan.timeout ?? DEFAULT_WAIT
    await sleep(timeout, AbortSignal.any([this.#done.signal, this.#interrupted]))
    if (this.#isThere) return
    const what = 'frame' in wait ? wait.frame : plural(wait.frames, 'frame')
    const why = this.#done.signal.aborted ? 'before the connection ended' : `within ${timeout} ms`
    this.#failure ??= new Failure('timeout', 'Timeout', `${what} did not arrive ${why}; ${this.#received} did`)
  }
}

/** Sends that are not settled; beyond it sending waits. */
const MOST_PENDING = 1024
/** Milliseconds for --wait. */
const DEFAULT_WAIT = 5000
/** The longest that a timer can wait. */
const MOST_TIMER = 2 ** 31 - 1
