// JSON as the command line prints it: one object a line, bytes as `0x..`, integers beyond 2^53 as decimal strings.

import { toHex } from '../input/bytes.ts'

/** One line without line break. Takes plain values of a codec as they are. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, plain)
}

function plain(this: Record<string, unknown>, key: string, given: unknown): unknown {
  // A Buffer has turned itself into an object already; the original is still there.
  const value = this[key] instanceof Uint8Array ? this[key] : given
  if (typeof value === 'bigint') {
    return value <= MAX && value >= -MAX ? Number(value) : value.toString()
  }
  if (value instanceof Uint8Array) return `0x${toHex(value)}`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  return value
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER)
