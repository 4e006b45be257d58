// How many bits things take, as far as that is known before a frame is seen.

import type { ExtentSyntax, TypeSyntax } from '../language/ast.ts'
import type { Catalog } from './catalog.ts'
import type { DraftNode } from './draft.ts'
import { constant } from './fold.ts'
import { entriesOf } from './raw.ts'

export class Sizes {
  readonly #catalog: Catalog
  readonly #busy = new Set<string>()
  readonly #known = new Map<string, unknown>()
  #recursions = 0

  constructor(catalog: Catalog) {
    this.#catalog = catalog
  }

  /** Bits of a type, where every value has the same. */
  bits(type: TypeSyntax): number | undefined {
    switch (type.is) {
      case 'int':
      case 'float':
        return type.bits
      case 'bool':
        return 8
      case 'bit':
        return 1
      case 'id':
        return this.bits(type.of)
      case 'at':
        return 0
      case 'uint':
        return bytes(constant(type.size))
      case 'region':
        return type.extent.by === 'size' ? bytes(constant(type.extent.size)) : undefined
      case 'list': {
        const count = type.count.by === 'count' ? constant(type.count.count) : undefined
        const item = count === undefined ? undefined : this.bits(type.of)
        return item === undefined ? undefined : item * Number(count)
      }
      case 'name':
        return this.#named(type.name)
      default:
        return undefined
    }
  }

  /** Bits of a field or group where it is present. */
  node(node: DraftNode): number | undefined {
    if (node.kind === 'group') {
      if (node.extent) return this.extent(node.extent.syntax)
      return node.seal === undefined && !node.holdsOpaque ? this.nodes(node.nodes) : undefined
    }
    if (node.from) return 0
    return node.type && this.bits(node.type.syntax)
  }

  /** Bits of several nodes; undefined when one is conditional. */
  nodes(nodes: readonly DraftNode[]): number | undefined {
    let sum = 0
    for (const node of nodes) {
      const bits = node.if ? undefined : this.node(node)
      if (bits === undefined) return undefined
      sum += bits
    }
    return sum
  }

  extent(extent: ExtentSyntax): number | undefined {
    return extent.by === 'size' ? bytes(constant(extent.size)) : undefined
  }

  /** The fewest bits that a value of the type takes. */
  least(type: TypeSyntax): number {
    switch (type.is) {
      case 'varint':
        return 8
      case 'delimited':
        return 8
      case 'region':
        return type.extent.by === 'prefix' ? this.least(type.extent.type) : (this.bits(type) ?? 0)
      case 'list': {
        if (type.count.by === 'prefix') return this.least(type.count.type)
        if (type.count.by === 'until') return this.least(type.of)
        const count = type.count.by === 'count' ? constant(type.count.count) : undefined
        return Number(count ?? 0n) * this.least(type.of)
      }
      case 'name':
        return this.#leastNamed(type.name)
      default:
        return this.bits(type) ?? 0
    }
  }

  leastOf(nodes: readonly DraftNode[]): number {
    let sum = 0
    for (const node of nodes) {
      if (node.if) continue
      if (node.kind === 'field') sum += node.from || !node.type ? 0 : this.least(node.type.syntax)
      else if (!node.extent) sum += this.leastOf(node.nodes)
      else if (node.extent.syntax.by === 'prefix') sum += this.least(node.extent.syntax.type)
      else sum += this.extent(node.extent.syntax) ?? 0
    }
    return sum
  }

  /** Whether a value of the type goes on to the end of its region. */
  open(type: TypeSyntax): boolean {
    switch (type.is) {
      case 'bytes':
      case 'text':
      case 'number':
        return true
      case 'region':
        return type.extent.by === 'rest'
      case 'list':
        return type.count.by === 'rest'
      case 'id':
        return this.open(type.of)
      case 'name':
        return this.#once(
          `open ${type.name}`,
          () => this.#records(type.name).some(nodes => this.openNodes(nodes)),
          false,
        )
      default:
        return false
    }
  }

  openNodes(nodes: readonly DraftNode[]): boolean {
    return nodes.some(node => this.openNode(node))
  }

  openNode(node: DraftNode): boolean {
    if (node.kind === 'field') return !node.from && node.type !== undefined && this.open(node.type.syntax)
    if (node.extent) return node.extent.syntax.by === 'rest'
    return node.seal !== undefined || node.holdsOpaque === true || this.openNodes(node.nodes)
  }

  #named(name: string): number | undefined {
    return this.#once(`bits ${name}`, () => this.#measure(name), undefined)
  }

  #measure(name: string): number | undefined {
    const number = this.#catalog.enums.get(name)?.type ?? this.#catalog.bitsets.get(name)?.type
    if (number) return number.kind === 'int' ? number.bits : undefined
    const kind = this.#catalog.kindOf(name)
    if (kind !== 'struct' && kind !== 'union') return undefined
    const sizes = new Set(this.#records(name).map(nodes => this.nodes(nodes)))
    const [size] = sizes
    if (sizes.size !== 1 || size === undefined) return undefined
    return kind === 'struct' ? size : size + (this.#catalog.tagBits.get(name) ?? 0)
  }

  #leastNamed(name: string): number {
    const kind = this.#catalog.kindOf(name)
    if (kind !== 'struct' && kind !== 'union') {
      const number = this.#catalog.enums.get(name)?.type ?? this.#catalog.bitsets.get(name)?.type
      return number?.kind === 'int' ? number.bits : 8
    }
    const least = this.#once(
      `least ${name}`,
      () => Math.min(...this.#records(name).map(nodes => this.leastOf(nodes))),
      0,
    )
    return (kind === 'union' ? (this.#catalog.tagBits.get(name) ?? 0) : 0) + (Number.isFinite(least) ? least : 0)
  }

  /** The fields of a struct, or those of each variant of a union. */
  #records(name: string): (readonly DraftNode[])[] {
    const struct = this.#catalog.records.get(name)
    if (struct) return [struct.nodes]
    const union = this.#catalog.unions[name] as { variants?: unknown } | undefined
    return entriesOf(union?.variants).map(([variant]) => this.#catalog.records.get(`${name}.${variant}`)?.nodes ?? [])
  }

  /** Recursion gives `within` for the inner occurrence. What did not meet any is remembered. */
  #once<T>(key: string, work: () => T, within: T): T {
    if (this.#known.has(key)) return this.#known.get(key) as T
    if (this.#busy.has(key)) {
      this.#recursions++
      return within
    }
    const before = this.#recursions
    this.#busy.add(key)
    const value = work()
    this.#busy.delete(key)
    if (this.#recursions === before || this.#busy.size === 0) this.#known.set(key, value)
    return value
  }
}

function bytes(count: bigint | undefined): number | undefined {
  return count === undefined || count < 0n || count > 0xffff_ffffn ? undefined : Number(count) * 8
}
