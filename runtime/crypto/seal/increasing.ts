// Replays on a stream that somebody else passes on (`replay: increasing`): what arrives must be newer than all before, by
// the fields that a rekey draws anew, then by the counter. Kept for as long as the key material may be used again, over
// reconnects: one for each sealed stream of a process.

import type { BytePlace } from '../../core/seal-descriptor.ts'
import { distance } from './places.ts'

export class Increasing {
  /** Frames that must have been sent and did not arrive, in all. */
  lost = 0
  /** The renewed fields of the newest frame, joined; undefined before the first. */
  #epoch: Uint8Array | undefined
  #hi = 0
  #lo = 0

  /**
   * Takes the frame at `frame`, which opened: its renewed fields and its counter. False when it is not above all before.
   * `start` is the counter of a stream's first frame.
   */
  accept(
    fields: readonly BytePlace[],
    bytes: Uint8Array,
    frame: number,
    hi: number,
    lo: number,
    start: number,
  ): boolean {
    const last = this.#epoch
    const ahead = distance(hi, lo, this.#hi, this.#lo)
    if (last !== undefined) {
      const order = compare(fields, bytes, frame, last)
      if (order < 0 || (order === 0 && ahead <= 0)) return false
      // A counter that went back was begun anew by a sender that was started anew.
      this.lost += ahead > 0 ? ahead - 1 : distance(hi, lo, 0, start)
    }
    this.#epoch = joined(fields, bytes, frame)
    this.#hi = hi
    this.#lo = lo
    return true
  }
}

/**
 * 0: the same fields; 1: later; -1: not later. The first field is a number that grows; two streams with the same one
 * cannot be told apart in time, so the one that is known wins.
 */
function compare(fields: readonly BytePlace[], bytes: Uint8Array, frame: number, last: Uint8Array): number {
  let at = 0
  let isSame = true
  for (const field of fields) {
    for (let i = 0; i < field.size; i++) if (bytes[frame + field.at + i] !== last[at + i]) isSame = false
    at += field.size
  }
  if (isSame) return 0
  const first = fields[0]!
  for (let i = 0; i < first.size; i++) {
    const digit = first.little ? first.size - 1 - i : i
    const difference = bytes[frame + first.at + digit]! - last[digit]!
    if (difference !== 0) return Math.sign(difference)
  }
  return -1
}

function joined(fields: readonly BytePlace[], bytes: Uint8Array, frame: number): Uint8Array {
  const all = new Uint8Array(fields.reduce((sum, field) => sum + field.size, 0))
  let at = 0
  for (const field of fields) {
    all.set(bytes.subarray(frame + field.at, frame + field.at + field.size), at)
    at += field.size
  }
  return all
}
