// Noise on the connections of a node: a handshake written as a script, then records of a u16 length and a Noise message each. Every
// message of the application is one record; an empty one is a record of length 0 without a Noise message inside.

import { fail, receive, type Script, send } from '../../core/script.ts'
import { NoiseHandshake } from '../../crypto/noise/handshake.ts'
import { parseProtocolName, type Suite } from '../../crypto/noise/pattern.ts'
import type { CipherState } from '../../crypto/noise/symmetric.ts'
import { type Aead, type CryptoProvider, TAG_LENGTH } from '../../crypto/provider.ts'
import { randomBytes } from '../../drivers/random.ts'
import { chooseProvider } from '../../native/choose.ts'
import { copyOf } from '../../wire/copy.ts'
import type { ConnectionSide, Decoder, Encoder } from './codec.ts'
import { NodeError } from './errors.ts'
import type { ScriptFraming } from './handshake-stream.ts'
import type { Handshake } from './hooks.ts'
import { PrefixDecoder, type RawFraming } from './raw.ts'

export interface NoiseOptions {
  /** `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`, for example. */
  readonly protocol: string
  /** Bytes that both sides must agree on. Default: none. */
  readonly prologue?: Uint8Array
  readonly psks?: readonly Uint8Array[]
  /** Own static secret; default: a fresh one for each connection. */
  readonly static?: Uint8Array
  readonly crypto?: CryptoProvider
  /** Default: the system's. */
  readonly random?: (n: number) => Uint8Array
  /** Payload of the own messages but the very first of the initiator. `own`: the own static public key. */
  readonly payload?: (own: Uint8Array, side: ConnectionSide) => Uint8Array
  /** Refuses by throwing. `payload`: of the peer's last message. */
  readonly accept?: (remote: Uint8Array | undefined, payload: Uint8Array) => void
  /** Noise messages and records of this length at most. Default 65535. */
  readonly max?: number
}

/** What a handshake ends with. */
export interface NoiseResult {
  readonly send: CipherState
  readonly receive: CipherState
  readonly remote: Uint8Array | undefined
  readonly payload: Uint8Array
  readonly hash: Uint8Array
}

export interface NoiseLayer extends RawFraming {
  readonly handshake: Handshake
}

/** The hook Handshake, and the codecs of what follows. `stream.context` holds a NoiseResult afterwards. */
export function noise(options: NoiseOptions): NoiseLayer {
  const suite = parseProtocolName(options.protocol)
  const crypto = options.crypto ?? chooseProvider()
  const results = new Map<string, NoiseResult>()
  const resultOf = (address: string): NoiseResult => {
    const result = results.get(address)
    if (result === undefined) throw new NodeError('HandshakeFailed', 'there was no handshake on this connection')
    return result
  }
  return {
    async handshake(stream) {
      const script = noiseScript(suite, crypto, options, stream.side)
      const result = await stream.run(script, recordFraming(options.max ?? 65_535))
      stream.context = result
      results.set(stream.address, result)
      // The codecs are made at once, in the same turn: what is old by then was of a setup that failed, or of a node that only reads.
      for (const address of results.keys()) {
        if (results.size <= PENDING) break
        results.delete(address)
      }
    },
    decoder: address => new NoiseDecoder(recordKey(suite, crypto, resultOf(address).receive), suite),
    encoder: address => {
      const { send: cipher } = resultOf(address)
      results.delete(address)
      return new NoiseEncoder(recordKey(suite, crypto, cipher), suite)
    },
  }
}

/** Both directions after a handshake, for those who have more to say before Reading and Writing begin. */
export function noiseRecords(
  suite: Suite,
  crypto: CryptoProvider,
  result: NoiseResult,
): { readonly decoder: Decoder<Uint8Array>; readonly encoder: Encoder<Uint8Array> } {
  return {
    decoder: new NoiseDecoder(recordKey(suite, crypto, result.receive), suite),
    encoder: new NoiseEncoder(recordKey(suite, crypto, result.send), suite),
  }
}

/** The handshake, without I/O: whole Noise messages in and out. */
export function* noiseScript(
  suite: Suite,
  crypto: CryptoProvider,
  options: NoiseOptions,
  side: ConnectionSide,
): Script<NoiseResult> {
  const random = options.random ?? randomBytes
  const secret = options.static ?? random(crypto.curve(suite.curve).length)
  const handshake = new NoiseHandshake({
    suite,
    crypto,
    initiator: side === 'initiator',
    static: secret,
    ephemeral: random(crypto.curve(suite.curve).length),
    ...(options.prologue !== undefined && { prologue: options.prologue }),
    ...(options.psks !== undefined && { psks: options.psks }),
  })
  const own = crypto.curve(suite.curve).publicKey(secret)
  let payload: Uint8Array = EMPTY
  let isFirst = true
  try {
    while (!handshake.finished) {
      if (handshake.writes) {
        const first = isFirst && side === 'initiator'
        yield* send(handshake.write(first ? EMPTY : (options.payload?.(own, side) ?? EMPTY)))
      } else {
        const read = handshake.read(yield* receive(Infinity))
        if (read === undefined) fail(`a message of the handshake was refused: ${handshake.failure}`)
        payload = read
      }
      isFirst = false
    }
    options.accept?.(handshake.remoteStatic, payload)
    return { ...handshake.split(), remote: handshake.remoteStatic, payload, hash: handshake.handshakeHash }
  } finally {
    handshake.destroy()
  }
}

/** A u16 length in front of each message. */
export function recordFraming(max: number): ScriptFraming {
  return {
    decoder: new PrefixDecoder('u16be', max),
    frame(message) {
      const record = new Uint8Array(message.length + 2)
      record[0] = message.length >>> 8
      record[1] = message.length
      record.set(message, 2)
      return record
    },
  }
}

function recordKey(suite: Suite, crypto: CryptoProvider, cipher: CipherState): Aead {
  const key = cipher.exportKey()
  cipher.destroy()
  const aead = crypto.aead(suite.aead, key)
  key.fill(0)
  return aead
}

/** The counter as a nonce (section 12): 32 zero bits, then little-endian for ChaChaPoly and big-endian for AESGCM. */
class Nonce {
  readonly bytes: Uint8Array = new Uint8Array(12)
  readonly #isLittle: boolean
  #count = 0

  constructor(suite: Suite) {
    this.#isLittle = suite.cipher === 'ChaChaPoly'
  }

  next(): Uint8Array {
    if (this.#count >= Number.MAX_SAFE_INTEGER) throw new NodeError('InvalidInput', 'the nonces of this key are spent')
    const { bytes } = this
    let rest = this.#count++
    for (let i = 0; i < 7; i++) {
      bytes[this.#isLittle ? 4 + i : 11 - i] = rest
      rest = rest < 256 ? 0 : Math.floor(rest / 256)
    }
    return bytes
  }
}

class NoiseDecoder implements Decoder<Uint8Array> {
  readonly #key: Aead
  readonly #nonce: Nonce
  next = 0
  needs = 0
  exact = true

  constructor(key: Aead, suite: Suite) {
    this.#key = key
    this.#nonce = new Nonce(suite)
  }

  decode(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    const have = end - at
    const length = have < 2 ? 0 : (bytes[at]! << 8) | bytes[at + 1]!
    if (have < 2 + length || have < 2) {
      this.needs = 2 + length
      return undefined
    }
    const start = at + 2
    this.next = start + length
    if (length === 0) return EMPTY
    const plain = this.#key.open(this.#nonce.next(), EMPTY, bytes, start, start + length)
    if (plain < 0) throw new NodeError('InvalidData', 'a record does not open')
    return bytes.subarray(start, start + plain)
  }

  keep(message: Uint8Array): Uint8Array {
    return copyOf(message)
  }

  destroy(): void {
    this.#key.destroy()
  }
}

class NoiseEncoder implements Encoder<Uint8Array> {
  readonly #key: Aead
  readonly #nonce: Nonce

  constructor(key: Aead, suite: Suite) {
    this.#key = key
    this.#nonce = new Nonce(suite)
  }

  sizeOf(message: Uint8Array): number {
    if (message.length > MOST)
      throw new NodeError('InvalidInput', `a message of ${message.length} bytes, at most ${MOST} fit a record`)
    return message.length + 2 + TAG_LENGTH
  }

  encode(message: Uint8Array, into: Uint8Array, at: number): number {
    const start = at + 2
    let end = start
    if (message.length > 0) {
      into.set(message, start)
      end = this.#key.seal(this.#nonce.next(), EMPTY, into, start, start + message.length)
    }
    into[at] = (end - start) >>> 8
    into[at + 1] = end - start
    return end
  }

  destroy(): void {
    this.#key.destroy()
  }
}

const EMPTY = new Uint8Array(0)
/** Results that wait for their codecs. */
const PENDING = 256
/** Largest plain text of a record. */
const MOST = 65_535 - TAG_LENGTH
