// Handshake attempts that are over: a copy of their first packet, which may carry a valid cookie still, does nothing.

import { LocalError } from '../core/errors.ts'

export interface AttemptOptions {
  /** How many are remembered; the oldest go. Default 8192. */
  readonly most?: number | undefined
  /** Milliseconds, at least as long as a cookie is valid. Default 20 s. */
  readonly lifetime?: number | undefined
}

/** The name of an attempt: who began it, and the first bytes of his ephemeral key or first message. */
export function attemptKey(address: string, first: Uint8Array): string {
  // In one piece: text that grows by single letters keeps all of its intermediate forms.
  return `${address} ${String.fromCharCode(...first.subarray(0, 16))}`
}

export class EndedAttempts {
  readonly #lifetime: number
  /** A ring of keys and when each is forgotten, and the place of each key in it. */
  readonly #keys: (string | undefined)[]
  readonly #until: Float64Array
  readonly #places = new Map<string, number>()
  #next = 0

  constructor({ most = 8192, lifetime = 20_000 }: AttemptOptions = {}) {
    if (!(most >= 1)) throw new LocalError('BadOption', `at least one attempt is remembered, not ${most}`)
    this.#lifetime = lifetime
    this.#keys = new Array<string | undefined>(most)
    this.#until = new Float64Array(most)
  }

  get size(): number {
    return this.#places.size
  }

  has(key: string, now: number): boolean {
    const place = this.#places.get(key)
    return place !== undefined && this.#until[place]! > now
  }

  add(key: string, now: number): void {
    const place = this.#next
    this.#next = (place + 1) % this.#keys.length
    const old = this.#keys[place]
    if (old !== undefined && this.#places.get(old) === place) this.#places.delete(old)
    this.#keys[place] = key
    this.#until[place] = now + this.#lifetime
    this.#places.set(key, place)
  }
}
