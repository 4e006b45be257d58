// The object that an application holds for the other side of a connection.

import type { Ticket } from '../core/carrier.ts'
import { isPeerError, type PeerError, peerError } from '../core/errors.ts'
import type { Session } from '../core/session.ts'
import type { SendOptions } from '../core/typed.ts'
import { type Link, PRESSURE } from '../drivers/link.ts'

/** What went over one connection so far. */
export interface PeerStats {
  readonly framesIn: number
  readonly framesOut: number
  /** Bytes of frames, their framing included on the way in. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Milliseconds since it opened. */
  readonly age: number
}

export interface Ending {
  readonly reason: string
  readonly error: PeerError | undefined
}

export class LivePeer {
  readonly session: Session
  /** What drives it. */
  readonly link: Link
  isOpen = false
  /** Made when somebody waits: most of the peers of a server are never asked. */
  #opened: Waited<void> | undefined
  #closed: Waited<Ending> | undefined
  #ending: Ending | undefined

  constructor(session: Session, link: Link) {
    this.session = session
    this.link = link
  }

  /** Settles when it is open: after the handshake, and whatever the schema has a client do before. Rejects when it ends before. */
  get opened(): Promise<void> {
    if (this.#opened === undefined) {
      this.#opened = waited()
      // Whoever waits for it is told; nobody has to.
      this.#opened.promise.catch(() => {})
      if (this.isOpen) this.#opened.resolve()
      else if (this.#ending !== undefined) this.#opened.reject(this.#ending.error ?? neverOpened(this.#ending))
    }
    return this.#opened.promise
  }

  /** Settles when the connection is over, also when that was an error. */
  get closed(): Promise<Ending> {
    if (this.#closed === undefined) {
      this.#closed = waited()
      if (this.#ending !== undefined) this.#closed.resolve(this.#ending)
    }
    return this.#closed.promise
  }

  get address(): string {
    return this.session.address
  }

  get stats(): PeerStats {
    const { framesIn, framesOut, bytesIn, bytesOut, openedAt } = this.session
    return { framesIn, framesOut, bytesIn, bytesOut, age: this.link.now() - openedAt }
  }

  send(frame: string, value: object = NOTHING, options?: SendOptions): Promise<void> {
    let ticket: Ticket | undefined
    try {
      options?.signal?.throwIfAborted()
      ticket = this.session.send(this.link.now(), frame, value as Record<string, unknown>, options?.channel)
    } catch (error) {
      return failed(error, options?.signal)
    }
    if (this.link.queued >= PRESSURE) this.link.settle()
    else this.link.soon()
    return ticket === undefined ? TAKEN : (this.#settled(ticket, options?.signal) as Promise<undefined>)
  }

  request(frame: string, value: object = NOTHING, options?: SendOptions): Promise<Record<string, unknown>> {
    let ticket: Ticket
    try {
      options?.signal?.throwIfAborted()
      ticket = this.session.request(this.link.now(), frame, value as Record<string, unknown>, options?.channel)
    } catch (error) {
      return failed(error, options?.signal)
    }
    const settled = this.#settled(ticket, options?.signal) as Promise<Record<string, unknown>>
    this.link.promptly()
    return settled
  }

  async close(reason?: string): Promise<void> {
    this.session.close(this.link.now(), reason)
    this.link.soon()
    await this.closed
  }

  /** Ends it at once; what is queued is lost. */
  abort(reason = 'aborted', error?: PeerError): void {
    this.session.abort(reason, error)
    this.link.soon()
  }

  /** The application is done with the frame it was given, and replies where it is asked to. */
  done(reply?: { readonly value: unknown }): void {
    const now = this.link.now()
    if (reply !== undefined && this.session.phase !== 'over') this.session.reply(now, reply.value)
    this.session.done(now)
    this.link.soon()
  }

  /** It is open. */
  began(): void {
    this.isOpen = true
    this.#opened?.resolve()
  }

  ended(ending: Ending): void {
    this.#ending ??= ending
    if (!this.isOpen) this.#opened?.reject(ending.error ?? neverOpened(ending))
    this.#closed?.resolve(ending)
  }

  get now(): ReturnType<Link['now']> {
    return this.link.now()
  }

  #settled(ticket: Ticket, signal: AbortSignal | undefined): Promise<Record<string, unknown> | undefined> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.session.cancel(ticket)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      ticket.settle = (error, reply) => {
        signal?.removeEventListener('abort', onAbort)
        if (error === undefined) resolve(reply)
        else reject(error)
      }
    })
  }
}

/**
 * What peers and time do rejects; misuse is thrown at once. Nobody has to wait for a send, so a rejection that nobody
 * looks at is not an error of the program: the connection says by itself that it is over.
 */
function failed<R>(error: unknown, signal: AbortSignal | undefined): Promise<R> {
  if (!isPeerError(error) && !signal?.aborted) throw error
  const rejected = Promise.reject<R>(error)
  rejected.catch(() => {})
  return rejected
}

interface Waited<T> {
  readonly promise: Promise<T>
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
}

function waited<T>(): Waited<T> {
  let settle: Pick<Waited<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...(settle as unknown as Pick<Waited<T>, 'resolve' | 'reject'>) }
}

function neverOpened({ reason }: Ending): PeerError {
  return peerError('Closed', `the connection was closed (${reason})`)
}

const TAKEN: Promise<void> = Promise.resolve()
const NOTHING = {}
