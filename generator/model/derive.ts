// Derived fields: an integer used alone as the size or count of later fields, which the encoder fills. Looks at drafts,
// before they are resolved.

import type { ExprSyntax, ExtentSyntax, TypeSyntax } from '../language/ast.ts'
import { show } from '../language/show.ts'
import type { Catalog } from './catalog.ts'
import { constant } from './fold.ts'
import type { Field } from './model.ts'
import type { Entry, Scope } from './scope.ts'

type Derivation = NonNullable<Field['derives']>[number]

/** A size or count in the type of a field. */
interface Measure {
  readonly of: Entry
  readonly how: 'size' | 'count'
  readonly by: ExprSyntax
  /** Inside the items of a list: there are many of them, so none decides. */
  readonly inner: boolean
}

/** What the encoder derives, by field; reports formulas that it cannot turn round. */
export function derivations(scope: Scope, catalog: Catalog): ReadonlyMap<string, Derivation[]> {
  const found = new Map<string, Derivation[]>()
  const measures = scope.order.flatMap(measuresOf)
  for (const measure of measures) {
    const { by, of, how, inner } = measure
    const entry = by.is === 'name' ? scope.entries.get(by.name) : undefined
    if (inner || !entry || !derivable(entry)) continue
    found.set(entry.name, [...(found.get(entry.name) ?? []), { of: of.name, how }])
  }
  for (const measure of measures) {
    for (const entry of quantities(measure.by, scope)) {
      if (!derivable(entry) || found.has(entry.name)) continue
      const node = entry.node
      if (node.kind !== 'field') continue
      const formula = `${measure.how}(${measure.of.name})`
      catalog.reports.add(node.path, {
        code: 'underivable',
        message: `${entry.name} decides the ${measure.how} of ${measure.of.name} by "${show(measure.by)}", which the encoder cannot turn round`,
        hint: `say how it is computed: "${entry.name}: TYPE = .. ${formula} ..", or, where the caller knows it, "given: true"`,
        on: 'key',
      })
    }
  }
  return found
}

function measuresOf(of: Entry): Measure[] {
  const { node } = of
  if (node.kind === 'group') return node.extent ? ofExtent(node.extent.syntax, of, false) : []
  return node.type ? ofType(node.type.syntax, of, false) : []
}

function ofType(type: TypeSyntax, of: Entry, inner: boolean): Measure[] {
  switch (type.is) {
    case 'region':
      return [...ofExtent(type.extent, of, inner), ...ofType(type.of, of, inner)]
    case 'list': {
      const own = type.count.by === 'count' ? [{ of, how: 'count' as const, by: type.count.count, inner }] : []
      return [...own, ...ofType(type.of, of, true)]
    }
    case 'delimited':
    case 'sealed':
      return ofType(type.of, of, inner)
    default:
      return []
  }
}

function ofExtent(extent: ExtentSyntax, of: Entry, inner: boolean): Measure[] {
  return extent.by === 'size' ? [{ of, how: 'size', by: extent.size, inner }] : []
}

/** An integer without a value of its own. */
function derivable(entry: Entry): boolean {
  const { node } = entry
  if (node.kind !== 'field' || node.isId || node.match || entry.type.kind !== 'int') return false
  if (node.options.given === true) return false
  return !node.value && !node.fallback && !node.from && !node.with
}

/** Fields whose number goes into a size; those that only choose between sizes do not count. */
function quantities(expr: ExprSyntax, scope: Scope): Entry[] {
  if (constant(expr) !== undefined) return []
  switch (expr.is) {
    case 'name': {
      const entry = scope.entries.get(expr.name)
      return entry ? [entry] : []
    }
    case 'if':
      return [...quantities(expr.yes, scope), ...quantities(expr.no, scope)]
    case 'negate':
      return quantities(expr.of, scope)
    case 'binary':
      return COMPARISONS.has(expr.operator) ? [] : [...quantities(expr.left, scope), ...quantities(expr.right, scope)]
    case 'call':
      return expr.name === 'min' || expr.name === 'max' ? expr.args.flatMap(arg => quantities(arg, scope)) : []
    default:
      return []
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(['and', '==', '!=', '<', '<=', '>', '>='])
