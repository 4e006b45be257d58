// The size of sealed bytes, as far as it follows from what stands in front of them: how a sealed frame finds its end on
// a stream without being opened.

import type { TypeSyntax } from '../language/ast.ts'
import type { DraftGroup, DraftNode } from './draft.ts'
import { resolveAs } from './expressions.ts'
import type { Expr } from './model.ts'
import { Consequence, Mistake } from './report.ts'
import type { Entry } from './scope.ts'
import type { TypeContext } from './types.ts'
import { INT } from './values.ts'

/** Bytes of the group with its tag; undefined where they are not known without opening it. */
export function sealedSize(node: DraftGroup, entry: Entry, context: TypeContext): Expr | undefined {
  const parts: Expr[] = []
  const before: TypeContext = { ...context, names: { ...context.names, before: entry.index } }
  const bits = collect(node.nodes, before, parts)
  if (bits === undefined || bits % 8 !== 0) return undefined
  const span = { start: 0, end: 0 }
  const fixed: Expr = { is: 'int', value: BigInt(bits / 8 + TAG_BYTES), type: INT, ...span }
  return parts.reduce<Expr>((left, right) => ({ is: 'binary', operator: '+', left, right, type: INT, ...span }), fixed)
}

/** Adds up what is fixed and pushes what is computed. */
function collect(nodes: readonly DraftNode[], context: TypeContext, into: Expr[]): number | undefined {
  let sum = 0
  for (const node of nodes) {
    const bits = node.if ? undefined : (context.sizes.node(node) ?? computed(node, context, into))
    if (bits === undefined) return undefined
    sum += bits
  }
  return sum
}

function computed(node: DraftNode, context: TypeContext, into: Expr[]): number | undefined {
  if (node.kind === 'group') return node.extent || node.seal ? undefined : collect(node.nodes, context, into)
  const size = node.type && sizeOf(node.type.syntax, context)
  if (!size) return undefined
  into.push(size)
  return 0
}

function sizeOf(type: TypeSyntax, context: TypeContext): Expr | undefined {
  if (type.is !== 'region' || type.extent.by !== 'size') return undefined
  try {
    return resolveAs(type.extent.size, context.names, INT)
  } catch (thrown) {
    if (thrown instanceof Mistake || thrown instanceof Consequence) return undefined
    throw thrown
  }
}

/** Every AEAD of the language has a tag of this size. */
export const TAG_BYTES = 16
