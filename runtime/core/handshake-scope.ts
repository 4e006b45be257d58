// What expressions of a handshake on a stream may name (KeyScope): params, frames that went by, keys made so far, and
// the key pairs of this connection. One for each connection; its secrets are overwritten when the handshake is over.

import type { Curve } from '../crypto/provider.ts'
import type { Context } from '../wire/codec.ts'
import type { KeyScope } from './handshake-descriptor.ts'
import { fail } from './script.ts'

export interface ScopeOptions {
  readonly context: Context
  readonly curve: Curve
  /** Names of key pairs, and who this side is in them: `client`, `producer`, `dialer`. */
  readonly secrets: readonly string[]
  readonly owners: readonly string[]
  /** An all-zero Diffie-Hellman result is accepted. */
  readonly acceptZero: boolean
}

export class HandshakeScope implements KeyScope {
  readonly key: Record<string, Uint8Array> = {}
  readonly frames: Record<string, Readonly<Record<string, unknown>>> = {}
  /** Those of the peer. */
  readonly received: Record<string, Readonly<Record<string, unknown>>> = {}
  readonly clear: Readonly<Record<string, unknown>> = {}
  readonly counter = 0n
  readonly peer: Readonly<Record<string, unknown>>
  readonly #options: ScopeOptions
  readonly #secrets = new Map<string, Uint8Array>()
  readonly #public = new Map<string, Uint8Array>()

  constructor(options: ScopeOptions) {
    this.#options = options
    this.peer = { ...options.context.peer, address: addressBytes(String(options.context.peer.address)) }
  }

  get param(): Readonly<Record<string, unknown>> {
    return this.#options.context.param
  }

  get session(): Readonly<Record<string, unknown>> {
    return this.#options.context.session
  }

  get local(): Readonly<Record<string, unknown>> {
    return this.#options.context.local
  }

  publicKey(pair: string): Uint8Array {
    const known = this.#public.get(pair)
    if (known !== undefined) return known
    const secret = this.#secret(pair)
    if (secret === undefined) fail(`the key ${pair} is not known yet`)
    const made = this.#options.curve.publicKey(secret)
    this.#public.set(pair, made)
    return made
  }

  /** The peer's public key of a pair arrived. One that is ours is not taken from the peer. */
  teach(pair: string, key: unknown): void {
    if (!(key instanceof Uint8Array) || key.length !== this.#options.curve.length)
      fail(`${pair} must be a key of ${this.#options.curve.length} bytes`)
    if (!this.#isOurs(pair)) this.#public.set(pair, Uint8Array.from(key))
  }

  dh(one: string, other: string): Uint8Array {
    const [ours, theirs] = this.#isOurs(one) ? [one, other] : [other, one]
    const secret = this.#secret(ours)
    if (secret === undefined || this.#isOurs(theirs)) fail(`neither or both of ${one} and ${other} are ours`)
    const shared = this.#options.curve.shared(secret, this.publicKey(theirs))
    if (!this.#options.acceptZero && shared.every(byte => byte === 0))
      fail('the shared secret is all zero: the key of the peer is not valid')
    return shared
  }

  random(length: number): Uint8Array {
    return this.#options.context.random(length)
  }

  now(): number {
    return this.#options.context.now()
  }

  /** Overwrites the secrets of key pairs. Keys of the schedule stay: they belong to the connection. */
  wipe(): void {
    for (const secret of this.#secrets.values()) secret.fill(0)
    this.#secrets.clear()
  }

  #isOurs(pair: string): boolean {
    const [owner = ''] = pair.split('.')
    return this.#options.owners.includes(owner)
  }

  /** The secret of a pair that is ours, drawn when it is first needed. Several names of this side mean one pair. */
  #secret(pair: string): Uint8Array | undefined {
    const [, name = ''] = pair.split('.')
    if (!this.#isOurs(pair) || !this.#options.secrets.includes(name)) return undefined
    const known = this.#secrets.get(name)
    if (known !== undefined) return known
    const secret = this.#options.context.random(this.#options.curve.length)
    this.#secrets.set(name, secret)
    return secret
  }
}

/** 16 bytes: an IPv6 address, or an IPv4 address mapped into one (RFC 4291, 2.5.5.2). Zero where it is none. */
export function addressBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16)
  const [host = ''] = text.split('%')
  const dotted = /^(?:::ffff:)?(\d+)\.(\d+)\.(\d+)\.(\d+)$/i.exec(host)
  if (dotted !== null) {
    bytes.set([0xff, 0xff, ...dotted.slice(1).map(Number)], 10)
    return bytes
  }
  if (!host.includes(':')) return bytes
  const [head = '', tail] = host.split('::')
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map(word => Number.parseInt(word, 16)))
  const front = words(head)
  const back = tail === undefined ? [] : words(tail)
  const all = [...front, ...new Array<number>(Math.max(0, 8 - front.length - back.length)).fill(0), ...back]
  for (const [i, word] of all.slice(0, 8).entries()) bytes.set([word >> 8, word & 0xff], i * 2)
  return bytes
}
