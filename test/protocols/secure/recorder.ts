// Cryptography that keeps book: every key that was made, every (key, nonce) that was sealed with, every attempt to open.
import { inspect } from 'node:util'
import { openEach, sealEach } from '../../../runtime/crypto/batch.ts'
import { node } from '../../../runtime/crypto/node.ts'
import type { Aead, AeadName, CryptoProvider } from '../../../runtime/crypto/provider.ts'

export class Recorder implements CryptoProvider {
  readonly name: CryptoProvider['name'] = 'node'
  readonly curve: CryptoProvider['curve'] = name => node.curve(name)
  readonly hash: CryptoProvider['hash'] = name => node.hash(name)
  readonly sealBatch: CryptoProvider['sealBatch'] = sealEach
  readonly openBatch: CryptoProvider['openBatch'] = openEach
  readonly keys: RecordedKey[] = []
  /** Numbers sealed with, by key. */
  readonly used: Map<string, Set<number>> = new Map()
  seals = 0
  opens = 0
  repeats = 0

  aead(name: AeadName, secret: Uint8Array): Aead {
    const key = new RecordedKey(this, node.aead(name, secret), secret)
    this.keys.push(key)
    return key
  }

  toJSON(): string {
    return 'Recorder'
  }
}

export class RecordedKey implements Aead {
  readonly name: AeadName
  readonly handle = 0
  /** A copy, so that a test knows what should be gone, and the array that the engine gave, which it should overwrite. */
  readonly copy: Uint8Array
  readonly given: Uint8Array
  isDestroyed = false
  /** Packets that opened under it. */
  opened = 0
  readonly #book: Recorder
  readonly #inner: Aead
  readonly #used: Set<number>

  constructor(book: Recorder, inner: Aead, secret: Uint8Array) {
    this.#book = book
    this.#inner = inner
    this.name = inner.name
    this.copy = Uint8Array.from(secret)
    this.given = secret
    const text = Buffer.from(secret).toString('hex')
    this.#used = book.used.get(text) ?? new Set()
    book.used.set(text, this.#used)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    const number = numberIn(nonce)
    if (this.#used.has(number)) this.#book.repeats++
    this.#used.add(number)
    this.#book.seals++
    return this.#inner.seal(nonce, aad, bytes, start, end)
  }

  open(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    this.#book.opens++
    const length = this.#inner.open(nonce, aad, bytes, start, end)
    if (length >= 0) this.opened++
    return length
  }

  destroy(): void {
    this.isDestroyed = true
    this.#inner.destroy()
  }

  toJSON(): string {
    return 'RecordedKey'
  }
}

// They know what others must not say, so they say nothing.
for (const kind of [Recorder, RecordedKey])
  Object.defineProperty(kind.prototype, inspect.custom, { value: () => kind.name })

/** The last eight bytes of a nonce as a number; in either order of bytes distinct as long as numbers are below 2^48. */
function numberIn(nonce: Uint8Array): number {
  const at = nonce.length - 8
  const one = ((nonce[at]! << 24) | (nonce[at + 1]! << 16) | (nonce[at + 2]! << 8) | nonce[at + 3]!) >>> 0
  const other = ((nonce[at + 4]! << 24) | (nonce[at + 5]! << 16) | (nonce[at + 6]! << 8) | nonce[at + 7]!) >>> 0
  return one < 2 ** 21 ? one * 2 ** 32 + other : other * 2 ** 32 + one
}
