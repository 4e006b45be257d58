// Round-trip times, as many as there are: a histogram whose buckets are 1/64 of their value wide, so that percentiles are
// right to 1.6 % and memory is fixed.

export class RoundTrips {
  /** 64 buckets for each power of two of a microsecond, up to 2^40. */
  readonly #buckets = new Float64Array(64 * 41)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(microseconds: number): void {
    this.#buckets[indexOf(Math.max(0, microseconds))]!++
    this.#count++
  }

  /** Microseconds below which the share `p` (0..1) of the round trips lies; 0 when there are none. */
  percentile(p: number): number {
    let left = Math.max(1, Math.ceil(p * this.#count))
    for (let i = 0; i < this.#buckets.length; i++) {
      left -= this.#buckets[i]!
      if (left <= 0) return middleOf(i)
    }
    return 0
  }

  /** How many took from `from` to twice as long, microseconds; from the shortest to the longest there was. */
  histogram(): { readonly from: number; readonly count: number }[] {
    const rows = [{ from: 0, count: 0 }]
    for (let i = 0; i < this.#buckets.length; i++) {
      const power = i < 64 ? Math.floor(Math.log2(i)) : Math.floor(i / 64) + 5
      const from = i === 0 ? 0 : 2 ** power
      if (rows.at(-1)!.from !== from) rows.push({ from, count: 0 })
      rows.at(-1)!.count += this.#buckets[i]!
    }
    const first = rows.findIndex(row => row.count > 0)
    const last = rows.findLastIndex(row => row.count > 0)
    return first < 0 ? [] : rows.slice(first, last + 1)
  }

  /** As the summary shows them; undefined when there are none. */
  summary(): { p50: number; p90: number; p99: number } | undefined {
    if (this.#count === 0) return undefined
    return { p50: this.percentile(0.5), p90: this.percentile(0.9), p99: this.percentile(0.99) }
  }
}

function indexOf(value: number): number {
  if (value < 64) return Math.floor(value)
  const power = Math.min(39, Math.floor(Math.log2(value)))
  return Math.min(64 * 41 - 1, (power - 5) * 64 + Math.floor((value / 2 ** power - 1) * 64))
}

function middleOf(index: number): number {
  if (index < 64) return index
  const power = Math.floor(index / 64) + 5
  return Math.round(2 ** power * (1 + ((index % 64) + 0.5) / 64))
}
