// Waiting for a socket to be there: until it is connected, it failed, it took too long, or nobody wants it any more.

import type { Socket } from 'node:net'
import { peerError } from '../core/errors.ts'
import { NEVER } from '../core/machine.ts'
import { loop, type Woken } from './loop.ts'
import { own, ownerOf, type SocketOwner } from './socket-port.ts'
import { unreachable } from './transport.ts'

/**
 * Settles when the socket has told of `event`. Rejects with PeerError Unreachable or Timeout, or with the reason of the
 * signal; the socket is destroyed then. `timeout` in milliseconds.
 */
export function opened(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  name: string,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Opening({ socket, name, timeout, signal, resolve, reject }).start(event)
  })
}

interface OpeningOptions {
  readonly socket: Socket
  readonly name: string
  readonly timeout: number
  readonly signal: AbortSignal | undefined
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** One object that is told of everything: nodes may dial many thousands in a second. */
class Opening implements SocketOwner, Woken {
  at: number = NEVER
  place = -1
  readonly #options: OpeningOptions
  #due = Infinity
  #isOver = false

  constructor(options: OpeningOptions) {
    this.#options = options
  }

  start(event: string): void {
    const { socket, timeout, signal } = this.#options
    own(socket, this)
    socket.on(event, onOpened)
    signal?.addEventListener('abort', this)
    if (timeout === Infinity) return
    this.#due = loop.now() + timeout
    loop.arm(this, this.#due)
  }

  opened(): void {
    if (this.#leave()) this.#options.resolve()
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#fail(unreachable(error, this.#options.name))
  }

  ended(): void {}

  closed(): void {
    this.#fail(peerError('Unreachable', `${this.#options.name} closed the connection`))
  }

  /** The signal aborted. */
  handleEvent(): void {
    this.#fail(this.#options.signal?.reason)
  }

  wake(): void {
    const { name, timeout } = this.#options
    if (loop.now() < this.#due) loop.arm(this, this.#due)
    else this.#fail(peerError('Timeout', `${name} did not answer within ${timeout} ms`))
  }

  #fail(error: unknown): void {
    if (!this.#leave()) return
    this.#options.socket.destroy()
    this.#options.reject(error)
  }

  /** False: it was over before. */
  #leave(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    loop.disarm(this)
    this.#options.signal?.removeEventListener('abort', this)
    return true
  }
}

function onOpened(this: Socket): void {
  const owner = ownerOf(this)
  if (owner instanceof Opening) owner.opened()
}
