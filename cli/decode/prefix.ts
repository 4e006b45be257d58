// Reads the length prefix of a stream from the type in the schema, where nothing was generated that could do it.

import type { Type } from '../../generator/model/model.ts'
import { Failure } from '../failure.ts'

export class PrefixCutter {
  readonly #type: Type

  constructor(type: Type) {
    this.#type = type
  }

  /** The length and the bytes that the prefix itself takes; undefined when it is not complete. */
  read(bytes: Uint8Array, at: number): { length: number; size: number } | undefined {
    const type = this.#type
    if (type.kind === 'int') return readInt(bytes, at, type.bits / 8, type.little)
    if (type.kind === 'varint' && type.coding === 'leb128') return readLeb128(bytes, at, type.max)
    if (type.kind === 'varint' && type.coding === 'quic') return readQuic(bytes, at)
    throw new Failure('invalid', 'Unsupported', `a length prefix of type ${type.kind} cannot be read here`)
  }
}

function readInt(
  bytes: Uint8Array,
  at: number,
  size: number,
  little: boolean,
): { length: number; size: number } | undefined {
  if (at + size > bytes.length) return undefined
  let length = 0
  for (let i = 0; i < size; i++) length = length * 256 + bytes[little ? at + size - 1 - i : at + i]!
  return { length, size }
}

function readLeb128(bytes: Uint8Array, at: number, max: number): { length: number; size: number } | undefined {
  let length = 0
  for (let size = 1; size <= max; size++) {
    const byte = bytes[at + size - 1]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 2 ** (7 * (size - 1))
    if (byte < 0x80) return { length, size }
  }
  return undefined
}

/** RFC 9000 section 16. */
function readQuic(bytes: Uint8Array, at: number): { length: number; size: number } | undefined {
  const first = bytes[at]
  if (first === undefined) return undefined
  const size = 1 << (first >> 6)
  if (at + size > bytes.length) return undefined
  let length = first & 0x3f
  for (let i = 1; i < size; i++) length = length * 256 + bytes[at + i]!
  return { length, size }
}
