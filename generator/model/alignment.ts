// Bit fields: runs of them fill whole bytes, and what is made of whole bytes begins at one.

import type { TypeSyntax } from '../language/ast.ts'
import { show } from '../language/show.ts'
import type { Workshop } from './body.ts'
import type { DraftField, DraftNode } from './draft.ts'
import type { Draft } from './scope.ts'

/** Walks the record once for each way its conditional bit fields can be present. */
export function checkAlignment(draft: Draft, shop: Workshop): void {
  const branches = conditionsOfBits(draft, shop)
  const count = Math.min(2 ** branches.length, MOST_BRANCHES)
  for (let branch = 0; branch < count; branch++) {
    let facts = draft.scope.facts
    let possible = true
    branches.forEach((condition, i) => {
      const truth = (branch & (1 << i)) !== 0
      if (facts.holds(condition) === !truth) possible = false
      facts = facts.learn(condition, truth)
    })
    if (!possible) continue
    const where = branches.map((condition, i) => `${branch & (1 << i) ? '' : 'not '}${show(condition)}`).join(' and ')
    const absent = (node: DraftNode): boolean => node.if !== undefined && facts.holds(node.if.syntax) === false
    if (!walk(draft, shop, absent, where && ` where ${where}`)) return
  }
}

/** Conditions of fields that do not take whole bytes. */
function conditionsOfBits(draft: Draft, shop: Workshop): NonNullable<DraftNode['if']>['syntax'][] {
  const found = new Map<string, NonNullable<DraftNode['if']>['syntax']>()
  for (const entry of draft.scope.order) {
    const bits = shop.sizes.node(entry.node)
    if (bits === undefined || bits % 8 === 0) continue
    for (const condition of entry.conditions) found.set(show(condition.syntax), condition.syntax)
  }
  return [...found.values()]
}

/** False after the first mistake: what follows would only be its consequences. */
function walk(draft: Draft, shop: Workshop, absent: (node: DraftNode) => boolean, where: string): boolean {
  const { reports } = shop.catalog
  let offset = draft.startBits
  let last: DraftNode | undefined
  const visit = (nodes: readonly DraftNode[]): boolean => {
    for (const node of nodes) {
      if (absent(node) || (node.kind === 'field' && (node.from || !node.type))) continue
      if (node.kind === 'group' && !node.extent && node.seal === undefined && !node.holdsOpaque) {
        if (!visit(node.nodes)) return false
        continue
      }
      if (offset % 8 !== 0 && !mayStartInside(node, shop)) {
        const hint = `${last?.name ?? 'the tag'} ends at bit ${offset % 8} of a byte: fill up with a hidden field "_pad: u${8 - (offset % 8)}"`
        reports.error(node.path, 'alignment', `${node.name} begins in the middle of a byte${where}`, hint, 'key')
        return false
      }
      const inner = node.kind === 'field' ? oddItems(node, shop) : undefined
      if (inner) {
        reports.error(node.path, 'alignment', inner, 'let an item fill whole bytes', 'key')
        return false
      }
      offset = (offset + (shop.sizes.node(node) ?? 0)) % 8
      last = node
    }
    return true
  }
  if (!visit(draft.nodes)) return false
  if (offset % 8 === 0 || !last) return true
  const message = `${draft.title} ends in the middle of a byte, ${8 - (offset % 8)} bits are missing${where}`
  reports.error(last.path, 'alignment', message, `add a hidden field "_pad: u${8 - (offset % 8)}"`, 'key')
  return false
}

/** Big-endian integers of any width are a run of bits; everything else is whole bytes. */
function mayStartInside(node: DraftNode, shop: Workshop): boolean {
  if (node.kind === 'group') return false
  const { syntax: type, path } = node.type!
  const little = shop.catalog.littleAt(path)
  if (type.is === 'int') return !isLittle(type, little)
  if (type.is === 'list')
    return shop.sizes.bits(type) !== undefined && type.of.is === 'int' && !isLittle(type.of, little)
  if (type.is === 'bit' || type.is === 'align' || type.is === 'at') return type.is !== 'align'
  if (type.is !== 'name') return false
  const number = shop.catalog.enums.get(type.name)?.type ?? shop.catalog.bitsets.get(type.name)?.type
  return number ? number.kind === 'int' && !number.little : shop.catalog.kindOf(type.name) === undefined
}

function isLittle(type: Extract<TypeSyntax, { is: 'int' }>, little: boolean): boolean {
  if (type.bits <= 8 || type.bits % 8 !== 0) return false
  return type.endian ? type.endian === 'little' : little
}

/** A list of items that are not whole bytes, where their number is not fixed. */
function oddItems(node: DraftField, shop: Workshop): string | undefined {
  const type = node.type!.syntax
  if (type.is !== 'list' || shop.sizes.bits(type) !== undefined) return undefined
  const bits = shop.sizes.bits(type.of)
  return bits !== undefined && bits % 8 !== 0
    ? `an item of ${node.name} has ${bits} bits, a list of them may end inside a byte`
    : undefined
}

const MOST_BRANCHES = 256
