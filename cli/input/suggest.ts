// "Did you mean": the known word that is nearest to a mistyped one.

/** The nearest of `known`, or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const cost = distance(word.toLowerCase(), candidate.toLowerCase(), least)
    if (cost < least) {
      least = cost
      best = candidate
    }
  }
  return best
}

/** ` - did you mean "x"?`, or what there is when nothing is near and the list is short. */
export function suggestion(word: string, known: Iterable<string>): string {
  const all = [...known]
  const near = nearest(word, all)
  if (near !== undefined) return `, did you mean "${near}"?`
  return all.length > 0 && all.length <= 20 ? `; there is ${all.join(', ')}` : ''
}

/** Edits (insert, delete, replace, swap of neighbours) from `a` to `b`; anything above `limit` counts as `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = previous
    previous = row
  }
  return previous[b.length]!
}
