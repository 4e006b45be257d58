// What can be said of a body before any bytes: names, wire order, and the groups that are set aside.
import type { Body, Group, Node } from '../model/model.ts'

export interface Plan {
  /** Fields before groups, outer groups before inner ones of the same name. */
  readonly names: ReadonlyMap<string, Node>
  readonly order: ReadonlyMap<Node, number>
  /** Order of the last node inside. */
  readonly last: ReadonlyMap<Node, number>
  /** The groups with an extent or a seal around it, outermost first. */
  readonly homes: ReadonlyMap<Node, readonly Group[]>
}

export function planOf(body: Body): Plan {
  const known = PLANS.get(body)
  if (known) return known
  const names = new Map<string, Node>()
  const order = new Map<Node, number>()
  const last = new Map<Node, number>()
  const homes = new Map<Node, readonly Group[]>()
  const visit = (nodes: readonly Node[], around: readonly Group[]): void => {
    for (const node of nodes) {
      order.set(node, order.size)
      homes.set(node, around)
      if (node.kind === 'field' || !names.has(node.name)) names.set(node.name, node)
      if (node.kind === 'group') {
        visit(node.nodes, node.extent !== undefined || node.seal !== undefined ? [...around, node] : around)
      }
      last.set(node, order.size - 1)
    }
  }
  visit(body.nodes, [])
  const plan = { names, order, last, homes }
  PLANS.set(body, plan)
  return plan
}

const PLANS = new WeakMap<Body, Plan>()
