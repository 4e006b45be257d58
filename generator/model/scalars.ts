// Types that stand alone: numbers, with the byte order of the file filled in.

import type { TypeSyntax } from '../language/ast.ts'
import type { Type } from './model.ts'
import { Mistake } from './report.ts'

/** The resolved form of a type without names, sizes and regions; undefined for the others. */
export function scalarType(type: TypeSyntax, little: boolean): Type | undefined {
  switch (type.is) {
    case 'int': {
      const { signed, bits } = type
      if (type.endian === 'little' && bits % 8 !== 0) {
        throw new Mistake(
          'alignment',
          `${bits} bits have no little-endian order`,
          type,
          'byte order is for whole bytes',
        )
      }
      const isLittle = bits > 8 && bits % 8 === 0 && (type.endian ? type.endian === 'little' : little)
      return { kind: 'int', signed, bits, little: isLittle }
    }
    case 'float':
      return { kind: 'float', bits: type.bits, little: type.endian ? type.endian === 'little' : little }
    case 'bool':
    case 'bit':
      return { kind: type.is }
    case 'varint':
      return { kind: 'varint', coding: type.coding, max: type.max }
    case 'align':
      return { kind: 'align', to: type.to }
    default:
      return undefined
  }
}
