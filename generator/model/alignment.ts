// Bit fields: runs of them fill whole bytes, and what is made of whole bytes begins at one.

import type { TypeSyntax } from '../language/ast.ts'
import { show } from '../language/show.ts'
import type { Path } from '../load/document.ts'
import type { Workshop } from './body.ts'
import type { DraftField, DraftNode } from './draft.ts'
import { isLittle } from './scalars.ts'
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
  const { catalog, sizes } = shop
  const { reports } = catalog
  let offset = draft.startBits
  let low: boolean | undefined = draft.startLow
  let last: DraftNode | undefined
  const visit = (nodes: readonly DraftNode[]): boolean => {
    for (const node of nodes) {
      if (absent(node) || (node.kind === 'field' && (node.from || !node.type))) continue
      if (node.kind === 'group' && !node.extent && node.seal === undefined && !node.holdsOpaque) {
        if (!visit(node.nodes)) return false
        continue
      }
      if (node.kind === 'field' && node.type!.syntax.is === 'at') continue
      const own = node.kind === 'field' ? lowFirst(node.type!.syntax, node.type!.path, shop) : undefined
      if (own === undefined && node.kind === 'field' && isUnknown(node.type!.syntax, shop)) continue
      const before = last?.name ?? 'the tag'
      const isList = node.kind === 'field' && node.type!.syntax.is === 'list'
      if (offset % 8 !== 0 && (own === undefined || isList)) {
        const hint = `${before} ends at bit ${offset % 8} of a byte: fill up with a hidden field "_pad: u${8 - (offset % 8)}"`
        reports.error(node.path, 'alignment', `${node.name} begins in the middle of a byte${where}`, hint, 'key')
        return false
      }
      if (offset % 8 !== 0 && own !== low) {
        const [end, suffix] = low ? (['least', 'le'] as const) : (['most', 'be'] as const)
        const message = `${node.name} shares a byte with ${before}, but its bits run the other way${where}`
        const hint = `${before} begins at the ${end} significant bit: write "${sameWay(node, suffix)}"`
        reports.error(node.path, 'alignment', message, hint, 'key')
        return false
      }
      const inner = node.kind === 'field' ? oddItems(node, shop) : undefined
      if (inner) {
        reports.error(node.path, 'alignment', inner, 'let an item fill whole bytes', 'key')
        return false
      }
      offset = (offset + (sizes.node(node) ?? 0)) % 8
      low = own
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

/** Whether a run of bits begins at the least significant one; undefined of what is made of whole bytes. */
export function lowFirst(type: TypeSyntax, path: Path, shop: Pick<Workshop, 'catalog' | 'sizes'>): boolean | undefined {
  const { catalog, sizes } = shop
  if (type.is === 'int' || type.is === 'bit') return isLittle(type, catalog.orderAt(path))
  if (type.is === 'id') return lowFirst(type.of, path, shop)
  if (type.is === 'list' && type.of.is === 'int' && sizes.bits(type) !== undefined) return lowFirst(type.of, path, shop)
  if (type.is !== 'name') return undefined
  const number = catalog.enums.get(type.name)?.type ?? catalog.bitsets.get(type.name)?.type
  return number?.kind === 'int' ? number.little : undefined
}

/** The type of a field as it would run with its neighbour: `u16be`. */
function sameWay(node: DraftNode, suffix: 'le' | 'be'): string {
  const type = node.kind === 'field' ? node.type!.syntax : undefined
  const item = type?.is === 'list' ? type.of : type
  if (item?.is === 'bit') return `bit${suffix}`
  return item?.is === 'int' ? `${item.signed ? 'i' : 'u'}${item.bits}${suffix}` : `type: u..${suffix}`
}

/** A type that does not exist: that is the mistake, and reported. */
function isUnknown(type: TypeSyntax, { catalog }: Workshop): boolean {
  return type.is === 'name' && catalog.kindOf(type.name) === undefined
}

/** A list that ends inside a byte where its place is not fixed. */
function oddItems(node: DraftField, shop: Workshop): string | undefined {
  const type = node.type!.syntax
  if (type.is !== 'list') return undefined
  const all = shop.sizes.bits(type)
  if (all !== undefined && node.if && all % 8 !== 0) return `${node.name} may be absent, and has ${all} bits`
  if (all !== undefined) return undefined
  const bits = shop.sizes.bits(type.of)
  return bits !== undefined && bits % 8 !== 0
    ? `an item of ${node.name} has ${bits} bits, a list of them may end inside a byte`
    : undefined
}

const MOST_BRANCHES = 256
