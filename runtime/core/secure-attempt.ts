// What a handshake over datagrams needs of the endpoint it belongs to, for both sides; and the pieces they share.

import type { Suite } from '../crypto/noise/pattern.ts'
import type { Reader } from '../wire/codec.ts'
import type { PeerError } from './errors.ts'
import type { HandshakeScript, NoiseDescriptor } from './handshake-descriptor.ts'
import type { HandshakeScope } from './key-scope.ts'
import type { Address, Instant } from './machine.ts'
import { NoiseExchange, type SessionKeys } from './noise-exchange.ts'
import type { Plain } from './recast.ts'
import type { SecureHost } from './secure-host.ts'
import { freshContext } from './shared.ts'

/** One connection, as its handshake sees it. */
export interface AttemptHost {
  readonly script: HandshakeScript
  readonly suite: Suite | undefined
  readonly scope: HandshakeScope
  /** The id that this side receives under; 0 where the schema has no ids. */
  readonly ownId: number
  /** A Noise handshake of this side; with the same ephemeral key it begins in the same way. */
  exchange(ephemeral: Uint8Array): NoiseExchange
  /** One of the suite that is fallen back to; undefined where the schema names none. */
  fallback(ephemeral: Uint8Array, remoteEphemeral?: Uint8Array): NoiseExchange | undefined
  /** Whether a peer with this static key never showed this value or a higher one (`newer`); remembers it. */
  isNewer(staticKey: Uint8Array, value: unknown): boolean
  random(n: number): Uint8Array
  /** Sends a frame of the handshake, in the clear, to whoever has the id `to`. */
  send(frame: string, value: Plain, to: number): void
  /** A frame of the handshake went by, either way. */
  passed(now: Instant, frame: string, reader: Reader | undefined): void
  /** The keys are there, and the id under which the peer receives. */
  keyed(now: Instant, keys: SessionKeys, peerId: number): void
  /** Sends a sealed frame that says nothing but that we have the keys. */
  prove(now: Instant): void
  failed(now: Instant, error: PeerError): void
}

/** A Noise handshake of one connection, in one suite. */
export function exchangeOf(
  {
    scope,
    address,
    isDialler,
  }: { readonly scope: HandshakeScope; readonly address: Address; readonly isDialler: boolean },
  host: SecureHost,
  suite: Suite,
  ephemeral: Uint8Array,
  remoteEphemeral?: Uint8Array,
): NoiseExchange {
  const { shared, secure, crypto } = host
  return new NoiseExchange({
    noise: secure.script.noise as NoiseDescriptor,
    suite,
    crypto,
    role: shared.plan.role,
    initiator: isDialler,
    scope,
    context: freshContext(shared, address, () => host.now),
    ephemeral,
    remoteEphemeral,
  })
}

/** Where one side tells the id it receives under: in a frame, or in a payload. */
export function tellsId(
  script: HandshakeScript,
  side: 'client' | 'server',
  place: string,
  value: Plain,
  id: number,
): void {
  const offer = offerOf(script, side)
  if (offer !== undefined && offer.in === place) value[offer.field] = id
}

/** The id that a frame or payload of the peer tells. */
export function toldId(
  script: HandshakeScript,
  side: 'client' | 'server',
  place: string,
  value: Plain,
): number | undefined {
  const offer = offerOf(script, side)
  return offer !== undefined && offer.in === place ? Number(value[offer.field]) : undefined
}

function offerOf({ ids }: HandshakeScript, side: 'client' | 'server'): { in: string; field: string } | undefined {
  const offers = ids?.offer ?? []
  return offers.length === 1 ? offers[0] : offers[side === 'client' ? 0 : 1]
}

/** The struct of a message's payload, by its number from 1. */
export function payloadName(noise: NoiseDescriptor, message: number): string {
  return noise.payloads.find(one => one.message === message)?.struct.name ?? ''
}
