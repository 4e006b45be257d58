// From a range or a span to line, column and width. Inside a scalar, offsets into its value are mapped back to the
// text it was written as: quotes, escapes, folded lines and the indentation of block scalars lie between.

import type { Span } from '../language/ast.ts'
import type { Diagnostic, Problem } from './document.ts'
import type { Range, Scalar, Source } from './tree.ts'

/** A diagnostic at a range. */
export function at(
  range: Range,
  code: string,
  message: string,
  hint?: string,
  severity: 'error' | 'warning' = 'error',
): Diagnostic {
  const { file } = range.source
  return { severity, code, message, ...(hint === undefined ? {} : { hint }), file, ...position(range) }
}

/** A problem reported about what is written at `range`. */
export function locate(range: Range, problem: Problem): Diagnostic {
  return at(range, problem.code, problem.message, problem.hint, problem.severity)
}

/** Line and column from 1, and how many characters of that line are meant. */
export function position(range: Range): { line: number; column: number; width: number } {
  const { source } = range
  const start = Math.min(range.start, source.text.length)
  const line = lineOf(source, start)
  const begin = source.lines[line] ?? 0
  const next = source.lines[line + 1]
  const lineEnd = next === undefined ? source.text.length : next - 1
  const width = Math.max(1, Math.min(range.end, lineEnd) - start)
  return { line: line + 1, column: start - begin + 1, width }
}

/** The part of a scalar's source that made `span` of its value. */
export function inside(scalar: Scalar, span: Span): Range {
  const { source } = scalar.at
  const begin = contentStart(scalar)
  if (typeof scalar.value !== 'string') return scalar.at
  if (scalar.style === 'plain' && source.text.startsWith(scalar.value, begin)) {
    const start = Math.min(begin + span.start, scalar.at.end)
    return {
      source,
      start,
      end: Math.min(begin + Math.max(span.end, span.start + 1), Math.max(scalar.at.end, start + 1)),
    }
  }
  const offsets = align(scalar, begin)
  const start = offsets[Math.min(span.start, offsets.length - 1)] ?? begin
  const last = offsets[Math.min(Math.max(span.end, span.start + 1), offsets.length) - 1] ?? start
  return { source, start, end: Math.max(last, start) + 1 }
}

/** Source offset of each character of the value; one more for its end. */
function align(scalar: Scalar, begin: number): number[] {
  const { text } = scalar.at.source
  const value = String(scalar.value)
  const offsets: number[] = []
  let at = begin
  for (const unit of value.split('')) {
    if (unit === '\n' || unit === ' ') {
      offsets.push(at)
      at = skipBreak(text, at, scalar)
      continue
    }
    if (scalar.style !== 'double' || text[at] !== '\\') {
      // Indentation of the next line, or whatever folding dropped.
      while (at < scalar.at.end && text[at] !== unit && /\s/.test(text[at] ?? '')) at++
      offsets.push(at)
      at += scalar.style === 'single' && unit === "'" ? 2 : 1
      continue
    }
    offsets.push(at)
    at += escapeLength(text, at)
  }
  offsets.push(at)
  return offsets
}

/** Behind the blank or line break at `at` that became one character of the value. */
function skipBreak(text: string, at: number, scalar: Scalar): number {
  if (scalar.style === 'double' && text[at] === '\\') return at + escapeLength(text, at)
  const run = /^[ \t]*\r?\n/.exec(text.slice(at, scalar.at.end))
  return at + (run ? run[0].length : 1)
}

function escapeLength(text: string, at: number): number {
  const kind = text[at + 1]
  if (kind === 'x') return 4
  if (kind === 'u') return 6
  if (kind === 'U') return 10
  return 2
}

function contentStart(scalar: Scalar): number {
  const { source, start } = scalar.at
  if (scalar.style === 'plain') return start
  if (scalar.style !== 'block') return start + 1
  const header = source.text.indexOf('\n', start)
  return header < 0 ? start : header + 1
}

function lineOf(source: Source, offset: number): number {
  let low = 0
  let high = source.lines.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((source.lines[middle] ?? 0) <= offset) low = middle
    else high = middle - 1
  }
  return low
}
