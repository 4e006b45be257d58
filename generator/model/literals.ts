// Literals against the type of the field that holds them: 300 does not fit into a u8, "VTX" not into two bytes.

import { RESULT_SIZE } from '../language/functions.ts'
import { fitsBits, spell } from './definitions.ts'
import { constant } from './fold.ts'
import type { Expr, Type } from './model.ts'
import { Mistake } from './report.ts'

/** Throws where a value that is known now can never be stored. `lookup` gives the number behind an enum or bit set. */
export function checkFits(expr: Expr, type: Type, lookup: (name: string) => Type | undefined): void {
  if (expr.is === 'if') {
    checkFits(expr.yes, type, lookup)
    checkFits(expr.no, type, lookup)
    return
  }
  const stored = type.kind === 'enum' || type.kind === 'bitset' ? lookup(type.name) : type
  switch (stored?.kind) {
    case 'int':
      number(expr, stored)
      break
    case 'region': {
      const size = stored.extent.by === 'size' ? constant(stored.extent.size) : undefined
      if (size !== undefined && (stored.of.kind === 'bytes' || stored.of.kind === 'text')) bytes(expr, size)
      else checkFits(expr, stored.of, lookup)
      break
    }
    case 'number':
    case 'delimited':
    case 'at':
      checkFits(expr, stored.of, lookup)
      break
    default:
  }
}

function number(expr: Expr, type: Extract<Type, { kind: 'int' }>): void {
  const value = constant(expr)
  if (value !== undefined && !fitsBits(value, type)) {
    throw new Mistake('range', `${value} does not fit into ${spell(type)}`, expr)
  }
  if (expr.is !== 'call' || expr.name !== 'random') return
  const size = constant(expr.args[0]!)
  if (size === undefined || Number(size) * 8 === type.bits) return
  throw new Mistake('range', `random(${size}) makes ${Number(size) * 8} bits, the field has ${type.bits}`, expr)
}

function bytes(expr: Expr, size: bigint): void {
  const length = lengthOf(expr)
  if (length === undefined || BigInt(length) === size) return
  throw new Mistake('range', `${length} bytes do not fill a field of ${size}`, expr)
}

function lengthOf(expr: Expr): number | undefined {
  if (expr.is === 'bytes') return expr.value.length
  if (expr.is === 'text') return new TextEncoder().encode(expr.value).length
  if (expr.is !== 'call') return undefined
  if (expr.name === 'zeros' || expr.name === 'random') {
    const size = constant(expr.args[0]!)
    return size === undefined ? undefined : Number(size)
  }
  return RESULT_SIZE.get(expr.name)
}
