// Hash functions of the expression language. Every one takes byte arrays (arguments are joined, text is given as UTF-8)
// and returns the digest. Node's OpenSSL where it has the function, @noble for the rest.
import { createHash, createHmac, hkdfSync } from 'node:crypto'
import { blake2b as nobleBlake2b, blake2s as nobleBlake2s } from '@noble/hashes/blake2.js'
import { blake3 as nobleBlake3 } from '@noble/hashes/blake3.js'

export function sha256(...parts: Uint8Array[]): Uint8Array {
  return node('sha256', parts)
}

export function sha384(...parts: Uint8Array[]): Uint8Array {
  return node('sha384', parts)
}

export function sha512(...parts: Uint8Array[]): Uint8Array {
  return node('sha512', parts)
}

export function sha3_256(...parts: Uint8Array[]): Uint8Array {
  return node('sha3-256', parts)
}

/** Broken for collisions; here because published protocols use it. */
export function sha1(...parts: Uint8Array[]): Uint8Array {
  return node('sha1', parts)
}

/** Broken for collisions; here because published protocols use it. */
export function md5(...parts: Uint8Array[]): Uint8Array {
  return node('md5', parts)
}

/** BLAKE2s-256 (RFC 7693). */
export function blake2s(...parts: Uint8Array[]): Uint8Array {
  return node('blake2s256', parts)
}

/** BLAKE2b-512 (RFC 7693). */
export function blake2b(...parts: Uint8Array[]): Uint8Array {
  return node('blake2b512', parts)
}

export function blake3(...parts: Uint8Array[]): Uint8Array {
  return update(nobleBlake3.create(), parts)
}

/** HMAC (RFC 2104). The first argument is the key. */
export function hmac_sha256(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return mac('sha256', key, parts)
}

export function hmac_sha1(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return mac('sha1', key, parts)
}

export function hmac_sha384(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return mac('sha384', key, parts)
}

export function hmac_sha512(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return mac('sha512', key, parts)
}

export function hmac_md5(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return mac('md5', key, parts)
}

/** BLAKE2s with a key of 1 to 32 bytes. */
export function keyed_blake2s(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return update(nobleBlake2s.create({ key }), parts)
}

/** BLAKE2b with a key of 1 to 64 bytes. */
export function keyed_blake2b(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return update(nobleBlake2b.create({ key }), parts)
}

/** BLAKE3 with a key of 32 bytes. */
export function keyed_blake3(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  return update(nobleBlake3.create({ key }), parts)
}

/** HKDF (RFC 5869) with SHA-256: `length` bytes. */
export function hkdf_sha256(ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', ikm, salt, info, length))
}

/** Every function here by its name in expressions, with the bytes of its digest. `hkdf_sha256` is not among them. */
export const HASHES: Readonly<
  Record<string, { readonly length: number; readonly run: (...parts: Uint8Array[]) => Uint8Array }>
> = {
  sha256: { length: 32, run: sha256 },
  sha384: { length: 48, run: sha384 },
  sha512: { length: 64, run: sha512 },
  sha3_256: { length: 32, run: sha3_256 },
  sha1: { length: 20, run: sha1 },
  md5: { length: 16, run: md5 },
  blake2s: { length: 32, run: blake2s },
  blake2b: { length: 64, run: blake2b },
  blake3: { length: 32, run: blake3 },
  hmac_sha256: { length: 32, run: hmac_sha256 as Joined },
  hmac_sha1: { length: 20, run: hmac_sha1 as Joined },
  hmac_sha384: { length: 48, run: hmac_sha384 as Joined },
  hmac_sha512: { length: 64, run: hmac_sha512 as Joined },
  hmac_md5: { length: 16, run: hmac_md5 as Joined },
  keyed_blake2s: { length: 32, run: keyed_blake2s as Joined },
  keyed_blake2b: { length: 64, run: keyed_blake2b as Joined },
  keyed_blake3: { length: 32, run: keyed_blake3 as Joined },
}

type Joined = (...parts: Uint8Array[]) => Uint8Array

function node(name: string, parts: readonly Uint8Array[]): Uint8Array {
  return bare(update(createHash(name), parts))
}

function mac(name: string, key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  return bare(update(createHmac(name, key), parts))
}

function update(
  hash: { update(part: Uint8Array): unknown; digest(): Uint8Array },
  parts: readonly Uint8Array[],
): Uint8Array {
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Without Buffer's methods: what leaves here is a plain Uint8Array of its own. */
function bare(digest: Uint8Array): Uint8Array {
  return new Uint8Array(digest)
}
