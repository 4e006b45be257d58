// Bit runs: integers of any width, positions in bits. Big ones take the bits of each byte from the most significant down,
// little ones from the least significant up and their own least significant bits first; on byte boundaries that is what
// byte order means. Slow and exact.
import type { IntType } from '../model/model.ts'

/** Reads `type` at bit `at` of `bytes`, whose first byte is `base`. */
export function readInt(type: IntType, bytes: Uint8Array, base: number, at: number): bigint {
  let value = 0n
  for (let bit = at; bit < at + type.bits; ) {
    const used = bit % 8
    const taken = Math.min(8 - used, at + type.bits - bit)
    const shift = type.little ? used : 8 - used - taken
    const piece = BigInt((bytes[base + Math.floor(bit / 8)]! >> shift) & ((1 << taken) - 1))
    value = type.little ? value | (piece << BigInt(bit - at)) : (value << BigInt(taken)) | piece
    bit += taken
  }
  return type.signed ? BigInt.asIntN(type.bits, value) : value
}

export function fits(type: IntType, value: bigint): boolean {
  return value === (type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value))
}
