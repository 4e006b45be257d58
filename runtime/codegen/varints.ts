// Integers of variable length in generated code. `take..` checks one and leaves the offset behind it in `input.at`;
// `..At` reads one that was checked, `behind..` steps over it. All that are common take one byte: that comes first.
import type { Malformed } from '../wire/codec.ts'
import {
  type BigBox,
  INCOMPLETE,
  type NumberBox,
  readLeb128,
  readLeb128Big,
  readQuic,
  readQuicBig,
  readSleb128,
  readSleb128Big,
  readVlq,
  readVlqBig,
  readZigzag,
  readZigzagBig,
} from '../wire/varint.ts'
import type { Input } from './input.ts'

const number: NumberBox = { value: 0 }
const big: BigBox = { value: 0n }

export function takeLeb128(input: Input, at: number, end: number, max: number, field: string): number {
  const stop = Math.min(end, input.have)
  const first = at < stop ? input.bytes[at]! : 0xff
  if (first < 0x80) {
    input.at = at + 1
    return first
  }
  const taken = readLeb128(input.bytes, at, stop, max, number)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return number.value
}

export function takeLeb128Big(input: Input, at: number, end: number, max: number, field: string): bigint {
  const stop = Math.min(end, input.have)
  const taken = readLeb128Big(input.bytes, at, stop, max, big)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return big.value
}

export function leb128At(b: Uint8Array, at: number): number {
  const first = b[at]!
  if (first < 0x80) return first
  readLeb128(b, at, b.length, 10, number)
  return number.value
}

export function leb128AtBig(b: Uint8Array, at: number): bigint {
  readLeb128Big(b, at, b.length, 10, big)
  return big.value
}

export function takeSleb128(input: Input, at: number, end: number, max: number, field: string): number {
  const stop = Math.min(end, input.have)
  const first = at < stop ? input.bytes[at]! : 0xff
  if (first < 0x80) {
    input.at = at + 1
    return (first << 25) >> 25
  }
  const taken = readSleb128(input.bytes, at, stop, max, number)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return number.value
}

export function takeSleb128Big(input: Input, at: number, end: number, max: number, field: string): bigint {
  const stop = Math.min(end, input.have)
  const taken = readSleb128Big(input.bytes, at, stop, max, big)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return big.value
}

export function sleb128At(b: Uint8Array, at: number): number {
  const first = b[at]!
  if (first < 0x80) return (first << 25) >> 25
  readSleb128(b, at, b.length, 10, number)
  return number.value
}

export function sleb128AtBig(b: Uint8Array, at: number): bigint {
  readSleb128Big(b, at, b.length, 10, big)
  return big.value
}

export function takeZigzag(input: Input, at: number, end: number, max: number, field: string): number {
  const stop = Math.min(end, input.have)
  const first = at < stop ? input.bytes[at]! : 0xff
  if (first < 0x80) {
    input.at = at + 1
    return (first >> 1) ^ -(first & 1)
  }
  const taken = readZigzag(input.bytes, at, stop, max, number)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return number.value
}

export function takeZigzagBig(input: Input, at: number, end: number, max: number, field: string): bigint {
  const stop = Math.min(end, input.have)
  const taken = readZigzagBig(input.bytes, at, stop, max, big)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return big.value
}

export function zigzagAt(b: Uint8Array, at: number): number {
  const first = b[at]!
  if (first < 0x80) return (first >> 1) ^ -(first & 1)
  readZigzag(b, at, b.length, 10, number)
  return number.value
}

export function zigzagAtBig(b: Uint8Array, at: number): bigint {
  readZigzagBig(b, at, b.length, 10, big)
  return big.value
}

export function takeVlq(input: Input, at: number, end: number, max: number, field: string): number {
  const stop = Math.min(end, input.have)
  const first = at < stop ? input.bytes[at]! : 0xff
  if (first < 0x80) {
    input.at = at + 1
    return first
  }
  const taken = readVlq(input.bytes, at, stop, max, number)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return number.value
}

export function takeVlqBig(input: Input, at: number, end: number, max: number, field: string): bigint {
  const stop = Math.min(end, input.have)
  const taken = readVlqBig(input.bytes, at, stop, max, big)
  if (taken <= 0) throw refused(input, taken, at, field, false)
  input.at = at + taken
  return big.value
}

export function vlqAt(b: Uint8Array, at: number): number {
  const first = b[at]!
  if (first < 0x80) return first
  readVlq(b, at, b.length, 10, number)
  return number.value
}

export function vlqAtBig(b: Uint8Array, at: number): bigint {
  readVlqBig(b, at, b.length, 10, big)
  return big.value
}

export function takeQuic(input: Input, at: number, end: number, max: number, field: string): number {
  const stop = Math.min(end, input.have)
  const first = at < stop ? input.bytes[at]! : 0xff
  if (first < 0x40) {
    input.at = at + 1
    return first
  }
  const taken = readQuic(input.bytes, at, stop, max, number)
  if (taken <= 0) throw refused(input, taken, at, field, true)
  input.at = at + taken
  return number.value
}

export function takeQuicBig(input: Input, at: number, end: number, max: number, field: string): bigint {
  const stop = Math.min(end, input.have)
  const taken = readQuicBig(input.bytes, at, stop, max, big)
  if (taken <= 0) throw refused(input, taken, at, field, true)
  input.at = at + taken
  return big.value
}

export function quicAt(b: Uint8Array, at: number): number {
  const first = b[at]!
  if (first < 0x40) return first
  readQuic(b, at, b.length, 8, number)
  return number.value
}

export function quicAtBig(b: Uint8Array, at: number): bigint {
  readQuicBig(b, at, b.length, 8, big)
  return big.value
}

/** Behind LEB128 in any of its forms, and VLQ. */
export function behindLeb128(b: Uint8Array, at: number): number {
  let behind = at + 1
  while (b[behind - 1]! >= 0x80) behind++
  return behind
}

export function behindQuic(b: Uint8Array, at: number): number {
  return at + (1 << (b[at]! >> 6))
}

/** Why there is no integer; on a stream its bytes may still come. */
function refused(input: Input, taken: number, at: number, field: string, quic: boolean): Malformed {
  if (taken !== INCOMPLETE) return input.refuse('VarintTooLong', at, field)
  if (input.isOpen()) input.want(quic && at < input.have ? at + (1 << (input.bytes[at]! >> 6)) : input.have + 1)
  return input.refuse('Truncated', at, field)
}
