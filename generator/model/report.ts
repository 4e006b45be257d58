// How the model builder speaks about mistakes: any number of them, each at its place, never thrown out.

import type { Span } from '../language/ast.ts'
import { SyntaxProblem } from '../language/problem.ts'
import type { Path, Problem, SchemaDocument } from '../load/document.ts'

/** Thrown while one line is resolved; `Reports.attempt` turns it into a report. */
export class Mistake {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly span: Span | undefined

  constructor(code: string, message: string, span?: Span, hint?: string) {
    this.code = code
    this.message = message
    this.span = span && { start: span.start, end: span.end }
    this.hint = hint
  }
}

/** Thrown where a mistake elsewhere, already reported, leaves nothing to say. */
export class Consequence {}

export class Reports {
  readonly document: SchemaDocument
  #seen = new Set<string>()
  #failed = false

  constructor(document: SchemaDocument) {
    this.document = document
  }

  /** Whether there was an error; warnings do not count. */
  get failed(): boolean {
    return this.#failed
  }

  add(path: Path, problem: Problem): void {
    if (problem.severity !== 'warning') this.#failed = true
    // The same line of an envelope is resolved for each frame: one report is enough.
    const key = JSON.stringify([path, problem.code, problem.span, problem.on])
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.document.report(path, problem)
  }

  error(path: Path, code: string, message: string, hint?: string, on: 'key' | 'value' = 'value'): void {
    this.add(path, { code, message, hint, on })
  }

  /** Runs `work`, which may throw about the scalar at `path`. Undefined when it did. */
  attempt<T>(path: Path, work: () => T): T | undefined {
    try {
      return work()
    } catch (thrown) {
      if (thrown instanceof SyntaxProblem) {
        this.add(path, { code: 'syntax', message: thrown.message, hint: thrown.hint, span: thrown.span })
      } else if (thrown instanceof Mistake) {
        this.add(path, { code: thrown.code, message: thrown.message, hint: thrown.hint, span: thrown.span })
      } else if (!(thrown instanceof Consequence)) throw thrown
      this.#failed = true
      return undefined
    }
  }
}
