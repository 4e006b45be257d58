// Expressions of the schema as Lua over the values a dissector has read. What it cannot know becomes `unknown(..)`,
// which leaves the rest of the frame as bytes when it is reached.

import type { Expr, Field, Protocol } from '../../model/model.ts'
import { exprText } from '../notation.ts'

export interface Scope {
  readonly protocol: Protocol
  /** Fields of the record, for bit sets and enums. */
  readonly fields: ReadonlyMap<string, Field>
}

export function luaExpr(expr: Expr, scope: Scope): string {
  const go = (part: Expr): string => luaExpr(part, scope)
  switch (expr.is) {
    case 'int':
    case 'float':
    case 'bool':
      return String(expr.value)
    case 'enumValue':
      return String(expr.value)
    case 'text':
      return luaText(expr.value)
    case 'bytes':
      return luaString(expr.value)
    case 'none':
      return '""'
    case 'field':
      return `v.${luaName(expr.name)}`
    case 'parent':
      return `v${'["^"]'.repeat(expr.up)}.${luaName(expr.name)}`
    case 'special':
      return special(expr.name)
    case 'space':
      return param(expr, scope)
    case 'member':
      return member(expr, scope)
    case 'if':
      return `(function() if ${go(expr.test)} then return ${go(expr.yes)} end return ${go(expr.no)} end)()`
    case 'not':
      return `(not ${go(expr.of)})`
    case 'negate':
      return `(-${go(expr.of)})`
    case 'binary':
      return binary(expr, scope)
    case 'in':
      return `(${expr.items.map(item => within(go(expr.of), go(item.from), go(item.to))).join(' or ')})`
    case 'call':
      return call(expr, scope)
    default:
      return unknown(expr)
  }
}

/** A field name as it may follow a dot in Lua. */
export function luaName(name: string): string {
  return LUA_WORDS.has(name) ? `${name}_` : name
}

/** Bytes as a Lua string. */
export function luaString(bytes: Uint8Array): string {
  const plain = (byte: number): boolean => byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
  const text = Array.from(bytes, byte =>
    plain(byte) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`,
  )
  return `"${text.join('')}"`
}

/** Text as a Lua string. */
export function luaText(text: string): string {
  return luaString(new TextEncoder().encode(text))
}

function special(name: string): string {
  if (name === 'remaining') return '(c.stop - c.at)'
  if (name === 'prev') return 'c.prev'
  return name === 'item' ? name : `unknown("${name}")`
}

/** A param with a literal default is taken to have it. */
function param(expr: Extract<Expr, { is: 'space' }>, scope: Scope): string {
  const given = expr.space === 'param' ? scope.protocol.params.get(expr.name)?.fallback : undefined
  const literal = given && 'literal' in given ? given.literal : undefined
  if (typeof literal === 'number' || typeof literal === 'bigint' || typeof literal === 'boolean') return String(literal)
  return unknown(expr)
}

function member(expr: Extract<Expr, { is: 'member' }>, scope: Scope): string {
  const of = luaExpr(expr.of, scope)
  if (expr.entry) return unknown(expr)
  if (expr.of.type.kind !== 'bitset') return `(${of} or {}).${luaName(expr.name)}`
  const bit = scope.protocol.bitsets.get(expr.of.type.name)?.bits.find(one => one.name === expr.name)
  return bit ? `has_bit(${of}, ${bit.bit})` : unknown(expr)
}

function binary(expr: Extract<Expr, { is: 'binary' }>, scope: Scope): string {
  const left = luaExpr(expr.left, scope)
  const right = luaExpr(expr.right, scope)
  const call = CALLS[expr.operator]
  if (call) return call(left, right)
  return `(${left} ${expr.operator === '!=' ? '~=' : expr.operator} ${right})`
}

function call(expr: Extract<Expr, { is: 'call' }>, scope: Scope): string {
  const [first] = expr.args
  switch (expr.name) {
    case 'present':
      return first && !(first.is === 'member' && first.entry) ? `(${luaExpr(first, scope)} ~= nil)` : unknown(expr)
    case 'count':
      return first ? `#${luaExpr(first, scope)}` : unknown(expr)
    case 'size':
      return first?.type.kind === 'bytes' || first?.type.kind === 'text' ? `#${luaExpr(first, scope)}` : unknown(expr)
    case 'min':
    case 'max':
      return `math.${expr.name}(${expr.args.map(arg => luaExpr(arg, scope)).join(', ')})`
    case 'next': {
      const type = expr.lookahead
      return type?.kind === 'int' ? `peek(c, ${type.bits}, ${type.little})` : unknown(expr)
    }
    default:
      return unknown(expr)
  }
}

function within(value: string, from: string, to: string): string {
  return from === to ? `${value} == ${from}` : `(${value} >= ${from} and ${value} <= ${to})`
}

function unknown(expr: Expr): string {
  return `unknown(${luaText(exprText(expr))})`
}

const CALLS: Readonly<Record<string, (left: string, right: string) => string>> = {
  '&': (left, right) => `AND(${left}, ${right})`,
  '|': (left, right) => `OR(${left}, ${right})`,
  xor: (left, right) => `XOR(${left}, ${right})`,
  '<<': (left, right) => `(${left} * 2 ^ ${right})`,
  '>>': (left, right) => `math.floor(${left} / 2 ^ ${right})`,
  '/': (left, right) => `truncate(${left}, ${right})`,
  '%': (left, right) => `math.fmod(${left}, ${right})`,
}

const LUA_WORDS: ReadonlySet<string> = new Set(
  'and break do else elseif end false for function goto if in local nil not or repeat return then true until while'.split(
    ' ',
  ),
)
