// What `proto bench` measures on an open connection to an echo: one message there and back at a time, several on their
// way, and one way as fast as they are taken. A message that comes back makes room for the next in the same turn.

import type { Connection } from '../../runtime/index.ts'
import { RoundTrips } from './rtt.ts'

export interface Rate {
  readonly messages: number
  readonly seconds: number
}

export class BenchLoad {
  readonly #connection: Connection
  readonly #frame: string
  readonly #value: Record<string, unknown>
  readonly #options: { readonly channel?: string }
  #onBack: () => void = () => {}

  constructor(connection: Connection, frame: string, value: Record<string, unknown>, channel: string | undefined) {
    this.#connection = connection
    this.#frame = frame
    this.#value = value
    this.#options = channel === undefined ? {} : { channel }
  }

  /** To be told of every frame that arrives. */
  arrived(frame: string): void {
    if (frame === this.#frame) this.#onBack()
  }

  /** One at a time. What does not come back within a second is counted as lost and sent again. */
  async trips(count: number, warmUp: number): Promise<{ readonly times: RoundTrips; readonly lost: number }> {
    const times = new RoundTrips()
    let left = count + warmUp
    let lost = 0
    let at = 0
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        at = performance.now()
        this.#send().catch(reject)
      }
      const watch = setInterval(() => {
        if (performance.now() - at < 1000) return
        lost++
        next()
      }, 250)
      this.#ended.then(reject)
      this.#onBack = () => {
        if (left <= count) times.add((performance.now() - at) * 1000)
        if (--left > 0) next()
        else {
          clearInterval(watch)
          this.#onBack = () => {}
          resolve()
        }
      }
      next()
    })
    return { times, lost }
  }

  /** `window` messages on their way, for so many messages. */
  async windowed(count: number, window: number): Promise<Rate> {
    const start = performance.now()
    let sent = 0
    let back = 0
    await new Promise<void>((resolve, reject) => {
      const next = (): void => {
        sent++
        this.#send().catch(reject)
      }
      let seen = -1
      const watch = setInterval(() => {
        // What is lost on the way is not waited for.
        if (seen === back) for (let i = 0; i < Math.min(window, count - back); i++) next()
        seen = back
      }, 500)
      this.#ended.then(reject)
      this.#onBack = () => {
        if (++back >= count) {
          clearInterval(watch)
          this.#onBack = () => {}
          resolve()
        } else if (sent < count) next()
      }
      for (let i = 0; i < Math.min(window, count); i++) next()
    })
    return { messages: back, seconds: (performance.now() - start) / 1000 }
  }

  /** One way; `received` asks the other side how many frames it has. */
  async oneWay(count: number, received: () => Promise<number>): Promise<Rate & { readonly delivered: number }> {
    const before = await received()
    const start = performance.now()
    for (let i = 0; i < count; i++) {
      const taken = this.#send()
      if (i % 64 === 63) await taken
    }
    let frames = await received()
    let at = performance.now()
    for (let quiet = 0; frames - before < count && quiet < 20; quiet++) {
      await new Promise(resolve => setTimeout(resolve, 10))
      const now = await received()
      if (now === frames) continue
      quiet = 0
      frames = now
      at = performance.now()
    }
    return { messages: count, seconds: (at - start) / 1000, delivered: Math.min(count, frames - before) }
  }

  #send(): Promise<void> {
    return this.#connection.send(this.#frame as never, this.#value as never, this.#options as never)
  }

  get #ended(): Promise<Error> {
    return this.#connection.closed.then(({ error, reason }) => error ?? new Error(`the connection ended: ${reason}`))
  }
}
