// Calls: checked against the table in generator/language/functions.ts.

import type { ExprSyntax } from '../language/ast.ts'
import { conversion, FUNCTIONS, type FunctionDefinition, type ParameterKind, signature } from '../language/functions.ts'
import { didYouMean } from '../language/problem.ts'
import { type Context, check, resolve, resolveAs } from './expressions.ts'
import { levelsUp } from './members.ts'
import type { Expr, ValueType } from './model.ts'
import { Mistake } from './report.ts'
import { BOOL, BYTES, describe, INT, TEXT } from './values.ts'

type Call = Extract<ExprSyntax, { is: 'call' }>

export function call(syntax: Call, context: Context, expected?: ValueType): Expr {
  const { name, start, end } = syntax
  const inner: Context = { ...context, absent: false }
  if (conversion(name)) {
    if (syntax.args.length !== 1) throw new Mistake('type', `${name}(x) takes one number`, syntax)
    return { is: 'call', name, args: [resolveAs(syntax.args[0]!, inner, INT)], type: BYTES, start, end }
  }
  const definition = FUNCTIONS.get(name)
  if (!definition) throw unknown(syntax)
  const leftOut = ofNothing(syntax, context)
  if (leftOut) return leftOut
  checkPlace(definition, syntax, context)
  if (name === 'next') return lookahead(syntax, context)
  const { parameters, repeats } = definition
  if (syntax.args.length < parameters.length || (!repeats && syntax.args.length > parameters.length)) {
    throw new Mistake('type', `${signature(definition)} was given ${syntax.args.length} arguments`, syntax)
  }
  const args = syntax.args.map((arg, i) => argument(arg, parameters[Math.min(i, parameters.length - 1)]!.kind, inner))
  const type = name === 'random' && expected?.kind === 'int' ? INT : RESULTS[definition.result]!
  return { is: 'call', name, args, type, start, end }
}

/** `size(x)`, `count(x)` and `present(x)` of a field of the envelope that this frame leaves out. */
function ofNothing({ name, args, start, end }: Call, context: Context): Expr | undefined {
  const [only] = args
  if (only?.is !== 'name' || !context.scope?.removed.has(only.name)) return undefined
  if (name === 'present') return { is: 'bool', value: false, type: BOOL, start, end }
  return name === 'size' || name === 'count' ? { is: 'int', value: 0n, type: INT, start, end } : undefined
}

function argument(syntax: ExprSyntax, kind: ParameterKind, context: Context): Expr {
  switch (kind) {
    case 'int':
      return resolveAs(syntax, context, INT)
    case 'bool':
      return resolveAs(syntax, context, BOOL)
    case 'bytes':
      return resolveAs(syntax, context, BYTES)
    case 'secret':
      return resolveAs(syntax, context, BYTES)
    case 'data':
      return data(syntax, context)
    case 'part':
      return syntax.is === 'range' ? resolve(syntax, context) : part(syntax, { ...context, absent: true })
    case 'field':
      if (isPath(syntax)) return resolve(syntax, { ...context, absent: true })
      throw new Mistake('type', 'a field is needed here', syntax)
    case 'list': {
      const list = resolve(syntax, { ...context, absent: true })
      if (list.type.kind === 'list') return list
      const hint = list.type.kind === 'bytes' || list.type.kind === 'text' ? 'for bytes write "size(x)"' : undefined
      throw new Mistake('type', `a list is needed, this is ${describe(list.type)}`, syntax, hint)
    }
    case 'struct': {
      const value = resolve(syntax, context)
      if (value.type.kind === 'struct' || value.type.kind === 'union' || value.type.kind === 'list') return value
      throw new Mistake('type', `a struct is needed, this is ${describe(value.type)}`, syntax)
    }
    case 'number':
      return resolve(syntax, context)
  }
}

/** Anything whose written size is known: a field, a group, bytes. */
function part(syntax: ExprSyntax, context: Context): Expr {
  const value = resolve(syntax, context)
  if (value.is === 'field' || value.is === 'parent' || value.is === 'member' || value.is === 'frameField') return value
  if (value.type.kind === 'bytes' || value.type.kind === 'text') return value
  throw new Mistake('type', `a field, a range or bytes are needed, this is ${describe(value.type)}`, syntax)
}

function data(syntax: ExprSyntax, context: Context): Expr {
  const value = resolve(syntax, context)
  if (value.type.kind === 'text' || value.type.kind === 'bytes') return value
  if (value.type.kind === 'struct' || value.type.kind === 'list' || value.type.kind === 'union') {
    throw new Mistake(
      'type',
      `bytes are needed, this is ${describe(value.type)}`,
      syntax,
      'its bytes are "encode(x)", or a range "x..x"',
    )
  }
  return check(value, BYTES)
}

function isPath(syntax: ExprSyntax): boolean {
  return syntax.is === 'name' || (syntax.is === 'member' && (isPath(syntax.of) || levelsUp(syntax.of) > 0))
}

function lookahead(syntax: Call, context: Context): Expr {
  const found = context.lookahead?.(syntax)
  if (!found)
    throw new Mistake(
      'type',
      'next(T) looks at bytes that are still to come',
      syntax,
      'use it in conditions, sizes and while(..)',
    )
  const { start, end } = syntax
  return { is: 'call', name: 'next', args: [], lookahead: found.type, type: found.value, start, end }
}

function checkPlace(definition: FunctionDefinition, syntax: Call, context: Context): void {
  if (definition.allowed === 'drawn' && !context.drawn) {
    const hint = 'a value that is drawn is written "?= ..": the receiver cannot check it'
    throw new Mistake('type', `${definition.name}() gives another value each time`, syntax, hint)
  }
  if (definition.allowed === 'keys' && !context.secrets) {
    throw new Mistake('type', `${definition.name}() belongs in a key schedule`, syntax, 'handshake: { keys: { .. } }')
  }
}

function unknown(syntax: Call): Mistake {
  const { name } = syntax
  const hint = HABITS.get(name) ?? didYouMean(name, [...FUNCTIONS.keys(), 'u8', 'u16', 'u32', 'u64', 'u16le', 'u32le'])
  return new Mistake(
    'reference',
    `no function named ${name}`,
    { start: syntax.start, end: syntax.start + name.length },
    hint,
  )
}

const RESULTS: Readonly<Record<string, ValueType>> = { int: INT, bool: BOOL, bytes: BYTES, text: TEXT }

const HABITS: ReadonlyMap<string, string> = new Map([
  ['len', 'did you mean "size" (bytes) or "count" (items)?'],
  ['length', 'did you mean "size" (bytes) or "count" (items)?'],
  ['sizeof', 'did you mean "size"?'],
  ['peek', 'did you mean "next"?'],
  ['concat', 'did you mean "join"?'],
  ['crc16', 'write "crc(16, poly, init, reflect, xorout, ..)"'],
  ['crc8', 'write "crc(8, poly, init, reflect, xorout, ..)"'],
  ['checksum', 'there are crc32, internet_checksum, sum8 and others'],
])
