// Which types have a fixed size (docs/adr/0002-decoding.md, "Sizes and regions"): these are stepped over in layout.
import type { Body, Node, Protocol, Type } from '../model/model.ts'

/** Bits of every value of this type; undefined where it varies. */
export function fixedBits(protocol: Protocol, type: Type): number | undefined {
  switch (type.kind) {
    case 'int':
    case 'float':
      return type.bits
    case 'bool':
      return 8
    case 'bit':
      return 1
    case 'at':
      return 0
    case 'uint':
      return type.size.is === 'int' ? Number(type.size.value) * 8 : undefined
    case 'enum':
      return fixedBits(protocol, protocol.enums.get(type.name)!.type)
    case 'bitset':
      return protocol.bitsets.get(type.name)!.type.bits
    case 'struct':
      return fixedBodyBits(protocol, protocol.structs.get(type.name)!.body, new Set([type.name]))
    case 'region':
      return type.extent.by === 'size' && type.extent.size.is === 'int' ? Number(type.extent.size.value) * 8 : undefined
    case 'list': {
      if (type.count.by !== 'count' || type.count.count.is !== 'int') return undefined
      const item = fixedBits(protocol, type.of)
      return item === undefined ? undefined : item * Number(type.count.count.value)
    }
    default:
      return undefined
  }
}

function fixedBodyBits(protocol: Protocol, body: Body, inside: Set<string>): number | undefined {
  return sum(body.nodes.map(node => fixedNodeBits(protocol, node, inside)))
}

/** `inside`: the structs around it, so that a recursive type is simply not fixed. */
export function fixedNodeBits(protocol: Protocol, node: Node, inside: Set<string> = new Set()): number | undefined {
  if (node.if !== undefined) return undefined
  if (node.kind === 'field') {
    if (node.from !== undefined) return 0
    if (node.type.kind !== 'struct') return fixedBits(protocol, node.type)
    if (inside.has(node.type.name)) return undefined
    return fixedBodyBits(protocol, protocol.structs.get(node.type.name)!.body, new Set([...inside, node.type.name]))
  }
  if (node.seal !== undefined) return undefined
  if (node.extent === undefined) return sum(node.nodes.map(inner => fixedNodeBits(protocol, inner, inside)))
  return node.extent.by === 'size' && node.extent.size.is === 'int' ? Number(node.extent.size.value) * 8 : undefined
}

/** Greatest nesting. The stack is the last bound: no schema gets more than this. */
export function depthLimit(protocol: Protocol): number {
  return Math.min(protocol.depth, DEEPEST)
}

function sum(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce((all, size) => (all === undefined || size === undefined ? undefined : all + size), 0)
}

const DEEPEST = 128
