// The way of a dialled session inside the stream that its keys came through, for networks that let no datagrams through
// (`then.fallback`): it stands by until the peer has answered, and goes when the answer came another way.

import { CarriedEndpoint } from '../core/carried.ts'
import type { CarryingHost } from '../core/carrying.ts'
import type { HandedOver } from '../core/hand-over.ts'
import type { Address, Instant } from '../core/machine.ts'
import type { SecureEndpoint } from '../core/secure-endpoint.ts'
import type { Link } from '../drivers/link.ts'
import type { HandOverRun } from './hand-over.ts'

export class StreamWay implements CarryingHost {
  /** What drives the endpoint. */
  link: Link | undefined
  readonly #address: Address
  /** Milliseconds without an answer after which it is taken. */
  readonly #after: number
  #run: HandOverRun | undefined
  #endpoint: SecureEndpoint | undefined
  #carried: CarriedEndpoint | undefined
  #hasEnded = false

  constructor(address: Address, after: number) {
    this.#address = address
    this.#after = after
  }

  /** The stream. */
  through(run: HandOverRun): this {
    this.#run = run
    return this
  }

  /** The endpoint with this way beside its datagrams. */
  around(endpoint: SecureEndpoint): CarriedEndpoint {
    this.#endpoint = endpoint
    this.#carried = new CarriedEndpoint(endpoint)
    this.#carried.attach(this.#address, packet => this.#run?.carry(packet))
    return this.#carried
  }

  /** What the session is told, and what it tells. */
  get ends(): Pick<HandedOver, 'fallback' | 'reached' | 'over'> {
    return {
      fallback: this.#hasEnded ? undefined : { address: this.#address, after: this.#after },
      reached: address => {
        if (address !== this.#address) this.#leave()
      },
      over: () => this.#leave(),
    }
  }

  packet(now: Instant, packet: Uint8Array): void {
    this.#carried?.arrived(now, this.#address, packet)
    this.link?.soon()
  }

  ended(now: Instant): void {
    this.#hasEnded = true
    this.#carried?.detach(this.#address)
    this.#endpoint?.streamEnded(now, this.#address)
    this.link?.soon()
  }

  #leave(): void {
    this.#carried?.detach(this.#address)
    this.#run?.leave()
  }
}
