// A connection whose keys, id and session values were handed out elsewhere (runtime/core/hand-over.ts): what is left of its
// handshake over datagrams. The side that speaks first says that it has the keys until something of the peer opens; the
// other side waits for that, not for long.

import { keysOfRoles } from '../crypto/seal/plan.ts'
import { LocalError, type PeerError, peerError } from './errors.ts'
import type { HandedOver } from './hand-over.ts'
import type { KeyScope } from './handshake-descriptor.ts'
import { type Instant, instant, NEVER } from './machine.ts'
import type { SessionKeys } from './noise-exchange.ts'
import type { Plan } from './plan.ts'
import type { RetryDescriptor } from './protocol.ts'
import type { SealDescriptor } from './seal-descriptor.ts'

export interface HandedHost {
  /** Sends a sealed frame that says nothing but that we have the keys. */
  prove(now: Instant): void
  /** Nothing has answered for too long: proofs go another way, where there is one. */
  fallBack(now: Instant): void
  failed(now: Instant, error: PeerError): void
}

/** What comes in the place of a handshake. */
export class Handed {
  readonly values: HandedOver
  readonly #host: HandedHost
  readonly #retry: RetryDescriptor | undefined
  readonly #isFirst: boolean
  readonly #startedAt: Instant
  readonly #failAt: Instant
  #againAt: Instant = NEVER
  /** When another way is tried. */
  #fallAt: Instant = NEVER
  #wait = 0
  #left = 0
  #proofs = 0

  /** `isFirst`: this side speaks first. `retry`: how often it does, where the peer answers. */
  constructor(
    host: HandedHost,
    now: Instant,
    values: HandedOver,
    { isFirst, retry }: { readonly isFirst: boolean; readonly retry: RetryDescriptor | undefined },
  ) {
    this.#host = host
    this.#isFirst = isFirst
    this.#retry = retry
    this.#startedAt = now
    this.#failAt = instant(now + UNBOUND)
    this.values = values
  }

  get deadline(): Instant {
    return instant(Math.min(this.#againAt, this.#fallAt, this.#failAt))
  }

  /** Milliseconds since the only proof, for a first estimate of the round trip. */
  roundTrip(now: Instant): number | undefined {
    return this.#proofs === 1 ? now - this.#startedAt : undefined
  }

  start(now: Instant): void {
    if (!this.#isFirst) return
    if (this.values.fallback !== undefined) this.#fallAt = instant(now + this.values.fallback.after)
    this.#begin(now)
  }

  /** The way is another one now, or the old one again. */
  restart(now: Instant): void {
    this.#fallAt = NEVER
    this.#begin(now)
  }

  wake(now: Instant): void {
    if (now >= this.#failAt) {
      this.#host.failed(now, peerError('Timeout', this.#isFirst ? UNANSWERED : UNSEEN, { fatal: true }))
      return
    }
    if (now >= this.#fallAt) {
      this.#host.fallBack(now)
      return
    }
    if (now < this.#againAt) return
    this.#left--
    this.#wait = Math.min(2 * this.#wait, this.#retry?.to ?? this.#wait)
    this.#againAt = this.#left > 0 ? instant(now + this.#wait) : NEVER
    this.#proofs++
    this.#host.prove(now)
  }

  destroy(): void {}

  #begin(now: Instant): void {
    this.#wait = this.#retry?.from ?? 0
    this.#left = this.#retry?.times ?? 0
    if (this.#left > 0) this.#againAt = instant(now + this.#wait)
    this.#proofs++
    this.#host.prove(now)
  }
}

/** The keys of this side and of its peer. Throws LocalError where the seal has none for them. */
export function keysOf(seal: SealDescriptor, plan: Plan, scope: KeyScope): SessionKeys {
  const peers = plan.protocol.roles.filter(role => role !== plan.role)
  const rules = keysOfRoles(
    seal,
    plan.role.is,
    peers.flatMap(role => role.is),
  )
  if (rules === undefined)
    throw new LocalError('NotBuilt', `seal.${seal.name}: there is no key for the ${plan.role.name}`)
  return { send: Uint8Array.from(rules.send(scope)), receive: Uint8Array.from(rules.receive(scope)) }
}

/** Milliseconds that a peer has between the hand-over and its first packet that opens. */
const UNBOUND = 10_000
const UNANSWERED = 'the keys are there, but nothing that the peer sealed has arrived: is the port for datagrams open?'
const UNSEEN = 'the peer was handed its keys and never used them'
