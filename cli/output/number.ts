// Numbers for people: 12.3 ms, 64.0 KiB, 1.2 M.

/** Milliseconds with three significant digits and the unit that fits. */
export function formatDuration(ms: number): string {
  if (ms < 1) return `${three(ms * 1000)} us`
  if (ms < 1000) return `${three(ms)} ms`
  if (ms < 120_000) return `${three(ms / 1000)} s`
  return `${three(ms / 60_000)} min`
}

export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10))
  return `${three(bytes / 1024 ** power)} ${['B', 'KiB', 'MiB', 'GiB'][power]}`
}

/** Bytes as a schema writes them: 1200, 64KiB, 8MiB. */
export function exactSize(bytes: number): string {
  const power = [3, 2, 1].find(power => bytes > 0 && bytes % 1024 ** power === 0) ?? 0
  return `${bytes / 1024 ** power}${['', 'KiB', 'MiB', 'GiB'][power]}`
}

export function formatCount(count: number): string {
  if (count < 10_000) return String(Math.round(count))
  if (count < 1e6) return `${three(count / 1e3)} k`
  return `${three(count / 1e6)} M`
}

/** 1 frame, 2 frames. */
export function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

function three(value: number): string {
  if (value >= 100) return String(Math.round(value))
  return value.toPrecision(3)
}
