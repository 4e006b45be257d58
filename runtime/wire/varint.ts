// Integers of variable length: LEB128 (DWARF 5 section 7.6), zigzag (Protocol Buffers encoding), VLQ (Standard MIDI Files,
// X.690 section 8.19.2), QUIC (RFC 9000 section 16).
// read(bytes, at, end, max, out) puts the value into `out.value` and returns the bytes taken, INCOMPLETE when the bytes
// end first, TOO_LONG when more than `max` bytes would be needed. write(into, at, value) returns the offset behind it.
// Longer spellings than needed are accepted, but for VLQ, where TOO_LONG answers them: X.690 forbids a first byte of 0x80.
// The shortest one is written. Range checks are the caller's.

export const INCOMPLETE = 0
export const TOO_LONG = -1

export interface NumberBox {
  value: number
}
export interface BigBox {
  value: bigint
}

/** LEB128 of at most 7 bytes (49 bits), which a number holds exactly. */
export function readLeb128(bytes: Uint8Array, at: number, end: number, max: number, out: NumberBox): number {
  let value = 0
  let scale = 1
  for (let n = 0; n < max; n++) {
    if (at + n >= end) return INCOMPLETE
    const byte = bytes[at + n]!
    value += (byte & 0x7f) * scale
    if (byte < 0x80) {
      out.value = value
      return n + 1
    }
    scale *= 128
  }
  return TOO_LONG
}

/** LEB128 of any length; `out.value` has up to `7 * max` bits. */
export function readLeb128Big(bytes: Uint8Array, at: number, end: number, max: number, out: BigBox): number {
  let value = 0n
  for (let n = 0; n < max; n++) {
    if (at + n >= end) return INCOMPLETE
    const byte = bytes[at + n]!
    value |= BigInt(byte & 0x7f) << BigInt(7 * n)
    if (byte < 0x80) {
      out.value = value
      return n + 1
    }
  }
  return TOO_LONG
}

/** Signed LEB128: two's complement of `7 * length` bits. */
export function readSleb128(bytes: Uint8Array, at: number, end: number, max: number, out: NumberBox): number {
  const taken = readLeb128(bytes, at, end, max, out)
  if (taken > 0 && bytes[at + taken - 1]! & 0x40) out.value -= 2 ** (7 * taken)
  return taken
}

export function readSleb128Big(bytes: Uint8Array, at: number, end: number, max: number, out: BigBox): number {
  const taken = readLeb128Big(bytes, at, end, max, out)
  if (taken > 0) out.value = BigInt.asIntN(7 * taken, out.value)
  return taken
}

/** Zigzag over LEB128: 0, -1, 1, -2, ... */
export function readZigzag(bytes: Uint8Array, at: number, end: number, max: number, out: NumberBox): number {
  const taken = readLeb128(bytes, at, end, max, out)
  if (taken > 0) out.value = out.value % 2 === 0 ? out.value / 2 : -(out.value + 1) / 2
  return taken
}

export function readZigzagBig(bytes: Uint8Array, at: number, end: number, max: number, out: BigBox): number {
  const taken = readLeb128Big(bytes, at, end, max, out)
  if (taken > 0) out.value = (out.value >> 1n) ^ -(out.value & 1n)
  return taken
}

/** VLQ, most significant group first, of at most 7 bytes (49 bits). */
export function readVlq(bytes: Uint8Array, at: number, end: number, max: number, out: NumberBox): number {
  if (at < end && bytes[at] === 0x80) return TOO_LONG
  let value = 0
  for (let n = 0; n < max; n++) {
    if (at + n >= end) return INCOMPLETE
    const byte = bytes[at + n]!
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) {
      out.value = value
      return n + 1
    }
  }
  return TOO_LONG
}

export function readVlqBig(bytes: Uint8Array, at: number, end: number, max: number, out: BigBox): number {
  if (at < end && bytes[at] === 0x80) return TOO_LONG
  let value = 0n
  for (let n = 0; n < max; n++) {
    if (at + n >= end) return INCOMPLETE
    const byte = bytes[at + n]!
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) {
      out.value = value
      return n + 1
    }
  }
  return TOO_LONG
}

/** QUIC: the two top bits of the first byte tell the length, 1, 2, 4 or 8 bytes; 62 bits at most. */
export function readQuicBig(bytes: Uint8Array, at: number, end: number, max: number, out: BigBox): number {
  if (at >= end) return INCOMPLETE
  const length = 1 << (bytes[at]! >> 6)
  if (length > max) return TOO_LONG
  if (at + length > end) return INCOMPLETE
  let value = BigInt(bytes[at]! & 0x3f)
  for (let i = 1; i < length; i++) value = (value << 8n) | BigInt(bytes[at + i]!)
  out.value = value
  return length
}

/** QUIC of at most 4 bytes (30 bits). */
export function readQuic(bytes: Uint8Array, at: number, end: number, max: number, out: NumberBox): number {
  if (at >= end) return INCOMPLETE
  const length = 1 << (bytes[at]! >> 6)
  if (length > max || length > 4) return TOO_LONG
  if (at + length > end) return INCOMPLETE
  let value = bytes[at]! & 0x3f
  for (let i = 1; i < length; i++) value = value * 256 + bytes[at + i]!
  out.value = value
  return length
}

/** Bytes of a non-negative safe integer as LEB128 or VLQ. */
export function sizeLeb128(value: number): number {
  let size = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

export function sizeLeb128Big(value: bigint): number {
  let size = 1
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) size++
  return size
}

export function sizeSleb128Big(value: bigint): number {
  let size = 1
  while (BigInt.asIntN(7 * size, value) !== value) size++
  return size
}

/** Bytes of a QUIC integer, or 0 when it has more than 62 bits. */
export function sizeQuicBig(value: bigint): number {
  if (value < 1n << 6n) return 1
  if (value < 1n << 14n) return 2
  if (value < 1n << 30n) return 4
  return value < 1n << 62n ? 8 : 0
}

/** Writes a non-negative safe integer. */
export function writeLeb128(into: Uint8Array, at: number, value: number): number {
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 0x80
  into[at] = rest
  return at + 1
}

export function writeLeb128Big(into: Uint8Array, at: number, value: bigint): number {
  let rest = value
  for (; rest >= 128n; rest >>= 7n) into[at++] = Number(rest & 0x7fn) | 0x80
  into[at] = Number(rest)
  return at + 1
}

/** Writes a non-negative safe integer, most significant group first. */
export function writeVlq(into: Uint8Array, at: number, value: number): number {
  const end = at + sizeLeb128(value)
  let rest = value
  for (let i = end - 1; i >= at; i--, rest = Math.floor(rest / 128)) into[i] = (rest % 128) | (i < end - 1 ? 0x80 : 0)
  return end
}

export function writeVlqBig(into: Uint8Array, at: number, value: bigint): number {
  const end = at + sizeLeb128Big(value)
  let rest = value
  for (let i = end - 1; i >= at; i--, rest >>= 7n) into[i] = Number(rest & 0x7fn) | (i < end - 1 ? 0x80 : 0)
  return end
}

export function writeSleb128Big(into: Uint8Array, at: number, value: bigint): number {
  const size = sizeSleb128Big(value)
  for (let i = 0; i < size; i++) {
    const more = i + 1 < size ? 0x80 : 0
    into[at + i] = Number((value >> BigInt(7 * i)) & 0x7fn) | more
  }
  return at + size
}

/** The unsigned number that LEB128 carries for a signed one. */
export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : value * -2 - 1
}

export function zigzagBig(value: bigint): bigint {
  return value >= 0n ? value << 1n : (-value << 1n) - 1n
}

/** `value` must be below 2^62 (`sizeQuicBig` > 0). */
export function writeQuicBig(into: Uint8Array, at: number, value: bigint): number {
  const size = sizeQuicBig(value)
  for (let i = 0; i < size; i++) into[at + i] = Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn)
  into[at]! |= (31 - Math.clz32(size)) << 6
  return at + size
}
