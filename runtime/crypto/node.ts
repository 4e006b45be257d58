// The provider on node:crypto (OpenSSL). XChaCha20 is not in OpenSSL and comes from @noble.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto'
import { openEach, sealEach } from './batch.ts'
import { nobleAead } from './noble.ts'
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

export const node: CryptoProvider = {
  name: 'node',
  aead: (name, key) => (name === 'xchacha20-poly1305' ? nobleAead(name, key) : nodeAead(name, key)),
  curve: name => CURVES[name],
  hash: name => HASHES[name],
  sealBatch: sealEach,
  openBatch: openEach,
}

function nodeAead(name: Exclude<AeadName, 'xchacha20-poly1305'>, secret: Uint8Array): Aead {
  expectKey(name, secret)
  let key: KeyObject | undefined = createSecretKey(secret)
  // The types want a mode of their own for each cipher; all three take these options.
  const cipher = name as 'aes-256-gcm'
  return {
    name,
    handle: 0,
    get isDestroyed() {
      return key === undefined
    },
    seal(nonce, aad, bytes, start, end) {
      expectRoom(name, key === undefined, nonce, bytes, start, end + TAG_LENGTH)
      const seal = createCipheriv(cipher, key!, nonce, { authTagLength: TAG_LENGTH })
      if (aad.length > 0) seal.setAAD(aad)
      bytes.set(seal.update(bytes.subarray(start, end)), start)
      seal.final()
      bytes.set(seal.getAuthTag(), end)
      return end + TAG_LENGTH
    },
    open(nonce, aad, bytes, start, end) {
      expectRoom(name, key === undefined, nonce, bytes, start, end)
      const text = end - TAG_LENGTH
      if (text < start) return -1
      const open = createDecipheriv(cipher, key!, nonce, { authTagLength: TAG_LENGTH })
      open.setAuthTag(bytes.subarray(text, end))
      if (aad.length > 0) open.setAAD(aad)
      const plain = open.update(bytes.subarray(start, text))
      try {
        open.final()
      } catch {
        return -1 // the tag is wrong
      }
      bytes.set(plain, start)
      return plain.length
    },
    destroy() {
      key = undefined // OpenSSL clears its copy when the KeyObject is collected
    },
  }
}

// Keys go in and out as JSON web keys (RFC 8037): decoding DER costs ten times the agreement itself.
function curve(crv: 'X25519' | 'X448', length: number): Curve {
  const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('base64url')
  const secretKey = (secret: Uint8Array): KeyObject => {
    if (secret.length !== length) throw new RangeError(`a secret key has ${length} bytes, got ${secret.length}`)
    try {
      // The public part has to be there, and is not looked at.
      return createPrivateKey({ key: { kty: 'OKP', crv, d: text(secret), x: NOTHING[crv] }, format: 'jwk' })
    } catch {
      // A Node that does look. RFC 8410: the DER around a raw key.
      const key = Buffer.concat([Buffer.from(DER[crv], 'hex'), secret])
      return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
    }
  }
  return {
    length,
    publicKey: secret =>
      new Uint8Array(
        Buffer.from(createPublicKey(secretKey(secret)).export({ format: 'jwk' }).x as string, 'base64url'),
      ),
    shared(secret, publicKey) {
      if (publicKey.length !== length) throw new RangeError(`a public key has ${length} bytes, got ${publicKey.length}`)
      const privateKey = secretKey(secret)
      const theirs = createPublicKey({ key: { kty: 'OKP', crv, x: text(publicKey) }, format: 'jwk' })
      try {
        return new Uint8Array(diffieHellman({ privateKey, publicKey: theirs }))
      } catch {
        return new Uint8Array(length) // OpenSSL refuses low-order points; the interface reports them as zero
      }
    },
  }
}

function hash(algorithm: string, length: number): Hash {
  return {
    length,
    digest(...parts) {
      const h = createHash(algorithm)
      for (const part of parts) h.update(part)
      return h.digest()
    },
    hmac(key, ...parts) {
      const h = createHmac(algorithm, key)
      for (const part of parts) h.update(part)
      return h.digest()
    },
  }
}

const NOTHING = { X25519: Buffer.alloc(32).toString('base64url'), X448: Buffer.alloc(56).toString('base64url') }
const DER = { X25519: '302e020100300506032b656e04220420', X448: '3046020100300506032b656f043a0438' }
const CURVES: Record<CurveName, Curve> = { 25519: curve('X25519', 32), 448: curve('X448', 56) }
const HASHES: Record<HashName, Hash> = {
  SHA256: hash('sha256', 32),
  SHA512: hash('sha512', 64),
  BLAKE2s: hash('blake2s256', 32),
  BLAKE2b: hash('blake2b512', 64),
}
