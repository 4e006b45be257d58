// Acknowledgements where one row of numbers counts all packets of a connection, whatever channel they are on. Some peers
// keep what they sent under other numbers than they acknowledge by, and stop when that table is full: for them (`sweep`)
// the acknowledged number also goes through all that may still be in such a table.

import type { Acks } from './host.ts'
import type { Serial } from './serial.ts'

/** A channel whose sender keeps a table: how many of its messages have arrived, and how far the table was gone through. */
interface Table {
  arrived: number
  /** In the likely range, and in all that is possible. */
  likely: number
  possible: number
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
    this.#tables = Array.from({ length: tables }, () => ({ arrived: 0, likely: 0, possible: 0 }))
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
    const { from, to } = this.#range(table)
    acks.ack = this.#serial.wire(Math.min(from + (this.#sweep as number), to))
    acks.lo = -1
    return acks
  }

  /** The last result of `acks` is on the wire. */
  carried(): void {
    const table = this.#table
    if (table !== undefined) {
      const { from, to } = this.#range(table)
      const next = from + (this.#sweep as number)
      // What was lost on its way is said again.
      table[this.#isWide ? 'possible' : 'likely'] = next >= to ? 0 : next
    }
    this.#turn++
  }

  /** Whose turn it is; undefined when the packet says what is true. */
  get #table(): Table | undefined {
    if (this.#sweep === undefined || this.highest <= 1 || this.#turn % 2 === 0) return undefined
    const table = this.#tables[(this.#turn >> 1) % this.#tables.length]
    return table !== undefined && table.arrived > 0 ? table : undefined
  }

  /** Now and then all that is possible is gone through, not only what is likely. */
  get #isWide(): boolean {
    return (this.#turn >> 1) % 16 >= 14
  }

  /**
   * Where the sweep goes on, and where it ends. The sender has counted what arrived on this channel and what was lost of
   * it: that is likely its share of all that was lost, and at most all of it.
   */
  #range({ arrived, likely, possible }: Table): { readonly from: number; readonly to: number } {
    const missing = Math.max(0, this.highest - this.#arrived)
    const most = Math.min(this.highest, arrived + missing)
    if (this.#isWide) return { from: Math.max(possible, arrived - KEPT, 0), to: most }
    const share = Math.ceil((arrived * this.highest) / Math.max(1, this.#arrived))
    const spread = missing === 0 ? 0 : SPREAD + Math.ceil(3 * Math.sqrt(missing))
    return { from: Math.max(likely, share - spread - KEPT, 0), to: Math.min(most, share + spread) }
  }
}

/** Entries that are gone through again and again: tables are no larger. */
const KEPT = 288
/** How far from its share a channel's losses may be at least. */
const SPREAD = 32
