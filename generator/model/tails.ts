// What stands behind a field that takes the rest: it must have a fixed size, and the rest stops in front of it.

import type { ExprSyntax } from '../language/ast.ts'
import type { DraftNode, Located } from './draft.ts'
import { Mistake } from './report.ts'
import type { Entry, Scope } from './scope.ts'
import type { Sizes } from './sizes.ts'

/** Nodes of the same region further on, groups without a region opened. */
export interface Behind {
  readonly node: DraftNode
  readonly conditions: readonly Located<ExprSyntax>[]
}

export function flatten(nodes: readonly DraftNode[], around: readonly Located<ExprSyntax>[]): Behind[] {
  return nodes.flatMap(node => {
    const conditions = node.if ? [...around, node.if] : around
    if (node.kind === 'field' || node.extent || node.seal !== undefined || node.holdsOpaque)
      return [{ node, conditions }]
    return flatten(node.nodes, conditions)
  })
}

/** Bytes behind `entry` that its rest leaves alone. Throws where they vary. */
export function tailOf(entry: Entry, behind: readonly Behind[], scope: Scope, sizes: Sizes): number {
  const facts = scope.under(entry.conditions)
  let bits = 0
  for (const { node, conditions } of behind) {
    if (node.kind === 'field' && (node.from || node.type?.syntax.is === 'at')) continue
    const absent = conditions.some(
      condition =>
        facts.holds(condition.syntax) === false ||
        entry.conditions.some(own => facts.excludes(own.syntax, condition.syntax)),
    )
    if (absent) continue
    // In the envelope alone nothing is known of the frame; with a field that takes the rest its frames are empty.
    const size = node.kind === 'group' && node.holdsOpaque && !node.extent ? 0 : sizes.node(node)
    if (size === undefined) {
      const hint = `give ${entry.name} or ${node.name} a length: "bytes(u16)", or a field that holds it`
      throw new Mistake(
        'rest',
        `${entry.name} takes the rest, but ${node.name} behind it has no fixed size`,
        undefined,
        hint,
      )
    }
    if (conditions.some(condition => facts.holds(condition.syntax) !== true)) {
      const hint = `give ${entry.name} a length, so that its end is known before ${node.name}`
      throw new Mistake(
        'rest',
        `${entry.name} takes the rest, but ${node.name} behind it is not always there`,
        undefined,
        hint,
      )
    }
    bits += size
  }
  return Math.ceil(bits / 8)
}
