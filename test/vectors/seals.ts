// Seal and open hooks for codecs under test: one key, straight on node:crypto, nonces as the test says.
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Context, SealedFrame } from '../../runtime/wire/codec.ts'

export interface TestSeal {
  readonly aead: 'aes-256-gcm' | 'chacha20-poly1305'
  readonly key: Uint8Array
  readonly nonce: (frame: SealedFrame) => Uint8Array
}

export function hooks({ aead, key, nonce }: TestSeal): Pick<Context, 'open' | 'seal'> {
  // The types want a mode of their own for each cipher; both take these options.
  const cipher = aead as 'aes-256-gcm'
  return {
    seal(_name, bytes, start, end, frame) {
      const seal = createCipheriv(cipher, key, nonce(frame), { authTagLength: 16 })
      seal.setAAD(bytes.subarray(frame.aadStart, frame.aadEnd))
      bytes.set(seal.update(bytes.subarray(start, end)), start)
      seal.final()
      bytes.set(seal.getAuthTag(), end)
      return end + 16
    },
    open(_name, bytes, start, end, frame) {
      const open = createDecipheriv(cipher, key, nonce(frame), { authTagLength: 16 })
      open.setAAD(bytes.subarray(frame.aadStart, frame.aadEnd))
      open.setAuthTag(bytes.subarray(end - 16, end))
      const plain = open.update(bytes.subarray(start, end - 16))
      try {
        open.final()
      } catch {
        return -1
      }
      bytes.set(plain, start)
      return plain.length
    },
  }
}

/** Integers one behind the other, as `[value, bytes]`, big-endian. */
export function bigEndian(...parts: readonly (readonly [unknown, number])[]): Uint8Array {
  const digits = parts.map(([value, size]) => BigInt(value as number).toString(16).padStart(2 * size, '0'))
  return Uint8Array.from(Buffer.from(digits.join(''), 'hex'))
}
