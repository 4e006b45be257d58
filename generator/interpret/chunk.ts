// What an encoder has made so far: runs of bits, joined into bytes at the end. A sealed group stays a part of its own
// until then, because sealing works on the bytes in place and must happen once, after everything was checked.
import type { Seal } from '../model/model.ts'

export type Part =
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  /** An unsigned number; with `little` its least significant bits come first. */
  | { readonly is: 'bits'; readonly bits: number; readonly value: bigint; readonly little: boolean }
  | SealedPart
  /** Bits whose number is known before their value: a length may count them while they are still to be computed. */
  | { readonly is: 'late'; readonly bits: number; readonly chunk: () => Chunk }

export interface SealedPart {
  readonly is: 'sealed'
  readonly seal: Seal
  readonly plain: Chunk
  /** Seals `into[start..end)` and returns the new end; undefined leaves the plain text. */
  readonly apply: ((into: Uint8Array, frameStart: number, start: number, end: number) => number) | undefined
}

export interface Chunk {
  readonly bits: number
  readonly parts: readonly Part[]
}

export const EMPTY: Chunk = { bits: 0, parts: [] }

export function bitsChunk(bits: number, value: bigint, little = false): Chunk {
  return bits === 0 ? EMPTY : { bits, parts: [{ is: 'bits', bits, value, little }] }
}

export function bytesChunk(bytes: Uint8Array): Chunk {
  return bytes.length === 0 ? EMPTY : { bits: bytes.length * 8, parts: [{ is: 'bytes', bytes }] }
}

export function zeroChunk(bits: number): Chunk {
  return bits % 8 === 0 ? bytesChunk(new Uint8Array(bits / 8)) : bitsChunk(bits, 0n)
}

export function lateChunk(bits: number, chunk: () => Chunk): Chunk {
  return { bits, parts: [{ is: 'late', bits, chunk }] }
}

/** Everything computed; what is wrong with a value comes out here. */
export function settle(chunk: Chunk): Chunk {
  const parts = chunk.parts.flatMap((part): readonly Part[] => {
    if (part.is === 'late') return settle(part.chunk()).parts
    return part.is === 'sealed' ? [{ ...part, plain: settle(part.plain) }] : [part]
  })
  return { bits: chunk.bits, parts }
}

export function sealedChunk(part: SealedPart): Chunk {
  return { bits: part.plain.bits + (part.apply ? part.seal.overhead * 8 : 0), parts: [part] }
}

export function joinChunks(chunks: readonly Chunk[]): Chunk {
  return { bits: chunks.reduce((sum, chunk) => sum + chunk.bits, 0), parts: chunks.flatMap(chunk => chunk.parts) }
}

export function holdsSeal(chunk: Chunk): boolean {
  return chunk.parts.some(part => part.is === 'sealed')
}

/** The bytes of a chunk without seals; a started byte is filled with zeros. */
export function bytesOf(chunk: Chunk): Uint8Array {
  const into = new Uint8Array(Math.ceil(chunk.bits / 8))
  writeChunk(settle(chunk), into, 0)
  return into
}

/** Writes a settled chunk at `at`, sealing on the way, and returns the offset behind it. */
export function writeChunk(chunk: Chunk, into: Uint8Array, at: number, frameStart: number = at): number {
  const writer: BitWriter = { into, byte: at, used: 0, little: false }
  for (const part of chunk.parts) {
    if (part.is === 'bits') {
      push(writer, part.value, part.bits, part.little)
    } else if (part.is === 'bytes' && writer.used === 0) {
      into.set(part.bytes, writer.byte)
      writer.byte += part.bytes.length
    } else if (part.is === 'bytes') {
      for (const byte of part.bytes) push(writer, BigInt(byte), 8, writer.little)
    } else if (part.is === 'late') {
      throw new Error('a chunk is settled before it is written')
    } else {
      writer.byte = writeSealed(part, into, writer.byte, frameStart)
    }
  }
  if (writer.used > 0) push(writer, 0n, 8 - writer.used, writer.little)
  return writer.byte
}

function writeSealed(part: SealedPart, into: Uint8Array, start: number, frameStart: number): number {
  const end = writeChunk(part.plain, into, start, frameStart)
  if (!part.apply) return end
  const behind = part.apply(into, frameStart, start, end)
  if (behind !== end + part.seal.overhead) {
    throw new Error(`seal ${part.seal.name} ended at ${behind}, its overhead is ${part.seal.overhead} bytes`)
  }
  return behind
}

interface BitWriter {
  readonly into: Uint8Array
  byte: number
  /** Bits of that byte which are written. */
  used: number
  /** Which way they run. */
  little: boolean
}

function push(writer: BitWriter, value: bigint, bits: number, little: boolean): void {
  for (let done = 0; done < bits; ) {
    const taken = Math.min(8 - writer.used, bits - done)
    const from = little ? done : bits - done - taken
    const piece = Number((value >> BigInt(from)) & BigInt((1 << taken) - 1))
    if (writer.used === 0) writer.into[writer.byte] = 0
    writer.into[writer.byte]! |= piece << (little ? writer.used : 8 - writer.used - taken)
    writer.used += taken
    done += taken
    if (writer.used < 8) continue
    writer.byte++
    writer.used = 0
  }
  writer.little = little
}
