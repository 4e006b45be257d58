// Numbers of the behaviour as a person reads them: `250ms`, `64KiB`, `never`.

export function durationText(milliseconds: number): string {
  if (milliseconds === Number.POSITIVE_INFINITY) return 'never'
  for (const [unit, size] of DURATIONS) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size}${unit}`
  }
  return `${milliseconds}ms`
}

export function sizeText(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return 'none'
  for (const [unit, size] of SIZES) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`
  }
  return String(bytes)
}

export function countText(count: number): string {
  return count === Number.POSITIVE_INFINITY ? 'none' : String(count)
}

export function rateText(perSecond: number): string {
  return perSecond === Number.POSITIVE_INFINITY ? 'none' : `${perSecond}/s`
}

const DURATIONS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

const SIZES = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const
