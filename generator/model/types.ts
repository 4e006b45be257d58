// From the syntax of a type to a resolved one: names looked up, byte order and "the rest" made explicit.

import type { CountSyntax, ExprSyntax, ExtentSyntax, TypeSyntax } from '../language/ast.ts'
import { didYouMean } from '../language/problem.ts'
import type { Catalog } from './catalog.ts'
import { numberOf } from './definitions.ts'
import { type Context, resolve, resolveAs } from './expressions.ts'
import { constant } from './fold.ts'
import type { Count, Expr, Extent, Type, ValueType } from './model.ts'
import { mapOf, textOf } from './raw.ts'
import { Mistake } from './report.ts'
import { type Order, scalarType } from './scalars.ts'
import type { Sizes } from './sizes.ts'
import { BOOL, describe, INT, typeOfValue } from './values.ts'

export interface TypeContext {
  readonly catalog: Catalog
  readonly sizes: Sizes
  /** Where sizes, counts and conditions are resolved. */
  readonly names: Context
  /** Bytes behind the field that "the rest" leaves alone; throws where they are not known. */
  readonly tail: () => number
  /** `lenient: true` of the field. */
  readonly lenient: boolean
  /** Order of numbers that do not say. */
  readonly order: Order
}

export function resolveType(type: TypeSyntax, context: TypeContext): Type {
  return inRecord(type, context)
}

/** The specials that sizes, counts and conditions know, and lookahead. */
export function layoutNames(context: Omit<TypeContext, 'names' | 'tail'>, names: Context): Context {
  return {
    ...names,
    specials: new Map([...(names.specials ?? []), ['remaining', INT]]),
    lookahead: call => {
      const inner: TypeContext = { ...context, names, tail: () => 0 }
      const type = inRecord(call.lookahead!, inner)
      return { type, value: typeOfValue(type) }
    },
  }
}

/** A type that stands in a record: what fills its region gets one. */
function inRecord(type: TypeSyntax, context: TypeContext): Type {
  if (type.is === 'bytes' || type.is === 'text' || type.is === 'number') {
    return { kind: 'region', of: inRegion(type, context), extent: { by: 'rest', tail: context.tail() } }
  }
  if (type.is === 'name' && context.sizes.open(type)) {
    const of = inRegion(type, context)
    const tail = context.tail()
    return tail === 0 ? of : { kind: 'region', of, extent: { by: 'rest', tail } }
  }
  return inRegion(type, context)
}

function inRegion(type: TypeSyntax, context: TypeContext): Type {
  const inner: TypeContext = { ...context, tail: () => 0 }
  switch (type.is) {
    case 'bytes':
      return { kind: 'bytes' }
    case 'text':
      return { kind: 'text', encoding: type.encoding }
    case 'number': {
      const of = scalarType(type.of, context.order)
      if (of?.kind !== 'int') throw new Mistake('type', 'a number as text holds an integer type', type.of)
      return { kind: 'number', base: type.base, of, lenient: context.lenient }
    }
    case 'uint': {
      const size = sizeOf(type.size, context)
      if ((constant(size) ?? 0n) > 8n)
        throw new Mistake('range', 'an integer has at most 8 bytes', type.size, 'longer numbers are bytes(n)')
      return { kind: 'uint', size, little: type.endian === 'little' }
    }
    case 'name':
      return named(type, context)
    case 'region': {
      const region: Type = { kind: 'region', of: inRegion(type.of, inner), extent: extentOf(type.extent, context) }
      checkRegion(type, context.sizes)
      return region
    }
    case 'delimited':
      return { kind: 'delimited', of: inRegion(type.of, inner), delimiter: delimiter(type.delimiter) }
    case 'list':
      return listOf(type, context)
    case 'at': {
      const of = inRecord(type.of, inner)
      return { kind: 'at', of, offset: resolveAs(type.offset, context.names, INT, 'an offset') }
    }
    case 'id':
      throw new Mistake('type', 'id(..) is the type of a whole field', type, 'put it in front: "id(u8) if .."')
    case 'frame':
      throw new Mistake('type', 'the frame stands in the envelope as a field of its own', type)
    case 'sealed':
      throw new Mistake('type', 'sealed bytes are a field of their own', type, 'put them into a struct')
    default:
      return scalarType(type, context.order)!
  }
}

/** What a region holds must be able to fill it. */
function checkRegion(type: Extract<TypeSyntax, { is: 'region' }>, sizes: Sizes): void {
  const size = type.extent.by === 'size' ? sizes.extent(type.extent) : undefined
  const least = sizes.least(type.of)
  const exact = sizes.open(type.of) ? undefined : sizes.bits(type.of)
  if (size !== undefined && (least > size || (exact !== undefined && exact !== size))) {
    const needs = exact === undefined ? `at least ${bytesOf(least)}` : bytesOf(exact)
    throw new Mistake('range', `the region has ${bytesOf(size)}, what is in it takes ${needs}`, type)
  }
  const prefix = type.extent.by === 'prefix' ? type.extent.type : undefined
  if (prefix?.is === 'int' && least / 8 > 2 ** prefix.bits - 1) {
    throw new Mistake('range', `a length of ${prefix.bits} bits cannot count the ${bytesOf(least)} behind it`, prefix)
  }
}

function bytesOf(bits: number): string {
  return bits % 8 ? `${bits} bits` : bits === 8 ? '1 byte' : `${bits / 8} bytes`
}

export function extentOf(extent: ExtentSyntax, context: TypeContext): Extent {
  if (extent.by === 'rest') return { by: 'rest', tail: context.tail() }
  if (extent.by === 'prefix') return { by: 'prefix', type: prefixOf(extent.type, context) }
  return { by: 'size', size: sizeOf(extent.size, context) }
}

function listOf(type: Extract<TypeSyntax, { is: 'list' }>, context: TypeContext): Type {
  const of = inRecord(type.of, { ...context, tail: () => 0 })
  const endless = type.count.by === 'rest' || type.count.by === 'while'
  if (endless && context.sizes.least(type.of) === 0) {
    throw new Mistake(
      'unbounded',
      'an item of this list can be empty, so the list has no end',
      type,
      'give it a count: "T*n"',
    )
  }
  if (context.sizes.open(type.of)) {
    throw new Mistake(
      'rest',
      'an item of this list takes the rest, nothing is left for a second',
      type,
      'give the items a length: "(T in(u16))*"',
    )
  }
  return { kind: 'list', of, count: countOf(type, typeOfValue(of), context) }
}

function countOf(list: Extract<TypeSyntax, { is: 'list' }>, item: ValueType, context: TypeContext): Count {
  const count: CountSyntax = list.count
  switch (count.by) {
    case 'rest':
      return { by: 'rest', tail: context.tail() }
    case 'prefix':
      return { by: 'prefix', type: prefixOf(count.type, context) }
    case 'count':
      return { by: 'count', count: sizeOf(count.count, context, 'a count') }
    case 'while':
      return { by: 'while', test: resolveAs(count.test, context.names, BOOL, 'a condition') }
    case 'until': {
      const specials = new Map([...(context.names.specials ?? []), ['item', item] as const])
      return { by: 'until', test: resolveAs(count.test, { ...context.names, specials }, BOOL, 'a condition') }
    }
  }
}

function sizeOf(syntax: ExprSyntax, context: TypeContext, what = 'a size'): Expr {
  const size = resolve(syntax, context.names)
  if (size.type.kind !== 'int') {
    throw new Mistake('type', `${what} is a whole number, this is ${describe(size.type)}`, syntax)
  }
  const value = constant(size)
  if (value === undefined) return size
  if (value < 0n || value > MOST_BYTES) throw new Mistake('range', `${what} of ${value} is impossible`, syntax)
  return { is: 'int', value, type: INT, start: size.start, end: size.end }
}

function prefixOf(type: TypeSyntax, context: TypeContext): Type {
  if (type.is === 'int' || type.is === 'varint' || type.is === 'uint') {
    if (type.is === 'int' && type.signed)
      throw new Mistake('type', 'a length is never negative', type, 'use an unsigned type')
    return inRegion(type, context)
  }
  throw new Mistake('type', 'a length in front is an integer or a varint', type, 'give the length a field of its own')
}

function delimiter(literal: ExprSyntax): Uint8Array {
  const bytes =
    literal.is === 'text'
      ? new TextEncoder().encode(literal.value)
      : literal.is === 'bytes'
        ? literal.value
        : literal.is === 'int' && literal.value <= 255n
          ? Uint8Array.of(Number(literal.value))
          : undefined
  if (!bytes) {
    const hint =
      literal.is === 'int' ? 'write several bytes as x"0d 0a"' : 'only a list "T* until(condition)" ends by a condition'
    throw new Mistake('type', 'a delimiter is a literal: text, bytes or one byte', literal, hint)
  }
  if (bytes.length === 0) throw new Mistake('type', 'an empty delimiter delimits nothing', literal)
  return bytes
}

function named(type: Extract<TypeSyntax, { is: 'name' }>, context: TypeContext): Type {
  const { catalog } = context
  const { name, args } = type
  const kind = catalog.kindOf(name)
  if (!kind) {
    throw new Mistake(
      'reference',
      `no type named ${name}`,
      { start: type.start, end: type.start + name.length },
      didYouMean(name, catalog.typeNames),
    )
  }
  if (kind !== 'union') {
    if (args.length)
      throw new Mistake('type', `${name} takes no argument, it is ${kind === 'enum' ? 'an' : 'a'} ${kind}`, args[0])
    return { kind, name }
  }
  const by = textOf(mapOf(catalog.unions[name]).by)
  if (by === undefined) {
    if (args.length)
      throw new Mistake('type', `${name} reads its tag itself`, args[0], 'give the union "by:" instead of "tag:"')
    return { kind, name }
  }
  if (!args[0]) throw new Mistake('type', `${name} needs its tag`, type, `write "${name}(field)"`)
  const expected = tagValue(catalog, by)
  return { kind, name, tag: resolveAs(args[0], context.names, expected, `the tag of ${name}`) }
}

/** What the outside tag of a union is: `by: Kind` or `by: u8`. */
export function tagValue(catalog: Catalog, by: string): ValueType {
  const kind = catalog.kindOf(by)
  if (kind === 'enum') return { kind, name: by }
  return by === 'bool' || by === 'bit' ? BOOL : INT
}

/** The number that an id stands for: itself, a character's code, or an enum's value. */
export function idOf(catalog: Catalog, type: ValueType, raw: unknown): bigint | undefined {
  if (type.kind === 'enum' && typeof raw === 'string') {
    const value = catalog.enums.get(type.name)?.values.find(known => known.name === raw)
    if (value) return value.value
  }
  return numberOf(raw)
}

/** No frame is longer. */
const MOST_BYTES = 0xffff_ffffn
