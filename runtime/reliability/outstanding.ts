// Requests that wait for an answer: attempts with exponential backoff, a timeout for each, one outcome for the whole.
// The table keeps what is needed to send again and says when; sending is the caller's business.
//
// Times of one request with `timeout: 2s, retry: { times: 3, delay: 100ms..5s }`: sent at 0, again at 2.1, 4.3 and 6.7 s,
// given up at 8.7 s. An answer counts at any moment before that.

import { LocalError } from '../core/errors.ts'
import type { RetryDescriptor } from '../core/protocol.ts'
import { DeadlineHeap, type Timed } from './heap.ts'

export type RequestId = number | bigint | string

export interface OutstandingOptions {
  /** Wait for an answer to one attempt, milliseconds. Infinity: attempts are `delay` apart and the last waits for ever. */
  readonly timeout: number
  readonly retry?: RetryDescriptor | undefined
  /** Requests open at once, at most. */
  readonly inFlight: number
}

/** An open request. Valid as long as it is open; after that until the table is used again. */
export interface Request<T> {
  readonly id: RequestId
  /** What the caller gave to send it again: bytes, a frame, a callback. */
  readonly token: T
  /** Attempts so far, the first included. */
  readonly attempts: number
  /** When the first attempt was made, for a round-trip time (of requests with one attempt: Karn). */
  readonly openedAt: number
  /** Set when all attempts have passed: the request timed out and is no longer in the table. */
  readonly expired: boolean
}

interface Entry<T> extends Request<T>, Timed {
  attempts: number
  expired: boolean
}

export class Outstanding<T> {
  readonly #byId = new Map<RequestId, Entry<T>>()
  readonly #heap = new DeadlineHeap<Entry<T>>()
  readonly #timeout: number
  readonly #retry: RetryDescriptor
  readonly #inFlight: number

  constructor(options: OutstandingOptions) {
    if (!(options.timeout > 0)) throw new LocalError('BadOption', `timeout must be positive, not ${options.timeout}`)
    if (!(options.inFlight >= 1))
      throw new LocalError('BadOption', `in_flight must be at least 1, not ${options.inFlight}`)
    this.#timeout = options.timeout
    this.#retry = options.retry ?? NEVER_AGAIN
    this.#inFlight = options.inFlight
  }

  get size(): number {
    return this.#byId.size
  }

  /** No request may be opened until one ends. */
  get full(): boolean {
    return this.#byId.size >= this.#inFlight
  }

  has(id: RequestId): boolean {
    return this.#byId.has(id)
  }

  /** Records a request that is being sent for the first time. Throws when the table is full or the id is open. */
  open(now: number, id: RequestId, token: T): Request<T> {
    if (this.full)
      throw new LocalError('WrongState', `${this.#inFlight} requests are open already: wait for one to end`)
    if (this.#byId.has(id)) throw new LocalError('WrongState', `request ${id} is open already`)
    const entry: Entry<T> = { id, token, attempts: 1, openedAt: now, expired: false, at: 0, place: -1 }
    this.#byId.set(id, entry)
    this.#schedule(now, entry)
    return entry
  }

  /** An answer arrived. Returns the request, or undefined when none with this id waits (late, repeated, or forged). */
  answered(id: RequestId): Request<T> | undefined {
    const entry = this.#byId.get(id)
    if (entry !== undefined) this.#close(entry)
    return entry
  }

  /** The request opened first: what an answer belongs to where replies come in order. */
  first(): Request<T> | undefined {
    for (const entry of this.#byId.values()) return entry
    return undefined
  }

  /** Forgets a request without an outcome. */
  cancel(id: RequestId): boolean {
    return this.answered(id) !== undefined
  }

  /**
   * The next request whose wait is over: to be sent again, or, when `expired`, given up. Call until undefined.
   * Each call moves at most one request on, so the caller may send in between.
   */
  due(now: number): Request<T> | undefined {
    const entry = this.#heap.peek()
    if (entry === undefined || entry.at > now) return undefined
    if (entry.attempts > this.#retry.times) {
      entry.expired = true
      this.#close(entry)
      return entry
    }
    entry.attempts++
    this.#schedule(now, entry)
    return entry
  }

  /** When to call `due`; Infinity when nothing waits. */
  deadline(): number {
    return this.#heap.deadline()
  }

  /** Ends all requests, in the order they were opened, for a connection that closes. */
  *drain(): Generator<Request<T>> {
    for (const entry of this.#byId.values()) {
      this.#close(entry)
      yield entry
    }
  }

  #schedule(now: number, entry: Entry<T>): void {
    this.#heap.move(entry, now + waitAfter(entry.attempts, this.#timeout, this.#retry))
  }

  #close(entry: Entry<T>): void {
    this.#byId.delete(entry.id)
    this.#heap.remove(entry)
  }
}

/** Milliseconds from the start of attempt `attempt` (1 = first) to what follows it. */
function waitAfter(attempt: number, timeout: number, retry: RetryDescriptor): number {
  if (attempt > retry.times) return timeout
  const delay = Math.min(retry.from * 2 ** (attempt - 1), retry.to)
  return timeout === Infinity ? delay : timeout + delay
}

const NEVER_AGAIN: RetryDescriptor = { times: 0, from: 0, to: 0 }
