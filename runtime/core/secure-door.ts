// Where strangers knock, at the side that serves: the first message of a handshake is looked at in the order in which it
// costs least. Known attempts get the answer that they got; without a right cookie nothing is kept and a challenge goes
// back, shorter than the question; only then limits and a Diffie-Hellman.

import { attemptKey, EndedAttempts } from '../guard/attempts.ts'
import { CookieJar } from '../guard/cookie.ts'
import type { Reader } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { CookieDescriptor } from './handshake-descriptor.ts'
import { HandshakeScope, peerOf } from './key-scope.ts'
import type { Address, Instant } from './machine.ts'
import { type Plain, roundTrip } from './recast.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecureHost } from './secure-host.ts'
import { Responder } from './secure-responder.ts'

export interface DoorParts {
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
  readonly #jar: CookieJar | undefined
  /** Connections by the attempt that began them, and attempts that are over. */
  readonly #known = new Map<string, SecureConnection>()
  readonly #ended = new EndedAttempts()

  constructor(host: SecureHost, parts: DoorParts) {
    const { shared } = host
    this.#host = host
    this.#parts = parts
    this.#jar = jarOf(host)
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
    const known = this.#known.get(key)
    if (known !== undefined) {
      this.#again(now, known, noise)
      return
    }
    if (this.#ended.has(key, now)) return
    if (script.cookie !== undefined && !this.#showsCookie(now, peer, frame, script.cookie, id)) return
    const connection = this.#parts.admit(now, peer)
    if (connection === undefined) return
    this.#host.shared.meter.count('handshake.begin')
    if (connection.answer(now, frame, noise, id)) {
      connection.attempt = key
      this.#known.set(key, connection)
      this.#host.changed(connection)
      return
    }
    this.#host.shared.meter.count('handshake.failed', 'HandshakeFailed')
    this.#parts.turnAway(connection)
  }

  /** The connection is over, or open for so long that its first packet can come no more. */
  left({ attempt }: SecureConnection, now: Instant): void {
    if (attempt !== undefined && this.#known.delete(attempt)) this.#ended.add(attempt, now)
  }

  /** Cookies are void. */
  destroy(): void {
    this.#jar?.destroy()
  }

  #again(now: Instant, known: SecureConnection, noise: Uint8Array): void {
    if (!(known.handshake instanceof Responder)) return
    const { first } = known.handshake
    if (first !== undefined && first.length === noise.length && first.every((byte, at) => byte === noise[at]))
      known.handshake.again(now)
  }

  #showsCookie(now: Instant, peer: Address, frame: Reader, cookie: CookieDescriptor, id: number): boolean {
    const jar = this.#jar as CookieJar
    if (cookie.when === 'under_load' && !this.#parts.isLoaded()) return true
    this.#scope.peer = peerOf(peer)
    this.#scope.frames[frame.frameName] = frame.toObject()
    const over = cookie.over(this.#scope)
    const shown = cookie.echo?.field.get(frame)
    if (shown instanceof Uint8Array && jar.accepts(now, over, shown)) return true
    this.#host.shared.meter.count('handshake.challenge')
    const value: Plain = {}
    cookie.challenge.field.set(value, jar.issue(now, over))
    this.#host.sendClear(peer, cookie.challenge.frame, value, id)
    return false
  }
}

/** A cookie has as many bytes as its field takes. */
function jarOf({ shared, secure, cookieSecret }: SecureHost): CookieJar | undefined {
  const { cookie, ids } = secure.script
  if (cookie === undefined) return undefined
  const size = COOKIE_SIZES.find(one => {
    const value: Plain = {}
    ids?.field.set(value, 1)
    cookie.challenge.field.set(value, new Uint8Array(one))
    return roundTrip(shared.plan.protocol.codec(), cookie.challenge.frame, value) !== undefined
  })
  if (size === undefined) throw new LocalError('NotBuilt', `${cookie.challenge.frame} takes no cookie of 8 to 32 bytes`)
  const { mac, slot, rotate } = cookie
  return new CookieJar({ mac, slot, rotate, size, secret: cookieSecret ?? (() => shared.random(32)) })
}

const COOKIE_SIZES = [16, 32, 8, 12, 20, 24, 28]
