// Where fields stand in front of sealed bytes, as plain offsets: what lets a runtime read a packet's id, counter and key
// phase, and open it, before it is decoded.

import type { BitPlace, BytePlace } from '../../runtime/core/seal-descriptor.ts'
import type { Field, Frame, Group, Node, Protocol, Type } from '../model/model.ts'
import { innerType } from './path.ts'

/** A field or a sealed group with its offset in bits, in wire order. */
export interface Placed {
  readonly node: Field | Group
  readonly bits: number
}

/** Everything in front of and including the first node whose size is not fixed, or the sealed group. */
export function fixedPart(protocol: Protocol, nodes: readonly Node[]): Placed[] {
  const found: Placed[] = []
  walk(protocol, nodes, 0, found)
  return found
}

/** Returns the offset behind the nodes, or undefined where it is not fixed. */
function walk(protocol: Protocol, nodes: readonly Node[], from: number, into: Placed[]): number | undefined {
  let at: number | undefined = from
  for (const node of nodes) {
    if (node.kind === 'field' && node.from) continue
    if (node.if) return undefined
    if (node.kind === 'group' && node.seal === undefined) {
      at = walk(protocol, node.nodes, at, into)
      if (at === undefined || node.extent) return undefined
      continue
    }
    into.push({ node, bits: at })
    if (node.kind === 'group') return undefined
    const size = fieldBits(protocol, node)
    if (size === undefined) return undefined
    at += size
  }
  return at
}

/** Fields of fixed size behind the sealed group, in bytes; undefined where that is not fixed. */
export function behindSealed(protocol: Protocol, nodes: readonly Node[], seal: string): number | undefined {
  let bits = 0
  let isBehind = false
  const visit = (list: readonly Node[]): boolean => {
    for (const node of list) {
      if (node.kind === 'group' && node.seal === seal) isBehind = true
      else if (node.kind === 'group') {
        if (!visit(node.nodes)) return false
      } else if (isBehind && !node.from) {
        const size = node.if ? undefined : fieldBits(protocol, node)
        if (size === undefined) return false
        bits += size
      }
    }
    return true
  }
  return visit(nodes) && bits % 8 === 0 ? bits / 8 : undefined
}

/** Whole bytes of an unsigned integer. */
export function bytePlace(placed: Placed): BytePlace | undefined {
  const { node, bits } = placed
  const type = node.kind === 'field' ? innerType(node.type) : undefined
  if (type?.kind !== 'int' || type.bits % 8 !== 0 || bits % 8 !== 0) return undefined
  return { at: bits / 8, size: type.bits / 8, little: type.little }
}

/** Bits inside one byte. */
export function bitPlace(protocol: Protocol, placed: Placed): BitPlace | undefined {
  const { node, bits } = placed
  const size = node.kind === 'field' ? fieldBits(protocol, node) : undefined
  if (size === undefined || size > 8 || (bits % 8) + size > 8) return undefined
  const low = node.kind === 'field' && isLow(protocol, node.type)
  return { at: Math.floor(bits / 8), shift: low ? bits % 8 : 8 - (bits % 8) - size, mask: 2 ** size - 1 }
}

function isLow(protocol: Protocol, of: Type): boolean {
  const type = innerType(of)
  const number = type.kind === 'enum' ? protocol.enums.get(type.name)?.type : type
  if (type.kind === 'bitset') return protocol.bitsets.get(type.name)?.type.little === true
  return (number?.kind === 'int' || number?.kind === 'bit') && number.little
}

/** The place of a field that stands at the same offset in every sealed frame. */
export function clearPlace(protocol: Protocol, name: string, seal?: string): BytePlace | undefined {
  const places = sealedFrames(protocol, seal).map(frame => {
    const found = fixedPart(protocol, frame.body.nodes).find(one => one.node.name === name)
    return found && bytePlace(found)
  })
  const [first] = places
  return first && places.every(one => one?.at === first.at && one.size === first.size) ? first : undefined
}

export function sealedFrames(protocol: Protocol, seal?: string): Frame[] {
  return [...protocol.frames.values()].filter(frame => holdsSeal(frame.body.nodes, seal))
}

/** Bits of a field; of a field whose size is fixed but which carries no `bits` of its own, from its type. */
export function fieldBits(protocol: Protocol, field: Field): number | undefined {
  if (field.bits !== undefined) return field.bits
  const type = innerType(field.type)
  if (type.kind === 'int') return type.bits
  if (type.kind === 'enum') {
    const of = protocol.enums.get(type.name)?.type
    return of?.kind === 'int' ? of.bits : undefined
  }
  if (type.kind === 'bitset') return protocol.bitsets.get(type.name)?.type.bits
  return undefined
}

function holdsSeal(nodes: readonly Node[], seal: string | undefined): boolean {
  return nodes.some(
    node =>
      node.kind === 'group' &&
      ((node.seal !== undefined && (seal === undefined || node.seal === seal)) || holdsSeal(node.nodes, seal)),
  )
}
