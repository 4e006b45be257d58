// A provider for tests that count: its cipher hides nothing, but a packet opens only under the same key, nonce and
// additional data; and it keeps book of every key made, every (key, nonce) sealed with, and every attempt to open.
import { openEach, sealEach } from '../../../runtime/crypto/batch.ts'
import { node } from '../../../runtime/crypto/node.ts'
import { type Aead, type AeadName, type CryptoProvider, TAG_LENGTH } from '../../../runtime/crypto/provider.ts'

export class Counting implements CryptoProvider {
  readonly name: CryptoProvider['name'] = 'node'
  /** The arrays that keys were made of: whoever erases a key erases these. */
  readonly secrets: Uint8Array[] = []
  readonly keys: CountedKey[] = []
  readonly curve: CryptoProvider['curve'] = name => node.curve(name)
  readonly hash: CryptoProvider['hash'] = name => node.hash(name)
  readonly sealBatch: CryptoProvider['sealBatch'] = sealEach
  readonly openBatch: CryptoProvider['openBatch'] = openEach
  /** Whether every nonce is remembered. */
  readonly keepsNonces: boolean
  /** Nonces sealed with, by key as text. */
  readonly used: Map<string, Set<number>> = new Map()
  seals = 0
  opens = 0
  repeats = 0

  constructor(keepsNonces: boolean = true) {
    this.keepsNonces = keepsNonces
  }

  aead(name: AeadName, secret: Uint8Array): Aead {
    const key = new CountedKey(this, name, secret)
    this.secrets.push(secret)
    this.keys.push(key)
    return key
  }

  /** Keys that still seal or open. */
  get live(): number {
    return this.keys.filter(key => !key.isDestroyed).length
  }
}

export class CountedKey implements Aead {
  readonly name: AeadName
  readonly handle = 0
  isDestroyed = false
  readonly #book: Counting
  readonly #id: Uint8Array
  readonly #used: Set<number>

  constructor(book: Counting, name: AeadName, secret: Uint8Array) {
    this.#book = book
    this.name = name
    this.#id = secret.slice(0, 4)
    const text = Buffer.from(secret).toString('hex')
    const used = book.used.get(text) ?? new Set()
    book.used.set(text, used)
    this.#used = used
  }

  seal(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, _start: number, end: number): number {
    if (this.#book.keepsNonces) this.#note(nonce)
    this.#book.seals++
    this.#tag(nonce, aad, bytes, end, false)
    return end + TAG_LENGTH
  }

  open(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    this.#book.opens++
    const length = end - start - TAG_LENGTH
    return this.#tag(nonce, aad, bytes, end - TAG_LENGTH, true) ? length : -1
  }

  destroy(): void {
    this.isDestroyed = true
  }

  #note(nonce: Uint8Array): void {
    // All but the first bytes is the counter, which tests keep below 2^53.
    let number = 0
    for (let i = nonce.length - 8; i < nonce.length; i++) number = number * 256 + nonce[i]!
    if (this.#used.has(number)) this.#book.repeats++
    this.#used.add(number)
  }

  /** Writes or checks 16 bytes: the key, the additional data and the end of the nonce. */
  #tag(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, at: number, isCheck: boolean): boolean {
    let sum = 0
    for (let i = 0; i < aad.length; i++) sum = (Math.imul(sum, 31) + aad[i]!) | 0
    for (let i = 0; i < TAG_LENGTH; i++) {
      const byte = i < 4 ? this.#id[i]! : i < 8 ? (sum >>> (8 * (i - 4))) & 255 : nonce[nonce.length - 16 + i]!
      if (isCheck && bytes[at + i] !== byte) return false
      bytes[at + i] = byte
    }
    return true
  }
}
