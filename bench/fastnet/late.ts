// How late things were: counts by a hundredth of a millisecond, of which several can be added up.

export class Late {
  readonly counts: number[] = []

  add(ms: number): void {
    const at = Math.min(MOST, Math.max(0, Math.floor(ms * 100)))
    while (this.counts.length <= at) this.counts.push(0)
    this.counts[at]!++
  }

  merge(counts: readonly number[]): void {
    while (this.counts.length < counts.length) this.counts.push(0)
    for (const [at, count] of counts.entries()) this.counts[at]! += count
  }

  /** Milliseconds. */
  percentile(p: number): number {
    let left = p * this.counts.reduce((sum, count) => sum + count, 0)
    for (const [at, count] of this.counts.entries()) {
      left -= count
      if (count > 0 && left <= 0) return (at + 1) / 100
    }
    return 0
  }

  toString(): string {
    const of = (p: number): string => this.percentile(p).toFixed(2)
    return `p50 ${of(0.5)} ms, p99 ${of(0.99)} ms, max ${of(1)} ms`
  }
}

/** Ten seconds and more are counted as ten. */
const MOST = 1_000_000
