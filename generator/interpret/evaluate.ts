// Evaluates resolved expressions over a scope: a record that is being decoded or encoded. Integers are exact; what has
// no value (an absent field, a division by zero, a result outside +-2^128) throws `Unevaluable`, which callers turn
// into CheckFailed at the field the expression belongs to.
import type { Context } from '../../runtime/wire/codec.ts'
import type { Expr, Protocol, RangeEnd, Type } from '../model/model.ts'
import { Unevaluable } from './fault.ts'
import { callFunction } from './functions.ts'
import { equal, isList, isStruct, isUnion, NONE, type Value } from './value.ts'

/** What an expression can see. Decoder and encoder each implement it for a record. */
export interface Scope {
  readonly protocol: Protocol
  readonly context: Context
  /** The record around; undefined in a frame. */
  readonly parent: Scope | undefined
  /** Undefined when absent. */
  field(name: string): Value
  /** Bytes of a field's or group's content, 0 when absent. */
  size(name: string): number
  /** Bytes from the start of the frame. */
  offset(name: string): number
  /** Bytes of fields in wire order; without `to`, up to before the field that is being worked on. */
  range(from: string | undefined, to: string | undefined): Uint8Array
  /** Bytes of the record around from a field of it to where this record begins. */
  outerRange(from: string | undefined): Uint8Array
  /** As `range`, in bytes; sealed groups as they are on the wire. */
  rangeSize(from: string | undefined, to: string | undefined): number
  /** In lists: the item before, and in `until` the item just read. */
  prev(): Value
  item(): Value
  /** Bytes left in the region, seen from the node that asks. */
  remaining(): number
  next(type: Type): Value
}

export function evaluate(expr: Expr, scope: Scope): Value {
  switch (expr.is) {
    case 'int':
    case 'float':
    case 'bool':
    case 'text':
    case 'bytes':
    case 'enumValue':
      return expr.value
    case 'none':
      return NONE
    case 'field':
      return scope.field(expr.name)
    case 'parent':
      return ancestor(scope, expr.up).field(expr.name)
    case 'special':
      return special(expr.name, scope)
    case 'space':
      return fromSpace(expr.space, expr.name, scope)
    case 'member':
      return memberOf(evaluate(expr.of, scope), expr.name, expr, scope.protocol)
    case 'index':
      return indexed(evaluate(expr.of, scope), integer(expr.index, scope))
    case 'if':
      return evaluate(truth(expr.test, scope) ? expr.yes : expr.no, scope)
    case 'not':
      return !truth(expr.of, scope)
    case 'negate': {
      const value = needed(evaluate(expr.of, scope))
      return typeof value === 'number' ? -value : bounded(-asInteger(value))
    }
    case 'binary':
      return binary(expr, scope)
    case 'in': {
      const value = needed(evaluate(expr.of, scope))
      return expr.items.some(item => {
        const from = needed(evaluate(item.from, scope))
        if (item.to === item.from) return equal(value, from)
        return order(value, from) >= 0 && order(value, needed(evaluate(item.to, scope))) <= 0
      })
    }
    case 'call':
      return callFunction(expr, scope)
    case 'range':
      return rangeBytes(expr.from, expr.to, scope)
    case 'frameField':
      throw new Unevaluable(`${expr.frame}.${expr.path.join('.')} is a value of a handshake`)
  }
}

/** A condition or rule. */
export function truth(expr: Expr, scope: Scope): boolean {
  const value = needed(evaluate(expr, scope))
  if (typeof value !== 'boolean') throw new Unevaluable('this is neither true nor false')
  return value
}

export function integer(expr: Expr, scope: Scope): bigint {
  return asInteger(needed(evaluate(expr, scope)))
}

export function needed(value: Value): Exclude<Value, undefined> {
  if (value === undefined) throw new Unevaluable('a value is absent')
  return value
}

/** The bytes of `a..b`; both ends stand in the same record. Without `b` in a record around: to before the one in it. */
export function rangeBytes(from: RangeEnd | undefined, to: RangeEnd | undefined, scope: Scope): Uint8Array {
  const up = from?.up ?? to?.up ?? 0
  if (up > 0 && to === undefined) return ancestor(scope, up - 1).outerRange(from?.field)
  return ancestor(scope, up).range(from?.field, to?.field)
}

export function rangeSize(from: RangeEnd | undefined, to: RangeEnd | undefined, scope: Scope): number {
  const up = from?.up ?? to?.up ?? 0
  if (up > 0 && to === undefined) return ancestor(scope, up - 1).outerRange(from?.field).length
  return ancestor(scope, up).rangeSize(from?.field, to?.field)
}

export function ancestor(scope: Scope, up: number): Scope {
  let at = scope
  for (let i = 0; i < up; i++) {
    if (!at.parent) throw new Unevaluable('there is no record around this one')
    at = at.parent
  }
  return at
}

export function asInteger(value: Value): bigint {
  if (typeof value !== 'bigint') throw new Unevaluable('this is no integer')
  return value
}

function binary(expr: Extract<Expr, { is: 'binary' }>, scope: Scope): Value {
  const { operator } = expr
  if (operator === 'and') return truth(expr.left, scope) && truth(expr.right, scope)
  if (operator === 'or') {
    const left = absentAllowed(expr.left, scope)
    if (left === undefined || left === false) return evaluate(expr.right, scope)
    return left
  }
  const left = needed(evaluate(expr.left, scope))
  const right = needed(evaluate(expr.right, scope))
  switch (operator) {
    case '==':
      return equal(left, right)
    case '!=':
      return !equal(left, right)
    case '<':
      return order(left, right) < 0
    case '<=':
      return order(left, right) <= 0
    case '>':
      return order(left, right) > 0
    case '>=':
      return order(left, right) >= 0
    default:
      if (typeof left === 'number' || typeof right === 'number') return floating(operator, Number(left), Number(right))
      return bounded(arithmetic(operator, asInteger(left), asInteger(right)))
  }
}

/** The left side of `or`: an absent value anywhere in it makes it absent. */
function absentAllowed(expr: Expr, scope: Scope): Value {
  try {
    return evaluate(expr, scope)
  } catch (thrown) {
    if (thrown instanceof Unevaluable && thrown.reason === 'a value is absent') return undefined
    throw thrown
  }
}

function arithmetic(operator: string, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
    case '%':
      if (right === 0n) throw new Unevaluable('division by zero')
      return operator === '/' ? left / right : left % right
    case '&':
      return left & right
    case '|':
      return left | right
    case 'xor':
      return left ^ right
    case '<<':
    case '>>':
      if (right < 0n || right > 127n) throw new Unevaluable('a shift by less than 0 or more than 127')
      return operator === '<<' ? left << right : left >> right
    case '^':
      if (right < 0n || (right > 128n && left * left > 1n)) throw new Unevaluable('this power is too large')
      return left ** right
    default:
      throw new Unevaluable(`no integer has ${operator}`)
  }
}

function floating(operator: string, left: number, right: number): number {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
    case '^':
      return left ** right
    default:
      throw new Unevaluable(`no float has ${operator}`)
  }
}

function bounded(value: bigint): bigint {
  if (value > LIMIT || value < -LIMIT) throw new Unevaluable('this number is too large')
  return value
}

/** Negative, zero or positive; numbers and bytes have an order. */
function order(left: Value, right: Value): number {
  const ok = (value: Value): value is bigint | number => typeof value === 'bigint' || typeof value === 'number'
  if (!ok(left) || !ok(right)) throw new Unevaluable('only numbers have an order')
  return left < right ? -1 : left > right ? 1 : 0
}

function special(name: 'item' | 'prev' | 'remaining' | 'code' | 'size' | 'counter', scope: Scope): Value {
  if (name === 'item') return scope.item()
  if (name === 'prev') return scope.prev()
  if (name === 'remaining') return BigInt(scope.remaining())
  throw new Unevaluable(`${name} has no value inside a frame`)
}

/** A struct's field, a bit, a variant's field, or an entry of a multimap. */
function memberOf(value: Value, name: string, expr: Extract<Expr, { is: 'member' }>, protocol: Protocol): Value {
  if (value === undefined) return undefined
  if (isList(value)) return value.entry(name)
  if (isUnion(value) && name === 'is') return value.variant
  if (isStruct(value) || isUnion(value)) return value.get(name)
  if (typeof value === 'bigint' && expr.of.type.kind === 'bitset') {
    const bit = protocol.bitsets.get(expr.of.type.name)!.bits.find(known => known.name === name)!
    return ((value >> BigInt(bit.bit)) & 1n) === 1n
  }
  throw new Unevaluable(`there is no ${name} here`)
}

function indexed(value: Value, index: bigint): Value {
  if (index < 0n || index > BigInt(Number.MAX_SAFE_INTEGER)) return undefined
  if (isList(value)) return value.at(Number(index))
  if (!(value instanceof Uint8Array)) return undefined
  const byte = value[Number(index)]
  return byte === undefined ? undefined : BigInt(byte)
}

function fromSpace(space: string, name: string, scope: Scope): Value {
  if (!(space in SPACES)) throw new Unevaluable(`${space}.${name} is a value of a handshake`)
  const given = scope.context[space as keyof typeof SPACES][name]
  if (given !== undefined) return plain(given)
  const fallback = space === 'param' ? scope.protocol.params.get(name)?.fallback : undefined
  return fallback && 'literal' in fallback ? plain(fallback.literal) : undefined
}

function plain(given: unknown): Value {
  if (typeof given === 'number') return Number.isInteger(given) ? BigInt(given) : given
  if (Array.isArray(given)) {
    return { is: 'list', length: given.length, at: i => plain(given[i]), entry: () => undefined }
  }
  return given as Value
}

const SPACES = { param: 1, session: 1, key: 1, peer: 1, local: 1 } as const
const LIMIT = 1n << 128n
