// Nonces from the template of a schema, written into memory that is used again for every packet.

import { LocalError } from '../../core/errors.ts'
import type { BytePlace, NoncePart } from '../../core/seal-descriptor.ts'
import { AEAD_SIZES, type AeadName } from '../provider.ts'
import { putWords } from './places.ts'

export class NonceTemplate {
  readonly length: number
  /** Whether the counter goes in from the engine, and not only as the field that carries it. */
  readonly hasCounter: boolean
  /** Packets that one key can seal before a nonce comes again; Infinity where the nonce is drawn at random. */
  readonly distinct: number
  readonly #parts: readonly { readonly part: NoncePart; readonly to: number }[]

  constructor(aead: AeadName, parts: readonly NoncePart[], counter: BytePlace | undefined) {
    let length = 0
    this.#parts = parts.map(part => {
      const to = length
      length += part.is === 'bytes' ? part.bytes.length : part.size
      return { part, to }
    })
    this.length = length
    if (length !== AEAD_SIZES[aead].nonce)
      throw new LocalError('BadOption', `${aead} needs a nonce of ${AEAD_SIZES[aead].nonce} bytes, not ${length}`)
    this.hasCounter = parts.some(part => part.is === 'counter')
    const bytes = parts.map(part => {
      if (part.is === 'counter') return Math.min(8, part.size)
      return part.is === 'frame' && counter !== undefined ? overlap(part, counter) : 0
    })
    const most = Math.max(0, ...bytes)
    this.distinct = most === 0 ? Number.POSITIVE_INFINITY : 2 ** (8 * most)
  }

  /** Writes the nonce of the frame at `frame` into `into`, from `at`. */
  write(into: Uint8Array, at: number, bytes: Uint8Array, frame: number, hi: number, lo: number): void {
    for (const { part, to } of this.#parts) {
      if (part.is === 'counter') putWords(into, at + to, part.size, part.little, hi, lo)
      else if (part.is === 'bytes') copy(part.bytes, 0, into, at + to, part.bytes.length)
      else copy(bytes, frame + part.at, into, at + to, part.size)
    }
  }
}

/** A copy byte by byte is faster than `set` and `subarray` for so few. */
function copy(from: Uint8Array, at: number, into: Uint8Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) into[to + i] = from[at + i]!
}

function overlap(one: { readonly at: number; readonly size: number }, other: BytePlace): number {
  return Math.max(0, Math.min(one.at + one.size, other.at + other.size) - Math.max(one.at, other.at))
}
