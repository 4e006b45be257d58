// Structs that contain themselves: allowed where something is consumed on the way and where it can end.

import type { TypeSyntax } from '../language/ast.ts'
import type { Catalog } from './catalog.ts'
import type { DraftField, DraftNode } from './draft.ts'
import { constant } from './fold.ts'
import { recordsOf } from './parents.ts'
import type { Draft } from './scope.ts'
import type { Sizes } from './sizes.ts'

/** A record standing in another. */
interface Step {
  readonly from: Draft
  readonly field: DraftField
  readonly to: Draft
  /** It is there in every value: not conditional, not in a list that may be empty, not a variant. */
  readonly always: boolean
  /** Something was read before it, so that a round consumes bytes. */
  readonly consumes: boolean
}

export function checkRecursion(catalog: Catalog, sizes: Sizes): void {
  const steps = new Map([...catalog.records.values()].map(draft => [draft, stepsOf(draft, catalog, sizes)]))
  for (const draft of catalog.records.values()) {
    const endless = circle(draft, steps, step => step.always)
    const circular = endless ?? circle(draft, steps, step => !step.consumes)
    if (!circular) continue
    const names = [...circular.map(step => step.from.title), circular[0]!.from.title].join(' contains ')
    const { path, name } = circular[0]!.field
    const message = endless
      ? `${name} makes a value without end: ${names}`
      : `${name} repeats without reading a byte: ${names}`
    const hint = endless ? 'make it conditional, a list, or a variant of a union' : 'read something in front of it'
    catalog.reports.error(path, 'cycle', message, hint, 'key')
    return
  }
}

function circle(start: Draft, steps: ReadonlyMap<Draft, Step[]>, follow: (step: Step) => boolean): Step[] | undefined {
  const seen = new Set<Draft>()
  const search = (draft: Draft, trail: readonly Step[]): Step[] | undefined => {
    for (const step of steps.get(draft) ?? []) {
      if (!follow(step)) continue
      if (step.to === start) return [...trail, step]
      if (seen.has(step.to)) continue
      seen.add(step.to)
      const found = search(step.to, [...trail, step])
      if (found) return found
    }
    return undefined
  }
  return search(start, [])
}

function stepsOf(draft: Draft, catalog: Catalog, sizes: Sizes): Step[] {
  const found: Step[] = []
  let before = draft.startBits
  const visit = (nodes: readonly DraftNode[], always: boolean): void => {
    for (const node of nodes) {
      if (node.kind === 'group') {
        if (node.extent?.syntax.by === 'prefix') before += 8
        visit(node.nodes, always && !node.if)
        continue
      }
      if (!node.type || node.from) continue
      for (const use of usesIn(node.type.syntax, always && !node.if, before > 0, sizes, catalog)) {
        for (const to of recordsOf(use.name, catalog)) {
          found.push({
            from: draft,
            field: node,
            to,
            always: use.always && catalog.kindOf(use.name) === 'struct',
            consumes: use.consumes,
          })
        }
      }
      if (!node.if) before += sizes.least(node.type.syntax)
    }
  }
  visit(draft.nodes, true)
  return found
}

function usesIn(
  type: TypeSyntax,
  always: boolean,
  consumes: boolean,
  sizes: Sizes,
  catalog: Catalog,
): { name: string; always: boolean; consumes: boolean }[] {
  switch (type.is) {
    case 'name':
      return [{ name: type.name, always, consumes: consumes || (catalog.tagBits.get(type.name) ?? 0) > 0 }]
    case 'list': {
      const count = type.count.by === 'count' ? constant(type.count.count) : undefined
      const atLeastOne = type.count.by === 'until' || (count !== undefined && count > 0n)
      return usesIn(type.of, always && atLeastOne, consumes || type.count.by === 'prefix', sizes, catalog)
    }
    case 'region':
      return usesIn(type.of, always, consumes || type.extent.by === 'prefix', sizes, catalog)
    // A reference goes further back at each hop, so it ends.
    case 'at':
      return []
    case 'delimited':
    case 'id':
    case 'sealed':
      return usesIn(type.of, always, consumes, sizes, catalog)
    default:
      return []
  }
}
