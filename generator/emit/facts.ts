// What the emitter asks of types: fixed sizes, plain TypeScript types, ranges of numbers. Nothing is emitted here.

import type { Body, Enum, Field, IntType, Node, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'

export type VarintType = Extract<Type, { kind: 'varint' }>

/** Bits of every value of this type (docs/adr/0002-decoding.md, "Sizes and regions"); undefined where it varies. */
export function fixedBits(protocol: Protocol, type: Type): number | undefined {
  return bitsWithin(protocol, type, new Set())
}

/** Bits of a body that is stepped over; undefined where it varies. */
export function fixedBodyBits(protocol: Protocol, body: Body): number | undefined {
  return sum(body.nodes.map(node => nodeBits(protocol, node, new Set())))
}

function bitsWithin(protocol: Protocol, type: Type, inside: ReadonlySet<string>): number | undefined {
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
      return bitsWithin(protocol, protocol.enums.get(type.name)!.type, inside)
    case 'bitset':
      return protocol.bitsets.get(type.name)!.type.bits
    case 'struct': {
      if (inside.has(type.name)) return undefined
      const within = new Set([...inside, type.name])
      return sum(protocol.structs.get(type.name)!.body.nodes.map(node => nodeBits(protocol, node, within)))
    }
    case 'region':
      return type.extent.by === 'size' && type.extent.size.is === 'int' ? Number(type.extent.size.value) * 8 : undefined
    case 'list': {
      if (type.count.by !== 'count' || type.count.count.is !== 'int') return undefined
      const item = bitsWithin(protocol, type.of, inside)
      return item === undefined ? undefined : item * Number(type.count.count.value)
    }
    default:
      return undefined
  }
}

function nodeBits(protocol: Protocol, node: Node, inside: ReadonlySet<string>): number | undefined {
  if (node.if !== undefined) return undefined
  if (node.kind === 'field') return node.from ? 0 : bitsWithin(protocol, node.type, inside)
  if (node.seal !== undefined) return undefined
  if (node.extent === undefined) return sum(node.nodes.map(inner => nodeBits(protocol, inner, inside)))
  return node.extent.by === 'size' && node.extent.size.is === 'int' ? Number(node.extent.size.value) * 8 : undefined
}

function sum(sizes: readonly (number | undefined)[]): number | undefined {
  return sizes.reduce((all, size) => (all === undefined || size === undefined ? undefined : all + size), 0)
}

/** Whether a value of this type may take no bits at all. */
export function mayBeEmpty(protocol: Protocol, type: Type): boolean {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'bool':
    case 'bit':
    case 'varint':
      return false
    case 'enum':
      return mayBeEmpty(protocol, protocol.enums.get(type.name)!.type)
    case 'bitset':
      return false
    case 'struct':
      return protocol.structs.get(type.name)!.body.nodes.every(node => nodeMayBeEmpty(protocol, node))
    case 'union': {
      const union = protocol.unions.get(type.name)!
      return union.tag === undefined || mayBeEmpty(protocol, union.tag)
    }
    case 'region':
      return type.extent.by !== 'prefix' && fixedBits(protocol, type) === undefined
    case 'list':
      return type.count.by === 'prefix'
        ? false
        : !(type.count.by === 'count' && type.count.count.is === 'int' && type.count.count.value > 0n) ||
            mayBeEmpty(protocol, type.of)
    case 'delimited':
      return false
    default:
      return true
  }
}

function nodeMayBeEmpty(protocol: Protocol, node: Node): boolean {
  if (node.if !== undefined) return true
  if (node.kind === 'field') {
    if (node.from || node.type.kind === 'struct') return (fixedBits(protocol, node.type) ?? 0) === 0
    return mayBeEmpty(protocol, node.type)
  }
  if (node.extent) return node.extent.by !== 'prefix'
  return node.seal !== undefined || node.nodes.every(inner => nodeMayBeEmpty(protocol, inner))
}

/** The smallest and greatest number of an integer-like type. */
export function intBounds(protocol: Protocol, type: Type): { readonly low: bigint; readonly high: bigint } {
  switch (type.kind) {
    case 'int':
      return type.signed
        ? { low: -(1n << BigInt(type.bits - 1)), high: (1n << BigInt(type.bits - 1)) - 1n }
        : { low: 0n, high: (1n << BigInt(type.bits)) - 1n }
    case 'varint': {
      const bits = BigInt(type.coding === 'quic' ? quicBits(type.max) : 7 * type.max)
      const signed = type.coding === 'sleb128' || type.coding === 'zigzag'
      return signed
        ? { low: -(1n << (bits - 1n)), high: (1n << (bits - 1n)) - 1n }
        : { low: 0n, high: (1n << bits) - 1n }
    }
    case 'uint':
      return { low: 0n, high: (1n << 64n) - 1n }
    case 'number':
      return intBounds(protocol, type.of)
    case 'enum':
      return intBounds(protocol, protocol.enums.get(type.name)!.type)
    case 'bitset':
      return intBounds(protocol, protocol.bitsets.get(type.name)!.type)
    default:
      return { low: -(1n << 127n), high: 1n << 127n }
  }
}

/** Whether the bits of a bit field begin at the least significant one. */
export function isLowFirst(protocol: Protocol, type: Type): boolean {
  if (type.kind === 'enum') return isLowFirst(protocol, protocol.enums.get(type.name)!.type)
  if (type.kind === 'bitset') return protocol.bitsets.get(type.name)!.type.little
  if (type.kind === 'list') return isLowFirst(protocol, type.of)
  return (type.kind === 'int' || type.kind === 'bit') && type.little
}

function quicBits(max: number): number {
  return max >= 8 ? 62 : max >= 4 ? 30 : max >= 2 ? 14 : 6
}

/** Whether values of this integer-like type are JavaScript numbers: up to 53 bits. */
export function isNarrow(protocol: Protocol, type: Type): boolean {
  switch (type.kind) {
    case 'int':
      return type.bits <= 53
    case 'varint':
      return type.coding === 'quic' ? type.max <= 4 : 7 * type.max <= 53
    case 'uint':
      return false
    case 'number':
      return isNarrow(protocol, type.of)
    case 'enum':
      return isNarrow(protocol, protocol.enums.get(type.name)!.type)
    case 'bitset':
      return isNarrow(protocol, protocol.bitsets.get(type.name)!.type)
    default:
      return false
  }
}

/** The type that holds the value: regions, delimiters and references taken away. */
export function coreType(type: Type): Type {
  return type.kind === 'region' || type.kind === 'delimited' || type.kind === 'at' ? coreType(type.of) : type
}

export function isIntegral(type: Type): boolean {
  return ['int', 'varint', 'uint', 'number'].includes(type.kind)
}

/** Whether anything but its size can be wrong with a value of this type. */
export function needsCheck(protocol: Protocol, type: Type): boolean {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'bit':
    case 'varint':
    case 'uint':
    case 'bytes':
    case 'align':
      return false
    case 'enum':
      return enumNeedsCheck(protocol.enums.get(type.name)!)
    case 'bitset':
      return !['keep', 'clear', 'empty'].includes(protocol.bitsets.get(type.name)!.undefined)
    case 'text':
      return type.encoding !== 'latin1'
    case 'region':
      return type.of.kind !== 'bytes' && needsRegionCheck(protocol, type.of)
    case 'delimited':
      return needsRegionCheck(protocol, type.of)
    default:
      return true
  }
}

function needsRegionCheck(protocol: Protocol, type: Type): boolean {
  return type.kind === 'bytes' || type.kind === 'text' ? needsCheck(protocol, type) : true
}

function enumNeedsCheck(definition: Enum): boolean {
  if (definition.unknown === 'keep') return false
  if (definition.type.kind !== 'int' || definition.type.signed || definition.type.bits > 16) return true
  return definition.values.length < 2 ** definition.type.bits
}

/** Whether the integers of this type are given to TypeScript as a pair of halves. */
export function isPair(field: Pick<Field, 'number'> | undefined): boolean {
  return field?.number === 'pair'
}

/** The number of bytes of whole-byte integers, for the accessors that read them at once. */
export function wholeBytes(type: IntType): number | undefined {
  return type.bits % 8 === 0 ? type.bits / 8 : undefined
}

/** Whether structs or unions can contain themselves, or nest deeper than the limit, so that depth must be counted. */
export function needsDepth(protocol: Protocol): boolean {
  const bodies = [...protocol.frames.values()].map(frame => frame.body)
  const all = protocol.envelope ? [...bodies, protocol.envelope] : bodies
  const limit = Math.min(protocol.depth, 128)
  const known = new Map<string, number>()
  return all.some(body => fieldsOf(body.nodes).some(field => depthOf(protocol, field.type, known) > limit))
}

/** Whether a struct or union can contain itself. */
export function isRecursive(protocol: Protocol, type: Type): boolean {
  return depthOf(protocol, type, new Map()) === Number.POSITIVE_INFINITY
}

/** How deep structs and unions nest in values of this type. What is still being looked at contains itself. */
function depthOf(protocol: Protocol, type: Type, known: Map<string, number>): number {
  const deepest = (): number => Math.max(0, ...partsOf(protocol, type).map(part => depthOf(protocol, part, known)))
  if (type.kind !== 'struct' && type.kind !== 'union') return deepest()
  const seen = known.get(type.name)
  if (seen !== undefined) return seen
  known.set(type.name, Number.POSITIVE_INFINITY)
  const depth = 1 + deepest()
  known.set(type.name, depth)
  return depth
}

/** The types of what stands directly in a value of this type. */
function partsOf(protocol: Protocol, type: Type): readonly Type[] {
  switch (type.kind) {
    case 'struct':
      return fieldsOf(protocol.structs.get(type.name)!.body.nodes).map(field => field.type)
    case 'union':
      return protocol.unions
        .get(type.name)!
        .variants.flatMap(({ body, value }) => [
          ...fieldsOf(body.nodes).map(field => field.type),
          ...(value ? [value] : []),
        ])
    case 'region':
    case 'delimited':
    case 'list':
    case 'at':
      return [type.of]
    default:
      return []
  }
}
