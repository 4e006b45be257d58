// Which records stand in which, and how far up their expressions look.

import type { ExprSyntax, TypeSyntax } from '../language/ast.ts'
import { parseRule } from '../language/parse.ts'
import { SyntaxProblem } from '../language/problem.ts'
import type { Catalog } from './catalog.ts'
import type { DraftNode } from './draft.ts'
import { levelsUp, nearest } from './members.ts'
import { entriesOf, mapOf } from './raw.ts'
import type { Draft, Scope } from './scope.ts'

/** Tells every struct and variant where its values stand. */
export function linkRecords(drafts: readonly Draft[], catalog: Catalog): void {
  for (const draft of drafts) {
    for (const entry of draft.scope.order) {
      if (entry.node.kind !== 'field' || !entry.node.type) continue
      for (const { name, asItem } of namesIn(entry.node.type.syntax, false)) {
        for (const record of recordsOf(name, catalog)) {
          record.scope.uses.push({ scope: draft.scope, entry, asItem })
          if (asItem) record.scope.prev = record.value
        }
      }
    }
  }
  measureDepths(drafts, catalog)
}

/** The drafts behind a type name: a struct's own, or those of a union's variants. */
export function recordsOf(name: string, catalog: Catalog): Draft[] {
  const struct = catalog.records.get(name)
  if (struct) return [struct]
  const variants = entriesOf(mapOf(catalog.unions[name]).variants)
  return variants.flatMap(([variant]) => catalog.records.get(`${name}.${variant}`) ?? [])
}

/** How many records around it a record needs: 1 for `parent.x`, also when only a struct inside it looks further up. */
export function parentDepth(draft: Draft, catalog: Catalog): number {
  return Math.max(ownDepth(draft), inheritedDepth(draft, catalog))
}

/** Settles `catalog.depths`: a struct inside a record hands on what it needs, less one. */
function measureDepths(drafts: readonly Draft[], catalog: Catalog): void {
  for (const draft of drafts) catalog.depths.set(draft, ownDepth(draft))
  for (let settled = false; !settled; ) {
    settled = true
    for (const draft of drafts) {
      const depth = inheritedDepth(draft, catalog)
      if (depth <= catalog.depths.get(draft)!) continue
      catalog.depths.set(draft, depth)
      settled = false
    }
  }
}

function inheritedDepth(draft: Draft, catalog: Catalog): number {
  let depth = 0
  for (const { node } of draft.scope.order) {
    if (node.kind !== 'field' || !node.type) continue
    for (const { name } of namesIn(node.type.syntax, false)) {
      for (const inner of recordsOf(name, catalog)) depth = Math.max(depth, (catalog.depths.get(inner) ?? 0) - 1)
    }
  }
  return depth
}

function ownDepth(draft: Draft): number {
  let depth = 0
  const see = (expr: ExprSyntax | undefined): void => {
    if (expr) depth = Math.max(depth, highest(expr, draft.scope))
  }
  for (const { node } of draft.scope.order) {
    for (const expr of expressionsOf(node)) see(expr)
    if (node.kind === 'field' && node.type) for (const expr of sizesIn(node.type.syntax)) see(expr)
  }
  for (const rule of draft.rules) see(testOf(rule.text))
  return depth
}

/** Type names in a type; `asItem` when it is the item of a list. */
export function namesIn(type: TypeSyntax, asItem: boolean): { name: string; asItem: boolean }[] {
  if (type.is === 'name') return [{ name: type.name, asItem }]
  if (type.is === 'list') return namesIn(type.of, true)
  return 'of' in type ? namesIn(type.of, asItem) : []
}

function expressionsOf(node: DraftNode): ExprSyntax[] {
  const all = node.kind === 'field' ? [node.if, node.from, node.value, node.fallback, node.with] : [node.if]
  const extent = node.kind === 'group' ? node.extent?.syntax : undefined
  const found = all.flatMap(located => (located ? [located.syntax] : []))
  return extent?.by === 'size' ? [...found, extent.size] : found
}

function sizesIn(type: TypeSyntax): ExprSyntax[] {
  switch (type.is) {
    case 'region':
      return [...(type.extent.by === 'size' ? [type.extent.size] : []), ...sizesIn(type.of)]
    case 'list': {
      const { count } = type
      const own =
        count.by === 'count' ? [count.count] : count.by === 'until' || count.by === 'while' ? [count.test] : []
      return [...own, ...sizesIn(type.of)]
    }
    case 'at':
      return [type.offset, ...sizesIn(type.of)]
    case 'uint':
      return [type.size]
    case 'name':
      return [...type.args]
    case 'delimited':
    case 'id':
    case 'sealed':
      return sizesIn(type.of)
    default:
      return []
  }
}

/** The most levels that an expression looks up. */
function highest(expr: ExprSyntax, scope: Scope): number {
  switch (expr.is) {
    case 'member': {
      const up = levelsUp(expr.of)
      return up > 0 ? nearest(scope, up, expr.name).up : highest(expr.of, scope)
    }
    case 'range':
      return Math.max(upIn(expr.from, scope), upIn(expr.to, scope))
    case 'index':
      return Math.max(highest(expr.of, scope), highest(expr.index, scope))
    case 'if':
      return Math.max(highest(expr.test, scope), highest(expr.yes, scope), highest(expr.no, scope))
    case 'not':
    case 'negate':
      return highest(expr.of, scope)
    case 'binary':
      return Math.max(highest(expr.left, scope), highest(expr.right, scope))
    case 'in':
      return Math.max(
        highest(expr.of, scope),
        ...expr.items.flatMap(item => [highest(item.from, scope), highest(item.to, scope)]),
      )
    case 'call':
      return Math.max(0, ...expr.args.map(arg => highest(arg, scope)))
    default:
      return 0
  }
}

function upIn(end: string | undefined, scope: Scope): number {
  const path = end?.split('.') ?? []
  return path.length < 2 ? 0 : nearest(scope, path.length - 1, path.at(-1)!).up
}

function testOf(rule: string): ExprSyntax | undefined {
  try {
    return parseRule(rule).test
  } catch (thrown) {
    if (thrown instanceof SyntaxProblem) return undefined
    throw thrown
  }
}
