// Quantities with units, as written in a schema: `250ms`, `64KiB`, `100/s`, `100ms..5s`, `2^20`
// (docs/language, "File").

import type { Span } from './ast.ts'
import { SyntaxProblem } from './problem.ts'

/** Milliseconds. `never` is Infinity. Units: ms s m h d. */
export function parseDuration(text: string): number {
  const trimmed = text.trim()
  if (trimmed === 'never') return Number.POSITIVE_INFINITY
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(trimmed)
  if (match) return Number(match[1]) * MILLISECONDS[match[2]!]!
  throw new SyntaxProblem(`"${text}" is no duration`, whole(text), durationHint(trimmed))
}

/** Bytes, or any other whole number: `1200`, `64KiB`, `2^20`. */
export function parseSize(text: string | number | bigint): number {
  const value = parseWhole(text)
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw new SyntaxProblem(`"${text}" is more than 2^53`, whole(String(text)))
}

/** The same as `parseSize`, exact beyond 2^53. Allows a minus sign. */
export function parseWhole(text: string | number | bigint): bigint {
  if (typeof text === 'bigint') return text
  if (typeof text === 'number') {
    if (Number.isSafeInteger(text)) return BigInt(text)
    throw new SyntaxProblem(`${text} is no exact whole number`, whole(String(text)), 'quote numbers above 2^53')
  }
  const trimmed = text.trim()
  const power = /^(\d+)\s*\^\s*(\d{1,3})$/.exec(trimmed)
  if (power) return BigInt(power[1]!) ** BigInt(power[2]!)
  const match = /^(-?)(0x[0-9a-fA-F_]+|0b[01_]+|\d[\d_]*)(B|KiB|MiB|GiB)?$/.exec(trimmed)
  if (match) {
    const value = BigInt(match[2]!.replaceAll('_', '')) * BYTES[match[3] ?? 'B']!
    return match[1] === '-' ? -value : value
  }
  throw new SyntaxProblem(`"${text}" is no size`, whole(text), sizeHint(trimmed))
}

/** Events or bytes per second: `100/s`, `6000/m`, `1MiB/s`. `none` is Infinity. */
export function parseRate(text: string): number {
  const trimmed = text.trim()
  if (trimmed === 'none') return Number.POSITIVE_INFINITY
  const match = /^([^/]+)\/(s|m|h)$/.exec(trimmed)
  if (!match)
    throw new SyntaxProblem(`"${text}" is no rate`, whole(text), 'write it per second, minute or hour: "100/s"')
  return parseSize(match[1]!) / (MILLISECONDS[match[2]!]! / 1000)
}

/** `a..b`, each end read by `read`: `parseSpan('100ms..5s', parseDuration)`. A single value is both ends. */
export function parseSpan<T extends number | bigint>(text: string, read: (end: string) => T): { from: T; to: T } {
  const at = text.indexOf('..')
  const from = end(text, 0, at < 0 ? text.length : at, read)
  const to = at < 0 ? from : end(text, at + 2, text.length, read)
  if (from <= to) return { from, to }
  throw new SyntaxProblem(`"${text}" runs backwards`, whole(text), 'the smaller end comes first')
}

function end<T>(text: string, start: number, stop: number, read: (end: string) => T): T {
  try {
    return read(text.slice(start, stop))
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    throw new SyntaxProblem(error.message, { start: start + error.span.start, end: start + error.span.end }, error.hint)
  }
}

function whole(text: string): Span {
  return { start: 0, end: text.length }
}

function durationHint(text: string): string {
  if (/^\d+$/.test(text)) return `give it a unit: "${text}ms" or "${text}s"`
  if (/^(none|off|null|0|infinite|forever)$/i.test(text)) return 'write "never"'
  return 'units are ms, s, m, h and d: "250ms", "5s"; off is "never"'
}

function sizeHint(text: string): string {
  const decimal = /^(\d+)\s*([kKmMgG])[bB]?$/.exec(text)
  if (decimal) return `write "${decimal[1]}${decimal[2]!.toUpperCase()}iB"`
  return 'sizes are whole numbers, with KiB, MiB or GiB, or powers: "1200", "64KiB", "2^20"'
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES: Readonly<Record<string, bigint>> = { B: 1n, KiB: 1n << 10n, MiB: 1n << 20n, GiB: 1n << 30n }
