// Where the value of a field comes from while encoding; the first that applies (docs/adr/0002-decoding.md, "Encoding").
import { EncodeError } from '../../runtime/wire/codec.ts'
import type { Expr, Field, Literal } from '../model/model.ts'
import { literalValue } from './choose.ts'
import type { EncodeScope } from './encode-scope.ts'
import { evaluate, needed } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import { givenValue, stored, zeroValue } from './given.ts'
import type { Given } from './given-record.ts'
import { equal, type Value } from './value.ts'

export function resolveValue(field: Field, record: Given, scope: EncodeScope): Value {
  const plain = silent(field) ? undefined : record.values[field.name]
  if (field.with) return fixed(field, evaluate(field.with.value, scope), plain, scope, field.with.error)
  if (field.value && !field.from) return fixed(field, evaluate(field.value, scope), plain, scope, undefined)
  const allowed = field.from ? [] : selecting(field, scope)
  if (allowed.length > 0) return selected(field, allowed, plain, scope)
  const given = plain === undefined ? undefined : givenValue(field.type, plain, scope)
  if (field.from && given === undefined) return asRead(field.from, scope)
  if (field.from || field.type.kind === 'at' || field.type.kind === 'align') return given
  const value = given ?? unspoken(field, record, scope)
  if (value === undefined) throw scope.refuse('MissingField', 'this field has no value')
  return field.matchBits ? withBits(field, value, scope) : value
}

/** What a reader would compute from the wire fields, where those do not need this value themselves. */
function asRead(from: Expr, scope: EncodeScope): Value {
  try {
    return evaluate(from, scope)
  } catch (thrown) {
    if (thrown instanceof Unevaluable) return undefined
    throw thrown
  }
}

/** Nobody gives a value to these. */
function silent(field: Field): boolean {
  return field.hidden || field.type.kind === 'at' || field.type.kind === 'align'
}

/** A value that must be so; the caller may repeat it. `error` is a frame's, for `with`. */
function fixed(field: Field, computed: Value, plain: unknown, scope: EncodeScope, error: string | undefined): Value {
  const value = stored(field.type, needed(computed))
  if (plain !== undefined && !means(field, plain, value, scope)) {
    const message = 'this field is computed, another value was given'
    throw error === undefined ? scope.refuse('BadValue', message, true) : scope.refuse(error, message)
  }
  return value
}

/** One of the values that select the frame. */
function selected(field: Field, allowed: readonly Value[], plain: unknown, scope: EncodeScope): Value {
  if (plain === undefined) return allowed[0]
  const value = allowed.find(one => means(field, plain, one, scope))
  if (value === undefined) throw scope.refuse('BadValue', `this is no ${scope.rec.run.frame!.name} then`, true)
  return value
}

/** Whether the caller means this value: what is of another type, or no value at all, is simply another one. */
function means(field: Field, plain: unknown, value: Value, scope: EncodeScope): boolean {
  try {
    return equal(givenValue(field.type, plain, scope), value)
  } catch (thrown) {
    if (thrown instanceof EncodeError) return false
    throw thrown
  }
}

/** The value of a field that the caller does not give. */
function unspoken(field: Field, record: Given, scope: EncodeScope): Value {
  if (field.fallback) return stored(field.type, needed(evaluate(field.fallback, scope)))
  if (field.derives) return derived(field.derives, record, scope)
  if (field.hidden || record.zero) return zeroValue(field.type, scope)
  return field.matchBits ? 0n : undefined
}

/** Values by which the frame is told from others. */
function selecting(field: Field, scope: EncodeScope): readonly Value[] {
  const frame = scope.rec.run.frame
  if (field.isId && frame && frame.ids.length > 0) return frame.ids
  return (field.match ?? []).map((literal: Literal) => literalValue(scope.protocol, field.type, literal))
}

function derived(derives: NonNullable<Field['derives']>, record: Given, scope: EncodeScope): Value {
  const numbers = derives
    .filter(({ of }) => record.present(of))
    .map(({ of, how }) => BigInt(how === 'size' ? record.measured(of) : record.count(of)))
  if (numbers.some(number => number !== numbers[0])) {
    throw scope.refuse('SizeMismatch', `${derives.map(({ of }) => of).join(' and ')} disagree: ${numbers.join(', ')}`)
  }
  return numbers[0] ?? 0n
}

function withBits(field: Field, value: Value, scope: EncodeScope): Value {
  if (field.type.kind !== 'bitset' || typeof value !== 'bigint') return value
  const { bits } = scope.protocol.bitsets.get(field.type.name)!
  return field.matchBits!.reduce((all, { bit, value: set }) => {
    const mask = 1n << BigInt(bits.find(known => known.name === bit)!.bit)
    return set ? all | mask : all & ~mask
  }, value)
}
