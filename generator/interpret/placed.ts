// A value that was laid out: where it stands, and how to read and validate it later.
import type { Type } from '../model/model.ts'
import { Fault } from './fault.ts'
import type { Cursor } from './run.ts'
import type { Value } from './value.ts'

export interface Placed {
  readonly type: Type
  /** In bits, with prefix and delimiter. */
  readonly start: number
  readonly end: number
  /** In bits, without them. */
  readonly contentStart: number
  readonly contentEnd: number
  /** The value as expressions see it; nothing is validated. */
  readonly value: () => Value
  /** Decodes and validates what is inside. */
  readonly validate: () => void
  /** What it consists of, for tools; only after `validate`. */
  readonly parts?: () => readonly Placed[]
}

/** Moves over `bits`, which must fit the region. Returns where they began. */
export function step(cursor: Cursor, bits: number): number {
  const start = cursor.at
  if (start + bits > cursor.region.end * 8) throw new Fault('Truncated', cursor.byte, cursor.region)
  cursor.at += bits
  return start
}

/** A value without prefix or delimiter. */
export function whole(
  type: Type,
  start: number,
  end: number,
  value: () => Value,
  validate: () => void = NOTHING,
): Placed {
  return { type, start, end, contentStart: start, contentEnd: end, value, validate }
}

const NOTHING = (): void => {}
