// Reading of varints, text and numbers written as text: the primitives of runtime/wire with the errors of the language.
import { decodeUtf8, readAscii, readDecimal, readHexadecimal, readLatin1, readUtf8 } from '../../runtime/wire/text.ts'
import {
  type BigBox,
  INCOMPLETE,
  readLeb128Big,
  readQuicBig,
  readSleb128Big,
  readVlqBig,
  readZigzagBig,
  TOO_LONG,
} from '../../runtime/wire/varint.ts'
import type { Type } from '../model/model.ts'
import { fits } from './bits.ts'
import { Fault } from './fault.ts'
import type { Cursor, Run } from './run.ts'

export function readVarint(type: Extract<Type, { kind: 'varint' }>, cursor: Cursor, run: Run): bigint {
  const at = cursor.byte
  const out: BigBox = { value: 0n }
  const end = Math.min(cursor.region.end, run.available)
  const taken = READERS[type.coding](run.bytes, run.base + at, run.base + end, type.max, out)
  if (taken === TOO_LONG) throw new Fault('VarintTooLong', at)
  if (taken === INCOMPLETE) {
    if (cursor.region.end > run.available) run.need(wanted(type, at, run))
    throw new Fault('Truncated', at, cursor.region)
  }
  cursor.at += taken * 8
  return out.value
}

/** Where a varint of which some bytes are missing ends, as far as it can be told. */
function wanted(type: Extract<Type, { kind: 'varint' }>, at: number, run: Run): number {
  if (type.coding !== 'quic' || at >= run.available) return run.available + 1
  return at + (1 << (run.bytes[run.base + at]! >> 6))
}

export function readText(
  type: Extract<Type, { kind: 'text' }>,
  bytes: Uint8Array,
): { readonly text: string; readonly valid: boolean } {
  const end = bytes.length
  if (type.encoding === 'latin1') return { text: readLatin1(bytes, 0, end), valid: true }
  const text = type.encoding === 'utf8' ? readUtf8(bytes, 0, end) : readAscii(bytes, 0, end)
  if (text !== undefined) return { text, valid: true }
  return { text: type.encoding === 'utf8' ? decodeUtf8(bytes, 0, end) : readLatin1(bytes, 0, end), valid: false }
}

/** The number, 0 where there is none, and what is wrong with it. */
export function readNumber(
  type: Extract<Type, { kind: 'number' }>,
  bytes: Uint8Array,
): { readonly value: bigint; readonly error?: 'BadNumber' | 'OutOfRange' } {
  const end = bytes.length
  const value =
    type.base === 10
      ? readDecimal(bytes, 0, end, type.of.signed, type.lenient)
      : readHexadecimal(bytes, 0, end, type.lenient)
  if (value === undefined) return { value: 0n, error: 'BadNumber' }
  return fits(type.of, value) ? { value } : { value: 0n, error: 'OutOfRange' }
}

const READERS = {
  leb128: readLeb128Big,
  sleb128: readSleb128Big,
  zigzag: readZigzagBig,
  vlq: readVlqBig,
  quic: readQuicBig,
} as const
