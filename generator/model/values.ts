// Static types of values: what a field of some type is in an expression, and what fits where.

import type { TypeSyntax } from '../language/ast.ts'
import type { Type, ValueType } from './model.ts'

export const INT: ValueType = { kind: 'int' }
export const FLOAT: ValueType = { kind: 'float' }
export const BOOL: ValueType = { kind: 'bool' }
export const TEXT: ValueType = { kind: 'text' }
export const BYTES: ValueType = { kind: 'bytes' }
export const NONE: ValueType = { kind: 'none' }

/** Which kind of definition a type name stands for. */
export type NameKinds = (name: string) => 'enum' | 'bitset' | 'struct' | 'union' | undefined

/** The value of a type as written. `none` for what has no value, or an unknown name. */
export function valueOfSyntax(type: TypeSyntax, kindOf: NameKinds): ValueType {
  switch (type.is) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
      return INT
    case 'float':
      return FLOAT
    case 'bool':
    case 'bit':
      return BOOL
    case 'bytes':
      return BYTES
    case 'text':
      return TEXT
    case 'name': {
      const kind = kindOf(type.name)
      return kind ? { kind, name: type.name } : NONE
    }
    case 'list':
      return { kind: 'list', of: valueOfSyntax(type.of, kindOf) }
    case 'id':
    case 'region':
    case 'delimited':
    case 'at':
    case 'sealed':
      return valueOfSyntax(type.of, kindOf)
    case 'align':
    case 'frame':
      return NONE
  }
}

/** The value of a resolved type. */
export function typeOfValue(type: Type): ValueType {
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
      return INT
    case 'float':
      return FLOAT
    case 'bool':
    case 'bit':
      return BOOL
    case 'bytes':
      return BYTES
    case 'text':
      return TEXT
    case 'enum':
    case 'bitset':
    case 'struct':
    case 'union':
      return { kind: type.kind, name: type.name }
    case 'list':
      return { kind: 'list', of: typeOfValue(type.of) }
    case 'region':
    case 'delimited':
    case 'at':
      return typeOfValue(type.of)
    case 'align':
      return NONE
  }
}

export function sameType(a: ValueType, b: ValueType): boolean {
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.of, b.of)
  if ('name' in a && 'name' in b) return a.kind === b.kind && a.name === b.name
  return a.kind === b.kind
}

/** For messages: `a number`, `Flags`, `a list of Entry`. */
export function describe(type: ValueType): string {
  if (type.kind === 'list') return `a list of ${'name' in type.of ? type.of.name : PLURAL[type.of.kind]}`
  return 'name' in type ? type.name : SINGULAR[type.kind]
}

const SINGULAR = {
  int: 'a whole number',
  float: 'a floating-point number',
  bool: 'true or false',
  text: 'text',
  bytes: 'bytes',
  none: 'nothing',
} as const

const PLURAL: Readonly<Record<string, string>> = {
  int: 'numbers',
  float: 'numbers',
  bool: 'truth values',
  text: 'texts',
  bytes: 'byte strings',
  none: 'nothing',
  list: 'lists',
}

/** Older name, still imported by generator/normalize. */
export { typeOfValue as valueOf }
