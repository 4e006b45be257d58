// Parser of value expressions (docs/language, "Expressions"): precedence climbing over the table below.

import type { BinaryOperator, ExprSyntax, Span } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { SyntaxProblem } from './problem.ts'
import { type } from './type.ts'

/** An expression that may also be a range of fields: an argument, or a whole line. */
export function argument(at: Cursor): ExprSyntax {
  const start = at.token.start
  if (at.eat('..')) return range(at, start, undefined)
  const first = expression(at)
  if (!at.is('..')) return first
  const from = rangeEnd(first)
  if (from === undefined)
    throw new SyntaxProblem('a range begins with a field', first, 'as in "a..b", "a..", "..b", ".."')
  at.take()
  return range(at, start, from)
}

export function expression(at: Cursor): ExprSyntax {
  const start = at.token.start
  if (!at.eat('if')) return binary(at, 0)
  const test = expression(at)
  at.expect('then')
  const yes = expression(at)
  at.expect('else', 'an "if" in an expression always has an "else"')
  const no = at.deeper(() => expression(at))
  return { is: 'if', test, yes, no, ...span(at, start) }
}

/** A name, a member or an element of one: what may stand after `*` in a type without parentheses. */
export function postfix(at: Cursor): ExprSyntax {
  const start = at.token.start
  let value = primary(at)
  for (;;) {
    if (at.eat('.')) value = { is: 'member', of: value, name: at.name('a name behind "."'), ...span(at, start) }
    else if (at.eat('[')) {
      const index = expression(at)
      at.expect(']')
      value = { is: 'index', of: value, index, ...span(at, start) }
    } else return value
  }
}

function range(at: Cursor, start: number, from: string | undefined): ExprSyntax {
  let to: string | undefined
  if (at.token.kind === 'name' && !FOLLOWS_A_VALUE.has(at.token.value)) {
    const end = postfix(at)
    to = rangeEnd(end)
    if (to === undefined) throw new SyntaxProblem('a range ends with a field', end, 'as in "a..b", "a..", "..b", ".."')
  }
  return { is: 'range', ...(from !== undefined && { from }), ...(to !== undefined && { to }), ...span(at, start) }
}

/** `x`, `parent.x`, `parent.parent.x` as one word; undefined for anything else. */
function rangeEnd(value: ExprSyntax): string | undefined {
  if (value.is === 'name') return value.name
  if (value.is !== 'member') return undefined
  const path = rangeEnd(value.of)
  return path === 'parent' || path?.endsWith('.parent') ? `${path}.${value.name}` : undefined
}

function binary(at: Cursor, least: number): ExprSyntax {
  const start = at.token.start
  let left = prefix(at)
  for (;;) {
    const level = LEVELS.get(at.token.value as string)
    if ((at.token.kind !== 'sign' && at.token.kind !== 'name') || level === undefined || level < least) return left
    const operator = at.take().value as BinaryOperator | 'in'
    if (operator === 'in') left = { is: 'in', of: left, items: items(at), ...span(at, start) }
    else {
      const right = at.deeper(() => binary(at, operator === '^' ? level : level + 1))
      left = { is: 'binary', operator, left, right, ...span(at, start) }
    }
    if (level === COMPARE) refuseChain(at)
  }
}

function refuseChain(at: Cursor): void {
  if (at.token.kind === 'text' || at.token.kind === 'bytes' || LEVELS.get(at.token.value as string) !== COMPARE) return
  throw new SyntaxProblem('comparisons cannot be chained', at.token, 'write "a < b and b < c"')
}

function items(at: Cursor): { from: ExprSyntax; to: ExprSyntax }[] {
  at.expect('(', 'the values stand in parentheses: "x in (1, 4..6)"')
  const found: { from: ExprSyntax; to: ExprSyntax }[] = []
  do {
    const from = binary(at, COMPARE + 1)
    found.push({ from, to: at.eat('..') ? binary(at, COMPARE + 1) : from })
  } while (at.eat(','))
  at.expect(')')
  return found
}

function prefix(at: Cursor): ExprSyntax {
  const start = at.token.start
  if (at.eat('not')) return { is: 'not', of: at.deeper(() => binary(at, COMPARE)), ...span(at, start) }
  if (at.eat('-')) return { is: 'negate', of: at.deeper(() => prefix(at)), ...span(at, start) }
  if (at.is('!=')) at.fail('expected a value')
  return postfix(at)
}

function primary(at: Cursor): ExprSyntax {
  const token = at.token
  const place: Span = { start: token.start, end: token.end }
  switch (token.kind) {
    case 'int':
      at.take()
      return { is: 'int', value: token.value, ...place }
    case 'float':
      at.take()
      return { is: 'float', value: token.value, ...place }
    case 'text':
      at.take()
      return { is: 'text', value: token.value, ...place }
    case 'bytes':
      at.take()
      return { is: 'bytes', value: token.value, ...place }
    case 'name':
      if (RESERVED.has(token.value)) at.fail('expected a value', RESERVED.get(token.value))
      at.take()
      return named(at, token.value, place)
  }
  if (!at.eat('(')) at.fail('expected a value', token.value === '=' ? 'equality is written "=="' : undefined)
  const inner = at.deeper(() => expression(at))
  at.expect(')')
  return { ...inner, ...span(at, token.start) }
}

function named(at: Cursor, name: string, place: Span): ExprSyntax {
  if (name === 'true' || name === 'false') return { is: 'bool', value: name === 'true', ...place }
  if (!at.eat('(')) return { is: 'name', name, ...place }
  if (name === 'next') {
    const lookahead = type(at)
    at.expect(')')
    return { is: 'call', name, args: [], lookahead, ...span(at, place.start) }
  }
  const args: ExprSyntax[] = []
  if (!at.is(')')) {
    do args.push(at.deeper(() => argument(at)))
    while (at.eat(','))
  }
  at.expect(')')
  return { is: 'call', name, args, ...span(at, place.start) }
}

function span(at: Cursor, start: number): Span {
  return { start, end: at.end }
}

const COMPARE = 2

/** Operators from the loosest to the tightest. Bit operators bind tighter than comparisons, unlike in C. */
const LEVELS: ReadonlyMap<string, number> = new Map(
  [
    ['or'],
    ['and'],
    ['==', '!=', '<', '<=', '>', '>=', 'in'],
    ['|', 'xor'],
    ['&'],
    ['<<', '>>'],
    ['+', '-'],
    ['*', '/', '%'],
    ['^'],
  ].flatMap((signs, level) => signs.map(sign => [sign, level] as const)),
)

const FOLLOWS_A_VALUE: ReadonlySet<string> = new Set(['from', 'if', 'then', 'else', 'and', 'or', 'in', 'xor'])

/** Words that cannot begin a value, with what was probably meant. */
const RESERVED: ReadonlyMap<string, string | undefined> = new Map([
  ['then', undefined],
  ['else', undefined],
  ['and', undefined],
  ['or', undefined],
  ['xor', undefined],
  ['in', undefined],
  ['from', undefined],
])
