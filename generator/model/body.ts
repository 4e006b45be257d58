// From the draft of a record to its body: every field resolved, in wire order, with the rules of the record.

import type { ExprSyntax } from '../language/ast.ts'
import { parseRule } from '../language/parse.ts'
import { didYouMean } from '../language/problem.ts'
import { checkAlignment } from './alignment.ts'
import type { Catalog } from './catalog.ts'
import { checkCycles } from './cycles.ts'
import { derivations } from './derive.ts'
import type { DraftGroup, DraftNode, DraftRule, Located } from './draft.ts'
import { type Context, resolveAs } from './expressions.ts'
import { resolveField } from './fields.ts'
import type { Body, Expr, Extent, Field, Group, Node, Rule } from './model.ts'
import { parentDepth } from './parents.ts'
import { some } from './raw.ts'
import type { Draft, Entry, Scope } from './scope.ts'
import { sealedSize } from './sealed.ts'
import type { Sizes } from './sizes.ts'
import { type Behind, flatten, tailOf } from './tails.ts'
import { extentOf, layoutNames, type TypeContext } from './types.ts'
import { BOOL } from './values.ts'

/** What is needed to resolve records. */
export interface Workshop {
  readonly catalog: Catalog
  readonly sizes: Sizes
  /** Some transport lets frames find their own end: then a sealed frame's size is computed and not "the rest". */
  readonly selfFraming: boolean
}

export function buildBody(draft: Draft, shop: Workshop): Body {
  const { scope } = draft
  checkNames(scope, shop.catalog)
  const derived = derivations(scope, shop.catalog)
  const record: Work = { draft, scope, shop, derived, rules: [] }
  const nodes = build(draft.nodes, [], record)
  const rules = [...record.rules, ...draft.rules.flatMap(rule => ruleOf(rule, [], record))]
  checkAlignment(draft, shop)
  const bits = shop.sizes.nodes(draft.nodes)
  const body: Body = {
    nodes,
    validate: validateOf(draft, shop.catalog),
    check: rules,
    ...some('bits', bits),
    usesParent: parentDepth(draft, shop.catalog) > 0,
  }
  checkCycles(body, draft, shop.catalog, shop.sizes)
  return body
}

/** The fields alone, where a record is only part of others: the clear fields of a seal. */
export function nodesOf(draft: Draft, shop: Workshop): Node[] {
  const derived = derivations(draft.scope, shop.catalog)
  return build(draft.nodes, [], { draft, scope: draft.scope, shop, derived, rules: [] })
}

/** A record while it is resolved. */
interface Work {
  readonly draft: Draft
  readonly scope: Scope
  readonly shop: Workshop
  readonly derived: ReadonlyMap<string, NonNullable<Field['derives']>[number][]>
  /** Rules of inline structs, filled while groups are resolved. */
  readonly rules: Rule[]
}

/** `behind` is what stands further on in the same region. */
function build(nodes: readonly DraftNode[], behind: readonly Behind[], record: Work): Node[] {
  return nodes.flatMap((node, i) => {
    const around = record.scope.entryOf(node).conditions.filter(condition => condition !== node.if)
    const rest = [...flatten(nodes.slice(i + 1), around), ...behind]
    return node.kind === 'group' ? groupOf(node, rest, record) : fieldOf(node, rest, record)
  })
}

function fieldOf(node: Extract<DraftNode, { kind: 'field' }>, behind: readonly Behind[], record: Work): Node[] {
  if (!node.type) return []
  const { scope, shop, derived } = record
  const entry = scope.entryOf(node)
  const field = resolveField(
    node,
    entry,
    typeContext(entry, behind, record, node.options.lenient === true),
    shop,
    scope,
  )
  const derives = derived.get(entry.name)
  return field ? [{ ...field, ...some('derives', scope.entries.get(entry.name) === entry ? derives : undefined) }] : []
}

function groupOf(node: DraftGroup, behind: readonly Behind[], record: Work): Node[] {
  const { scope, shop } = record
  const { reports } = shop.catalog
  const entry = scope.entryOf(node)
  const context = typeContext(entry, behind, record, false)
  const condition = node.if && conditionOf(node.if, context.names, shop, scope, entry)
  if (node.seal !== undefined && !(node.seal in shop.catalog.seals)) {
    const seals = Object.keys(shop.catalog.seals)
    const hint =
      didYouMean(node.seal, seals) ?? (seals.length ? `there are ${seals.join(', ')}` : 'declare it under seal:')
    reports.error(node.path, 'reference', `no seal named ${node.seal}`, hint)
  }
  const isRegion = node.extent !== undefined || node.seal !== undefined
  const nodes = build(node.nodes, isRegion ? [] : behind, record)
  record.rules.push(...node.rules.flatMap(rule => ruleOf(rule, entry.conditions, record)))
  const extent = extentFor(node, entry, context, record)
  const group: Group = {
    kind: 'group',
    name: node.name,
    ...some('if', condition),
    ...some('extent', extent),
    ...some('seal', node.seal),
    ...some('opaque', node.holdsOpaque || undefined),
    nodes,
    ...some('error', node.error && shop.catalog.error(node.error.name, node.error.path, node.error.span)),
    place: reports.document.place(node.path, 'key'),
  }
  return [group]
}

function extentFor(node: DraftGroup, entry: Entry, context: TypeContext, record: Work): Extent | undefined {
  const { reports } = record.shop.catalog
  const { extent } = node
  if (extent) return reports.attempt(extent.path, () => extentOf(extent.syntax, context))
  if (node.seal !== undefined) {
    const size = record.shop.selfFraming ? sealedSize(node, entry, context) : undefined
    if (size) return { by: 'size', size }
    return reports.attempt(node.path, () => ({ by: 'rest', tail: context.tail() }))
  }
  if (!node.holdsOpaque) return undefined
  try {
    return { by: 'rest', tail: context.tail() }
  } catch {
    return undefined
  }
}

function typeContext(entry: Entry, behind: readonly Behind[], record: Work, lenient: boolean): TypeContext {
  const { scope, shop } = record
  const { catalog, sizes } = shop
  const names: Context = { catalog, scope, before: entry.index, self: entry, facts: scope.under(entry.conditions) }
  const written = entry.node.kind === 'field' ? entry.node.type : entry.node.extent
  const base = { catalog, sizes, lenient, order: catalog.orderAt(written?.path ?? entry.node.path) }
  return { ...base, names: layoutNames(base, names), tail: () => tailOf(entry, behind, scope, sizes) }
}

/** The condition of a field or group, in the light of those around it. */
export function conditionOf(
  condition: Located<ExprSyntax>,
  names: Context,
  shop: Workshop,
  scope: Scope,
  entry: Entry,
): Field['if'] {
  const facts = scope.under(entry.conditions.filter(other => other !== condition))
  return shop.catalog.reports.attempt(condition.path, () =>
    resolveAs(condition.syntax, { ...names, facts }, BOOL, 'a condition'),
  )
}

function ruleOf(rule: DraftRule, conditions: readonly Located<ExprSyntax>[], record: Work): Rule[] {
  const { scope, shop } = record
  const { catalog } = shop
  const found = catalog.reports.attempt(rule.path, () => {
    const { test, error, errorSpan } = parseRule(rule.text)
    const names: Context = { catalog, scope, facts: scope.under(conditions) }
    const resolved = resolveAs(test, names, BOOL, 'a rule')
    const guard = conditions.reduceRight<Expr>((inner, condition) => {
      const { start, end } = inner
      const of = resolveAs(condition.syntax, { ...names, facts: scope.facts }, BOOL)
      return {
        is: 'binary',
        operator: 'or',
        left: { is: 'not', of, type: BOOL, start, end },
        right: inner,
        type: BOOL,
        start,
        end,
      }
    }, resolved)
    return {
      test: guard,
      error: error === undefined ? 'CheckFailed' : catalog.error(error, rule.path, errorSpan),
      place: catalog.reports.document.place(rule.path),
    }
  })
  return found ? [found] : []
}

function validateOf(draft: Draft, catalog: Catalog): string[] {
  return draft.validate.flatMap(({ text, path }) => {
    if (text === 'framing' || draft.scope.entries.has(text)) return [text]
    if (!draft.scope.removed.has(text)) {
      catalog.reports.error(
        path,
        'reference',
        `no field named ${text} in ${draft.title}`,
        didYouMean(text, [...draft.scope.names, 'framing']),
      )
    }
    return []
  })
}

function checkNames(scope: Scope, catalog: Catalog): void {
  const seen = new Map<string, Entry>()
  for (const entry of scope.order) {
    if (entry.node.kind === 'group') continue
    const before = seen.get(entry.name)
    seen.set(entry.name, entry)
    if (!before) continue
    const place = catalog.reports.document.place(before.node.path, 'key')
    const message = `${scope.title} has two fields named ${entry.name}`
    catalog.reports.error(
      entry.node.path,
      'duplicate',
      message,
      `the other is in line ${place.line} of ${place.file}`,
      'key',
    )
  }
}
