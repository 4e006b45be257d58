// Where the fields of a record stand: the offset as far as it is the same in every frame, and the size in words where
// it varies. For docs and comments.

import type { Body, Expr, Field, Group, Node, Type } from '../model/model.ts'
import { exprText, typeText } from './notation.ts'

export interface Placed {
  readonly node: Node
  /** Groups around it that are regions, sealed or conditional. */
  readonly depth: number
  /** Bits from the start of the record; undefined behind the first part of varying size. */
  readonly offset: number | undefined
  /** Bits; undefined where it varies or the field is conditional. */
  readonly bits: number | undefined
  /** Whether it takes bytes of its own: `from` and `at` fields do not. */
  readonly onWire: boolean
}

/** All nodes in wire order, groups before their content. */
export function placed(body: Body): Placed[] {
  const found: Placed[] = []
  let at: number | undefined = 0
  const walk = (nodes: readonly Node[], depth: number): void => {
    for (const node of nodes) {
      if (node.kind === 'group') {
        found.push({ node, depth, offset: at, bits: undefined, onWire: false })
        if (node.extent?.by === 'prefix') at = add(at, fixedBits(node.extent.type))
        if (node.if) at = undefined
        walk(node.nodes, node.seal || node.extent || node.if ? depth + 1 : depth)
        if (node.if || node.seal) at = undefined
        continue
      }
      const onWire = isOnWire(node)
      const bits = onWire ? (node.bits ?? undefined) : 0
      found.push({ node, depth, offset: onWire ? at : undefined, bits: onWire ? node.bits : undefined, onWire })
      at = add(at, bits)
    }
  }
  walk(body.nodes, 0)
  return found
}

export function isOnWire(field: Field): boolean {
  return field.from === undefined && field.type.kind !== 'at'
}

/** Bits of a type that always has the same size; undefined of any other. */
export function fixedBits(type: Type): number | undefined {
  switch (type.kind) {
    case 'int':
    case 'float':
      return type.bits
    case 'bool':
      return 8
    case 'bit':
      return 1
    default:
      return undefined
  }
}

/** `4`, `3 bits`, `len`, `2 + n`, `rest`. */
export function sizeText(placed: Placed): string {
  if (placed.node.kind === 'group') return placed.node.extent ? extentSize(placed.node) : ''
  if (!placed.onWire) return 'none'
  if (placed.bits !== undefined) return bitsText(placed.bits)
  const size = typeSize(placed.node.type)
  return placed.node.if ? `0 or ${size}` : size
}

export function bitsText(bits: number): string {
  if (bits % 8 === 0) return String(bits / 8)
  return bits === 1 ? '1 bit' : `${bits} bits`
}

function extentSize(group: Group): string {
  const extent = group.extent!
  if (extent.by === 'rest') return 'rest'
  return extent.by === 'prefix' ? `${typeText(extent.type)} + n` : bytesOf(extent.size)
}

function typeSize(type: Type): string {
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'bool':
    case 'bit':
      return bitsText(fixedBits(type)!)
    case 'varint':
      return `1 to ${type.max}`
    case 'uint':
      return bytesOf(type.size)
    case 'region':
      if (type.extent.by === 'rest') return 'rest'
      return type.extent.by === 'prefix' ? `${typeText(type.extent.type)} + n` : bytesOf(type.extent.size)
    case 'delimited':
      return `n + ${type.delimiter.length}`
    case 'align':
      return `0 to ${type.to - 1}`
    default:
      return 'varies'
  }
}

function bytesOf(size: Expr): string {
  return exprText(size)
}

function add(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b
}
