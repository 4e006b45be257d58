// From the syntax of an expression to a resolved, typed one. Names are looked up here; operators and calls have files of
// their own. Throws Mistake about one line at a time.

import type { ExprSyntax } from '../language/ast.ts'
import { didYouMean } from '../language/problem.ts'
import { show } from '../language/show.ts'
import { call } from './calls.ts'
import type { Catalog } from './catalog.ts'
import type { Facts } from './conditions.ts'
import { member } from './members.ts'
import type { Expr, Type, ValueType } from './model.ts'
import { binary, choice, membership, unary } from './operators.ts'
import { range } from './ranges.ts'
import { mapOf } from './raw.ts'
import { Consequence, Mistake } from './report.ts'
import type { Entry, Scope } from './scope.ts'
import { BOOL, BYTES, describe, FLOAT, INT, NONE, sameType, TEXT } from './values.ts'

/** What an expression may name, and what is known where it stands. */
export interface Context {
  readonly catalog: Catalog
  readonly scope?: Scope | undefined
  /** Only fields before this place may be named: conditions and sizes. */
  readonly before?: number | undefined
  /** The field whose value this is. */
  readonly self?: Entry | undefined
  readonly facts?: Facts | undefined
  /** An absent field is covered: left of `or`, in `present` and `size`. */
  readonly absent?: boolean | undefined
  /** `random` and `now` are allowed. */
  readonly drawn?: boolean | undefined
  /** Names that mean something only here. */
  readonly specials?: ReadonlyMap<string, ValueType> | undefined
  /** `next(T)` is allowed; resolves T. */
  readonly lookahead?: ((type: Extract<ExprSyntax, { is: 'call' }>) => { type: Type; value: ValueType }) | undefined
  /** `Frame.field` is allowed: handshakes, cookies, key schedules. */
  readonly frames?: boolean | undefined
  /** `role.secret` and `dh` are allowed. */
  readonly secrets?: ReadonlySet<string> | undefined
}

/** Resolves an expression. `expected` is what it will be compared with or stored in: it decides enum names and literals. */
export function resolve(syntax: ExprSyntax, context: Context, expected?: ValueType): Expr {
  const { start, end } = syntax
  switch (syntax.is) {
    case 'int':
    case 'float':
    case 'text':
    case 'bytes':
    case 'bool':
      return converted(literal(syntax), context, expected)
    case 'name':
      return name(syntax, context, expected)
    case 'member':
      return member(syntax, context)
    case 'index': {
      const of = resolve(syntax.of, context)
      const index = check(resolve(syntax.index, { ...context, absent: false }, INT), INT)
      if (of.type.kind !== 'list' && of.type.kind !== 'bytes') {
        throw new Mistake(
          'type',
          `${show(syntax.of)} is ${describe(of.type)}, only lists and bytes have elements`,
          syntax.of,
        )
      }
      return { is: 'index', of, index, type: of.type.kind === 'list' ? of.type.of : INT, start, end }
    }
    case 'if':
      return choice(syntax, context, expected)
    case 'not':
    case 'negate':
      return unary(syntax, context, expected)
    case 'binary':
      return binary(syntax, context, expected)
    case 'in':
      return membership(syntax, context)
    case 'call':
      return converted(call(syntax, context, expected), context, expected)
    case 'range':
      return range(syntax, context)
  }
}

/** Resolves an expression that must have this type. */
export function resolveAs(syntax: ExprSyntax, context: Context, expected: ValueType, what?: string): Expr {
  return check(resolve(syntax, context, expected), expected, what)
}

/** Refuses an expression of another type. */
export function check(expr: Expr, expected: ValueType, what?: string): Expr {
  if (fits(expr, expected)) return expr
  const verb = expected.kind === 'bytes' ? 'are' : 'is'
  const holds = what ? `${what} is ${describe(expected)}` : `${describe(expected)} ${verb} expected`
  throw new Mistake('type', `${holds}, this is ${describe(expr.type)}`, expr, hintFor(expr, expected))
}

/** The conditions of a field, as far as they are not known to hold: then it may be absent. */
export function mayBeAbsent(entry: Entry, facts: Facts | undefined, spelling: string): boolean {
  if (entry.conditions.length === 0) return false
  if (facts?.atoms.get(`present(${spelling})`)) return false
  return entry.conditions.some(condition => facts?.holds(condition.syntax) !== true)
}

export function refuseAbsent(syntax: ExprSyntax, context: Context): void {
  if (context.absent) return
  const text = show(syntax)
  throw new Mistake(
    'type',
    `${text} can be absent here`,
    syntax,
    `guard it: "present(${text}) and ..", "if present(${text}) then .. else ..", or "${text} or 0"`,
  )
}

function name(syntax: Extract<ExprSyntax, { is: 'name' }>, context: Context, expected: ValueType | undefined): Expr {
  const { start, end } = syntax
  const { catalog, scope, self } = context
  if (expected?.kind === 'enum') {
    const value = catalog.enums.get(expected.name)?.values.find(known => known.name === syntax.name)
    if (value) return { is: 'enumValue', enum: expected.name, ...value, type: expected, start, end }
  }
  if (expected?.kind === 'bitset') {
    const bit = catalog.bitsets.get(expected.name)?.bits.find(known => known.name === syntax.name)
    if (bit) return literal({ is: 'int', value: 1n << BigInt(bit.bit), start, end })
  }
  const entry = scope?.entries.get(syntax.name)
  if (entry && entry !== self) return field(syntax, entry, context)
  const special = context.specials?.get(syntax.name)
  if (special) return { is: 'special', name: syntax.name as 'item', type: special, start, end }
  if (syntax.name === 'prev' && scope?.prev) {
    refuseAbsentUnless(context.facts?.atoms.get('present(prev)') === true, syntax, context)
    return { is: 'special', name: 'prev', type: scope.prev, start, end }
  }
  if (syntax.name === 'none') return converted({ is: 'none', type: NONE, start, end }, context, expected)
  if (syntax.name === 'version') return literal({ is: 'int', value: BigInt(catalog.version), start, end })
  if (syntax.name === 'protocol') return literal({ is: 'text', value: catalog.protocol, start, end })
  if (entry) throw new Mistake('cycle', `${syntax.name} would be computed from itself`, syntax)
  throw unknownName(syntax, context, expected)
}

function field(syntax: Extract<ExprSyntax, { is: 'name' }>, entry: Entry, context: Context): Expr {
  const { start, end } = syntax
  if (entry.broken) throw new Consequence()
  if (context.before !== undefined && entry.index >= context.before) {
    throw new Mistake(
      'order',
      `${entry.name} comes later than what it decides`,
      syntax,
      'a condition, size or count can only use fields that stand in front',
    )
  }
  refuseAbsentUnless(!mayBeAbsent(entry, context.facts, entry.name), syntax, context)
  return { is: 'field', name: entry.name, type: entry.type, start, end }
}

function refuseAbsentUnless(there: boolean, syntax: ExprSyntax, context: Context): void {
  if (!there) refuseAbsent(syntax, context)
}

function unknownName(
  syntax: Extract<ExprSyntax, { is: 'name' }>,
  context: Context,
  expected: ValueType | undefined,
): Mistake {
  const { catalog, scope } = context
  const word = syntax.name
  if (expected?.kind === 'enum') {
    const names = catalog.enums.get(expected.name)?.values.map(value => value.name) ?? []
    return new Mistake(
      'reference',
      `${expected.name} has no value ${word}`,
      syntax,
      didYouMean(word, names) ?? `it has ${names.join(', ')}`,
    )
  }
  if (scope?.removed.has(word)) {
    return new Mistake(
      'reference',
      `${word} is not part of ${scope.title}`,
      syntax,
      'its condition is false in this frame',
    )
  }
  if (scope?.uses.some(use => use.scope.entries.has(word))) {
    return new Mistake('reference', `no field named ${word} in ${scope.title}`, syntax, `write "parent.${word}"`)
  }
  if (SPACES.has(word)) return new Mistake('syntax', `${word} is a group of names`, syntax, `write "${word}.NAME"`)
  const owner = [...catalog.enums.values()].find(known => known.values.some(value => value.name === word))
  if (owner) return new Mistake('reference', `no field named ${word}`, syntax, `write "${owner.name}.${word}"`)
  if (expected && (expected.kind === 'text' || expected.kind === 'bytes')) {
    return new Mistake(
      'reference',
      `no field named ${word}`,
      syntax,
      `text stands in double quotes inside the value: '"${word}"'`,
    )
  }
  const param = word in mapOf(catalog.data.params) ? `write "param.${word}"` : undefined
  const session = word in mapOf(catalog.data.session) ? `write "session.${word}"` : undefined
  const where = scope ? ` in ${scope.title}` : ''
  const hint =
    param ??
    session ??
    didYouMean(word, [...(scope?.names ?? []), ...(context.specials?.keys() ?? []), 'version', 'protocol'])
  return new Mistake('reference', `no field named ${word}${where}`, syntax, hint)
}

function literal(syntax: Extract<ExprSyntax, { is: 'int' | 'float' | 'text' | 'bytes' | 'bool' }>): Expr {
  const { start, end } = syntax
  switch (syntax.is) {
    case 'int':
      return { is: 'int', value: syntax.value, type: INT, start, end }
    case 'float':
      return { is: 'float', value: syntax.value, type: FLOAT, start, end }
    case 'text':
      return { is: 'text', value: syntax.value, type: TEXT, start, end }
    case 'bytes':
      return { is: 'bytes', value: syntax.value, type: BYTES, start, end }
    case 'bool':
      return { is: 'bool', value: syntax.value, type: BOOL, start, end }
  }
}

/** The few conversions that literals have: text to bytes, whole numbers to floats and enum values, `none` to emptiness. */
export function converted(expr: Expr, context: Context, expected: ValueType | undefined): Expr {
  if (!expected) return expr
  if (expr.is === 'text' && expected.kind === 'bytes') {
    return { ...expr, is: 'bytes', value: new TextEncoder().encode(expr.value), type: BYTES }
  }
  if (expr.is === 'int' && expected.kind === 'float')
    return { ...expr, is: 'float', value: Number(expr.value), type: FLOAT }
  if (expr.is === 'none' && ['list', 'text', 'bytes'].includes(expected.kind)) return { ...expr, type: expected }
  if (expr.is === 'int' && expected.kind === 'enum') {
    const known = context.catalog.enums.get(expected.name)
    const value = known?.values.find(candidate => candidate.value === expr.value)
    if (value)
      return { is: 'enumValue', enum: expected.name, ...value, type: expected, start: expr.start, end: expr.end }
    throw new Mistake(
      'type',
      `${expected.name} has no value ${expr.value}`,
      expr,
      `it has ${known?.values.map(v => v.name).join(', ')}`,
    )
  }
  return expr
}

function fits(expr: Expr, expected: ValueType): boolean {
  if (sameType(expr.type, expected)) return true
  if (expected.kind === 'bitset' && expr.type.kind === 'int') return true
  return expr.type.kind === 'list' && expected.kind === 'list' && expr.type.of.kind === 'none'
}

function hintFor(expr: Expr, expected: ValueType): string | undefined {
  if (expected.kind === 'bool' && expr.type.kind === 'int') return 'compare it: "x != 0"'
  if (expected.kind === 'bytes' && expr.type.kind === 'int') return 'make bytes of a number with "u32(x)", "u16le(x)"'
  if (expected.kind === 'int' && expr.type.kind === 'bytes')
    return 'make a number of bytes with "uint(x)" or "uintle(x)"'
  if (expected.kind === 'int' && expr.type.kind === 'list') return 'for the number of items write "count(x)"'
  if (expr.type.kind === 'bitset' && expected.kind === 'bool') return 'name a bit of it'
  return undefined
}

export const SPACES: ReadonlySet<string> = new Set(['param', 'session', 'key', 'peer', 'local'])
