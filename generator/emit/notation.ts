// Types and expressions of the model in the notation of the schema, for docs and comments.

import type { Count, Expr, Extent, Literal, RangeEnd, Type } from '../model/model.ts'

export function typeText(type: Type): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 'i' : 'u'}${type.bits}${type.little && type.bits !== 8 ? 'le' : ''}`
    case 'float':
      return `f${type.bits}${type.little ? 'le' : ''}`
    case 'bit':
      return type.little ? 'bitle' : 'bit'
    case 'bool':
    case 'bytes':
      return type.kind
    case 'text':
      return type.encoding === 'utf8' ? 'string' : type.encoding
    case 'varint':
      return `${type.coding}(${type.max})`
    case 'uint':
      return `uint${type.little ? 'le' : ''}(${exprText(type.size)})`
    case 'number':
      return `${type.base === 10 ? 'dec' : 'hex'}(${typeText(type.of)})`
    case 'region':
      return regionText(type)
    case 'delimited':
      return `${typeText(type.of)} until(${bytesText(type.delimiter)})`
    case 'list':
      return `${itemText(type.of)}*${countText(type.count)}`
    case 'at':
      return `${typeText(type.of)} at(${exprText(type.offset)})`
    case 'align':
      return `align(${type.to})`
    case 'union':
      return type.tag ? `${type.name}(${exprText(type.tag)})` : type.name
    default:
      return type.name
  }
}

export function exprText(expr: Expr): string {
  switch (expr.is) {
    case 'int':
    case 'float':
    case 'bool':
      return String(expr.value)
    case 'text':
      return JSON.stringify(expr.value)
    case 'bytes':
      return bytesText(expr.value)
    case 'none':
      return 'none'
    case 'enumValue':
    case 'field':
    case 'special':
      return expr.name
    case 'parent':
      return `${'parent.'.repeat(expr.up)}${expr.name}`
    case 'frameField':
      return [expr.frame, ...expr.path].join('.')
    case 'space':
      return `${expr.space}.${expr.name}`
    case 'member':
      return `${exprText(expr.of)}.${expr.name}`
    case 'index':
      return `${exprText(expr.of)}[${exprText(expr.index)}]`
    case 'if':
      return `if ${exprText(expr.test)} then ${exprText(expr.yes)} else ${exprText(expr.no)}`
    case 'not':
      return `not ${operand(expr.of)}`
    case 'negate':
      return `-${operand(expr.of)}`
    case 'binary':
      return `${operand(expr.left)} ${expr.operator} ${operand(expr.right)}`
    case 'in':
      return `${operand(expr.of)} in (${expr.items.map(rangeText).join(', ')})`
    case 'call':
      return `${expr.name}(${expr.lookahead ? typeText(expr.lookahead) : expr.args.map(exprText).join(', ')})`
    case 'range':
      return `${endText(expr.from)}..${endText(expr.to)}`
  }
}

export function bytesText(bytes: Uint8Array): string {
  const printable = bytes.length > 0 && bytes.every(byte => byte >= 0x20 && byte < 0x7f)
  return printable ? JSON.stringify(String.fromCharCode(...bytes)) : `x"${hex(bytes)}"`
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

export function literalText(literal: Literal): string {
  return String(literal)
}

function regionText(type: Extract<Type, { kind: 'region' }>): string {
  if (type.extent.by === 'rest') return typeText(type.of)
  const plain = type.of.kind === 'bytes' || type.of.kind === 'text'
  return `${typeText(type.of)}${plain ? '' : ' in'}(${extentText(type.extent)})`
}

function extentText(extent: Extent): string {
  if (extent.by === 'rest') return '..'
  return extent.by === 'prefix' ? typeText(extent.type) : exprText(extent.size)
}

function countText(count: Count): string {
  switch (count.by) {
    case 'rest':
      return ''
    case 'prefix':
      return typeText(count.type)
    case 'count':
      return count.count.is === 'int' || count.count.is === 'field'
        ? exprText(count.count)
        : `(${exprText(count.count)})`
    default:
      return ` ${count.by}(${exprText(count.test)})`
  }
}

function itemText(type: Type): string {
  return type.kind === 'list' || type.kind === 'delimited' ? `(${typeText(type)})` : typeText(type)
}

function operand(expr: Expr): string {
  return expr.is === 'binary' || expr.is === 'if' || expr.is === 'in' ? `(${exprText(expr)})` : exprText(expr)
}

function rangeText(item: { from: Expr; to: Expr }): string {
  const from = exprText(item.from)
  const to = exprText(item.to)
  return from === to ? from : `${from}..${to}`
}

function endText(end: RangeEnd | undefined): string {
  return end ? `${'parent.'.repeat(end.up)}${end.field}` : ''
}
