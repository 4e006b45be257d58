// CipherState and SymmetricState of the Noise Protocol Framework, revision 34, sections 5.1 and 5.2.
import { type Aead, type CryptoProvider, type Hash, TAG_LENGTH } from '../provider.ts'
import type { Suite } from './pattern.ts'

/** A key and its 64-bit nonce counter (section 5.1). Without a key, text passes unchanged. */
export class CipherState {
  #aead: Aead | undefined
  #key: Uint8Array | undefined
  #counter = 0n
  readonly #nonce = new Uint8Array(12)
  readonly #suite: Suite
  readonly #crypto: CryptoProvider

  constructor(suite: Suite, crypto: CryptoProvider, key?: Uint8Array) {
    this.#suite = suite
    this.#crypto = crypto
    if (key) this.initialize(key)
  }

  initialize(key: Uint8Array): void {
    this.#aead?.destroy()
    this.#key?.fill(0)
    this.#key = Uint8Array.from(key)
    this.#aead = this.#crypto.aead(this.#suite.aead, this.#key)
    this.#counter = 0n
  }

  get hasKey(): boolean {
    return this.#aead !== undefined
  }

  get counter(): bigint {
    return this.#counter
  }

  /** For transports that carry the counter (section 11.4). */
  set counter(counter: bigint) {
    this.#counter = counter
  }

  /** Returns a new array: the text and, with a key, the tag. Refuses before a nonce repeats. */
  encrypt(aad: Uint8Array, text: Uint8Array): Uint8Array {
    if (!this.#aead) return Uint8Array.from(text)
    const out = new Uint8Array(text.length + TAG_LENGTH)
    out.set(text)
    this.#aead.seal(this.#takeNonce(), aad, out, 0, text.length)
    return out
  }

  /** Undefined when it does not open; the counter then stays. */
  decrypt(aad: Uint8Array, text: Uint8Array): Uint8Array | undefined {
    if (!this.#aead) return Uint8Array.from(text)
    const out = Uint8Array.from(text)
    const length = this.#aead.open(this.#writeNonce(), aad, out, 0, out.length)
    if (length < 0) return undefined
    this.#counter++
    return out.subarray(0, length)
  }

  /** Section 4.2: the next key is the encryption of 32 zero bytes under the largest nonce. */
  rekey(): void {
    const counter = this.#counter
    this.#counter = LAST_NONCE
    const out = new Uint8Array(32 + TAG_LENGTH)
    this.#aead!.seal(this.#writeNonce(), EMPTY, out, 0, 32)
    this.initialize(out.subarray(0, 32))
    out.fill(0)
    this.#counter = counter
  }

  /** The key, for an engine that seals by its own rules; the caller overwrites it after use. */
  exportKey(): Uint8Array {
    if (!this.#key) throw new TypeError('this cipher state has no key yet')
    return Uint8Array.from(this.#key)
  }

  destroy(): void {
    this.#aead?.destroy()
    this.#key?.fill(0)
    this.#aead = undefined
    this.#key = undefined
  }

  #takeNonce(): Uint8Array {
    if (this.#counter >= LAST_NONCE) throw new RangeError('the nonces of this key are spent; rekey before')
    const nonce = this.#writeNonce()
    this.#counter++
    return nonce
  }

  // Section 12: ChaChaPoly counts little-endian, AESGCM big-endian, behind 32 zero bits.
  #writeNonce(): Uint8Array {
    new DataView(this.#nonce.buffer).setBigUint64(4, this.#counter, this.#suite.cipher === 'ChaChaPoly')
    return this.#nonce
  }
}

/** Chaining key and handshake hash (section 5.2). */
export class SymmetricState {
  readonly cipher: CipherState
  readonly #suite: Suite
  readonly #crypto: CryptoProvider
  readonly #hash: Hash
  #chaining: Uint8Array
  #digest: Uint8Array

  constructor(suite: Suite, crypto: CryptoProvider) {
    this.#suite = suite
    this.#crypto = crypto
    this.#hash = crypto.hash(suite.hash)
    const name = new TextEncoder().encode(suite.protocolName)
    this.#digest = new Uint8Array(this.#hash.length)
    if (name.length <= this.#hash.length) this.#digest.set(name)
    else this.#digest = this.#hash.digest(name)
    this.#chaining = Uint8Array.from(this.#digest)
    this.cipher = new CipherState(suite, crypto)
  }

  mixKey(material: Uint8Array): void {
    const [chaining, key] = this.#derive(material, 2)
    this.#chaining.fill(0)
    this.#chaining = chaining!
    this.cipher.initialize(key!.subarray(0, 32))
    key!.fill(0)
  }

  mixHash(data: Uint8Array): void {
    this.#digest = this.#hash.digest(this.#digest, data)
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chaining, digest, key] = this.#derive(material, 3)
    this.#chaining = chaining!
    this.mixHash(digest!)
    this.cipher.initialize(key!.subarray(0, 32))
    key!.fill(0)
  }

  encryptAndHash(text: Uint8Array): Uint8Array {
    const out = this.cipher.encrypt(this.#digest, text)
    this.mixHash(out)
    return out
  }

  decryptAndHash(text: Uint8Array): Uint8Array | undefined {
    const plain = this.cipher.decrypt(this.#digest, text)
    if (plain) this.mixHash(text)
    return plain
  }

  /** The two transport ciphers: initiator to responder, responder to initiator. */
  split(): [CipherState, CipherState] {
    const [first, second] = this.#derive(EMPTY, 2)
    const pair: [CipherState, CipherState] = [
      new CipherState(this.#suite, this.#crypto, first!.subarray(0, 32)),
      new CipherState(this.#suite, this.#crypto, second!.subarray(0, 32)),
    ]
    first!.fill(0)
    second!.fill(0)
    this.#chaining.fill(0)
    this.cipher.destroy()
    return pair
  }

  /** Unique to this handshake: for channel binding (section 11.2). */
  get handshakeHash(): Uint8Array {
    return Uint8Array.from(this.#digest)
  }

  /** A copy to fall back on: a message that does not open must leave the handshake as it was. */
  snapshot(): () => void {
    const digest = this.#digest
    const chaining = Uint8Array.from(this.#chaining)
    const counter = this.cipher.counter
    const key = this.cipher.hasKey ? this.cipher.exportKey() : undefined
    return () => {
      this.#digest = digest
      this.#chaining = chaining
      if (key) {
        this.cipher.initialize(key)
        this.cipher.counter = counter
      } else {
        this.cipher.destroy()
      }
    }
  }

  // HKDF of section 4.3.
  #derive(material: Uint8Array, count: 2 | 3): Uint8Array[] {
    const temporary = this.#hash.hmac(this.#chaining, material)
    const outputs: Uint8Array[] = []
    let previous: Uint8Array = EMPTY
    for (let i = 1; i <= count; i++) {
      previous = this.#hash.hmac(temporary, previous, Uint8Array.of(i))
      outputs.push(previous)
    }
    temporary.fill(0)
    return outputs
  }
}

const EMPTY = new Uint8Array(0)
const LAST_NONCE = 0xffff_ffff_ffff_ffffn
