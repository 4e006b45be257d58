// `handshake` of a schema as the runtime runs it (docs/language, "Noise, steps, cookies"): Noise or explicit steps, the
// key schedule, ids, cookie, and what follows. What is computed is a function over a KeyScope, made by the generator.

import type { Context } from '../wire/codec.ts'
import type { Accessor, Framing, RetryDescriptor } from './protocol.ts'
import type { BytePlace } from './seal-descriptor.ts'

/** What expressions of handshakes, key schedules and seals may name. Made by the engine that runs them. */
export interface KeyScope {
  readonly param: Readonly<Record<string, unknown>>
  readonly session: Readonly<Record<string, unknown>>
  /** Keys of the schedule so far, by name; `old` in `derive` and `follow`. */
  readonly key: Readonly<Record<string, unknown>>
  /** `address` as 16 bytes (IPv4 mapped), `port` as a number. */
  readonly peer: Readonly<Record<string, unknown>>
  readonly local: Readonly<Record<string, unknown>>
  /** Handshake frames that went by, either way, as plain values, by name. */
  readonly frames: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Clear fields of the sealed frame, where a seal's key is computed from them. */
  readonly clear: Readonly<Record<string, unknown>>
  /** The packet counter, for `follow`. */
  readonly counter: bigint
  /** The public key of a pair of `secrets`: `client.eph`. Throws where it is not known yet. */
  publicKey(pair: string): Uint8Array
  /** The shared secret of two pairs, of which one is ours: `client.eph`, `server.eph`. */
  dh(one: string, other: string): Uint8Array
  random(length: number): Uint8Array
  /** Unix milliseconds. */
  now(): number
}

export type KeyExpression = (scope: KeyScope) => Uint8Array
/** Keys, a list of keys, or the word `any`. */
export type KeyValue = (scope: KeyScope) => unknown

/** By role name; the empty name is for every role. */
export type ByRole<T> = Readonly<Record<string, T>>

/** Plain values of a struct to bytes and back, without a frame around it. */
export interface StructCodec {
  readonly name: string
  /** Throws EncodeError. */
  encode(value: object, context: Context): Uint8Array
  /** Undefined where the bytes are not exactly such a struct. */
  decode(bytes: Uint8Array, context: Context): Record<string, unknown> | undefined
}

export interface NoiseDescriptor {
  /** `Noise_XX_25519_AESGCM_SHA256`. */
  readonly suite: string
  readonly prologue: KeyExpression | undefined
  /** Our static key: a param, or `generate` for one of each connection. */
  readonly static: KeyValue | 'generate' | undefined
  /** The peer's static key, known beforehand. */
  readonly remote: ByRole<KeyValue>
  /** Keys that a peer may show. Absent for a role: any. */
  readonly accept: ByRole<KeyValue>
  readonly psk: KeyValue | undefined
  /** Where the messages travel, in order: fields of frames. Empty: raw, in the transport's framing. */
  readonly messages: readonly NoiseMessagePlace[]
  /** Payload structs by number of the message, from 1. */
  readonly payloads: readonly { readonly message: number; readonly struct: StructCodec }[]
  /** `Struct.field` of a payload that must grow from one handshake of a static key to the next. */
  readonly newer: string | undefined
  /** Suite tried next by the responder when message 1 does not open. */
  readonly fallback: string | undefined
}

export interface NoiseMessagePlace {
  readonly frame: string
  readonly field: Accessor
}

/** One message of explicit steps. */
export interface StepDescriptor {
  /** A role, or `dialer`, `acceptor`, `both` (each sends it, in any order). */
  readonly by: string
  readonly frame: string
  readonly times: number
  readonly with: readonly { readonly field: Accessor; readonly value: KeyValue }[]
  /** Public keys that the receiver of this message learns: `client.eph` from the field that carries it. */
  readonly teaches: readonly { readonly pair: string; readonly field: Accessor }[]
}

export interface IdsDescriptor {
  /** The clear field that holds the id of the receiver of a packet. */
  readonly field: Accessor
  /** Where it stands in a sealed packet. */
  readonly place: BytePlace
  /** The places where the client and the server tell theirs; one place serves both directions. */
  readonly offer: readonly IdOffer[]
}

export interface IdOffer {
  /** A frame, or the struct of a payload. */
  readonly in: string
  readonly isPayload: boolean
  /** The field's name in it. */
  readonly field: string
}

export interface CookieDescriptor {
  /** Frame and field in which the server sends it, in which the client returns it. */
  readonly challenge: NoiseMessagePlace
  readonly echo: NoiseMessagePlace | undefined
  readonly proof: NoiseMessagePlace | undefined
  readonly mac: 'hmac-sha256' | 'blake2s'
  readonly over: KeyExpression
  /** Milliseconds: a cookie is valid in its slot and the next one. */
  readonly slot: number
  /** Life of the secret. */
  readonly rotate: number
  readonly when: 'always' | 'under_load'
}

/** `then`: what follows where the session goes on elsewhere. */
export interface ContinuationDescriptor {
  /** The transport that is closed. */
  readonly close: string | undefined
  readonly continueOn: string | undefined
  readonly port: KeyValue | undefined
  /** Who speaks first there. */
  readonly first: string | undefined
  /** How a new address finds its session: by the id field, by the first reply, or by trying keys. */
  readonly bindBy: 'field' | 'first-reply' | 'open' | undefined
  /** Milliseconds without an answer after which packets go inside the stream of the handshake. Undefined: never. */
  readonly fallback?: number | undefined
}

/** A key of the schedule, computed from top to bottom. */
export interface KeyStep {
  readonly name: string
  readonly value: KeyExpression
}

/** The part of a handshake behind TLS, if there is TLS. */
export interface HandshakeScript {
  readonly noise: NoiseDescriptor | undefined
  readonly steps: readonly StepDescriptor[]
  /** Key pairs of the connection: `client.eph`; which role owns which. Curve 25519. */
  readonly secrets: readonly string[]
  readonly keys: readonly KeyStep[]
  /** Whether an all-zero Diffie-Hellman result is accepted (profiles). */
  readonly acceptZero: boolean
  readonly ids: IdsDescriptor | undefined
  readonly cookie: CookieDescriptor | undefined
  readonly retry: RetryDescriptor | undefined
  readonly concurrent: number | undefined
  readonly continuation: ContinuationDescriptor | undefined
  /** Bytes behind the last message. */
  readonly remainder: 'keep' | 'drop' | 'reject'
  /** Of the messages, where it is not that of the transport. */
  readonly framing: Framing | undefined
  /** Frames that only the handshake sends and reads. */
  readonly frames: readonly string[]
}
