// A Noise handshake on a stream (Noise Protocol Framework, revision 34): messages raw or in fields of frames, keys from
// params, payloads, and which static keys a peer may show.

import { NoiseHandshake } from '../crypto/noise/handshake.ts'
import { keyLength, parseProtocolName, type Suite } from '../crypto/noise/pattern.ts'
import type { CryptoProvider } from '../crypto/provider.ts'
import type { Context } from '../wire/codec.ts'
import type { ByRole, HandshakeScript, KeyScope, KeyValue, NoiseDescriptor } from './handshake-descriptor.ts'
import { ByteMessages, type Exchange, type ExchangeHost, FrameMessages } from './handshake-exchange.ts'
import type { Plan } from './plan.ts'
import { fail } from './script.ts'

/** What a Noise handshake ends with. The keys are the caller's to overwrite. */
export interface NoiseOutcome {
  readonly send: Uint8Array
  readonly receive: Uint8Array
  /** The same on both sides, and unique to this handshake: for channel binding. */
  readonly hash: Uint8Array
  /** The peer's static key, where the pattern has one. */
  readonly remoteStatic: Uint8Array | undefined
  /** Payloads of the peer, by the name of their struct. */
  readonly payloads: Readonly<Record<string, Record<string, unknown>>>
}

export interface NoiseExchangeOptions {
  readonly script: HandshakeScript
  readonly noise: NoiseDescriptor
  readonly plan: Plan
  readonly context: Context
  readonly scope: KeyScope
  readonly crypto: CryptoProvider
  /** Values for payloads of ours, by the name of their struct; what is not given has its defaults. */
  readonly payloads: Readonly<Record<string, object>>
  readonly host: ExchangeHost
}

export class NoiseExchange implements Exchange {
  readonly #options: NoiseExchangeOptions
  #noise: NoiseHandshake
  /** Kept as long as it may be needed for the suite that is fallen back to. */
  readonly #ephemeral: Uint8Array
  #suite: Suite
  readonly #frames: FrameMessages
  readonly #bytes: ByteMessages
  readonly #received: Record<string, Record<string, unknown>> = {}
  /** Messages that went by. */
  #count = 0

  constructor(options: NoiseExchangeOptions) {
    const { plan, context, script, host } = options
    this.#options = options
    this.#suite = parseProtocolName(options.noise.suite)
    this.#ephemeral = options.context.random(options.crypto.curve(this.#suite.curve).length)
    this.#noise = begin(options, this.#suite, this.#ephemeral)
    this.#frames = new FrameMessages(plan, context, script.framing, host)
    this.#bytes = new ByteMessages(plan, script.framing, host)
  }

  get isDone(): boolean {
    return this.#noise.finished
  }

  proceed(): void {
    while (this.#noise.writes) this.#write()
  }

  read(bytes: Uint8Array, at: number, end: number): number {
    const place = this.#options.noise.messages[this.#count]
    if (place === undefined) {
      const found = this.#bytes.read(this.#noise.overhead, bytes, at, end)
      if (found === undefined) return at
      this.#take(found.message)
      return found.next
    }
    const found = this.#frames.read(place.frame, bytes, at, end)
    if (found === undefined) return at
    const message = place.field.get(found.reader)
    if (!(message instanceof Uint8Array)) fail(`${place.frame} carries no Noise message`)
    this.#take(message)
    this.#frames.accept(place.frame, found.reader)
    return found.next
  }

  /** The keys. Once, when it is done. */
  finish(): NoiseOutcome {
    const { send, receive } = this.#noise.split()
    const outcome = {
      send: send.exportKey(),
      receive: receive.exportKey(),
      hash: this.#noise.handshakeHash,
      remoteStatic: this.#noise.remoteStatic,
      payloads: this.#received,
    }
    send.destroy()
    receive.destroy()
    return outcome
  }

  /** Overwrites secrets; harmless when repeated. */
  destroy(): void {
    this.#noise.destroy()
    this.#ephemeral.fill(0)
  }

  #write(): void {
    const { noise, payloads, context } = this.#options
    const place = noise.messages[this.#count]
    const { struct } = noise.payloads.find(one => one.message === this.#count + 1) ?? {}
    const payload = struct === undefined ? NOTHING : struct.encode(payloads[struct.name] ?? {}, context)
    const message = this.#noise.write(payload)
    this.#count++
    if (place === undefined) this.#bytes.write(message)
    else {
      const value: Record<string, unknown> = {}
      place.field.set(value, message)
      this.#frames.write(place.frame, value)
    }
  }

  #take(message: Uint8Array): void {
    const { noise, context } = this.#options
    const before = this.#noise
    const knew = before.remoteStatic !== undefined
    const payload = before.read(message) ?? this.#fallBack(message)
    this.#count++
    if (payload === 'fallen back') return
    if (payload === undefined) fail(REFUSALS[this.#noise.failure ?? 'OpenFailed'])
    const shown = this.#noise.remoteStatic
    // A suite that was fallen back to shows a key of its own, whatever was known before.
    if ((!knew || this.#noise !== before) && shown !== undefined && !this.#accepts(shown))
      fail('the static key of the peer is not one to accept')
    const { struct } = noise.payloads.find(one => one.message === this.#count) ?? {}
    if (struct === undefined) {
      if (payload.length > 0) fail(`message ${this.#count} carries a payload that the schema does not have`)
      return
    }
    const value = struct.decode(payload, context)
    if (value === undefined) fail(`the payload of message ${this.#count} is no ${struct.name}`)
    this.#received[struct.name] = value
  }

  /**
   * What did not open as the schema's first suite may belong to the one that it falls back to: our first message did not
   * open there, or theirs here, and both go on with the key in front of it. Undefined: neither.
   */
  #fallBack(message: Uint8Array): Uint8Array | 'fallen back' | undefined {
    const { noise, plan, crypto } = this.#options
    const isDialler = plan.side === 'dials'
    if (noise.fallback === undefined || this.#count !== (isDialler ? 1 : 0)) return undefined
    const suite = parseProtocolName(noise.fallback)
    const { length } = crypto.curve(suite.curve)
    if (message.length < length) return undefined
    const other = begin(this.#options, suite, this.#ephemeral, isDialler ? undefined : message.slice(0, length))
    const payload = isDialler ? other.read(message) : 'fallen back'
    if (payload === undefined) {
      other.destroy()
      return undefined
    }
    this.#noise.destroy()
    this.#noise = other
    this.#suite = suite
    return payload
  }

  #accepts(key: Uint8Array): boolean {
    const { noise, plan, scope } = this.#options
    // Whoever fell back knew one key beforehand: a list says which others will do.
    const isListed = this.#suite.pattern.responderFirst && forRole(noise.accept, plan) !== undefined
    for (const demand of isListed ? [noise.accept] : [noise.accept, noise.remote]) {
      const rule = forRole(demand, plan)
      if (rule === undefined) continue
      const wanted = rule.value(scope)
      // A param that this role does not have makes no demand; one that it has and left empty lets nobody in.
      if (wanted === 'any' || (wanted === undefined && rule.isShared)) continue
      const keys = (Array.isArray(wanted) ? wanted : [wanted]) as unknown[]
      // All of them are looked at, so that time says nothing about which one it was.
      let found = false
      for (const one of keys) if (one instanceof Uint8Array && isSame(one, key)) found = true
      if (!found) return false
    }
    return true
  }
}

/** Equal, in a time that depends on the length alone. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}

/** The own static secret as the schema has it; undefined where it has none. */
export function staticSecret(noise: NoiseDescriptor, suite: Suite, scope: KeyScope): Uint8Array | undefined {
  if (noise.static === 'generate') return scope.random(keyLength(suite))
  const value = noise.static?.(scope)
  return value instanceof Uint8Array ? value : undefined
}

function begin(
  { noise, plan, scope, crypto, script }: NoiseExchangeOptions,
  suite: Suite,
  ephemeral: Uint8Array,
  remoteEphemeral?: Uint8Array,
): NoiseHandshake {
  const initiator = plan.side === 'dials'
  const secret = staticSecret(noise, suite, scope)
  const theirPre = initiator ? suite.pattern.responderPre : suite.pattern.initiatorPre
  const remote = theirPre.includes('s') ? forRole(noise.remote, plan)?.value(scope) : undefined
  const psk = suite.pattern.psks > 0 ? noise.psk?.(scope) : undefined
  return new NoiseHandshake({
    suite,
    crypto,
    initiator,
    ephemeral,
    acceptZero: script.acceptZero,
    ...(noise.prologue && { prologue: noise.prologue(scope) }),
    ...(secret && { static: secret }),
    ...(remote instanceof Uint8Array && { remoteStatic: remote }),
    ...(remoteEphemeral !== undefined && { remoteEphemeral }),
    ...(psk !== undefined && { psks: (Array.isArray(psk) ? psk : [psk]) as Uint8Array[] }),
  })
}

function forRole(all: ByRole<KeyValue>, { role }: Plan): { value: KeyValue; isShared: boolean } | undefined {
  const own = role.is.find(name => all[name] !== undefined)
  const value = own === undefined ? all[''] : all[own]
  return value && { value, isShared: own === undefined }
}

const REFUSALS = {
  Truncated: 'a message of the handshake is too short',
  OpenFailed: 'a message of the handshake does not open: another key, another protocol, or somebody in between',
  ZeroSharedSecret: 'the shared secret is all zero: the key of the peer is not valid',
  OutOfTurn: 'the peer sent a message out of turn',
} as const

const NOTHING = new Uint8Array(0)
