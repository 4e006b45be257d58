// Visiting every part of a resolved expression, and every field of a record.

import type { Expr, Field, Node } from './model.ts'

/** Fields in wire order, groups opened. */
export function fieldsOf(nodes: readonly Node[]): Field[] {
  return nodes.flatMap(node => (node.kind === 'field' ? [node] : fieldsOf(node.nodes)))
}

/** Calls `visit` for the expression and everything in it. */
export function walkExpr(expr: Expr, visit: (part: Expr) => void): void {
  visit(expr)
  for (const part of partsOf(expr)) walkExpr(part, visit)
}

/** The expressions directly inside. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.is) {
    case 'member':
    case 'not':
    case 'negate':
      return [expr.of]
    case 'index':
      return [expr.of, expr.index]
    case 'if':
      return [expr.test, expr.yes, expr.no]
    case 'binary':
      return [expr.left, expr.right]
    case 'in':
      return [expr.of, ...expr.items.flatMap(item => (item.from === item.to ? [item.from] : [item.from, item.to]))]
    case 'call':
      return expr.args
    default:
      return []
  }
}

/** Whether it depends on bytes that are still to come: then the encoder cannot check it. */
export function looksAhead(expr: Expr): boolean {
  let found = false
  walkExpr(expr, part => {
    if (part.is === 'special' && part.name === 'remaining') found = true
    if (part.is === 'call' && part.name === 'next') found = true
  })
  return found
}
