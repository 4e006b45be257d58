// Bit runs: integers of any width, most significant bit first, positions in bits. Slow and exact.
import type { IntType } from '../model/model.ts'

/** Reads `type` at bit `at` of `bytes`, whose first byte is `base`. */
export function readInt(type: IntType, bytes: Uint8Array, base: number, at: number): bigint {
  let value = 0n
  for (let bit = at; bit < at + type.bits; ) {
    const taken = Math.min(8 - (bit % 8), at + type.bits - bit)
    const shift = 8 - (bit % 8) - taken
    const piece = (bytes[base + Math.floor(bit / 8)]! >> shift) & ((1 << taken) - 1)
    value = (value << BigInt(taken)) | BigInt(piece)
    bit += taken
  }
  if (swapped(type)) value = swapBytes(value, type.bits / 8)
  return type.signed ? BigInt.asIntN(type.bits, value) : value
}

/** The bits of `value` as they go on the wire, as an unsigned number of `type.bits` bits. */
export function wireBits(type: IntType, value: bigint): bigint {
  const raw = BigInt.asUintN(type.bits, value)
  return swapped(type) ? swapBytes(raw, type.bits / 8) : raw
}

export function fits(type: IntType, value: bigint): boolean {
  return value === (type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value))
}

/** Byte order means something only for whole bytes, and more than one. */
function swapped(type: IntType): boolean {
  return type.little && type.bits > 8 && type.bits % 8 === 0
}

function swapBytes(value: bigint, count: number): bigint {
  let out = 0n
  for (let i = 0, rest = value; i < count; i++, rest >>= 8n) out = (out << 8n) | (rest & 0xffn)
  return out
}
