// Text on the wire: UTF-8 (RFC 3629), ASCII, Latin-1, and numbers written as text. Reading works on `bytes[start..end)`
// and never throws.
import { SHORT, shortText } from './short-text.ts'

/** Text of valid UTF-8, undefined where it is not well-formed. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start <= SHORT && isAscii(bytes, start, end)) return shortText(bytes, start, end - start)
  const text = slice.utf8Slice.call(bytes, start, end)
  // The decoder puts U+FFFD for what is malformed, but that character may also really be there.
  return text.includes('\ufffd') && !isUtf8(bytes, start, end) ? undefined : text
}

/** Text of bytes that were validated before, or with U+FFFD where they are malformed. */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT && isAscii(bytes, start, end)) return shortText(bytes, start, end - start)
  return slice.utf8Slice.call(bytes, start, end)
}

/** Text of well-formed UTF-8 of which it is known whether it is ASCII. */
export function utf8At(bytes: Uint8Array, start: number, end: number, ascii: boolean): string {
  return ascii ? readLatin1(bytes, start, end) : slice.utf8Slice.call(bytes, start, end)
}

/** Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  return isAscii(bytes, start, end) || isWideUtf8(bytes, start, end)
}

/** The same of bytes that are not all ASCII. */
export function isWideUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let i = start
  while (i < end) {
    const lead = bytes[i]!
    if (lead < 0x80) {
      i++
      while (i + 4 <= end && (bytes[i]! | bytes[i + 1]! | bytes[i + 2]! | bytes[i + 3]!) < 0x80) i += 4
      continue
    }
    const length =
      lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0
    if (length === 0 || i + length > end) return false
    const second = bytes[i + 1]!
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return false
    if (length > 2 && (bytes[i + 2]! & 0xc0) !== 0x80) return false
    if (length > 3 && (bytes[i + 3]! & 0xc0) !== 0x80) return false
    i += length
  }
  return true
}

export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let all = 0
  let i = start
  for (const last = end - 8; i <= last; i += 8) {
    const first = bytes[i]! | bytes[i + 1]! | bytes[i + 2]! | bytes[i + 3]!
    all |= first | bytes[i + 4]! | bytes[i + 5]! | bytes[i + 6]! | bytes[i + 7]!
  }
  for (; i < end; i++) all |= bytes[i]!
  return all < 0x80
}

/** Text of ASCII bytes, undefined where one is above 0x7f. */
export function readAscii(bytes: Uint8Array, start: number, end: number): string | undefined {
  return isAscii(bytes, start, end) ? readLatin1(bytes, start, end) : undefined
}

export function readLatin1(bytes: Uint8Array, start: number, end: number): string {
  return end - start > SHORT ? slice.latin1Slice.call(bytes, start, end) : shortText(bytes, start, end - start)
}

/** Bytes of `text` in UTF-8, or -1 when it holds half of a surrogate pair. */
export function sizeUtf8(text: string): number {
  let size = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) size += 1
    else if (unit < 0xd800 || unit > 0xdfff) size += 2
    else {
      const low = text.charCodeAt(i + 1)
      if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1
      size += 2 // four bytes for two units
      i++
    }
  }
  return size
}

/** Writes well-formed text (`sizeUtf8` >= 0) and returns the offset behind it. */
export function writeUtf8(into: Uint8Array, at: number, text: string): number {
  if (text.length <= SHORT) {
    let i = 0
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      if (unit >= 0x80) break
      into[at + i] = unit
    }
    if (i === text.length) return at + i
  }
  return at + encoder.encodeInto(text, into.subarray(at)).written
}

/** Whether every character fits one byte: below 0x80 for ascii, below 0x100 for latin1. */
export function fitsBytes(text: string, limit: 0x80 | 0x100): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= limit) return false
  return true
}

/** Writes ASCII or Latin-1 and returns the offset behind it. */
export function writeLatin1(into: Uint8Array, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i)
  return at + text.length
}

/**
 * A decimal number: digits without leading zeros, `-` only where `signed` and not zero. `lenient` also takes leading
 * zeros and one `+`. Undefined where it is no number; a number of more than 20 digits is reported as TOO_BIG.
 */
export function readDecimal(
  bytes: Uint8Array,
  start: number,
  end: number,
  signed: boolean,
  lenient: boolean,
): bigint | undefined {
  let at = start
  const negative = signed && bytes[at] === 0x2d && at < end
  if (negative || (lenient && at < end && bytes[at] === 0x2b)) at++
  if (at >= end) return undefined
  if (bytes[at] === 0x30 && !lenient && (end - at > 1 || negative)) return undefined
  for (let i = at; i < end; i++) if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return undefined
  while (at < end - 1 && bytes[at] === 0x30) at++
  if (end - at > 20) return negative ? -TOO_BIG : TOO_BIG
  const value = BigInt(readLatin1(bytes, at, end))
  return negative ? -value : value
}

/** A hexadecimal number: lower case without leading zeros; `lenient` takes upper case and leading zeros. As `readDecimal`. */
export function readHexadecimal(bytes: Uint8Array, start: number, end: number, lenient: boolean): bigint | undefined {
  let at = start
  if (at >= end || (bytes[at] === 0x30 && end - at > 1 && !lenient)) return undefined
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    const digit = c >= 0x30 && c <= 0x39
    if (!digit && !(c >= 0x61 && c <= 0x66) && !(lenient && c >= 0x41 && c <= 0x46)) return undefined
  }
  while (at < end - 1 && bytes[at] === 0x30) at++
  return end - at > 16 ? TOO_BIG : BigInt(`0x${readLatin1(bytes, at, end)}`)
}

/** Stands for a number that no integer type of the language can hold. */
export const TOO_BIG: bigint = 1n << 80n
const encoder = new TextEncoder()
/** Buffer's own decoders work on any Uint8Array and take offsets, so no view is needed. */
const slice = Buffer.prototype as unknown as Record<
  'utf8Slice' | 'latin1Slice',
  { call(bytes: Uint8Array, start: number, end: number): string }
>
