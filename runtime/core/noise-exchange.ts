// One Noise handshake as a schema has it: keys from params, payloads as structs, and whom each role accepts. Messages are
// bytes here; which frames carry them is the endpoint's business.

import { NoiseHandshake } from '../crypto/noise/handshake.ts'
import type { Suite } from '../crypto/noise/pattern.ts'
import { AEAD_SIZES, type CryptoProvider } from '../crypto/provider.ts'
import type { Context } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { ByRole, KeyScope, KeyValue, NoiseDescriptor, StructCodec } from './handshake-descriptor.ts'
import type { RoleDescriptor } from './protocol.ts'
import type { Plain } from './recast.ts'

export interface ExchangeOptions {
  readonly noise: NoiseDescriptor
  readonly suite: Suite
  readonly crypto: CryptoProvider
  readonly role: RoleDescriptor
  readonly initiator: boolean
  readonly scope: KeyScope
  /** For payload structs. */
  readonly context: Context
  /** Kept by a client for the whole attempt. */
  readonly ephemeral: Uint8Array
  /** Of a suite that is fallen back to, at the side that was dialled: what the message that did not open began with. */
  readonly remoteEphemeral?: Uint8Array | undefined
}

/** What each side seals and opens with when the handshake is done. The caller overwrites them. */
export interface SessionKeys {
  readonly send: Uint8Array
  readonly receive: Uint8Array
}

export class NoiseExchange {
  readonly #options: ExchangeOptions
  readonly #handshake: NoiseHandshake
  /** Messages that went by; a suite that is fallen back to begins behind the one that did not open. */
  #message: number

  constructor(options: ExchangeOptions) {
    const { noise, suite, crypto, role, initiator, scope, ephemeral, remoteEphemeral } = options
    const { pattern } = suite
    this.#message = pattern.responderFirst ? 1 : 0
    const own = ownStatic(noise, suite, initiator, scope)
    const remote = knows(pattern, initiator) ? keyFor(noise.remote, role, scope) : undefined
    this.#options = options
    this.#handshake = new NoiseHandshake({
      suite,
      crypto,
      initiator,
      ephemeral,
      psks: pattern.psks > 0 ? psksOf(noise, scope) : [],
      ...(noise.prologue !== undefined && { prologue: noise.prologue(scope) }),
      ...(own !== undefined && { static: own }),
      ...(remote instanceof Uint8Array && { remoteStatic: remote }),
      ...(remoteEphemeral !== undefined && { remoteEphemeral }),
    })
  }

  get finished(): boolean {
    return this.#handshake.finished
  }

  /** Whether the next message is ours. */
  get writes(): boolean {
    return this.#handshake.writes
  }

  /** The static key that the peer has shown, once it has. */
  get remoteStatic(): Uint8Array | undefined {
    return this.#handshake.remoteStatic
  }

  /**
   * The next message; `payload` is for the struct that the schema names there, if it does. Undefined: the peer has shown a
   * key of low order, with which nothing can be agreed.
   */
  write(payload: Plain): Uint8Array | undefined {
    const struct = this.#struct()
    const bytes = struct === undefined ? EMPTY : struct.encode(payload, this.#options.context)
    try {
      const message = this.#handshake.write(bytes)
      this.#message++
      return message
    } catch (error) {
      if (this.#handshake.failure === undefined) throw error
      return undefined
    }
  }

  /**
   * Reads a message. `refused`: it did not open, and the handshake is as it was. `bad`: it is authentic, and its payload
   * is not what the schema says.
   */
  read(message: Uint8Array): Plain | 'refused' | 'bad' {
    const payload = this.#handshake.read(message)
    if (payload === undefined) return 'refused'
    const struct = this.#struct()
    this.#message++
    if (struct === undefined) return payload.length === 0 ? NONE : 'bad'
    return struct.decode(payload, this.#options.context) ?? 'bad'
  }

  /** Whether the static key that the peer has shown is one that this role accepts. */
  get isAccepted(): boolean {
    const { noise, role, scope } = this.#options
    const shown = this.remoteStatic
    const { responderFirst } = this.#options.suite.pattern
    // Whoever fell back knew one key beforehand: without a list it is the only one to accept.
    const accept = forRole(noise.accept, role) ?? (responderFirst ? forRole(noise.remote, role) : undefined)
    if (accept === undefined || shown === undefined) return true
    const wanted = accept(scope)
    if (wanted === 'any') return true
    const keys = Array.isArray(wanted) ? (wanted as Uint8Array[]) : [wanted as Uint8Array]
    let found = false
    // All of them, so that the time tells nothing about which one it was.
    for (const key of keys) found = isSame(key, shown) || found
    return found
  }

  split(): SessionKeys {
    const { send, receive } = this.#handshake.split()
    const { key } = AEAD_SIZES[this.#options.suite.aead]
    const keys = { send: send.exportKey().subarray(0, key), receive: receive.exportKey().subarray(0, key) }
    send.destroy()
    receive.destroy()
    return keys
  }

  destroy(): void {
    this.#handshake.destroy()
    this.#options.ephemeral.fill(0)
  }

  #struct(): StructCodec | undefined {
    return this.#options.noise.payloads.find(one => one.message === this.#message + 1)?.struct
  }
}

/** Throws LocalError MissingParam where a role has no key that its pattern needs, before anything is sent. */
export function requireKeys(
  noise: NoiseDescriptor,
  suite: Suite,
  role: RoleDescriptor,
  initiator: boolean,
  scope: KeyScope,
): void {
  const { protocolName, pattern } = suite
  const need = (has: unknown, what: string): void => {
    if (has === undefined) throw new LocalError('MissingParam', `${protocolName} needs ${what} for the ${role.name}`)
  }
  if (needsStatic(suite, initiator)) need(noise.static, 'a static key (`static`)')
  if (noise.static !== undefined && noise.static !== 'generate' && needsStatic(suite, initiator))
    need(noise.static(scope), 'a value for its static key')
  if (knows(pattern, initiator)) need(keyFor(noise.remote, role, scope), 'the static key of the peer (`remote`)')
  const accept = forRole(noise.accept, role)
  if (accept !== undefined) need(accept(scope), 'the keys that it accepts (`accept`)')
  if (pattern.psks > 0) need(noise.psk?.(scope), 'a pre-shared key (`psk`)')
}

/** The entry for a role, or the one for all. */
export function forRole<T>(map: ByRole<T>, role: RoleDescriptor): T | undefined {
  for (const name of role.is) if (map[name] !== undefined) return map[name]
  return map['']
}

function keyFor(map: ByRole<KeyValue>, role: RoleDescriptor, scope: KeyScope): unknown {
  return forRole(map, role)?.(scope)
}

/** Whether the pattern has the static key of the peer known beforehand. */
function knows({ initiatorPre, responderPre }: Suite['pattern'], initiator: boolean): boolean {
  return (initiator ? responderPre : initiatorPre).includes('s')
}

function needsStatic({ pattern }: Suite, initiator: boolean): boolean {
  if ((initiator ? pattern.initiatorPre : pattern.responderPre).includes('s')) return true
  const first = pattern.responderFirst ? 1 : 0
  return pattern.messages.some((tokens, i) => ((i + first) % 2 === 0) === initiator && tokens.includes('s'))
}

function ownStatic(
  { static: value }: NoiseDescriptor,
  suite: Suite,
  initiator: boolean,
  scope: KeyScope,
): Uint8Array | undefined {
  if (!needsStatic(suite, initiator) || value === undefined) return undefined
  return value === 'generate' ? scope.random(32) : (value(scope) as Uint8Array | undefined)
}

function psksOf({ psk }: NoiseDescriptor, scope: KeyScope): readonly Uint8Array[] {
  if (psk === undefined) return []
  const value = psk(scope)
  return Array.isArray(value) ? (value as Uint8Array[]) : [value as Uint8Array]
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < b.length; i++) difference |= (a[i] ?? 0) ^ (b[i] as number)
  return difference === 0
}

const EMPTY = new Uint8Array(0)
const NONE: Plain = {}
