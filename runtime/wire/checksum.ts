// Checksums over `bytes[start..end)`, without slices. Generated codecs and the interpreter call these.
// CRC-32 (ISO-HDLC, RFC 1952 section 8) by slicing-by-16 for short ranges and by zlib above; everything else by tables.
import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32/ISO-HDLC. `seed` is the checksum of what stands in front, so a range may come in pieces. */
export function crc32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  if (end - start > ZLIB_FROM) return zlibCrc32(bytes.subarray(start, end), seed)
  return slicing(CRC32_TABLES, bytes, start, end, seed)
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), as `crc32`. */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  return slicing(CRC32C_TABLES, bytes, start, end, seed)
}

/** Adler-32 (RFC 1950 section 8.2). */
export function adler32(bytes: Uint8Array, start: number, end: number): number {
  let a = 1
  let b = 0
  for (let i = start; i < end; ) {
    // 5552 bytes are the most that cannot overflow 32 bits before the modulo.
    const stop = Math.min(end, i + 5552)
    for (; i < stop; i++) {
      a += bytes[i]!
      b += a
    }
    a %= 65521
    b %= 65521
  }
  return ((b << 16) | a) >>> 0
}

/** Fletcher-16: two sums modulo 255, the second in the upper byte. */
export function fletcher16(bytes: Uint8Array, start: number, end: number): number {
  let a = 0
  let b = 0
  for (let i = start; i < end; i++) {
    a = (a + bytes[i]!) % 255
    b = (b + a) % 255
  }
  return (b << 8) | a
}

/** The internet checksum (RFC 1071): complement of the one's complement sum of big-endian 16-bit words, zero padded. */
export function internetChecksum(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0
  let i = start
  for (; i + 1 < end; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  if (i < end) sum += bytes[i]! << 8
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return ~sum & 0xffff
}

/** Sum of the bytes modulo 256. */
export function sum8(bytes: Uint8Array, start: number, end: number): number {
  let sum = 0
  for (let i = start; i < end; i++) sum = (sum + bytes[i]!) & 0xff
  return sum
}

/** Exclusive or of the bytes. */
export function xor8(bytes: Uint8Array, start: number, end: number): number {
  let all = 0
  for (let i = start; i < end; i++) all ^= bytes[i]!
  return all
}

/** A CRC of up to 32 bits with tables of its own; make it once and keep it. */
export type Crc = (bytes: Uint8Array, start: number, end: number) => number

/**
 * Any CRC of 1 to 32 bits in the notation of Williams' "Painless guide": `poly` unreflected and without its top bit,
 * `init` and `xorout` as printed in catalogues, `reflect` for refin and refout alike.
 */
export function createCrc(width: number, poly: number, init: number, reflect: boolean, xorout: number): Crc {
  if (!Number.isInteger(width) || width < 1 || width > 32) throw new RangeError(`a CRC has 1 to 32 bits, not ${width}`)
  const mask = width === 32 ? 0xffffffff : 2 ** width - 1
  if (reflect) {
    const table = reflectedTable(mirror(poly, width))
    const first = mirror(init, width)
    return (bytes, start, end) => {
      let crc = first
      for (let i = start; i < end; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
      return ((crc ^ xorout) & mask) >>> 0
    }
  }
  // Kept in the upper bits of 32, so that one table serves every width.
  const lift = 32 - width
  const table = straightTable(poly << lift)
  return (bytes, start, end) => {
    let crc = init << lift
    for (let i = start; i < end; i++) crc = table[(crc >>> 24) ^ bytes[i]!]! ^ (crc << 8)
    return (((crc >>> lift) ^ xorout) & mask) >>> 0
  }
}

/** As `createCrc` for 33 to 64 bits. */
export function createCrc64(
  width: number,
  poly: bigint,
  init: bigint,
  reflect: boolean,
  xorout: bigint,
): (bytes: Uint8Array, start: number, end: number) => bigint {
  if (!Number.isInteger(width) || width < 9 || width > 64)
    throw new RangeError(`this CRC has 9 to 64 bits, not ${width}`)
  const bits = BigInt(width)
  const top = 1n << (bits - 1n)
  return (bytes, start, end) => {
    let crc = init
    for (let i = start; i < end; i++) {
      const byte = BigInt(reflect ? mirror(bytes[i]!, 8) : bytes[i]!)
      crc ^= byte << (bits - 8n)
      for (let bit = 0; bit < 8; bit++) crc = BigInt.asUintN(width, (crc & top ? poly : 0n) ^ (crc << 1n))
    }
    return (reflect ? mirrorBig(crc, width) : crc) ^ xorout
  }
}

/** 16 tables in one array: entry `256 * k + b` is byte b followed by k zero bytes. */
function slicing(t: Uint32Array, bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed
  let i = start
  for (const stop = end - 15; i < stop; i += 16) {
    crc =
      t[3840 + (bytes[i]! ^ (crc & 0xff))]! ^
      t[3584 + (bytes[i + 1]! ^ ((crc >>> 8) & 0xff))]! ^
      t[3328 + (bytes[i + 2]! ^ ((crc >>> 16) & 0xff))]! ^
      t[3072 + (bytes[i + 3]! ^ (crc >>> 24))]! ^
      t[2816 + bytes[i + 4]!]! ^
      t[2560 + bytes[i + 5]!]! ^
      t[2304 + bytes[i + 6]!]! ^
      t[2048 + bytes[i + 7]!]! ^
      t[1792 + bytes[i + 8]!]! ^
      t[1536 + bytes[i + 9]!]! ^
      t[1280 + bytes[i + 10]!]! ^
      t[1024 + bytes[i + 11]!]! ^
      t[768 + bytes[i + 12]!]! ^
      t[512 + bytes[i + 13]!]! ^
      t[256 + bytes[i + 14]!]! ^
      t[bytes[i + 15]!]!
  }
  for (; i < end; i++) crc = t[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function slicingTables(reflectedPoly: number): Uint32Array {
  const first = reflectedTable(reflectedPoly)
  const all = new Uint32Array(16 * 256)
  all.set(first)
  for (let k = 256; k < all.length; k++) {
    const before = all[k - 256]!
    all[k] = first[before & 0xff]! ^ (before >>> 8)
  }
  return all
}

function reflectedTable(poly: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ poly : crc >>> 1
    return crc
  })
}

function straightTable(poly: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ poly : crc << 1
    return crc
  })
}

function mirror(value: number, width: number): number {
  let out = 0
  for (let bit = 0; bit < width; bit++) if ((value >>> bit) & 1) out |= 1 << (width - 1 - bit)
  return out >>> 0
}

function mirrorBig(value: bigint, width: number): bigint {
  let out = 0n
  for (let bit = 0; bit < width; bit++) if ((value >> BigInt(bit)) & 1n) out |= 1n << BigInt(width - 1 - bit)
  return out
}

/** Above this many bytes zlib's vector code wins over the cost of a view and a call out of JavaScript. */
const ZLIB_FROM = 256
const CRC32_TABLES = slicingTables(0xedb88320)
const CRC32C_TABLES = slicingTables(0x82f63b78)
