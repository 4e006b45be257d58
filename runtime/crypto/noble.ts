// The provider that needs nothing but JavaScript: @noble/ciphers, @noble/curves, @noble/hashes.
import { gcm } from '@noble/ciphers/aes.js'
import { chacha20poly1305, xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x448 } from '@noble/curves/ed448.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { blake2b, blake2s } from '@noble/hashes/blake2.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { openEach, sealEach } from './batch.ts'
import {
  type Aead,
  type AeadName,
  type CryptoProvider,
  type Curve,
  type CurveName,
  expectKey,
  expectRoom,
  type Hash,
  type HashName,
  TAG_LENGTH,
} from './provider.ts'

export const noble: CryptoProvider = {
  name: 'noble',
  aead: (name, key) => nobleAead(name, key),
  curve: name => CURVES[name],
  hash: name => HASHES[name],
  sealBatch: sealEach,
  openBatch: openEach,
}

export function nobleAead(name: AeadName, secret: Uint8Array): Aead {
  expectKey(name, secret)
  const key = Uint8Array.from(secret)
  const cipher = CIPHERS[name]
  let isDestroyed = false
  return {
    name,
    handle: 0,
    get isDestroyed() {
      return isDestroyed
    },
    seal(nonce, aad, bytes, start, end) {
      expectRoom(name, isDestroyed, nonce, bytes, start, end + TAG_LENGTH)
      bytes.set(cipher(key, nonce, aad).encrypt(bytes.subarray(start, end)), start)
      return end + TAG_LENGTH
    },
    open(nonce, aad, bytes, start, end) {
      expectRoom(name, isDestroyed, nonce, bytes, start, end)
      if (end - start < TAG_LENGTH) return -1
      try {
        bytes.set(cipher(key, nonce, aad).decrypt(bytes.subarray(start, end)), start)
        return end - start - TAG_LENGTH
      } catch {
        return -1 // noble throws on a wrong tag; nothing else can fail here, lengths were checked
      }
    },
    destroy() {
      isDestroyed = true
      key.fill(0)
    },
  }
}

interface Montgomery {
  getPublicKey(secret: Uint8Array): Uint8Array
  getSharedSecret(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
}

function curve(of: Montgomery, length: number): Curve {
  return {
    length,
    publicKey: secret => of.getPublicKey(secret),
    shared(secret, publicKey) {
      try {
        return of.getSharedSecret(secret, publicKey)
      } catch (error) {
        if (publicKey.length !== length || secret.length !== length) throw error
        return new Uint8Array(length) // noble refuses low-order points; the interface reports them as zero
      }
    },
  }
}

type NobleHash = typeof sha256 | typeof sha512 | typeof blake2s | typeof blake2b

function hash(of: NobleHash, length: number): Hash {
  return {
    length,
    digest: (...parts) => of(join(parts)),
    hmac: (key, ...parts) => hmac(of as typeof sha256, key, join(parts)),
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const CIPHERS = {
  'aes-256-gcm': gcm,
  'aes-128-gcm': gcm,
  'chacha20-poly1305': chacha20poly1305,
  'xchacha20-poly1305': xchacha20poly1305,
} as const
const CURVES: Record<CurveName, Curve> = { 25519: curve(x25519, 32), 448: curve(x448, 56) }
const HASHES: Record<HashName, Hash> = {
  SHA256: hash(sha256, 32),
  SHA512: hash(sha512, 64),
  BLAKE2s: hash(blake2s, 32),
  BLAKE2b: hash(blake2b, 64),
}
