// Values that are known while a schema is built: sizes like `4*8`, literals, `2^20`.

import type { ExprSyntax } from '../language/ast.ts'
import type { Expr } from './model.ts'

/** The whole number that an expression of literals gives; undefined where a name or call is involved. Syntax and resolved
 * expressions have the same shape here. */
export function constant(expr: ExprSyntax | Expr): bigint | undefined {
  if (expr.is === 'int') return expr.value
  if (expr.is === 'negate') return map(constant(expr.of), value => -value)
  if (expr.is !== 'binary') return undefined
  const a = constant(expr.left)
  const b = constant(expr.right)
  if (a === undefined || b === undefined) return undefined
  switch (expr.operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return b === 0n ? undefined : a / b
    case '%':
      return b === 0n ? undefined : a % b
    case '^':
      return b >= 0n && b <= 1024n ? a ** b : undefined
    case '<<':
      return b >= 0n && b <= 1024n ? a << b : undefined
    case '>>':
      return b >= 0n && b <= 1024n ? a >> b : undefined
    case '|':
      return a | b
    case '&':
      return a & b
    case 'xor':
      return a ^ b
    default:
      return undefined
  }
}

function map(value: bigint | undefined, change: (value: bigint) => bigint): bigint | undefined {
  return value === undefined ? undefined : change(value)
}
