// Types of operators (docs/language, "Expressions"). No implicit conversion except of literals.

import type { BinaryOperator, ExprSyntax } from '../language/ast.ts'
import { show } from '../language/show.ts'
import { fitsBits } from './definitions.ts'
import { type Context, check, converted, resolve, resolveAs } from './expressions.ts'
import { constant } from './fold.ts'
import type { Expr, ValueType } from './model.ts'
import { Mistake } from './report.ts'
import { BOOL, describe, FLOAT, INT, sameType } from './values.ts'
import { checkVariantName } from './variants.ts'

type Syntax<K extends ExprSyntax['is']> = Extract<ExprSyntax, { is: K }>

export function unary(syntax: Syntax<'not' | 'negate'>, context: Context, expected?: ValueType): Expr {
  const { is, start, end } = syntax
  if (is === 'not') return { is, of: resolveAs(syntax.of, context, BOOL), type: BOOL, start, end }
  const of = resolve(syntax.of, context, expected)
  if (of.is === 'int') return { ...of, value: -of.value, start, end }
  if (of.is === 'float') return { ...of, value: -of.value, start, end }
  return { is, of: numeric(of), type: of.type, start, end }
}

export function choice(syntax: Syntax<'if'>, context: Context, expected?: ValueType): Expr {
  const { start, end } = syntax
  const test = resolveAs(syntax.test, { ...context, absent: false }, BOOL)
  const branch = (truth: boolean): Context => ({ ...context, facts: context.facts?.learn(syntax.test, truth) })
  const first = resolve(syntax.yes, branch(true), expected)
  const second = resolve(syntax.no, branch(false), expected ?? first.type)
  const yes = converted(first, context, second.type)
  const no = check(second, yes.type, 'the other branch')
  return { is: 'if', test, yes, no, type: yes.type, start, end }
}

export function membership(syntax: Syntax<'in'>, context: Context): Expr {
  const { start, end } = syntax
  const of = resolve(syntax.of, context)
  const items = syntax.items.map(item => {
    const from = resolveAs(item.from, context, of.type)
    checkReach(of, from, context)
    checkVariantName(of, from, context)
    if (item.from === item.to) return { from, to: from }
    if (of.type.kind !== 'int' && of.type.kind !== 'float') {
      throw new Mistake('type', `${describe(of.type)} has no order`, item.from, 'list the values one by one')
    }
    return { from, to: resolveAs(item.to, context, of.type) }
  })
  return { is: 'in', of, items, type: BOOL, start, end }
}

export function binary(syntax: Syntax<'binary'>, context: Context, expected?: ValueType): Expr {
  const { operator, start, end } = syntax
  switch (operator) {
    case 'and': {
      const left = resolveAs(syntax.left, context, BOOL)
      const right = resolveAs(syntax.right, { ...context, facts: context.facts?.learn(syntax.left) }, BOOL)
      return { is: 'binary', operator, left, right, type: BOOL, start, end }
    }
    case 'or':
      return either(syntax, context, expected)
    case '==':
    case '!=':
      return { ...equality(syntax, context), operator }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const [left, right] = pair(syntax, context)
      return { is: 'binary', operator, left: ordered(left), right: check(right, left.type), type: BOOL, start, end }
    }
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '^': {
      const [left, right] = pair(syntax, context, expected?.kind === 'float' ? FLOAT : undefined)
      const type = numeric(left).type
      return { is: 'binary', operator, left, right: check(right, type), type, start, end }
    }
    default: {
      const named = operator === '|' && expected?.kind === 'bitset' ? expected : undefined
      const left = bitwise(resolve(syntax.left, context, named), operator)
      const right = bitwise(resolve(syntax.right, context, named), operator)
      return { is: 'binary', operator, left, right, type: INT, start, end }
    }
  }
}

/** `a or b` of truth values; or `x or 0`, which is 0 where x is absent. */
function either(syntax: Syntax<'binary'>, context: Context, expected?: ValueType): Expr {
  const { start, end } = syntax
  const left = resolve(syntax.left, { ...context, absent: true }, expected)
  if (left.type.kind === 'bool') {
    // An absent truth value counts as false here, so both readings agree.
    const right = resolveAs(syntax.right, { ...context, facts: context.facts?.learn(syntax.left, false) }, BOOL)
    return { is: 'binary', operator: 'or', left, right, type: BOOL, start, end }
  }
  if (!coversAbsence(syntax.left, context, expected)) {
    const hint = '"or" joins conditions, or gives a value for what can be absent; bits are joined with "|"'
    throw new Mistake('type', `${show(syntax.left)} is ${describe(left.type)} and never absent`, syntax.left, hint)
  }
  const right = resolveAs(syntax.right, context, left.type)
  return { is: 'binary', operator: 'or', left, right, type: left.type, start, end }
}

/** Whether the left side could be absent: then it does not resolve without the cover. */
function coversAbsence(left: ExprSyntax, context: Context, expected?: ValueType): boolean {
  try {
    resolve(left, { ...context, absent: false }, expected)
    return false
  } catch (thrown) {
    if (thrown instanceof Mistake) return true
    throw thrown
  }
}

function equality(syntax: Syntax<'binary'>, context: Context): Extract<Expr, { is: 'binary' }> {
  const { start, end } = syntax
  const [left, right] = pair(syntax, context)
  if (left.type.kind === 'struct' || left.type.kind === 'union' || left.type.kind === 'list') {
    throw new Mistake('type', `${describe(left.type)} cannot be compared as a whole`, left, 'compare a field of it')
  }
  if (left.type.kind !== 'int' || right.type.kind !== 'bitset') check(right, left.type, 'the left side')
  checkReach(left, right, context)
  checkVariantName(left, right, context)
  return { is: 'binary', operator: '==', left, right, type: BOOL, start, end }
}

/** Refuses `x == 300` for a u8. */
function checkReach(left: Expr, right: Expr, context: Context): void {
  const value = constant(right)
  const node = left.is === 'field' ? context.scope?.entries.get(left.name)?.node : undefined
  const type = node?.kind === 'field' ? node.type?.syntax : undefined
  if (value === undefined || type?.is !== 'int' || fitsBits(value, type)) return
  const name = `${type.signed ? 'i' : 'u'}${type.bits}`
  throw new Mistake('range', `${value} does not fit into ${name}, so the two are never equal`, right)
}

/** Both sides, each read in the light of the other: enum names and literals. */
function pair(syntax: Syntax<'binary'>, context: Context, expected?: ValueType): [Expr, Expr] {
  const literalLeft = syntax.left.is === 'name' && !context.scope?.entries.has(syntax.left.name)
  if (literalLeft) {
    const right = resolve(syntax.right, context, expected)
    return [resolve(syntax.left, context, right.type), right]
  }
  const left = resolve(syntax.left, context, expected)
  const right = resolve(syntax.right, context, left.type)
  return [converted(left, context, right.type), right]
}

function numeric(expr: Expr): Expr {
  if (expr.type.kind === 'int' || expr.type.kind === 'float') return expr
  const hint =
    expr.type.kind === 'text' || expr.type.kind === 'bytes' ? 'bytes are joined with "join(a, b)"' : undefined
  throw new Mistake('type', `a number is needed, this is ${describe(expr.type)}`, expr, hint)
}

function ordered(expr: Expr): Expr {
  if (expr.type.kind === 'enum') {
    throw new Mistake('type', 'values of an enum have no order', expr, 'write "x in (a, b)"')
  }
  return numeric(expr)
}

function bitwise(expr: Expr, operator: BinaryOperator): Expr {
  if (expr.type.kind === 'bitset') {
    throw new Mistake(
      'type',
      `"${operator}" takes whole numbers, this is ${describe(expr.type)}`,
      expr,
      'name the bit: "flags.NAME"',
    )
  }
  if (expr.type.kind === 'bool') {
    const word = operator === '|' ? 'or' : operator === '&' ? 'and' : '!='
    throw new Mistake('type', `"${operator}" takes whole numbers, this is true or false`, expr, `write "${word}"`)
  }
  if (expr.type.kind === 'bytes') {
    throw new Mistake(
      'type',
      `"${operator}" takes whole numbers, this is bytes`,
      expr,
      'bytes are combined with "mask(data, key)"',
    )
  }
  if (sameType(expr.type, INT)) return expr
  throw new Mistake('type', `"${operator}" takes whole numbers, this is ${describe(expr.type)}`, expr)
}
