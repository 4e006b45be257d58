// The ways to a peer whose handshake told two: datagrams, and the stream that the handshake was in (`then.fallback`). The
// first answer shows which is open; before it the other one is tried when nothing comes back, or when one is gone.

import type { Address, Instant } from './machine.ts'
import type { SecureState } from './secure-carrier.ts'

export interface WaysHost {
  readonly state: SecureState
  readonly address: Address
  /** Packets go there now. */
  goTo(address: Address): void
  /** Says again that we have the keys, as at the beginning. */
  proveAgain(now: Instant): void
}

export class Ways {
  readonly #host: WaysHost
  readonly #datagrams: Address
  readonly #stream: Address

  constructor(host: WaysHost, datagrams: Address, stream: Address) {
    this.#host = host
    this.#datagrams = datagrams
    this.#stream = stream
  }

  /** Datagrams do not arrive: false where the stream is the present way already, or nothing has to be proved. */
  fallBack(now: Instant): boolean {
    if (this.#host.state !== 'unproved' || this.#host.address === this.#stream) return false
    this.#try(now, this.#stream)
    return true
  }

  /** The stream is gone: false where the session was in it. */
  streamEnded(now: Instant): boolean {
    if (this.#host.state !== 'unproved') return false
    this.#try(now, this.#datagrams)
    return true
  }

  /** The first packet that opened came from here. */
  answeredFrom(peer: Address): void {
    if (peer !== this.#host.address && (peer === this.#datagrams || peer === this.#stream)) this.#host.goTo(peer)
  }

  #try(now: Instant, address: Address): void {
    this.#host.goTo(address)
    this.#host.proveAgain(now)
  }
}
