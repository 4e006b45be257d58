// What is wrong with a line of the schema language, and the closest known word to a misspelt one.

import type { Span } from './ast.ts'

/** A mistake in a type, a value expression, a rule or a unit. `span` points into the text that was parsed. */
export class SyntaxProblem extends Error {
  override readonly name = 'SyntaxProblem'
  readonly span: Span
  readonly hint: string | undefined

  constructor(message: string, span: Span, hint?: string) {
    super(message)
    this.span = { start: span.start, end: span.end }
    this.hint = hint
  }
}

/** The candidate that `word` was probably meant to be: at most a third of its letters differ. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.min(Math.max(1, Math.floor(word.length / 3)), word.length - 1) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `did you mean "x"?`, or undefined when nothing known is close. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const found = closest(word, candidates)
  return found === undefined ? undefined : `did you mean "${found}"?`
}

/** Letters inserted, removed, replaced or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
