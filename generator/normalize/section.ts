// Reads one map of the merged document: every key by its kind, with the default of the section's table where it is
// absent, and a problem noted at its path where it is not understood. Reading goes on with the default, so one run
// finds everything.

import { didYouMean, SyntaxProblem } from '../language/problem.ts'
import { parseDuration, parseRate, parseSize, parseSpan } from '../language/units.ts'
import type { Path, Problem } from '../load/document.ts'

/** Takes a mistake found while normalising; `SchemaDocument.report` is one. */
export type Report = (path: Path, problem: Problem) => void

export class Section {
  readonly path: Path
  readonly report: Report
  readonly #map: Readonly<Record<string, unknown>>

  /** `value` that is no map counts as an empty one. */
  constructor(value: unknown, path: Path, report: Report) {
    this.#map = isMap(value) ? value : {}
    this.path = path
    this.report = report
  }

  keys(): string[] {
    return Object.keys(this.#map).filter(key => this.#map[key] !== null)
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined
  }

  /** The value as written; undefined when absent. */
  raw(key: string): unknown {
    return this.#map[key] ?? undefined
  }

  /** The map under `key`; empty when absent. */
  section(key: string): Section {
    return new Section(this.raw(key), [...this.path, key], this.report)
  }

  /** Milliseconds. */
  duration<D extends number | undefined>(key: string, fallback: D): number | D {
    return this.#read(key, fallback, value => parseDuration(String(value)))
  }

  /** Bytes; `none` is Infinity. */
  size<D extends number | undefined>(key: string, fallback: D): number | D {
    return this.#read(key, fallback, whole)
  }

  /** A whole number or a power; `none` and `never` are Infinity. */
  count<D extends number | undefined>(key: string, fallback: D): number | D {
    return this.#read(key, fallback, whole)
  }

  /** Per second. */
  rate<D extends number | undefined>(key: string, fallback: D): number | D {
    return this.#read(key, fallback, value => parseRate(String(value)))
  }

  /** Milliseconds. */
  span<D extends { from: number; to: number } | undefined>(key: string, fallback: D): { from: number; to: number } | D {
    return this.#read(key, fallback, value => parseSpan(String(value), parseDuration))
  }

  flag(key: string, fallback: boolean): boolean {
    return this.#read(key, fallback, value => {
      if (typeof value === 'boolean') return value
      throw new SyntaxProblem(`expected true or false`, everything(value))
    })
  }

  text<D extends string | undefined>(key: string, fallback: D): string | D {
    return this.#read(key, fallback, value => {
      if (isScalar(value)) return String(value)
      throw new SyntaxProblem('expected a text', everything(value))
    })
  }

  word<const W extends string, D extends W | undefined>(key: string, words: readonly W[], fallback: D): W | D {
    return this.#read(key, fallback, value => {
      const known = words.find(word => word === value)
      if (known !== undefined) return known
      throw new SyntaxProblem(
        `expected one of ${words.join(', ')}`,
        everything(value),
        didYouMean(String(value), words),
      )
    })
  }

  /** A list, or one value that stands for a list of one. */
  list(key: string): string[] {
    const value = this.raw(key)
    if (value === undefined || value === 'none') return []
    const items = Array.isArray(value) ? value : [value]
    const texts = items.filter(isScalar).map(String)
    if (texts.length < items.length) this.wrong(key, 'expected a text or a list of texts')
    return texts
  }

  /** Notes a problem at `key` of this map. */
  wrong(key: string, message: string, more: Partial<Problem> = {}): void {
    this.report([...this.path, key], { code: 'type', message, ...more })
  }

  #read<T, D>(key: string, fallback: D, parse: (value: unknown) => T): T | D {
    const value = this.raw(key)
    if (value === undefined) return fallback
    try {
      return parse(value)
    } catch (error) {
      if (!(error instanceof SyntaxProblem)) throw error
      this.wrong(key, error.message, { hint: error.hint, ...(isScalar(value) ? { span: error.span } : {}) })
      return fallback
    }
  }
}

function whole(value: unknown): number {
  if (value === 'none' || value === 'never') return Number.POSITIVE_INFINITY
  return parseSize(typeof value === 'number' ? value : String(value))
}

function everything(value: unknown): { start: number; end: number } {
  return { start: 0, end: String(value).length }
}

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
