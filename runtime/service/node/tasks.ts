// Time bounds for hooks. A hook that takes too long cannot be stopped, only be told (its signal aborts) and not be waited for.

import { NEVER } from '../../core/machine.ts'
import type { Woken } from '../../drivers/loop.ts'
import type { Network } from '../../drivers/network.ts'
import { NodeError } from './errors.ts'

/** An alarm of the network that calls back. */
export class Alarm implements Woken {
  at: number = NEVER
  place = -1
  readonly #network: Network
  readonly #due: number
  readonly #call: () => void

  constructor(network: Network, within: number, call: () => void) {
    this.#network = network
    this.#due = network.now() + within
    this.#call = call
    network.arm(this, this.#due)
  }

  wake(): void {
    if (this.#network.now() >= this.#due) this.#call()
    else this.#network.arm(this, this.#due)
  }

  cancel(): void {
    this.#network.disarm(this)
  }
}

/**
 * Settles with what `run` returns. Rejects with NodeError TimedOut when that takes longer than `within` milliseconds, or with the
 * reason of `signal` when that aborts; in both cases the signal that `run` was given aborts.
 */
export function bounded(
  network: Network,
  within: number,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal) => unknown,
): Promise<void> {
  const controller = new AbortController()
  return new Promise<void>((resolve, reject) => {
    const settle = (error?: unknown): void => {
      alarm.cancel()
      signal?.removeEventListener('abort', onAbort)
      if (error === undefined) resolve()
      else reject(error)
    }
    const give = (reason: unknown): void => {
      settle(reason)
      controller.abort(reason)
    }
    const onAbort = (): void => give(signal?.reason)
    const alarm = new Alarm(network, within, () => give(new NodeError('TimedOut', `it took longer than ${within} ms`)))
    if (signal?.aborted) {
      onAbort()
      return
    }
    signal?.addEventListener('abort', onAbort)
    let result: unknown
    try {
      result = run(controller.signal)
    } catch (error) {
      settle(error ?? new Error('a hook threw nothing'))
      return
    }
    Promise.resolve(result).then(
      () => settle(),
      error => settle(error ?? new Error('a hook threw nothing')),
    )
  })
}

/** A signal that fires with the first of two. `AbortSignal.any` would stay with the longer-lived one for ever. */
export function linkedSignals(
  one: AbortSignal | undefined,
  other: AbortSignal,
): { readonly signal: AbortSignal; unlink(): void } {
  if (one === undefined) return { signal: other, unlink: () => {} }
  const controller = new AbortController()
  const both = [one, other]
  const onAbort = (): void => controller.abort(both.find(signal => signal.aborted)?.reason)
  for (const signal of both) signal.addEventListener('abort', onAbort)
  if (both.some(signal => signal.aborted)) onAbort()
  return {
    signal: controller.signal,
    unlink: () => {
      for (const signal of both) signal.removeEventListener('abort', onAbort)
    },
  }
}

/** What is under way and has to be waited for. */
export class Tasks {
  readonly #running = new Set<Promise<unknown>>()
  #idle: (() => void)[] = []

  get size(): number {
    return this.#running.size
  }

  add(task: Promise<unknown>): void {
    this.#running.add(task)
    const done = (): void => {
      this.#running.delete(task)
      if (this.#running.size > 0) return
      for (const settle of this.#idle.splice(0)) settle()
    }
    task.then(done, done)
  }

  /** Settles when nothing is under way. */
  idle(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }
}
