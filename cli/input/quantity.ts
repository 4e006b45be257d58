// Numbers as people write them on a command line: durations, sizes, rates and counts.

import { usage } from '../failure.ts'

/** Milliseconds of `250ms 5s 2m 1h`; a bare number is seconds; `never` is Infinity. */
export function parseDuration(text: string): number {
  if (text === 'never') return Number.POSITIVE_INFINITY
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text)
  if (!match) throw usage(`"${text}" is not a duration: write 250ms, 5s, 2m or 1h`)
  return Number(match[1]) * DURATION[(match[2] ?? 's') as keyof typeof DURATION]
}

/** Bytes of `1200 64KiB 8MiB 1GiB` (and `64k`, meaning KiB). */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(B|[KMG]i?B|[kKmMgG])?$/.exec(text)
  if (!match) throw usage(`"${text}" is not a size: write 1200, 64KiB or 8MiB`)
  const unit = match[2] ?? 'B'
  const power = ['B', 'K', 'M', 'G'].indexOf(unit[0]!.toUpperCase())
  const size = Number(match[1]) * (unit.length === 2 ? 1000 : 1024) ** power
  if (!Number.isSafeInteger(size)) throw usage(`"${text}" is not a whole number of bytes`)
  return size
}

/** Events per second of `100`, `100/s` or `6000/m`. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:\/(s|m|h))?$/.exec(text)
  const rate = match ? Number(match[1]) / (DURATION[(match[2] ?? 's') as 's'] / 1000) : 0
  if (!(rate > 0 && Number.isFinite(rate))) throw usage(`"${text}" is not a rate: write 100, 100/s or 6000/m`)
  return rate
}

/** A whole number from `min` to `max`. Digits may be grouped with `_`. */
export function parseCount(text: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
  const plain = text.replace(/(?<=\d)_(?=\d)/g, '')
  const count = /^\d+$/.test(plain) ? Number(plain) : Number.NaN
  if (!(count >= min && count <= max)) throw usage(`"${text}" is not a whole number from ${min} to ${max}`)
  return count
}

const DURATION = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
