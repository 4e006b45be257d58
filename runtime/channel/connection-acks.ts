// Acknowledgements where one row of numbers counts all packets of a connection, whatever channel they are on. Some peers
// keep what they sent under other numbers than they acknowledge by, and stop when that table is full: for them (`sweep`)
// the acknowledged number also goes through all that may still be in such a table.

import type { Acks } from './host.ts'
import type { Serial } from './serial.ts'

/** A channel whose sender keeps a table: how many of its messages have arrived, and how far the table was gone through. */
interface Table {
  arrived: number
  front: number
  back: number
}

export class ConnectionAcks {
  /** Highest number that has arrived, 0 before anything has; and how many have. */
  highest = 0
  #arrived = 0
  /** Bit i stands for `highest - 1 - i`. */
  #bits = 0
  readonly #serial: Serial
  readonly #sweep: number | undefined
  readonly #tables: Table[]
  readonly #acks: { ack: number; lo: number; hi: number } = { ack: 0, lo: 0, hi: 0 }
  #turn = 0

  /** `tables`: channels whose senders keep one. `sweep`: numbers that one acknowledgement goes through. */
  constructor(serial: Serial, tables: number, sweep: number | undefined) {
    this.#serial = serial
    this.#sweep = sweep
    this.#tables = Array.from({ length: tables }, () => ({ arrived: 0, front: 0, back: 0 }))
  }

  /** A packet with this number arrived. */
  arrived(number: number): void {
    const distance = number - this.highest
    if (distance > 0) {
      this.#bits = distance > 32 ? 0 : distance === 32 ? 1 << 31 : (this.#bits << distance) | (1 << (distance - 1))
      if (this.highest === 0) this.#bits = 0
      this.highest = number
      this.#arrived++
    } else if (distance < 0 && distance >= -32) {
      const bit = 1 << (-distance - 1)
      if ((this.#bits & bit) === 0) this.#arrived++
      this.#bits |= bit
    }
  }

  /** It carried a message of this table. */
  kept(table: number): void {
    const kept = this.#tables[table]
    if (kept !== undefined) kept.arrived++
  }

  /** What the next packet says. The same until `carried`. */
  get acks(): Acks {
    const acks = this.#acks
    const table = this.#table
    if (table === undefined) {
      acks.ack = this.highest === 0 ? 0 : this.#serial.wire(this.highest)
      acks.lo = this.#bits
      return acks
    }
    const top = this.#top(table)
    const from = table.front < top ? table.front : Math.max(table.back, top - KEPT)
    acks.ack = this.#serial.wire(Math.min(from + (this.#sweep as number), top))
    acks.lo = -1
    return acks
  }

  /** The last result of `acks` is on the wire. */
  carried(): void {
    const table = this.#table
    this.#turn++
    if (table === undefined) return
    const top = this.#top(table)
    const step = this.#sweep as number
    if (table.front < top) table.front = Math.min(table.front + step, top)
    // What was lost on its way is said again.
    else table.back = table.back + step >= top ? Math.max(0, top - KEPT) : Math.max(table.back, top - KEPT) + step
  }

  /** Whose turn it is; undefined when the packet says what is true. */
  get #table(): Table | undefined {
    if (this.#sweep === undefined || this.highest <= 1 || this.#turn % 2 === 0) return undefined
    let found: Table | undefined
    let most = -1
    for (let i = 0; i < this.#tables.length; i++) {
      const table = this.#tables[((this.#turn >> 1) + i) % this.#tables.length] as Table
      const behind = this.#top(table) - table.front
      if (table.arrived > 0 && behind > most) {
        most = behind
        found = table
      }
    }
    return found
  }

  /** The highest number that can be in a table: as many as arrived on its channel, and all that may have been lost. */
  #top({ arrived }: Table): number {
    return Math.min(this.highest, arrived + Math.max(0, this.highest - this.#arrived))
  }
}

/** Entries below the top that are gone through again and again: tables are no larger. */
const KEPT = 512
