// The provider on the native accelerator: Node's OpenSSL without the way through node:crypto, a context for each key in use,
// batches in one call. Curves but X25519, and hashes, are those of node:crypto.
import { node } from './node.ts'
import { type Aead, type AeadName, type CryptoProvider, type Curve, expectKey } from './provider.ts'

/** What the accelerator offers of cryptography. Sealing is in place, 16 bytes of tag stand behind the text. */
export interface NativeCalls {
  /** A handle for a key. It is destroyed with its owner, or before. */
  key(owner: object, algorithm: number, secret: Uint8Array): number
  destroyKey(key: number): void
  /** The new end. */
  seal(key: number, nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number
  /** The length of the plain text, or -1. */
  open(key: number, nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number
  /** `rows` and `nonces` are those of AeadRows. How many worked. */
  sealBatch(slab: Uint8Array, rows: Int32Array, nonces: Uint8Array, count: number): number
  openBatch(slab: Uint8Array, rows: Int32Array, nonces: Uint8Array, count: number): number
  x25519Public(secret: Uint8Array, out: Uint8Array): void
  /** Zero for a peer's key of low order. */
  x25519Shared(secret: Uint8Array, theirs: Uint8Array, out: Uint8Array): void
}

export function nativeProvider(calls: NativeCalls): CryptoProvider {
  const x25519: Curve = {
    length: 32,
    publicKey(secret) {
      const out = new Uint8Array(32)
      calls.x25519Public(secret, out)
      return out
    },
    shared(secret, publicKey) {
      const out = new Uint8Array(32)
      calls.x25519Shared(secret, publicKey, out)
      return out
    },
  }
  return {
    name: 'native',
    aead: (name, key) => new NativeAead(calls, name, key),
    curve: name => (name === '25519' ? x25519 : node.curve(name)),
    hash: name => node.hash(name),
    sealBatch: (slab, rows) => calls.sealBatch(slab, rows.table, rows.nonces, rows.count),
    openBatch: (slab, rows) => calls.openBatch(slab, rows.table, rows.nonces, rows.count),
  }
}

/** Owns its context: it is wiped with `destroy`, or when this object is collected. */
class NativeAead implements Aead {
  readonly name: AeadName
  readonly handle: number
  isDestroyed = false
  readonly #calls: NativeCalls

  constructor(calls: NativeCalls, name: AeadName, secret: Uint8Array) {
    expectKey(name, secret)
    this.name = name
    this.#calls = calls
    this.handle = calls.key(this, ALGORITHMS[name], secret)
  }

  seal(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    return this.#calls.seal(this.handle, nonce, aad, bytes, start, end)
  }

  open(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
    return this.#calls.open(this.handle, nonce, aad, bytes, start, end)
  }

  destroy(): void {
    this.isDestroyed = true
    this.#calls.destroyKey(this.handle)
  }
}

/** As the accelerator numbers them. */
const ALGORITHMS: Readonly<Record<AeadName, number>> = {
  'aes-256-gcm': 0,
  'aes-128-gcm': 1,
  'chacha20-poly1305': 2,
  'xchacha20-poly1305': 3,
}
