// Where the packets of a connection go (docs/language, `rebind`; QUIC RFC 9000 sections 8 and 9): a new address is followed
// only for a packet that opened and is newer than all before, and until it has proved that it receives, no more than
// three times as many bytes are sent there as came from there.

import { LocalError } from '../core/errors.ts'
import type { Address } from '../core/machine.ts'

/** What a packet that opened says about the path. */
export type PathChange =
  /** It came the usual way, or from elsewhere without consequence. */
  | 'none'
  /** The address changed: prove it, and measure anew. */
  | 'moved'
  /** The old address carried a newer packet: the change is undone. */
  | 'returned'

export interface PathOptions {
  readonly rebind: 'never' | 'validated' | 'authenticated'
  readonly address: Address
  /** Whether the address has proved itself already: by a cookie, or as that of a TLS connection. */
  readonly isValidated: boolean
}

export class Path {
  address: Address
  isValidated: boolean
  readonly #rebind: PathOptions['rebind']
  #received = 0
  #sent = 0
  #changedAt = Number.NEGATIVE_INFINITY
  /** The last address that proved itself, while the present one has not. */
  #proven: Address | undefined
  /** When to go back there. */
  #until = Number.POSITIVE_INFINITY
  /** Tokens under way to the present address, newest last. */
  readonly #tokens: bigint[] = []

  constructor({ rebind, address, isValidated }: PathOptions) {
    this.#rebind = rebind
    this.address = address
    this.isValidated = isValidated
  }

  /** When `expire` has something to do. */
  get deadline(): number {
    return this.#until
  }

  /** Bytes that may be sent to the present address now. */
  get allowance(): number {
    return this.isValidated ? Number.POSITIVE_INFINITY : AMPLIFICATION * this.#received - this.#sent
  }

  /** Bytes went to the present address. */
  sent(bytes: number): void {
    if (!this.isValidated) this.#sent += bytes
  }

  /** A packet opened. `isNewest`: no higher number had opened before. `rto`: of the old path, milliseconds. */
  opened(now: number, from: Address, bytes: number, isNewest: boolean, rto: number): PathChange {
    if (from === this.address) {
      if (!this.isValidated) this.#received += bytes
      return 'none'
    }
    if (!isNewest || this.#rebind === 'never') return 'none'
    if (from === this.#proven) {
      this.#follow(from, true)
      return 'returned'
    }
    if (now - this.#changedAt < CHANGE_EVERY) return 'none'
    this.#changedAt = now
    if (this.#rebind === 'authenticated') {
      this.#follow(from, true)
      return 'moved'
    }
    const proven = this.isValidated ? this.address : this.#proven
    // Whoever moves again and again gains no time.
    const until = this.isValidated ? now + KEEP_RTOS * rto : this.#until
    this.#follow(from, false)
    this.#proven = proven
    this.#until = until
    this.#received = bytes
    return 'moved'
  }

  /** A token of 64 random bits goes to the present address, sealed. Again after every RTO while `isValidated` is false. */
  challenge(token: bigint): void {
    if (this.isValidated) throw new LocalError('WrongState', 'the path needs no proof')
    this.#tokens.push(token)
    if (this.#tokens.length > MOST_TOKENS) this.#tokens.shift()
  }

  /** A token came back, sealed. True when it proves the present address. */
  answered(token: bigint): boolean {
    if (this.isValidated || !this.#tokens.includes(token)) return false
    this.#follow(this.address, true)
    return true
  }

  /** True when the new address did not prove itself in time: the old one is in use again. */
  expire(now: number): boolean {
    if (now < this.#until || this.#proven === undefined) return false
    this.#follow(this.#proven, true)
    return true
  }

  #follow(address: Address, isValidated: boolean): void {
    this.address = address
    this.isValidated = isValidated
    this.#received = 0
    this.#sent = 0
    this.#tokens.length = 0
    this.#proven = undefined
    this.#until = Number.POSITIVE_INFINITY
  }
}

/** Bytes out for a byte in (RFC 9000 section 8.1). */
const AMPLIFICATION = 3
/** Milliseconds between two changes. */
const CHANGE_EVERY = 1000
/** For so many RTOs the old address is kept. */
const KEEP_RTOS = 3
const MOST_TOKENS = 8
