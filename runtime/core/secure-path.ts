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

  /** A probe came back. */
  answered(now: Instant, token: unknown): void {
    if (typeof token !== 'bigint' && typeof token !== 'number') return
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
    if (this.isProbing) this.#challenge(now)
    this.#host.changed(connection)
  }

  /** Asks the present address to show that it receives: 64 random bits that must come back sealed. */
  #challenge(now: Instant): void {
    const connection = this.#connection
    const { probe } = this.#host.secure
    if (probe === undefined || this.#path.isValidated) return
    this.#challengeAt = instant(now + connection.patience)
    const token = connection.random(8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
    const value: Plain = {}
    probe.field.set(value, token)
    const size = this.#host.codecOf(connection).sizeOf(probe.frame.name, value)
    if (!this.takes(size)) return
    this.#path.challenge(token)
    this.#host.write(connection, probe.frame, value, size)
    this.sent(size)
  }
}
