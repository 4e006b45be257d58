// Many datagrams sealed or opened in one call: the same rows for every provider. A row names a key, where in the slab its
// associated data and its text are, and a nonce. One datagram is a batch of one.

import { AEAD_SIZES, type Aead, type AeadName, TAG_LENGTH } from './provider.ts'

/** Rows of one batch. Filled with `add`, used with `sealBatch` or `openBatch` of the provider that made the keys. */
export class AeadRows {
  count = 0
  /** The key of each row. */
  readonly keys: (Aead | undefined)[] = []
  /** `NONCE_STRIDE` bytes a row, of which a key uses as many as its nonce has. */
  nonces: Uint8Array
  /** `ROW` numbers a row: [handle], start and end of the associated data, start and end of the text, result. */
  table: Int32Array

  /** Room for `capacity` rows; it grows when there are more. */
  constructor(capacity: number = 64) {
    this.nonces = new Uint8Array(capacity * NONCE_STRIDE)
    this.table = new Int32Array(capacity * ROW)
  }

  /**
   * Adds a row and returns where its nonce is to be written in `nonces` (which `add` may have replaced). To seal, 16 bytes
   * behind `end` are for the tag; to open, the tag is the last 16 bytes before `end`.
   */
  add(key: Aead, aadStart: number, aadEnd: number, start: number, end: number): number {
    const row = this.count++
    if (row * ROW === this.table.length) this.#grow()
    const { table } = this
    const at = row * ROW
    this.keys[row] = key
    table[at] = key.handle
    table[at + 1] = aadStart
    table[at + 2] = aadEnd
    table[at + 3] = start
    table[at + 4] = end
    table[at + 5] = FAILED
    return row * NONCE_STRIDE
  }

  /** After `sealBatch` the length of text and tag, after `openBatch` that of the plain text; -1 where it failed. */
  result(row: number): number {
    return this.table[row * ROW + 5] as number
  }

  /** Empties it. Keys are let go. */
  clear(): void {
    // Its memory stays: batches follow each other.
    this.keys.fill(undefined, 0, this.count)
    this.count = 0
  }

  #grow(): void {
    const { nonces, table } = this
    this.nonces = new Uint8Array(Math.max(nonces.length * 2, NONCE_STRIDE))
    this.nonces.set(nonces)
    this.table = new Int32Array(Math.max(table.length * 2, ROW))
    this.table.set(table)
  }
}

/** Seals row by row, for providers that cannot do more at once. Returns how many rows worked. */
export function sealEach(slab: Uint8Array, rows: AeadRows): number {
  let done = 0
  for (let i = 0; i < rows.count; i++) {
    const at = i * ROW
    const { table } = rows
    const [start, end] = [table[at + 3] as number, table[at + 4] as number]
    table[at + 5] = FAILED
    if (!isInside(table, at, slab.length) || end + TAG_LENGTH > slab.length) continue
    const key = rows.keys[i] as Aead
    if (key.isDestroyed) continue
    table[at + 5] = key.seal(nonceOf(rows, i), aadOf(slab, table, at), slab, start, end) - start
    done++
  }
  return done
}

/** Opens row by row. Returns how many rows opened. */
export function openEach(slab: Uint8Array, rows: AeadRows): number {
  let done = 0
  for (let i = 0; i < rows.count; i++) {
    const at = i * ROW
    const { table } = rows
    table[at + 5] = FAILED
    const key = rows.keys[i] as Aead
    if (key.isDestroyed || !isInside(table, at, slab.length)) continue
    const start = table[at + 3] as number
    const length = key.open(nonceOf(rows, i), aadOf(slab, table, at), slab, start, table[at + 4] as number)
    table[at + 5] = length
    if (length >= 0) done++
  }
  return done
}

function isInside(table: Int32Array, at: number, length: number): boolean {
  const [aadStart, aadEnd] = [table[at + 1] as number, table[at + 2] as number]
  const [start, end] = [table[at + 3] as number, table[at + 4] as number]
  return aadStart >= 0 && aadEnd >= aadStart && aadEnd <= length && start >= 0 && end >= start && end <= length
}

function nonceOf(rows: AeadRows, i: number): Uint8Array {
  const start = i * NONCE_STRIDE
  return rows.nonces.subarray(start, start + AEAD_SIZES[(rows.keys[i] as Aead).name as AeadName].nonce)
}

function aadOf(slab: Uint8Array, table: Int32Array, at: number): Uint8Array {
  return slab.subarray(table[at + 1], table[at + 2])
}

/** Bytes between two nonces: the longest is that of XChaCha20. */
export const NONCE_STRIDE = 24
/** Numbers of a row. */
export const ROW = 6
const FAILED = -1
