// Where strangers knock, at the side that serves: the first message of a handshake is looked at in the order in which it
// costs least. Known attempts get the answer that they got; without a right cookie nothing is kept and a challenge goes
// back, shorter than the question; only then limits and a Diffie-Hellman.

import type { Reader } from '../wire/codec.ts'
import type { CookieDescriptor } from './handshake-descriptor.ts'
import { HandshakeScope, peerOf } from './key-scope.ts'
import type { Address, Instant } from './machine.ts'
import type { Plain } from './recast.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecureHost } from './secure-host.ts'
import { Responder } from './secure-responder.ts'

/** Makes and checks cookies: a MAC over a time slot and what the schema covers. */
export interface Cookies {
  challenge(now: Instant, over: Uint8Array): Uint8Array
  isValid(now: Instant, cookie: Uint8Array, over: Uint8Array): boolean
}

/** Remembers who knocked: by the address and the beginning of the first message. */
export interface Attempts {
  get(now: Instant, key: string): SecureConnection | 'over' | undefined
  begin(key: string, connection: SecureConnection): void
  end(now: Instant, key: string): void
}

export interface DoorParts {
  readonly cookies: Cookies
  readonly attempts: Attempts
  /** Half-open connections; decides whether cookies are asked for where the schema says `under_load`. */
  readonly isLoaded: () => boolean
  /** A new half-open connection, or undefined where limits stand against it. */
  readonly admit: (now: Instant, peer: Address) => SecureConnection | undefined
  /** It came to nothing. */
  readonly turnAway: (connection: SecureConnection) => void
}

export class SecureDoor {
  readonly #host: SecureHost
  readonly #parts: DoorParts
  readonly #scope: HandshakeScope

  constructor(host: SecureHost, parts: DoorParts) {
    const { shared } = host
    this.#host = host
    this.#parts = parts
    this.#scope = new HandshakeScope({
      params: shared.params,
      session: {},
      peer: '0.0.0.0:0',
      random: shared.random,
      now: () => Math.floor(shared.epoch + host.now),
    })
  }

  /** The first message of a handshake arrived. */
  knock(now: Instant, peer: Address, frame: Reader): void {
    const { script, timeout } = this.#host.secure
    const noise = script.noise?.messages[0]?.field.get(frame)
    if (!(noise instanceof Uint8Array) || timeout <= 0) return
    const id = script.ids === undefined ? 0 : Number(script.ids.field.get(frame))
    const key = attemptKey(peer, noise)
    const known = this.#parts.attempts.get(now, key)
    if (known !== undefined) {
      this.#again(known, noise)
      return
    }
    if (script.cookie !== undefined && !this.#showsCookie(now, peer, frame, script.cookie, id)) return
    const connection = this.#parts.admit(now, peer)
    if (connection === undefined) return
    this.#host.shared.meter.count('handshake.begin')
    if (connection.answer(now, frame, noise, id)) {
      connection.attempt = key
      this.#parts.attempts.begin(key, connection)
      return
    }
    this.#host.shared.meter.count('handshake.failed', 'HandshakeFailed')
    this.#parts.turnAway(connection)
  }

  #again(known: SecureConnection | 'over', noise: Uint8Array): void {
    if (known === 'over' || !(known.handshake instanceof Responder)) return
    const { first } = known.handshake
    if (first !== undefined && first.length === noise.length && first.every((byte, at) => byte === noise[at]))
      known.handshake.again()
  }

  #showsCookie(now: Instant, peer: Address, frame: Reader, cookie: CookieDescriptor, id: number): boolean {
    const { cookies, isLoaded } = this.#parts
    if (cookie.when === 'under_load' && !isLoaded()) return true
    this.#scope.peer = peerOf(peer)
    this.#scope.frames[frame.frameName] = frame.toObject()
    const over = cookie.over(this.#scope)
    const shown = cookie.echo?.field.get(frame)
    if (shown instanceof Uint8Array && cookies.isValid(now, shown, over)) return true
    this.#host.shared.meter.count('handshake.challenge')
    const value: Plain = {}
    cookie.challenge.field.set(value, cookies.challenge(now, over))
    this.#host.sendClear(peer, cookie.challenge.frame, value, id)
    return false
  }
}

/** The ephemeral key stands at the beginning of the message, in the clear. */
function attemptKey(peer: Address, noise: Uint8Array): string {
  let key = `${peer}|`
  for (let i = 0; i < 16 && i < noise.length; i++) key += String.fromCharCode(noise[i] as number)
  return key
}
