// How small a frame can be, and whether it is always that size: for the table of `proto schema`.

import type { Body, Extent, Node, Protocol, Type } from '../../generator/model/model.ts'

export interface FrameSize {
  /** Bytes. */
  readonly min: number
  /** True when every frame has exactly `min` bytes. */
  readonly fixed: boolean
}

export function frameSize(body: Body, protocol: Protocol): FrameSize {
  if (body.bits !== undefined) return { min: body.bits / 8, fixed: true }
  const min = new Smallest(protocol).nodes(body.nodes)
  return { min: Math.ceil(min / 8), fixed: false }
}

/** Lower bounds in bits. A type inside itself counts as 0: it can only be there through something that may be empty. */
class Smallest {
  readonly #protocol: Protocol
  readonly #open = new Set<string>()

  constructor(protocol: Protocol) {
    this.#protocol = protocol
  }

  nodes(nodes: readonly Node[]): number {
    return nodes.reduce((sum, node) => sum + this.#node(node), 0)
  }

  #node(node: Node): number {
    if (node.if || (node.kind === 'field' && node.from)) return 0
    if (node.kind === 'field') return node.bits ?? this.#type(node.type)
    const overhead = node.seal ? (this.#protocol.seals.get(node.seal)?.overhead ?? 0) * 8 : 0
    return overhead + this.#extent(node.extent, this.nodes(node.nodes))
  }

  #type(type: Type): number {
    switch (type.kind) {
      case 'int':
      case 'float':
        return type.bits
      case 'bit':
        return 1
      case 'bool':
      case 'varint':
        return 8
      case 'region':
        return this.#extent(type.extent, this.#type(type.of))
      case 'delimited':
        return this.#type(type.of) + type.delimiter.length * 8
      case 'list':
        if (type.count.by === 'prefix') return this.#type(type.count.type)
        if (type.count.by !== 'count' || type.count.count.is !== 'int') return 0
        return Number(type.count.count.value) * this.#type(type.of)
      case 'enum':
        return this.#type(this.#protocol.enums.get(type.name)!.type)
      case 'bitset':
        return this.#protocol.bitsets.get(type.name)!.type.bits
      case 'struct':
        return this.#once(type.name, () => this.nodes(this.#protocol.structs.get(type.name)!.body.nodes))
      case 'union':
        return this.#once(type.name, () => this.#union(type.name))
      default:
        return 0
    }
  }

  #union(name: string): number {
    const { tag, variants } = this.#protocol.unions.get(name)!
    const sizes = variants.map(variant => (variant.value ? this.#type(variant.value) : this.nodes(variant.body.nodes)))
    return (tag ? this.#type(tag) : 0) + Math.min(...sizes)
  }

  #extent(extent: Extent | undefined, content: number): number {
    if (extent?.by === 'prefix') return this.#type(extent.type) + content
    if (extent?.by === 'size' && extent.size.is === 'int') return Number(extent.size.value) * 8
    return content
  }

  #once(name: string, size: () => number): number {
    if (this.#open.has(name)) return 0
    this.#open.add(name)
    const bits = size()
    this.#open.delete(name)
    return bits
  }
}
