// Members of a union's value: `x.is` is the name of its variant, `x.field` a field of it. A field is absent where another
// variant is there, so it must be guarded, unless what is known about `x.is` leaves only variants that have it.

import type { ExprSyntax } from '../language/ast.ts'
import { didYouMean } from '../language/problem.ts'
import { show } from '../language/show.ts'
import type { Catalog } from './catalog.ts'
import type { Facts } from './conditions.ts'
import { type Context, mayBeAbsent, refuseAbsent } from './expressions.ts'
import type { Expr } from './model.ts'
import { entriesOf, mapOf } from './raw.ts'
import { Consequence, Mistake } from './report.ts'
import type { Entry } from './scope.ts'
import { describe, sameType, TEXT } from './values.ts'

type Member = Extract<ExprSyntax, { is: 'member' }>

/** `of` is the resolved left side of the dot, a value of `union`. */
export function variantMember(syntax: Member, of: Expr, union: string, context: Context): Expr {
  const { name, start, end } = syntax
  if (name === 'is') return { is: 'member', of, name, type: TEXT, start, end }
  const { catalog, facts } = context
  const all = variantNames(catalog, union)
  const candidates = all.filter(variant => !excluded(syntax.of, variant, all, facts))
  const found = new Map<string, Entry>()
  for (const variant of candidates) {
    const entry = catalog.records.get(`${union}.${variant}`)?.scope.entries.get(name)
    if (entry) found.set(variant, entry)
  }
  const [first] = found.values()
  if (!first) throw unknownMember(syntax, union, candidates, catalog)
  for (const [variant, entry] of found) {
    if (entry.broken) throw new Consequence()
    if (sameType(entry.type, first.type)) continue
    const message = `${name} is ${describe(first.type)} in ${[...found.keys()][0]} and ${describe(entry.type)} in ${variant}`
    throw new Mistake(
      'type',
      message,
      syntax,
      `say which variant it is: '${show(syntax.of)}.is == "${variant}" and ..'`,
    )
  }
  const guarded = facts?.atoms.get(`present(${show(syntax)})`) === true
  const always =
    found.size === candidates.length && [...found.values()].every(entry => !mayBeAbsent(entry, undefined, name))
  if (!guarded && !always) refuseAbsent(syntax, context)
  return { is: 'member', of, name, type: first.type, start, end }
}

/** Refuses `x.is == "Txt"` where no variant has that name. */
export function checkVariantName(left: Expr, right: Expr, context: Context): void {
  const [is, text] = left.is === 'text' ? [right, left] : [left, right]
  if (is.is !== 'member' || is.name !== 'is' || is.of.type.kind !== 'union' || text.is !== 'text') return
  const names = variantNames(context.catalog, is.of.type.name)
  if (names.includes(text.value)) return
  const hint = didYouMean(text.value, names) ?? `it has ${names.join(', ')}`
  throw new Mistake('reference', `${is.of.type.name} has no variant ${text.value}`, text, hint)
}

/** Whether what is known says that `of` is another variant. */
function excluded(of: ExprSyntax, variant: string, all: readonly string[], facts: Facts | undefined): boolean {
  const isVariant = (name: string): boolean | undefined => facts?.holds(variantTest(of, name))
  return isVariant(variant) === false || all.some(other => other !== variant && isVariant(other) === true)
}

/** The condition `of.is == "variant"`. */
function variantTest(of: ExprSyntax, variant: string): ExprSyntax {
  const { start, end } = of
  const left: ExprSyntax = { is: 'member', of, name: 'is', start, end }
  return { is: 'binary', operator: '==', left, right: { is: 'text', value: variant, start, end }, start, end }
}

function variantNames(catalog: Catalog, union: string): string[] {
  return entriesOf(mapOf(catalog.unions[union]).variants).map(([name]) => name)
}

function unknownMember(syntax: Member, union: string, candidates: readonly string[], catalog: Catalog): Mistake {
  const which = candidates.length === 1 ? `${union}.${candidates[0]}` : `no variant of ${union}`
  const names = candidates.flatMap(variant => catalog.records.get(`${union}.${variant}`)?.scope.names ?? [])
  const message =
    candidates.length === 1 ? `${which} has no field ${syntax.name}` : `${which} has a field ${syntax.name}`
  return new Mistake('reference', message, syntax, didYouMean(syntax.name, ['is', ...names]))
}
