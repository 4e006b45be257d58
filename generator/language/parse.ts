// The parsers of the schema language: a field line, a type, a value expression, a rule. Each reads the whole text and
// throws SyntaxProblem, whose span points into it.

import type { ExprSyntax, FieldSyntax, RuleSyntax, TypeSyntax } from './ast.ts'
import { Cursor } from './cursor.ts'
import { argument, expression } from './expression.ts'
import type { Token } from './lexer.ts'
import { SyntaxProblem } from './problem.ts'
import { type } from './type.ts'

/** `TYPE [from e] [if e] [= e | ?= e] [else Name]`, the suffixes in any order. */
export function parseField(text: string): FieldSyntax {
  const at = new Cursor(text)
  const field: { -readonly [K in keyof FieldSyntax]: FieldSyntax[K] } = { type: type(at) }
  for (;;) {
    const word = at.token
    const key = SUFFIXES.get(word.kind === 'name' || word.kind === 'sign' ? word.value : '')
    if (!key) break
    at.take()
    if (field[key] !== undefined || (key === 'value' && field.fallback) || (key === 'fallback' && field.value)) {
      throw new SyntaxProblem(`a second "${at.slice(word)}"`, word, key === 'if' ? 'join them with "and"' : undefined)
    }
    if (key === 'error') {
      field.errorSpan = { start: at.token.start, end: at.token.end }
      field.error = at.name('the name of an error')
    } else field[key] = expression(at)
  }
  at.finish(afterField)
  return field
}

/** A type without suffixes: enum, bit set and param types. */
export function parseType(text: string): TypeSyntax {
  const at = new Cursor(text)
  const parsed = type(at)
  at.finish(token => (SUFFIXES.has(String(token.value)) ? 'only a field has suffixes' : afterField(token)))
  return parsed
}

/** A value, or a range of fields. */
export function parseExpr(text: string): ExprSyntax {
  const at = new Cursor(text)
  const parsed = argument(at)
  at.finish(afterValue)
  return parsed
}

/** `condition [else Name]`. */
export function parseRule(text: string): RuleSyntax {
  const at = new Cursor(text)
  const test = expression(at)
  if (!at.eat('else')) {
    at.finish(afterValue)
    return { test }
  }
  const errorSpan = { start: at.token.start, end: at.token.end }
  const error = at.name('the name of an error')
  at.finish(afterValue)
  return { test, error, errorSpan }
}

function afterValue(token: Token): string | undefined {
  if (token.kind === 'sign' && token.value === '=') return 'equality is written "=="'
  if (token.kind === 'sign' && token.value === ',') return 'a list of values is a YAML list: [ a, b ]'
  return undefined
}

function afterField(token: Token): string | undefined {
  if (token.kind === 'sign' && token.value === '==') return 'a value that the field must have is written "= value"'
  if (token.kind === 'sign' && (token.value === '|' || token.value === ',')) {
    return 'a field has one type; alternatives are a union'
  }
  if (token.kind === 'name') return 'behind the type come from, if, =, ?= and else'
  return undefined
}

const SUFFIXES: ReadonlyMap<string, 'from' | 'if' | 'value' | 'fallback' | 'error'> = new Map([
  ['from', 'from'],
  ['if', 'if'],
  ['=', 'value'],
  ['?=', 'fallback'],
  ['else', 'error'],
])
