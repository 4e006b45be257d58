// What a connection with sealed datagrams passes on between its session and the endpoint that has the packets and codecs.

import type { Suite } from '../crypto/noise/pattern.ts'
import type { Codec } from '../wire/codec.ts'
import type { HandshakeScript } from './handshake-descriptor.ts'
import type { Instant } from './machine.ts'
import type { NoiseExchange } from './noise-exchange.ts'
import type { Plain } from './recast.ts'
import { opened, unsealed } from './sealed-codec.ts'
import { type AttemptHost, exchangeOf } from './secure-attempt.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecureHost } from './secure-host.ts'
import { Session } from './session.ts'
import type { Shared } from './shared.ts'

/**
 * `opening`: no keys yet; `unproved`: keys, and nothing of the peer has opened; `open`; `closing`: over for the
 * application, the keys are kept to say so; `over`: forgotten.
 */
export type SecureState = 'opening' | 'unproved' | 'open' | 'closing' | 'over'

export abstract class SecureCarrier {
  protected readonly host: SecureHost

  constructor(host: SecureHost) {
    this.host = host
  }

  /** Itself, as the endpoint knows it. */
  protected abstract readonly self: SecureConnection

  get lastBytes(): Uint8Array {
    return this.host.lastBytes
  }

  get lastStart(): number {
    return this.host.lastStart
  }

  get lastEnd(): number {
    return this.host.lastEnd
  }

  codec(_session: Session): Codec {
    return this.host.codecOf(this.self)
  }

  mirror(_session: Session): Codec {
    return this.host.mirrorOf(this.self)
  }

  pin(_session: Session): Codec {
    return this.host.pin()
  }

  unpin(_session: Session, codec: Codec): void {
    this.host.unpin(codec)
  }

  changed(_session: Session): void {
    this.host.changed(this.self)
  }

  waits(_session: Session): void {
    this.host.waits(this.self)
  }

  gathers(_session: Session): void {
    this.host.gathers(this.self)
  }

  get script(): HandshakeScript {
    return this.host.secure.script
  }

  get suite(): AttemptHost['suite'] {
    return this.host.secure.suite
  }

  random(n: number): Uint8Array {
    return this.host.shared.random(n)
  }

  exchange(ephemeral: Uint8Array): NoiseExchange {
    return exchangeOf(this.self, this.host, this.host.secure.suite as Suite, ephemeral)
  }

  fallback(ephemeral: Uint8Array, remoteEphemeral?: Uint8Array): NoiseExchange | undefined {
    const { fallback } = this.host.secure
    return fallback && exchangeOf(this.self, this.host, fallback, ephemeral, remoteEphemeral)
  }

  isNewer(staticKey: Uint8Array, value: unknown): boolean {
    return this.host.newest.accept(staticKey, value)
  }

  /** The fields that the engine fills in for whoever sends. */
  get owned(): Plain {
    const { script, peerId } = this.self
    const fields: Plain = {}
    script.ids?.field.set(fields, peerId)
    return fields
  }
}

/** A session whose packets are sealed and opened by the endpoint, in batches: to its codec they are text with room for a tag. */
export function sealedSession(shared: Shared, carrier: SecureConnection, now: Instant): Session {
  const session = new Session(shared, carrier, carrier.address, now, 'opening')
  session.context.open = opened
  session.context.seal = unsealed
  session.isSealed = true
  return session
}
