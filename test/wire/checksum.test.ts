// Checksums against their check values and against each other.
import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  adler32,
  crc32,
  crc32c,
  createCrc,
  createCrc64,
  fletcher16,
  internetChecksum,
  sum8,
  xor8,
} from '../../runtime/wire/checksum.ts'

const CHECK = Buffer.from('123456789')

/** Name, width, poly, init, reflect, xorout, check value (catalogue of parametrised CRC algorithms). */
const CATALOGUE: readonly (readonly [string, number, number, number, boolean, number, number])[] = [
  ['CRC-8/SMBUS', 8, 0x07, 0x00, false, 0x00, 0xf4],
  ['CRC-8/MAXIM', 8, 0x31, 0x00, true, 0x00, 0xa1],
  ['CRC-5/USB', 5, 0x05, 0x1f, true, 0x1f, 0x19],
  ['CRC-16/MODBUS', 16, 0x8005, 0xffff, true, 0x0000, 0x4b37],
  ['CRC-16/XMODEM', 16, 0x1021, 0x0000, false, 0x0000, 0x31c3],
  ['CRC-16/IBM-3740', 16, 0x1021, 0xffff, false, 0x0000, 0x29b1],
  ['CRC-16/KERMIT', 16, 0x1021, 0x0000, true, 0x0000, 0x2189],
  ['CRC-24/OPENPGP', 24, 0x864cfb, 0xb704ce, false, 0x000000, 0x21cf02],
  ['CRC-32/ISO-HDLC', 32, 0x04c11db7, 0xffffffff, true, 0xffffffff, 0xcbf43926],
  ['CRC-32/BZIP2', 32, 0x04c11db7, 0xffffffff, false, 0xffffffff, 0xfc891918],
]

describe('checksums', () => {
  it('have the check values that are published', () => {
    expect(crc32(CHECK, 0, 9)).toBe(0xcbf43926)
    expect(crc32c(CHECK, 0, 9)).toBe(0xe3069283)
    expect(adler32(CHECK, 0, 9)).toBe(0x091e01de)
    expect(fletcher16(Buffer.from('abcde'), 0, 5)).toBe(0xc8f0)
    expect(sum8(CHECK, 0, 9)).toBe(0xdd)
    expect(xor8(CHECK, 0, 9)).toBe(0x31)
    // RFC 1071 section 3.
    expect(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex'), 0, 8)).toBe(~0xddf2 & 0xffff)
    expect(internetChecksum(Buffer.from('01', 'hex'), 0, 1)).toBe(0xfeff)
  })

  it.each(CATALOGUE)('%s', (_name, width, poly, init, reflect, xorout, check) => {
    expect(createCrc(width, poly, init, reflect, xorout)(CHECK, 0, 9)).toBe(check)
  })

  it('go on to 64 bits', () => {
    expect(createCrc64(64, 0x42f0e1eba9ea3693n, 0n, false, 0n)(CHECK, 0, 9)).toBe(0x6c40df5f0b497347n)
    const ones = 0xffffffffffffffffn
    expect(createCrc64(64, 0x42f0e1eba9ea3693n, ones, true, ones)(CHECK, 0, 9)).toBe(0x995dc9bbdf1939fan)
    expect(() => createCrc(33, 0, 0, false, 0)).toThrow(RangeError)
  })

  it('agree with zlib at every length and offset, in one piece or two', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000, minLength: 1 }), fc.nat(), fc.nat(), (bytes, a, b) => {
        const start = a % bytes.length
        const cut = start + (b % (bytes.length - start + 1))
        const whole = zlibCrc32(bytes.subarray(start))
        expect(crc32(bytes, start, bytes.length)).toBe(whole)
        expect(crc32(bytes, cut, bytes.length, crc32(bytes, start, cut))).toBe(whole)
        const slow = createCrc(32, 0x1edc6f41, 0xffffffff, true, 0xffffffff)
        expect(crc32c(bytes, start, bytes.length)).toBe(slow(bytes, start, bytes.length))
      }),
    )
  })

  it('of long runs do not overflow', () => {
    const ones = new Uint8Array(400_000).fill(0xff)
    expect(internetChecksum(ones, 0, ones.length)).toBe(0)
    expect(adler32(ones, 0, ones.length)).toBe(slowAdler(ones))
  })
})

function slowAdler(bytes: Uint8Array): number {
  let a = 1
  let b = 0
  for (const byte of bytes) {
    a = (a + byte) % 65521
    b = (b + a) % 65521
  }
  return b * 65536 + a
}
