// A value expression as canonical text: two conditions that read the same are the same condition.

import type { ExprSyntax } from './ast.ts'

/** Fully parenthesised, blanks and number spellings normalised. */
export function show(expr: ExprSyntax): string {
  switch (expr.is) {
    case 'int':
    case 'float':
    case 'bool':
      return String(expr.value)
    case 'text':
      return JSON.stringify(expr.value)
    case 'bytes':
      return `x"${Array.from(expr.value, byte => byte.toString(16).padStart(2, '0')).join('')}"`
    case 'name':
      return expr.name
    case 'member':
      return `${show(expr.of)}.${expr.name}`
    case 'index':
      return `${show(expr.of)}[${show(expr.index)}]`
    case 'if':
      return `(if ${show(expr.test)} then ${show(expr.yes)} else ${show(expr.no)})`
    case 'not':
      return `(not ${show(expr.of)})`
    case 'negate':
      return `(-${show(expr.of)})`
    case 'binary':
      return `(${show(expr.left)} ${expr.operator} ${show(expr.right)})`
    case 'in':
      return `(${show(expr.of)} in (${expr.items.map(item => `${show(item.from)}..${show(item.to)}`).join(', ')}))`
    case 'call':
      return `${expr.name}(${expr.lookahead ? JSON.stringify(expr.lookahead, exact) : expr.args.map(show).join(', ')})`
    case 'range':
      return `${expr.from ?? ''}..${expr.to ?? ''}`
  }
}

function exact(key: string, value: unknown): unknown {
  if (key === 'start' || key === 'end') return undefined
  return typeof value === 'bigint' ? String(value) : value
}
