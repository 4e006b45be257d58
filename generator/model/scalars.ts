// Types that stand alone: numbers, with the byte and bit order of the file filled in.

import type { TypeSyntax } from '../language/ast.ts'
import type { Type } from './model.ts'

/** What numbers without le or be have: `endian` and `bit_order` of the file they stand in. */
export interface Order {
  readonly little: boolean
  /** Bit fields begin at the least significant bit. */
  readonly lsb: boolean
}

/** The resolved form of a type without names, sizes and regions; undefined for the others. */
export function scalarType(type: TypeSyntax, order: Order): Type | undefined {
  switch (type.is) {
    case 'int':
      return { kind: 'int', signed: type.signed, bits: type.bits, little: isLittle(type, order) }
    case 'float':
      return { kind: 'float', bits: type.bits, little: type.endian ? type.endian === 'little' : order.little }
    case 'bool':
      return { kind: 'bool' }
    case 'bit':
      return { kind: 'bit', little: isLittle(type, order) }
    case 'varint':
      return { kind: 'varint', coding: type.coding, max: type.max }
    case 'align':
      return { kind: 'align', to: type.to }
    default:
      return undefined
  }
}

/** Several whole bytes follow the order of bytes, everything narrower or odd the order of bits. */
export function isLittle(type: Extract<TypeSyntax, { is: 'int' | 'bit' }>, order: Order): boolean {
  if (type.endian) return type.endian === 'little'
  return type.is === 'int' && type.bits > 8 && type.bits % 8 === 0 ? order.little : order.lsb
}
