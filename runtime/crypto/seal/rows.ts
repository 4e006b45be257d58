// The cipher calls of one batch: which key, where additional data and text are in the slab, and a nonce for each row.

import type { Aead } from '../provider.ts'

export class AeadRows {
  count = 0
  readonly keys: Aead[] = []
  nonces: Uint8Array
  table: Int32Array
  readonly #lengths: number[] = []

  constructor(capacity: number = 64) {
    this.nonces = new Uint8Array(capacity * STRIDE)
    this.table = new Int32Array(capacity * ROW)
  }

  /** Adds a row and returns where its nonce is to be written in `nonces`, which `add` may have replaced. */
  add(key: Aead, aadStart: number, aadEnd: number, start: number, end: number, nonceLength: number): number {
    const row = this.count++
    if (row * ROW === this.table.length) this.#grow()
    const { table } = this
    const at = row * ROW
    this.keys[row] = key
    this.#lengths[row] = nonceLength
    table[at] = aadStart
    table[at + 1] = aadEnd
    table[at + 2] = start
    table[at + 3] = end
    return row * STRIDE
  }

  /** After sealing the length of text and tag, after opening that of the plain text; -1 where it failed. */
  result(row: number): number {
    return this.table[row * ROW + 4] as number
  }

  seal(slab: Uint8Array): void {
    for (let row = 0; row < this.count; row++) {
      const { table } = this
      const at = row * ROW
      const start = table[at + 2] as number
      const aad = slab.subarray(table[at], table[at + 1])
      table[at + 4] = this.keys[row]!.seal(this.#nonce(row), aad, slab, start, table[at + 3] as number) - start
    }
  }

  open(slab: Uint8Array): void {
    for (let row = 0; row < this.count; row++) {
      const { table } = this
      const at = row * ROW
      const aad = slab.subarray(table[at], table[at + 1])
      table[at + 4] = this.keys[row]!.open(
        this.#nonce(row),
        aad,
        slab,
        table[at + 2] as number,
        table[at + 3] as number,
      )
    }
  }

  clear(): void {
    this.count = 0
    this.keys.length = 0
  }

  #nonce(row: number): Uint8Array {
    return this.nonces.subarray(row * STRIDE, row * STRIDE + this.#lengths[row]!)
  }

  #grow(): void {
    const { nonces, table } = this
    this.nonces = new Uint8Array(Math.max(nonces.length * 2, STRIDE))
    this.nonces.set(nonces)
    this.table = new Int32Array(Math.max(table.length * 2, ROW))
    this.table.set(table)
  }
}

const STRIDE = 24
const ROW = 5
