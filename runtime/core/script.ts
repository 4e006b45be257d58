// Handshakes read from top to bottom: a script is a generator that sends and receives, and a ScriptMachine runs it
// without promises, clock or sockets. Rule of the house: scripts for handshakes, tables for lifetimes, classes for
// reliability.

import { PeerError, peerError } from './errors.ts'
import { type Borrowed, type Instant, instant, NEVER } from './machine.ts'

/** What a script may ask for. Nothing else can happen inside one. */
export type Step = { readonly send: Uint8Array } | { readonly within: number }

/** A handshake: yields steps, is given the message that arrived or undefined for none in time, returns its result. */
export type Script<R> = Generator<Step, R, Borrowed | undefined>

/** Sends a message. The bytes must not change any more. */
export function* send(bytes: Uint8Array): Script<void> {
  yield { send: bytes }
}

/**
 * Waits for the next message, at most `within` milliseconds. It is borrowed until the next `yield*`.
 * Throws PeerError Timeout into the script, which may catch it to try again.
 */
export function* receive(within: number): Script<Borrowed> {
  const message = yield { within }
  if (message === undefined) throw peerError('Timeout', `no answer within ${within} ms`)
  return message
}

/** A script refuses what the peer sent: `fail('HandshakeFailed', ..)` ends it. */
export function fail(message: string): never {
  throw peerError('HandshakeFailed', message, { fatal: true })
}

export type ScriptOutcome<R> =
  | { readonly kind: 'done'; readonly result: R }
  | { readonly kind: 'failed'; readonly error: PeerError }

/**
 * Runs a script. Whole messages go in (framing is somebody else's), messages to send come out of `transmit`.
 * An error of the script that is no PeerError is a bug or an attack on one (a curve point that is none): it ends the
 * handshake as HandshakeFailed and never leaves the machine.
 */
export class ScriptMachine<R> {
  readonly #script: Script<R>
  readonly #out: Uint8Array[] = []
  #deadline: Instant = NEVER
  #outcome: ScriptOutcome<R> | undefined

  constructor(script: Script<R>) {
    this.#script = script
  }

  /** How it ended; undefined while it runs. */
  get outcome(): ScriptOutcome<R> | undefined {
    return this.#outcome
  }

  get deadline(): Instant {
    return this.#deadline
  }

  /** Runs up to the first wait. First input, once. */
  start(now: Instant): void {
    this.#advance(now, undefined)
  }

  /** A message arrived. Returns false when the script is over: the bytes belong to whatever follows. */
  receive(now: Instant, message: Borrowed): boolean {
    if (this.#outcome !== undefined) return false
    this.#advance(now, message)
    return true
  }

  wake(now: Instant): void {
    if (this.#outcome === undefined && this.#deadline <= now) this.#advance(now, undefined)
  }

  /** The next message to send, or undefined. */
  transmit(): Uint8Array | undefined {
    return this.#out.shift()
  }

  #advance(now: Instant, input: Borrowed | undefined): void {
    this.#deadline = NEVER
    try {
      for (let turn = this.#script.next(input); ; turn = this.#script.next(undefined)) {
        if (turn.done) {
          this.#outcome = { kind: 'done', result: turn.value }
          return
        }
        if ('within' in turn.value) {
          this.#deadline = instant(now + turn.value.within)
          return
        }
        this.#out.push(turn.value.send)
      }
    } catch (error) {
      this.#outcome = { kind: 'failed', error: asPeerError(error) }
    }
  }
}

function asPeerError(error: unknown): PeerError {
  if (error instanceof PeerError) return error
  return peerError('HandshakeFailed', error instanceof Error ? error.message : undefined, { fatal: true })
}
