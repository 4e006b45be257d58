// Names inside expressions that stand in the document as text: key schedules, seal keys, cookies.

import type { ExprSyntax } from '../language/ast.ts'
import { parseExpr } from '../language/parse.ts'
import { SyntaxProblem } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import type { Subject } from './subject.ts'

/** The expression at a path, its syntax reported where it is wrong. */
export function readExpr(subject: Subject, path: Path, value: unknown): ExprSyntax | undefined {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined
  try {
    return parseExpr(String(value))
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error
    subject.document.report(path, { code: 'syntax', message: error.message, hint: error.hint, span: error.span })
    return undefined
  }
}

/** Names read from one space of an expression: `session.x` gives `x`. Unreadable text gives none. */
export function namesIn(text: unknown, space: string): string[] {
  try {
    return membersOf(parseExpr(String(text ?? '')), space).map(member => member.name)
  } catch {
    return []
  }
}

/** `space.name` in an expression, with its span. */
export function membersOf(expr: ExprSyntax, space: string): { name: string; start: number; end: number }[] {
  return syntaxParts(expr).flatMap(part =>
    part.is === 'member' && part.of.is === 'name' && part.of.name === space
      ? [{ name: part.name, start: part.start, end: part.end }]
      : [],
  )
}

/** An expression and all its parts. */
export function syntaxParts(expr: ExprSyntax): ExprSyntax[] {
  return [expr, ...children(expr).flatMap(syntaxParts)]
}

function children(expr: ExprSyntax): readonly ExprSyntax[] {
  switch (expr.is) {
    case 'member':
    case 'not':
    case 'negate':
      return [expr.of]
    case 'index':
      return [expr.of, expr.index]
    case 'if':
      return [expr.test, expr.yes, expr.no]
    case 'binary':
      return [expr.left, expr.right]
    case 'in':
      return [expr.of, ...expr.items.flatMap(item => [item.from, item.to])]
    case 'call':
      return expr.args
    default:
      return []
  }
}
