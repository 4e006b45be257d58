// Where the packets of a connection go (docs/language, `rebind`): the rules are those of runtime/guard/path.ts; here a new
// address is asked to show that it receives, and what was measured on the old path is forgotten.

import { Path } from '../guard/path.ts'
import { type Address, type Instant, instant, NEVER } from './machine.ts'
import type { Plain } from './recast.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecureHost } from './secure-host.ts'

export class SecurePath {
  /** The present address has not shown yet that it receives. */
  isProbing = false
  readonly #connection: SecureConnection
  readonly #host: SecureHost
  /** Made when something came from another address. */
  #known: Path | undefined
  /** When it is asked again. */
  #challengeAt: Instant = NEVER
  /** The token of a probe that measures, and when it was sent. */
  #measuring: bigint | undefined
  #measuredFrom: Instant = NEVER

  constructor(connection: SecureConnection, host: SecureHost) {
    this.#connection = connection
    this.#host = host
  }

  get deadline(): number {
    return this.#known === undefined ? NEVER : Math.min(this.#challengeAt, this.#known.deadline)
  }

  /** Whether so many bytes may go to the present address now. */
  takes(bytes: number): boolean {
    return !this.isProbing || this.#path.allowance >= bytes
  }

  sent(bytes: number): void {
    if (this.isProbing) this.#path.sent(bytes)
  }

  /** A sealed packet opened that came from another address, or while an address is being looked into. */
  opened(now: Instant, peer: Address, size: number, isNewest: boolean): void {
    if (this.#path.opened(now, peer, size, isNewest, this.#connection.patience) !== 'none') this.#moved(now)
  }

  /** A probe is on its way. */
  get isAsking(): boolean {
    return this.isProbing || this.#measuring !== undefined
  }

  /** Sends a probe to learn how long it takes: who answers it must have got it. */
  measure(now: Instant): void {
    const wasLost = now - this.#measuredFrom > this.#connection.patience
    if (this.isProbing || (this.#measuring !== undefined && !wasLost)) return
    this.#measuring = this.#draw()
    this.#measuredFrom = now
    this.#probe(this.#measuring)
  }

  /** A probe came back. */
  answered(now: Instant, token: unknown): void {
    if (typeof token !== 'bigint' && typeof token !== 'number') return
    if (BigInt(token) === this.#measuring) {
      this.#measuring = undefined
      this.#connection.session?.channels?.proved(now - this.#measuredFrom)
    }
    if (!this.#path.answered(BigInt(token))) return
    this.isProbing = false
    this.#challengeAt = NEVER
    const { session } = this.#connection
    session?.channels?.pump(now)
    session?.drained()
  }

  wake(now: Instant): void {
    if (this.#known === undefined) return
    if (this.#path.expire(now)) this.#moved(now)
    else if (now >= this.#challengeAt) this.#challenge(now)
  }

  get #path(): Path {
    const { address } = this.#connection
    this.#known ??= new Path({ rebind: this.#host.secure.seal.rebind, address, isValidated: true })
    return this.#known
  }

  #moved(now: Instant): void {
    const connection = this.#connection
    const { session } = connection
    connection.address = this.#path.address
    this.isProbing = !this.#path.isValidated
    if (session !== undefined) session.address = connection.address
    session?.channels?.moved()
    this.#host.shared.meter.count('path.moved')
    this.#challengeAt = NEVER
    this.#measuring = undefined
    if (this.isProbing) this.#challenge(now)
    this.#host.changed(connection)
  }

  /** Asks the present address to show that it receives: 64 random bits that must come back sealed. */
  #challenge(now: Instant): void {
    if (this.#host.secure.probe === undefined || this.#path.isValidated) return
    this.#challengeAt = instant(now + this.#connection.patience)
    const token = this.#draw()
    if (this.#probe(token)) this.#path.challenge(token)
  }

  #draw(): bigint {
    return this.#connection.random(8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  }

  /** False: so much may not go to this address. */
  #probe(token: bigint): boolean {
    const connection = this.#connection
    const { probe } = this.#host.secure
    if (probe === undefined) return false
    const value: Plain = {}
    probe.field.set(value, token)
    const size = this.#host.codecOf(connection).sizeOf(probe.frame.name, value)
    if (!this.takes(size)) return false
    this.#host.write(connection, probe.frame, value, size)
    this.sent(size)
    return true
  }
}
