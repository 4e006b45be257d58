// The handshake of one stream connection: from the first byte to the keys of the session. It reads whole messages out of
// chunks of any size, keeps what is not whole, and says where the session's bytes begin.

import type { CryptoProvider } from '../crypto/provider.ts'
import type { Context, Reader } from '../wire/codec.ts'
import { Malformed } from '../wire/codec.ts'
import { LocalError, PeerError, peerError, refused } from './errors.ts'
import type { HandshakeScript } from './handshake-descriptor.ts'
import type { Exchange, ExchangeHost } from './handshake-exchange.ts'
import { NoiseExchange, type NoiseOutcome } from './handshake-noise.ts'
import { HandshakeScope } from './handshake-scope.ts'
import { StepsExchange } from './handshake-steps.ts'
import { Inbox } from './inbox.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Session } from './session.ts'

/** What a handshake leaves behind. */
export interface Secured {
  readonly noise: NoiseOutcome | undefined
  /** The key schedule, by name. */
  readonly keys: Readonly<Record<string, Uint8Array>>
  /** Frames that went by, either way, as plain values. */
  readonly frames: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Those of the peer. */
  readonly received: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface StreamHandshakeOptions {
  readonly script: HandshakeScript
  /** Milliseconds. */
  readonly timeout: number
  readonly plan: Plan
  readonly context: Context
  readonly crypto: CryptoProvider
  readonly payloads: Readonly<Record<string, object>>
  /** Takes framed bytes to send. */
  readonly send: (bytes: Uint8Array) => void
  /** A frame of the handshake went by. */
  readonly passed: (frame: FramePlan, reader: Reader) => void
}

/** The handshake of a session on a stream; undefined where its schema has none. `send` takes framed bytes. */
export function handshakeOf(session: Session, send: (bytes: Uint8Array) => void): StreamHandshake | undefined {
  const { plan, shared, context } = session
  const { handshake, limits } = plan.protocol
  if (handshake?.script === undefined) return undefined
  return new StreamHandshake({
    script: handshake.script,
    timeout: Math.min(handshake.timeout, limits.handshake),
    plan,
    context,
    crypto: shared.crypto,
    payloads: shared.payloads,
    send,
    passed: (frame, reader) => session.passed(session.now, frame, reader),
  })
}

export class StreamHandshake implements ExchangeHost {
  /** When it has lasted too long. */
  deadline: Instant = NEVER
  /** How it ended; undefined while it runs. */
  outcome: Secured | PeerError | undefined
  readonly #options: StreamHandshakeOptions
  readonly #scope: HandshakeScope
  readonly #noise: NoiseExchange | undefined
  /** One after the other. */
  readonly #exchanges: Exchange[]
  readonly #inbox = new Inbox()

  constructor(options: StreamHandshakeOptions) {
    const { script, plan, context, crypto, payloads } = options
    this.#options = options
    this.#scope = new HandshakeScope({
      context,
      curve: crypto.curve('25519'),
      secrets: script.secrets,
      owners: [...plan.role.is, plan.side === 'dials' ? 'dialer' : 'acceptor'],
      acceptZero: script.acceptZero,
    })
    const parts = { script, plan, context, scope: this.#scope, host: this }
    this.#noise = script.noise && new NoiseExchange({ ...parts, noise: script.noise, crypto, payloads })
    const steps = script.steps.length > 0 ? new StepsExchange(parts) : undefined
    this.#exchanges = [this.#noise, steps].filter(one => one !== undefined)
  }

  /** The transport is open. First input, once. */
  start(now: Instant): void {
    this.deadline = instant(now + this.#options.timeout)
    this.#guard(() => this.#proceed(), true)
  }

  /** Bytes arrived. Returns where in them the session's begin; all of them were the handshake's otherwise. */
  receive(chunk: Uint8Array): number {
    const inbox = this.#inbox
    let at = chunk.length
    this.#guard(() => {
      inbox.append(chunk, 0, chunk.length, MOST)
      const { length } = inbox
      let read = 0
      while (this.outcome === undefined) {
        const [exchange] = this.#exchanges
        const next = exchange?.read(inbox.bytes, read, inbox.length) ?? read
        if (next === read) break
        read = next
        this.#proceed()
      }
      // What was here before was not enough for a message, so all that is behind the last one stands in the chunk.
      at = chunk.length - (length - read)
      if (this.outcome === undefined) {
        inbox.drop(read)
        if (inbox.length > MOST) throw peerError('LimitExceeded', 'a message of the handshake is too long', FATAL)
        at = chunk.length
      } else inbox.clear()
    })
    if (at === chunk.length || this.#options.script.remainder === 'keep') return at
    if (this.#options.script.remainder === 'reject')
      this.#end(peerError('HandshakeFailed', 'bytes stand behind the last message of the handshake', FATAL))
    return chunk.length
  }

  /** The peer sends no more. */
  ended(): void {
    this.#end(peerError('HandshakeFailed', 'the peer ended the connection inside the handshake', FATAL))
  }

  wake(now: Instant): void {
    if (now >= this.deadline)
      this.#end(peerError('Timeout', `the handshake was not over within ${this.#options.timeout} ms`, FATAL))
  }

  /** Gives up; harmless when it is over. */
  destroy(): void {
    this.#scope.wipe()
    this.#noise?.destroy()
    this.#inbox.clear()
  }

  /** Bytes that are held of a message that is not whole. */
  get held(): number {
    return this.#inbox.bytes.length
  }

  // ------------------------------------------------------------------------------------------ for exchanges

  send(bytes: Uint8Array): void {
    this.#options.send(bytes)
  }

  passed(frame: string, reader: Reader): void {
    const plan = this.#options.plan.byName.get(frame)
    if (plan !== undefined) this.#options.passed(plan, reader)
  }

  // -------------------------------------------------------------------------------------------------- the rest

  #proceed(): void {
    for (let [exchange] = this.#exchanges; exchange !== undefined; [exchange] = this.#exchanges) {
      exchange.proceed()
      if (!exchange.isDone) return
      this.#exchanges.shift()
    }
    const noise = this.#noise?.finish()
    const { key, frames, received } = this.#scope
    for (const { name, value } of this.#options.script.keys) key[name] = value(this.#scope)
    this.#end({ noise, keys: key, frames, received })
  }

  /** An error that is none of ours is an attack on a handshake (a point that is none): it ends as HandshakeFailed. */
  #guard(run: () => void, isFirst = false): void {
    if (this.outcome !== undefined) return
    try {
      run()
    } catch (error) {
      // Before anything has arrived it can only be a mistake of the caller: a key of the wrong length, a missing param.
      if (isFirst && !(error instanceof PeerError)) throw error
      if (error instanceof Malformed) this.#end(refused(error, this.#options.plan.protocol.errors, true))
      else if (error instanceof PeerError) this.#end(error)
      else this.#end(peerError('HandshakeFailed', error instanceof LocalError ? error.message : undefined, FATAL))
    }
  }

  #end(outcome: Secured | PeerError): void {
    if (this.outcome !== undefined && !(outcome instanceof PeerError)) return
    this.outcome = outcome
    this.deadline = NEVER
    this.destroy()
  }
}

const FATAL = { fatal: true }
/** The longest message: Noise says 65535 bytes, and a frame may hold one. */
const MOST = 128 * 1024
