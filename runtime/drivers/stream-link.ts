// Drives a stream connection over a port: a socket, a TLS socket, or memory.

import type { PeerError } from '../core/errors.ts'
import type { StreamMachine } from '../core/machine.ts'
import type { StreamConnection } from '../core/stream.ts'
import { loop } from './loop.ts'
import { TurnLink } from './turn.ts'

/** One end of a transport of ordered bytes. It calls the `PortEvents` it is given. */
export interface StreamPort {
  /** Writes; calls `written` once for each chunk, in order, when its memory is free again. */
  write(chunk: Uint8Array): void
  /** Bytes that were written and are not gone. */
  readonly pending: number
  /** No more will be written. */
  end(): void
  destroy(): void
  pause(): void
  resume(): void
}

export interface PortEvents {
  /** True: the memory is still in use, and must be left alone. */
  data(chunk: Uint8Array): boolean
  written(): void
  ended(): void
  /** It is over, both ways. `error`: where more is known than the reason. */
  closed(reason: string, error?: PeerError): void
}

/** A machine that says how much it has to send, and is told while the transport takes nothing. */
export interface LinkedStream extends StreamMachine {
  isBlocked: boolean
  /** Bytes that wait to be taken. */
  readonly queued: number
}

export class StreamLink<C extends LinkedStream = StreamConnection> extends TurnLink implements PortEvents {
  readonly connection: C
  readonly #port: StreamPort
  /** Chunk that the kernel has not taken whole. */
  #stuck: Uint8Array | undefined
  /** Chunks that the kernel took at once, and whose `written` is still to come. */
  #taken = 0
  #isPaused = false
  #isEnded = false
  #isOver = false

  constructor(connection: C, port: (events: PortEvents) => StreamPort) {
    super()
    this.connection = connection
    this.#port = port(this)
  }

  /** The transport is open. */
  open(): void {
    this.isInside = true
    this.connection.start(loop.now())
    this.isInside = false
    this.settle()
  }

  get queued(): number {
    return this.connection.queued
  }

  data(chunk: Uint8Array): boolean {
    this.isInside = true
    const kept = this.connection.receive(loop.now(), chunk)
    this.isInside = false
    this.settle()
    return kept
  }

  written(): void {
    if (this.#taken > 0) this.#taken--
    else if (this.#stuck !== undefined) {
      const chunk = this.#stuck
      this.#stuck = undefined
      this.connection.release(chunk)
    }
    if (this.#port.pending > 0) return
    if (this.connection.isBlocked) {
      this.connection.isBlocked = false
      // Time has passed while nothing could be sent.
      this.connection.wake(loop.now())
      this.settle()
    } else if (this.connection.closing !== undefined) this.settle()
  }

  ended(): void {
    this.isInside = true
    this.connection.end(loop.now())
    this.isInside = false
    this.settle()
  }

  closed(reason: string, error?: PeerError): void {
    if (this.#isOver) return
    this.#isOver = true
    loop.disarm(this)
    this.connection.lost(loop.now(), reason, error)
  }

  wake(): void {
    this.connection.wake(loop.now())
    this.settle()
  }

  /** Takes the machine's output, and does what it asks for. */
  settle(): void {
    if (this.isInside || this.#isOver) return
    this.isInside = true
    this.#drain()
    this.isInside = false
    const { connection } = this
    if (connection.closing === 'now') {
      this.#port.destroy()
      return
    }
    if (connection.closing === 'after-flush' && !this.#isEnded && connection.queued === 0 && this.#port.pending === 0) {
      this.#isEnded = true
      this.#port.end()
    }
    if (connection.reading === this.#isPaused) {
      this.#isPaused = !connection.reading
      if (this.#isPaused) this.#port.pause()
      else this.#port.resume()
    }
    loop.arm(this, connection.deadline)
  }

  #drain(): void {
    const { connection } = this
    while (!connection.isBlocked) {
      const chunk = connection.transmit()
      if (chunk === undefined) return
      this.#port.write(chunk)
      if (this.#port.pending === 0) {
        // The kernel has all of it, so the memory can be used again at once.
        this.#taken++
        connection.release(chunk)
      } else {
        // What the kernel did not take stays with the socket; no more until it is gone.
        this.#stuck = chunk
        connection.isBlocked = true
      }
    }
  }
}
