// Ways through a model: every node of a body, every expression in it, every part of an expression or type.

import type { Body, Expr, Group, Node, Protocol, Type } from '../model/model.ts'

/** Groups at any depth, outer ones first. */
export function groupsOf(nodes: readonly Node[]): Group[] {
  return nodes.flatMap(node => (node.kind === 'group' ? [node, ...groupsOf(node.nodes)] : []))
}

/** The groups around the field of this name, outermost first; undefined where there is no such field. */
export function groupsAround(nodes: readonly Node[], name: string): Group[] | undefined {
  for (const node of nodes) {
    if (node.kind === 'field') {
      if (node.name === name) return []
      continue
    }
    const inner = groupsAround(node.nodes, name)
    if (inner) return [node, ...inner]
  }
  return undefined
}

/** Every body of the protocol that is written once: structs, variants, frames, and the envelope alone. */
export function bodiesOf(protocol: Protocol): Body[] {
  return [
    ...[...protocol.structs.values()].map(struct => struct.body),
    ...[...protocol.unions.values()].flatMap(union => union.variants.map(variant => variant.body)),
    ...[...protocol.frames.values()].map(frame => frame.body),
    ...(protocol.envelope ? [protocol.envelope] : []),
  ]
}

/** Every expression in a body, types included; those in structs that it uses are not. */
export function expressionsOf(body: Body): Expr[] {
  return [...body.nodes.flatMap(inNode), ...body.check.map(rule => rule.test)]
}

function inNode(node: Node): Expr[] {
  if (node.kind === 'group') return [...given(node.if), ...inExtent(node.extent), ...node.nodes.flatMap(inNode)]
  const own = [node.if, node.from, node.value, node.fallback, node.with?.value, node.max]
  return [...own.flatMap(given), ...inType(node.type)]
}

function inExtent(extent: Group['extent']): Expr[] {
  if (extent?.by === 'size') return [extent.size]
  return extent?.by === 'prefix' ? inType(extent.type) : []
}

/** Expressions in a type, outermost first. */
export function inType(type: Type): Expr[] {
  switch (type.kind) {
    case 'uint':
      return [type.size]
    case 'region':
      return [...inExtent(type.extent), ...inType(type.of)]
    case 'delimited':
      return inType(type.of)
    case 'list': {
      const { count } = type
      const own =
        count.by === 'count' ? [count.count] : count.by === 'until' || count.by === 'while' ? [count.test] : []
      return [...own, ...inType(type.of)]
    }
    case 'at':
      return [type.offset, ...inType(type.of)]
    case 'union':
      return given(type.tag)
    default:
      return []
  }
}

/** An expression and all its parts. */
export function partsOf(expr: Expr): Expr[] {
  return [expr, ...children(expr).flatMap(partsOf)]
}

function children(expr: Expr): readonly Expr[] {
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
      return [expr.of, ...expr.items.flatMap(item => [item.from, item.to])]
    case 'call':
      return expr.args
    default:
      return []
  }
}

function given(expr: Expr | undefined): Expr[] {
  return expr ? [expr] : []
}
