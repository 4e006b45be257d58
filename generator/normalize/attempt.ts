// Work on a text of a schema that may turn out to be wrong: the mistake is reported where it stands, and there is no result.

import { SyntaxProblem } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import { Consequence, Mistake } from '../model/report.ts'
import type { Report } from './section.ts'

/** Undefined after a mistake, and after what only follows from one that was reported before. */
export function attempt<T>(report: Report, at: Path, work: () => T): T | undefined {
  try {
    return work()
  } catch (thrown) {
    if (thrown instanceof Consequence) return undefined
    if (!(thrown instanceof Mistake || thrown instanceof SyntaxProblem)) throw thrown
    const code = thrown instanceof Mistake ? thrown.code : 'syntax'
    report(at, { code, message: thrown.message, hint: thrown.hint, span: thrown.span })
    return undefined
  }
}
