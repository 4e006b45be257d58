// What expressions of a handshake may name, filled in as it goes on: prologues, cookies, key schedules. One for each
// attempt; the keys and key pairs in it are overwritten when it ends.

import type { Curve } from '../crypto/provider.ts'
import { parseIPv6 } from '../guard/address.ts'
import { splitAddress } from './address.ts'
import type { KeyScope } from './handshake-descriptor.ts'
import type { Address } from './machine.ts'
import type { Shared } from './shared.ts'

export interface ScopeFacts {
  readonly params: Readonly<Record<string, unknown>>
  readonly session: Readonly<Record<string, unknown>>
  readonly peer: Address
  readonly random: (n: number) => Uint8Array
  /** Unix milliseconds. */
  readonly now: () => number
  /** For `secrets`: the curve, the pairs of this side by name, and whether an all-zero result is taken. */
  readonly curve?: Curve | undefined
  readonly own?: readonly string[] | undefined
  readonly acceptZero?: boolean | undefined
}

export class HandshakeScope implements KeyScope {
  readonly param: Readonly<Record<string, unknown>>
  readonly session: Readonly<Record<string, unknown>>
  readonly key: Record<string, unknown> = {}
  readonly local: Readonly<Record<string, unknown>> = NONE
  frames: Record<string, Readonly<Record<string, unknown>>> = {}
  readonly clear: Readonly<Record<string, unknown>> = NONE
  readonly counter = 0n
  readonly #facts: ScopeFacts
  #peer: Readonly<Record<string, unknown>> | undefined
  /** Made where a key schedule has pairs of its own. */
  #secrets: Map<string, Uint8Array> | undefined
  #publics: Map<string, Uint8Array> | undefined

  constructor(facts: ScopeFacts) {
    this.#facts = facts
    this.param = facts.params
    this.session = facts.session
    for (const pair of facts.own ?? []) this.#draw(pair)
  }

  /** Who it is about; set anew where one scope serves many. Made when a rule asks. */
  get peer(): Readonly<Record<string, unknown>> {
    this.#peer ??= peerOf(this.#facts.peer)
    return this.#peer
  }

  set peer(peer: Readonly<Record<string, unknown>>) {
    this.#peer = peer
  }

  /** The peer told the public key of one of its pairs. */
  learn(pair: string, key: Uint8Array): void {
    if (!this.#secrets?.has(pair)) this.#publicKeys.set(pair, Uint8Array.from(key))
  }

  publicKey(pair: string): Uint8Array {
    const key = this.#publics?.get(pair)
    if (key === undefined) throw new TypeError(`the public key of ${pair} is not known yet`)
    return key
  }

  dh(one: string, other: string): Uint8Array {
    const secret = this.#secrets?.get(one) ?? this.#secrets?.get(other)
    const theirs = this.#secrets?.has(one) ? other : one
    const { curve, acceptZero } = this.#facts
    if (secret === undefined || curve === undefined) throw new TypeError(`neither ${one} nor ${other} is ours`)
    const shared = curve.shared(secret, this.publicKey(theirs))
    if (!acceptZero && shared.every(byte => byte === 0)) throw new TypeError('the key of the peer is not valid')
    return shared
  }

  random(length: number): Uint8Array {
    return this.#facts.random(length)
  }

  now(): number {
    return this.#facts.now()
  }

  /** Overwrites what must not outlive the handshake. */
  wipe(): void {
    for (const secret of this.#secrets?.values() ?? []) secret.fill(0)
    this.#secrets?.clear()
    for (const name of Object.keys(this.key)) {
      const key = this.key[name]
      if (key instanceof Uint8Array) key.fill(0)
      delete this.key[name]
    }
  }

  get #publicKeys(): Map<string, Uint8Array> {
    this.#publics ??= new Map()
    return this.#publics
  }

  #draw(pair: string): void {
    const { curve, random } = this.#facts
    if (curve === undefined) throw new TypeError(`there is no curve for ${pair}`)
    const secret = random(curve.length)
    this.#secrets ??= new Map()
    this.#secrets.set(pair, secret)
    this.#publicKeys.set(pair, curve.publicKey(secret))
  }
}

/** The scope with other values for some names. `peer` may be worked out when it is asked for, which a spread leaves out. */
export function scopeWith(scope: KeyScope, changes: Partial<KeyScope>): KeyScope {
  return { ...scope, peer: scope.peer, ...changes }
}

/** The scope of a connection at an endpoint, whose clock it goes by. */
export function scopeOf(
  host: { readonly shared: Shared; readonly now: number },
  peer: Address,
  session: Readonly<Record<string, unknown>>,
): HandshakeScope {
  const { params, random, epoch } = host.shared
  return new HandshakeScope({ params, session, peer, random, now: () => Math.floor(epoch + host.now) })
}

/** `peer.address` as 16 bytes, IPv4 mapped (RFC 4291 section 2.5.5.2), and `peer.port`. */
export function peerOf(address: Address): Readonly<Record<string, unknown>> {
  return new PeerFacts(address) as unknown as Readonly<Record<string, unknown>>
}

/** Worked out when a rule asks, which few do. */
class PeerFacts {
  readonly #name: Address

  constructor(name: Address) {
    this.#name = name
  }

  get address(): Uint8Array {
    return addressBytes(splitAddress(this.#name).host)
  }

  get port(): number {
    return splitAddress(this.#name).port & 0xffff
  }
}

function addressBytes(host: string): Uint8Array {
  const bytes = new Uint8Array(16)
  const groups = parseIPv6(host.split('%')[0] ?? '') ?? parseIPv6(`::ffff:${host}`)
  if (groups === undefined) {
    // A name, as in the simulated network.
    bytes.set(new TextEncoder().encode(host).subarray(-16))
    return bytes
  }
  groups.forEach((group, i) => {
    bytes[2 * i] = group >> 8
    bytes[2 * i + 1] = group & 0xff
  })
  return bytes
}

const NONE = {}
