// Hash functions of the expression language against published answers; arguments are joined.
import { describe, expect, it } from 'vitest'
import { HASHES, hkdf_sha256 } from '../../runtime/crypto/hash.ts'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Digests of "abc" (FIPS 180-4, FIPS 202, RFC 1321, RFC 7693, BLAKE3's reference). */
const ABC: Readonly<Record<string, string>> = {
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  sha3_256: '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  md5: '900150983cd24fb0d6963f7d28e17f72',
  blake2s: '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982',
  blake2b:
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  blake3: '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
}

describe('hash functions', () => {
  it.each(Object.entries(ABC))('%s of "abc", in one part or three', (name, digest) => {
    const { run, length } = HASHES[name]!
    expect(hex(run(text('abc')))).toBe(digest)
    expect(hex(run(text('a'), text(''), text('bc')))).toBe(digest)
    expect(digest.length).toBe(2 * length)
  })

  it('give digests of their own, not views of something shared', () => {
    const { run } = HASHES.sha256!
    const digest = run(text('abc'))
    expect(digest.constructor).toBe(Uint8Array)
    expect(digest.buffer.byteLength).toBe(32)
  })

  it('authenticate under a key', () => {
    // RFC 4231 test case 2, RFC 2202 test case 2, RFC 2104 appendix.
    const key = text('Jefe')
    const data = text('what do ya want for nothing?')
    expect(hex(HASHES.hmac_sha256!.run(key, data))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
    expect(hex(HASHES.hmac_sha1!.run(key, data))).toBe('effcdf6ae5eb2fa2d27416d5f184df9c259a7c79')
    expect(hex(HASHES.hmac_md5!.run(key, data))).toBe('750c783e6ab0b503eaa86e310a5db738')
    expect(hex(HASHES.hmac_sha512!.run(key, data)).slice(0, 32)).toBe('164b7a7bfcf819e2e395fbe73b56e0a3')
    expect(hex(HASHES.hmac_sha384!.run(key, data)).slice(0, 32)).toBe('af45d2e376484031617f78d2b58a6b1b')
    const count = Uint8Array.from({ length: 64 }, (_, i) => i)
    expect(hex(HASHES.keyed_blake2s!.run(count.subarray(0, 32), text('')))).toBe(
      '48a8997da407876b3d79c0d92325ad3b89cbb754d86ab71aee047ad345fd2c49',
    )
    expect(hex(HASHES.keyed_blake2b!.run(count, text(''))).slice(0, 32)).toBe('10ebb67700b1868efb4417987acf4690')
    const whats = text('whats the Elvish word for friend')
    expect(hex(HASHES.keyed_blake3!.run(whats, text('')))).toBe(
      '92b2b75604ed3c761f9d6f62392c8a9227ad0ea3f09573e783f1498a4ed60d26',
    )
  })

  it('derive keys (RFC 5869 test case 1)', () => {
    const ikm = new Uint8Array(22).fill(0x0b)
    const salt = Uint8Array.from({ length: 13 }, (_, i) => i)
    const info = Uint8Array.from({ length: 10 }, (_, i) => 0xf0 + i)
    expect(hex(hkdf_sha256(ikm, salt, info, 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    )
  })
})
