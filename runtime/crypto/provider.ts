// Crypto providers behind one interface: the same operations from Node's OpenSSL or from @noble, which runs everywhere.
// All of them are held to the same vectors (test/crypto). Randomness is never taken here: secrets are passed in.

import type { AeadRows } from './batch.ts'

export type AeadName = 'aes-256-gcm' | 'aes-128-gcm' | 'chacha20-poly1305' | 'xchacha20-poly1305'
export type CurveName = '25519' | '448'
export type HashName = 'SHA256' | 'SHA512' | 'BLAKE2s' | 'BLAKE2b'

/** Authenticated encryption under one key. Works in place: 16 bytes of tag stand behind the text. */
export interface Aead {
  readonly name: AeadName
  /** By which its provider knows it in a batch. 0 where it needs none. */
  readonly handle: number
  readonly isDestroyed: boolean
  /** Seals `bytes[start..end)`; there must be room for the tag. Returns the new end, `end + 16`. */
  seal(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number
  /** Opens `bytes[start..end)`, tag included. Returns the length of the plain text, or -1 when it does not open; the bytes are then undefined. */
  open(nonce: Uint8Array, aad: Uint8Array, bytes: Uint8Array, start: number, end: number): number
  /** Overwrites the key where this provider holds it in memory of its own. It seals and opens nothing afterwards. */
  destroy(): void
}

/** Diffie-Hellman on a Montgomery curve (RFC 7748). */
export interface Curve {
  /** Bytes of a secret, a public key and a shared secret. */
  readonly length: number
  publicKey(secret: Uint8Array): Uint8Array
  /** The raw shared secret; all zero for a low-order point, which callers refuse. */
  shared(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
}

export interface Hash {
  /** Bytes of a digest. */
  readonly length: number
  digest(...parts: Uint8Array[]): Uint8Array
  /** HMAC (RFC 2104) over the joined parts. */
  hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array
}

export interface CryptoProvider {
  readonly name: 'native' | 'node' | 'noble'
  /** Throws RangeError on a key of the wrong length. */
  aead(name: AeadName, key: Uint8Array): Aead
  curve(name: CurveName): Curve
  hash(name: HashName): Hash
  /** Seals every row in place. Returns how many worked; a row that lies outside of the slab or whose key is destroyed fails. */
  sealBatch(slab: Uint8Array, rows: AeadRows): number
  /** Opens every row in place. Returns how many opened; the text of the others is undefined. */
  openBatch(slab: Uint8Array, rows: AeadRows): number
}

/** Bytes of a key and of a nonce. */
export const AEAD_SIZES: Readonly<Record<AeadName, { readonly key: number; readonly nonce: number }>> = {
  'aes-256-gcm': { key: 32, nonce: 12 },
  'aes-128-gcm': { key: 16, nonce: 12 },
  'chacha20-poly1305': { key: 32, nonce: 12 },
  'xchacha20-poly1305': { key: 32, nonce: 24 },
}
export const TAG_LENGTH = 16

export function expectKey(name: AeadName, key: Uint8Array): void {
  if (key.length !== AEAD_SIZES[name].key) {
    throw new RangeError(`${name} needs a key of ${AEAD_SIZES[name].key} bytes, got ${key.length}`)
  }
}

/** Misuse, told the same way by all providers. `end` is where the last byte written or read would be. */
export function expectRoom(
  name: AeadName,
  isDestroyed: boolean,
  nonce: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (isDestroyed) throw new Error('the key was destroyed')
  if (nonce.length !== AEAD_SIZES[name].nonce)
    throw new RangeError(`${name} needs a nonce of ${AEAD_SIZES[name].nonce} bytes, got ${nonce.length}`)
  if (!(start >= 0 && end >= start && end <= bytes.length))
    throw new RangeError(`${start}..${end} is not within the ${bytes.length} bytes given`)
}
