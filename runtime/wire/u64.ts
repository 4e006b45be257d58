// 64-bit integers on the wire. `number: number` fields use the *Number forms (exact below 2^53), `number: pair` reads two
// 32-bit halves itself, everything else is bigint. Bounds are the caller's: one length check per frame.

// One shared pair of words: a bigint is then made in one step, where shifting and joining halves makes four.
const whole = new BigUint64Array(1)
const words = new Uint32Array(whole.buffer)
const LOW = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 0 : 1
const HIGH = 1 - LOW

export function readU64(bytes: Uint8Array, at: number): bigint {
  words[HIGH] = u32(bytes, at)
  words[LOW] = u32(bytes, at + 4)
  return whole[0]!
}

export function readU64le(bytes: Uint8Array, at: number): bigint {
  words[HIGH] = u32le(bytes, at + 4)
  words[LOW] = u32le(bytes, at)
  return whole[0]!
}

export function readI64(bytes: Uint8Array, at: number): bigint {
  return BigInt.asIntN(64, readU64(bytes, at))
}

export function readI64le(bytes: Uint8Array, at: number): bigint {
  return BigInt.asIntN(64, readU64le(bytes, at))
}

/** A number; not exact from 2^53 on, where the caller raises OutOfRange. */
export function readU64Number(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) * 0x100000000 + u32(bytes, at + 4)
}

export function readU64leNumber(bytes: Uint8Array, at: number): number {
  return u32le(bytes, at + 4) * 0x100000000 + u32le(bytes, at)
}

/** Signed, as `readU64Number`. */
export function readI64Number(bytes: Uint8Array, at: number): number {
  return (u32(bytes, at) | 0) * 0x100000000 + u32(bytes, at + 4)
}

export function readI64leNumber(bytes: Uint8Array, at: number): number {
  return (u32le(bytes, at + 4) | 0) * 0x100000000 + u32le(bytes, at)
}

/** Writes the low 64 bits, so signed values too. */
export function writeU64(into: Uint8Array, at: number, value: bigint): void {
  put32(into, at, Number((value >> 32n) & 0xffffffffn))
  put32(into, at + 4, Number(value & 0xffffffffn))
}

export function writeU64le(into: Uint8Array, at: number, value: bigint): void {
  put32le(into, at, Number(value & 0xffffffffn))
  put32le(into, at + 4, Number((value >> 32n) & 0xffffffffn))
}

/** Writes a safe integer, negative ones in two's complement. */
export function writeU64Number(into: Uint8Array, at: number, value: number): void {
  put32(into, at, Math.floor(value / 0x100000000))
  put32(into, at + 4, value)
}

export function writeU64leNumber(into: Uint8Array, at: number, value: number): void {
  put32le(into, at, value)
  put32le(into, at + 4, Math.floor(value / 0x100000000))
}

/** An unsigned integer of `size` bytes (0 to 8): the type `uint(n)`. */
export function readUint(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n
  for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(bytes[at + i]!)
  return value
}

export function readUintle(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i]!)
  return value
}

export function writeUint(into: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) into[at + i] = Number(rest & 0xffn)
}

export function writeUintle(into: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = 0, rest = value; i < size; i++, rest >>= 8n) into[at + i] = Number(rest & 0xffn)
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

function u32le(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}

function put32(into: Uint8Array, at: number, value: number): void {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
}

function put32le(into: Uint8Array, at: number, value: number): void {
  into[at] = value
  into[at + 1] = value >>> 8
  into[at + 2] = value >>> 16
  into[at + 3] = value >>> 24
}
