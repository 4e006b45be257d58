// One field, resolved: its type, its suffixes and the keys of its long form.

import type { ExprSyntax } from '../language/ast.ts'
import { parseExpr } from '../language/parse.ts'
import { parseSpan, parseWhole } from '../language/units.ts'
import type { Path } from '../load/document.ts'
import { conditionOf, type Workshop } from './body.ts'
import type { DraftField, Located } from './draft.ts'
import { type Context, resolveAs } from './expressions.ts'
import { constant } from './fold.ts'
import { checkFits } from './literals.ts'
import type { Expr, Field, Type } from './model.ts'
import { multimap } from './multimaps.ts'
import { mapOf, scalarText, some, textOf } from './raw.ts'
import { Mistake } from './report.ts'
import type { Entry, Scope } from './scope.ts'
import { resolveType, type TypeContext } from './types.ts'
import { describe, INT } from './values.ts'
import { looksAhead } from './walk.ts'

/** Undefined when its type cannot be resolved; everything else that is wrong is reported and left out. */
export function resolveField(
  node: DraftField,
  entry: Entry,
  context: TypeContext,
  shop: Workshop,
  scope: Scope,
): Field | undefined {
  const { catalog, sizes } = shop
  const { reports } = catalog
  const { options, path } = node
  const located = node.type!
  const type = reports.attempt(located.path, () => resolveType(located.syntax, context))
  if (!type) return undefined
  const facts = scope.under(entry.conditions)
  const all: Context = { catalog, scope, self: entry, facts }
  const condition = node.if && conditionOf(node.if, context.names, shop, scope, entry)
  const drawn = { ...all, drawn: true }
  const stored = (value: Located<ExprSyntax> | undefined, names: Context): Expr | undefined =>
    value &&
    reports.attempt(value.path, () => {
      const expr = resolveAs(value.syntax, names, entry.type, entry.name)
      checkFits(expr, type, name => catalog.enums.get(name)?.type ?? catalog.bitsets.get(name)?.type)
      return expr
    })
  const fixed = stored(node.with, all)
  const bits = node.if ? undefined : sizes.node(node)
  return {
    kind: 'field',
    name: node.name,
    hidden: node.name.startsWith('_'),
    ...some('doc', textOf(options.doc)),
    type,
    ...some('bits', bits),
    ...some('if', condition),
    lookahead: condition !== undefined && looksAhead(condition),
    ...some('from', stored(node.from, { ...all, before: entry.index })),
    ...some('value', stored(node.value, node.origin === 'clear' ? drawn : all)),
    ...some('fallback', stored(node.fallback, drawn)),
    ...some('with', fixed && { value: fixed, error: node.with!.error }),
    isId: node.isId,
    ...some('filled', isFilled(node, shop)),
    ...some('match', node.match),
    ...some('matchBits', node.matchBits),
    ...some('range', rangeOf(node, entry, type, shop)),
    ...some('max', maxOf(options.max, [...path, 'max'], all, entry)),
    ...some('error', node.error && catalog.error(node.error.name, node.error.path, node.error.span)),
    ...some('map', multimap(node, entry, context)),
    secret: options.secret === true,
    ...some('scale', scaleOf(options.scale, [...path, 'scale'], shop)),
    ...some('unit', textOf(options.unit)),
    ...some('time', options.time as Field['time']),
    ...some('display', options.display as Field['display']),
    ...some('number', options.number as Field['number']),
    origin: node.origin,
    place: reports.document.place(path, 'key'),
  }
}

/** The id of whoever receives a packet: the runtime knows it, a caller need not. */
function isFilled({ origin, name }: DraftField, { catalog }: Workshop): true | undefined {
  return origin === 'envelope' && name === mapOf(mapOf(catalog.data.handshake).ids).field ? true : undefined
}

function rangeOf(node: DraftField, entry: Entry, type: Type, shop: Workshop): Field['range'] {
  const text = scalarText(node.options.range)
  if (text === undefined) return undefined
  return shop.catalog.reports.attempt([...node.path, 'range'], () => {
    if (entry.type.kind !== 'int')
      throw new Mistake('type', `a range is for whole numbers, ${entry.name} is ${describe(entry.type)}`)
    const { from: min, to: max } = parseSpan(text, parseWhole)
    for (const value of [min, max]) {
      const span = { start: 0, end: text.length }
      checkFits({ is: 'int', value, type: INT, ...span }, type, () => undefined)
    }
    return { min, max }
  })
}

function maxOf(raw: unknown, path: Path, names: Context, entry: Entry): Expr | undefined {
  const text = scalarText(raw)
  if (text === undefined) return undefined
  return names.catalog.reports.attempt(path, () => {
    const { kind } = entry.type
    if (kind !== 'bytes' && kind !== 'text' && kind !== 'list') {
      const hint = kind === 'int' ? 'numbers have a range: "range: 0..100"' : undefined
      throw new Mistake('type', `max bounds bytes and lists, ${entry.name} is ${describe(entry.type)}`, undefined, hint)
    }
    return resolveAs(parseExpr(text), names, INT, 'max')
  })
}

/** `0.1`, `1/1000`: a constant, with exact division. */
function scaleOf(raw: unknown, path: Path, shop: Workshop): number | undefined {
  const text = scalarText(raw)
  if (text === undefined) return undefined
  return shop.catalog.reports.attempt(path, () => {
    const syntax = parseExpr(text)
    const scale = real(syntax)
    if (scale === undefined || scale === 0)
      throw new Mistake('type', 'a scale is a number', syntax, 'as in 0.1, 1/1000')
    return scale
  })
}

function real(expr: ExprSyntax): number | undefined {
  if (expr.is === 'float') return expr.value
  if (expr.is === 'binary' && (expr.operator === '/' || expr.operator === '*')) {
    const left = real(expr.left)
    const right = real(expr.right)
    if (left === undefined || right === undefined) return undefined
    return expr.operator === '/' ? left / right : left * right
  }
  if (expr.is === 'negate') return -(real(expr.of) ?? Number.NaN)
  const whole = constant(expr)
  return whole === undefined ? undefined : Number(whole)
}
