// What all seals of one descriptor share: made once for a protocol, so that a connection keeps only keys and counters.

import { LocalError } from '../../core/errors.ts'
import type { KeyExpression, KeyScope } from '../../core/handshake-descriptor.ts'
import { scopeWith } from '../../core/key-scope.ts'
import type { BitPlace, BytePlace, SealDescriptor, SealLayout } from '../../core/seal-descriptor.ts'
import type { Aead, CryptoProvider } from '../provider.ts'
import { TAG_LENGTH } from '../provider.ts'
import { NonceTemplate } from './nonce.ts'

export class SealPlan {
  readonly descriptor: SealDescriptor
  readonly provider: CryptoProvider
  readonly nonce: NonceTemplate
  /** Where packets carry their number: in the counter's own field. */
  readonly counter: BytePlace | undefined
  readonly phase: BitPlace | undefined
  readonly seen: BitPlace | undefined
  readonly layout: SealLayout | undefined
  readonly isPrepended: boolean
  /** Numbers of so few bits that those of one batch may be out of each other's reach. */
  readonly isNarrow: boolean
  /** Replays are told here, or by the caller, because only some frames count (`replay: { only }`). */
  readonly checksReplay: boolean
  readonly isReplayByFrame: boolean
  /** The peer may change its keys without a word (profiles). */
  readonly follows: boolean
  /** New keys by phase and confirmation. */
  readonly isRatchet: boolean
  /** Packets and milliseconds under one key: when the next key is due, and when the old one may seal no more. */
  readonly duePackets: number
  readonly mostPackets: number
  readonly dueAge: number
  readonly mostAge: number
  /** Forged packets that one connection survives (RFC 9001 section 6.6, RFC 8446 section 5.5). */
  readonly mostForged: number

  constructor(descriptor: SealDescriptor, provider: CryptoProvider, limits: { readonly forged?: number } = {}) {
    const { rekey, layout, replay } = descriptor
    this.descriptor = descriptor
    this.provider = provider
    this.counter = counterPlace(descriptor)
    this.nonce = new NonceTemplate(descriptor.aead, descriptor.nonce, this.counter)
    this.phase = rekey.phase
    this.seen = rekey.seen
    this.layout = layout
    this.isPrepended = descriptor.tag === 'prepend'
    this.isReplayByFrame = replay?.by === 'window' && replay.only !== undefined
    this.checksReplay = replay?.by === 'window' && replay.only === undefined
    this.isNarrow = this.counter !== undefined && this.counter.size < 3
    this.follows = rekey.follow.length > 0
    this.isRatchet = rekey.by === 'ratchet' && rekey.phase !== undefined && rekey.seen !== undefined
    const isNever = rekey.by === 'never'
    // A repeated number is what the profile asks for; else a key ends before its first nonce comes again.
    const distinct = descriptor.repeats === 'accepted' ? Number.POSITIVE_INFINITY : this.nonce.distinct
    this.mostPackets = descriptor.once ? 1 : Math.min(isNever ? Number.POSITIVE_INFINITY : rekey.packets, distinct)
    this.mostAge = isNever ? Number.POSITIVE_INFINITY : rekey.age
    this.duePackets = isNever ? this.mostPackets : this.mostPackets / 2
    this.dueAge = this.mostAge / 2
    this.mostForged = limits.forged ?? (descriptor.aead.startsWith('aes') ? 2 ** 52 : 2 ** 36)
  }

  aead(key: Uint8Array): Aead {
    return this.provider.aead(this.descriptor.aead, key)
  }

  /** The key after `old`, by the schema's ratchet. */
  nextKey(scope: KeyScope, old: Uint8Array): Uint8Array {
    const { derive } = this.descriptor.rekey
    if (derive === undefined)
      throw new LocalError('NotBuilt', `the seal ${this.descriptor.name} says no rule for its next key`)
    return derived(derive, scope, old)
  }

  /** Bytes that sealing adds to a plain text of this length. */
  overhead(length: number): number {
    return this.padded(length) - length + TAG_LENGTH
  }

  padded(length: number): number {
    const { pad } = this.descriptor
    return pad === undefined || pad <= 1 ? length : Math.ceil(length / pad) * pad
  }
}

/** A key derived from another one and, where the rule names it, from a packet's number. The result is a copy. */
export function derived(rule: KeyExpression, scope: KeyScope, old: Uint8Array, counter: bigint = 0n): Uint8Array {
  return Uint8Array.from(rule(scopeWith(scope, { key: { ...scope.key, old }, counter })))
}

export interface SealKeys {
  readonly send: KeyExpression
  readonly receive: KeyExpression
}

/**
 * The rules for the two keys of a connection, by who seals: `own` and `peer` are the names that a role goes by, the
 * narrowest first. Undefined: this role has no key, sealed bytes stay opaque to it. A peer without a key of its own
 * (it passes frames on) is opened with ours.
 */
export function keysOfRoles(
  { key, name }: SealDescriptor,
  own: readonly string[],
  peer: readonly string[],
): SealKeys | undefined {
  if (key === 'handshake') throw new LocalError('WrongState', `the keys of the seal ${name} come from the handshake`)
  const of = (names: readonly string[]): KeyExpression | undefined =>
    names.map(role => key[role]).find(rule => rule !== undefined) ?? key['']
  const send = of(own)
  return send && { send, receive: of(peer) ?? send }
}

function counterPlace({ counter, clear }: SealDescriptor): BytePlace | undefined {
  return counter.place ?? clear.find(field => field.name === counter.field?.path)?.place
}
