// Values that are computed from each other in a circle: nothing could write them.

import type { Catalog } from './catalog.ts'
import type { Body, Expr, Field } from './model.ts'
import type { Draft } from './scope.ts'
import type { Sizes } from './sizes.ts'
import { fieldsOf, partsOf } from './walk.ts'

export function checkCycles(body: Body, draft: Draft, catalog: Catalog, sizes: Sizes): void {
  const fields = fieldsOf(body.nodes)
  const fixed = new Set(
    draft.scope.order.filter(entry => sizes.node(entry.node) !== undefined).map(entry => entry.name),
  )
  const order = new Map(fields.map((field, i) => [field.name, i]))
  const needs = new Map(fields.map(field => [field.name, needsOf(field, { fields, order, draft, fixed })]))
  const done = new Set<string>()
  for (const field of fields) {
    const circle = find(field.name, [], needs, done)
    if (!circle) continue
    const node = draft.scope.entries.get(circle[0]!)!.node
    const path = node.kind === 'field' ? ((node.value ?? node.fallback ?? node.with)?.path ?? node.path) : node.path
    const chain = [...circle, circle[0]].join(' needs ')
    catalog.reports.error(path, 'cycle', `${circle[0]} would be computed from itself: ${chain}`)
    return
  }
}

function find(
  name: string,
  trail: readonly string[],
  needs: ReadonlyMap<string, ReadonlySet<string>>,
  done: Set<string>,
): string[] | undefined {
  const at = trail.indexOf(name)
  if (at >= 0) return trail.slice(at)
  if (done.has(name)) return undefined
  for (const next of needs.get(name) ?? []) {
    const circle = find(next, [...trail, name], needs, done)
    if (circle) return circle
  }
  done.add(name)
  return undefined
}

/** A record with what its expressions reach. */
interface Reach {
  readonly fields: readonly Field[]
  readonly order: ReadonlyMap<string, number>
  readonly draft: Draft
  /** Fields whose size does not depend on their value. */
  readonly fixed: ReadonlySet<string>
}

/** Fields whose value must be known before this one can be written. */
function needsOf(field: Field, reach: Reach): Set<string> {
  const found = new Set<string>()
  const expr = field.with?.value ?? field.value ?? field.fallback
  if (expr) collect(expr, false, field, reach, found)
  for (const derived of field.derives ?? []) if (!reach.fixed.has(derived.of)) found.add(derived.of)
  found.delete(field.name)
  return found
}

function collect(part: Expr, sizeOnly: boolean, self: Field, reach: Reach, into: Set<string>): void {
  const need = (name: string): void => {
    if (!(sizeOnly && reach.fixed.has(name))) into.add(name)
  }
  if (part.is === 'field') need(part.name)
  else if (part.is === 'range') {
    for (const field of inRange(part, self, reach)) if (field !== self) need(field.name)
  } else if (part.is !== 'call' || !STRUCTURAL.has(part.name)) {
    for (const below of partsOf(part)) collect(below, part.is === 'call' && part.name === 'size', self, reach, into)
  }
}

function inRange(range: Extract<Expr, { is: 'range' }>, self: Field, reach: Reach): Field[] {
  if (range.from?.parent || range.to?.parent) return []
  const { fields, order, draft } = reach
  const place = (name: string): number | undefined => order.get(name) ?? draft.scope.entries.get(name)?.index
  const from = range.from ? (place(range.from.field) ?? 0) : 0
  const group = range.to && draft.scope.entries.get(range.to.field)?.node
  const last = group?.kind === 'group' ? fieldsOfDraft(group.nodes).at(-1) : range.to?.field
  const to = last ? (place(last) ?? fields.length) : (order.get(self.name) ?? fields.length) - 1
  return fields.slice(from, to + 1)
}

function fieldsOfDraft(nodes: Draft['nodes']): string[] {
  return nodes.flatMap(node => (node.kind === 'field' ? [node.name] : fieldsOfDraft(node.nodes)))
}

/** These ask about presence and place, not about values. */
const STRUCTURAL: ReadonlySet<string> = new Set(['present', 'offset', 'count'])
