// What a connection with sealed datagrams needs of the endpoint it belongs to.

import type { CryptoProvider } from '../crypto/provider.ts'
import type { PacketSeal } from '../crypto/seal/packet-seal.ts'
import type { NewestOfPeers } from '../guard/newest.ts'
import type { Codec } from '../wire/codec.ts'
import type { PeerError } from './errors.ts'
import type { HandshakeScope } from './key-scope.ts'
import type { Address, Instant } from './machine.ts'
import type { SessionKeys } from './noise-exchange.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecurePlan } from './secure-plan.ts'
import type { Shared } from './shared.ts'

export interface SecureHost {
  readonly shared: Shared
  readonly secure: SecurePlan
  readonly crypto: CryptoProvider
  /** For processes that share a port: the secret of cookies in a period of the clock. Default: random. */
  readonly cookieSecret?: ((period: number) => Uint8Array) | undefined
  /** What peers have shown last in a field that must grow (`handshake.newer`). */
  readonly newest: NewestOfPeers
  readonly now: Instant
  /** For connections of which a handshake of Noise left nothing but keys. */
  readonly restingScope: HandshakeScope
  readonly hasRoom: boolean
  /** Where the frame written last stands, as text. */
  readonly lastBytes: Uint8Array
  readonly lastStart: number
  readonly lastEnd: number
  sealWith(connection: SecureConnection, keys: SessionKeys, now: Instant): PacketSeal
  /** A frame of the handshake, to the id `to`. */
  sendClear(address: Address, frame: string, value: Plain, to: number): void
  write(connection: SecureConnection, frame: FramePlan, value: object, size: number, isOwn?: boolean): void
  writeAgain(connection: SecureConnection, frame: Uint8Array): void
  codecOf(connection: SecureConnection): Codec
  mirrorOf(connection: SecureConnection): Codec
  pin(): Codec
  unpin(codec: Codec): void
  changed(connection: SecureConnection): void
  waits(connection: SecureConnection): void
  gathers(connection: SecureConnection): void
  /** Its first sealed packet opened. */
  confirmed(connection: SecureConnection, now: Instant): void
  /** It is over: for its session too, where it has one. */
  ended(connection: SecureConnection, now: Instant, reason: string, error: PeerError | undefined): void
  /** Nothing is kept of it any more. */
  forget(connection: SecureConnection): void
}
