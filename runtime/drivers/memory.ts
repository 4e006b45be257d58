// Two machines in one process, back to back. `pipe` joins two ends of a stream connection, `MemoryHub` is a place to serve
// at and connect to. Bytes are copied once, so both sides may do with their memory what they like.

import { LocalError } from '../core/errors.ts'
import { copyOf } from '../wire/copy.ts'
import type { PortEvents, StreamPort } from './stream-link.ts'
import { type Connected, connectedBy } from './transport.ts'

/** A place that `serve` listens at and `connect` dials. */
export class MemoryHub {
  #accept: ((connected: Connected) => void) | undefined
  #next = 1

  /** Takes connections until the function returned is called. */
  listen(accept: (connected: Connected) => void): () => void {
    if (this.#accept !== undefined) throw new LocalError('BadTarget', 'somebody listens at this memory hub already')
    this.#accept = accept
    return () => {
      this.#accept = undefined
    }
  }

  /** The dialling end of a new connection. */
  dial(): Connected {
    if (this.#accept === undefined) throw new LocalError('BadTarget', 'nobody listens at this memory hub')
    const [near, far] = pipe(`memory:${this.#next++}`)
    this.#accept(far)
    return near
  }
}

/** Two ends of one connection. */
export function pipe(name: string): [Connected, Connected] {
  const near = new MemoryPort()
  const far = new MemoryPort()
  near.other = far
  far.other = near
  return [connectedBy(near, name), connectedBy(far, name)]
}

class MemoryPort implements StreamPort {
  events: PortEvents | undefined
  other: MemoryPort | undefined
  /** Bytes on their way to this end. */
  readonly #inbox: Uint8Array[] = []
  #isPaused = true
  #isScheduled = false
  #hasEnded = false
  #sawEnd = false
  #isDone = false
  /** Written and not read by the other end. */
  pending = 0

  write(chunk: Uint8Array): void {
    const { other } = this
    if (this.#isDone || other === undefined || other.#isDone) {
      process.nextTick(() => this.events?.written())
      return
    }
    this.pending += chunk.length
    other.#inbox.push(copyOf(chunk))
    other.#schedule()
  }

  end(): void {
    this.#hasEnded = true
    if (this.other !== undefined) this.other.#schedule()
  }

  destroy(): void {
    this.#finish('closed')
    if (this.other !== undefined) this.other.#finishLater('ECONNRESET')
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isPaused) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    const { other } = this
    if (other === undefined) return
    while (!this.#isPaused && !this.#isDone) {
      const chunk = this.#inbox.shift()
      if (chunk === undefined) break
      this.events?.data(chunk)
      other.pending -= chunk.length
      other.events?.written()
    }
    if (this.#isDone || this.#inbox.length > 0 || !other.#hasEnded) return
    if (!this.#sawEnd) {
      this.#sawEnd = true
      this.events?.ended()
    }
    if (!this.#hasEnded) return
    this.#finish('closed')
    other.#finishLater('closed')
  }

  #finishLater(reason: string): void {
    // What is on its way arrives first.
    setImmediate(() => {
      this.#deliver()
      this.#finish(reason)
    })
  }

  #finish(reason: string): void {
    if (this.#isDone) return
    this.#isDone = true
    this.events?.closed(reason)
  }
}
