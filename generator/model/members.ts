// Names with a dot: `flags.ack`, `header.len`, `param.key`, `parent.len`, `Kind.data`, `headers.msg_id`, `HsInit.noise`.

import type { ExprSyntax } from '../language/ast.ts'
import { parseType } from '../language/parse.ts'
import { didYouMean } from '../language/problem.ts'
import { show } from '../language/show.ts'
import { type Context, mayBeAbsent, refuseAbsent, resolve, SPACES } from './expressions.ts'
import type { Expr, ValueType } from './model.ts'
import { entriesOf, isMap, mapOf, textOf } from './raw.ts'
import { Consequence, Mistake } from './report.ts'
import type { Entry, Scope, Use } from './scope.ts'
import { BOOL, BYTES, describe, INT, NONE, sameType, TEXT, valueOfSyntax } from './values.ts'
import { variantMember } from './variants.ts'

type Member = Extract<ExprSyntax, { is: 'member' }>

export function member(syntax: Member, context: Context): Expr {
  const up = levelsUp(syntax.of)
  if (up > 0 && !context.scope?.entries.has('parent')) return parentField(syntax, up, context)
  if (syntax.of.is === 'name' && !isField(syntax.of.name, context)) {
    const named = globalMember(syntax, syntax.of.name, context)
    if (named) return named
  }
  if (context.frames) {
    const frame = frameField(syntax, context)
    if (frame) return frame
  }
  return valueMember(syntax, resolve(syntax.of, context), context)
}

/** Where a record stands, `up` levels around it. */
export function around(scope: Scope | undefined, up: number): Use[] {
  let uses: Use[] = scope ? [...scope.uses] : []
  for (let level = 1; level < up; level++) uses = [...new Set(uses.map(use => use.scope))].flatMap(outer => outer.uses)
  return uses
}

/** The closest level, from `up` on, whose records have the field: `parent.x` need not count variants and items. */
export function nearest(scope: Scope | undefined, up: number, field: string): { up: number; uses: Use[] } {
  for (let level = up; level < up + MOST_LEVELS; level++) {
    const uses = around(scope, level)
    if (uses.length === 0) break
    if (uses.some(use => use.scope.entries.has(field))) return { up: level, uses }
  }
  return { up, uses: around(scope, up) }
}

/** How many times `parent` stands in front: 0 when the expression is no chain of parents. */
export function levelsUp(expr: ExprSyntax): number {
  if (expr.is === 'name') return expr.name === 'parent' ? 1 : 0
  if (expr.is !== 'member' || expr.name !== 'parent') return 0
  const below = levelsUp(expr.of)
  return below === 0 ? 0 : below + 1
}

function isField(name: string, context: Context): boolean {
  const entry = context.scope?.entries.get(name)
  return entry !== undefined && !(SPACES.has(name) && SCALARS.has(entry.type.kind))
}

function parentField(syntax: Member, written: number, context: Context): Expr {
  const { name, start, end } = syntax
  const { up, uses } = nearest(context.scope, written, name)
  if (uses.length === 0) {
    const title = context.scope?.title ?? 'this'
    throw new Mistake('reference', `no record contains ${title}${written > 1 ? ` at ${written} levels` : ''}`, syntax)
  }
  let type: ValueType | undefined
  for (const use of uses) {
    const entry = use.scope.entries.get(name)
    if (!entry) {
      const hint = didYouMean(name, use.scope.names)
      throw new Mistake(
        'reference',
        `no field named ${name} in ${use.scope.title}, which holds ${context.scope?.title}`,
        syntax,
        hint,
      )
    }
    if (entry.broken) throw new Consequence()
    if (context.before !== undefined && entry.index >= use.entry.index) {
      throw new Mistake('order', `${name} comes later in ${use.scope.title} than what it decides`, syntax)
    }
    if (type && !sameType(type, entry.type)) {
      const message = `${name} is ${describe(type)} in one record that holds ${context.scope?.title} and ${describe(entry.type)} in another`
      throw new Mistake('type', message, syntax)
    }
    type = entry.type
    if (context.facts?.atoms.get(`present(${show(syntax)})`)) continue
    if (mayBeAbsent(entry, use.scope.under(use.entry.conditions), name)) refuseAbsent(syntax, context)
  }
  return { is: 'parent', name, up, type: type!, start, end }
}

/** `param.x`, `Kind.data`, `client.eph`; undefined when the first word is none of these. */
function globalMember(syntax: Member, first: string, context: Context): Expr | undefined {
  const { name, start, end } = syntax
  const { catalog } = context
  if (SPACES.has(first)) return { is: 'space', space: first, name, type: spaceType(syntax, first, context), start, end }
  if (context.secrets && catalog.roles.has(first)) {
    if (context.secrets.has(name)) return { is: 'space', space: first, name, type: BYTES, start, end }
    throw new Mistake('reference', `no secret named ${name}`, syntax, didYouMean(name, context.secrets))
  }
  const known = catalog.enums.get(first)
  if (!known) return undefined
  const value = known.values.find(candidate => candidate.name === name)
  if (value) return { is: 'enumValue', enum: first, ...value, type: { kind: 'enum', name: first }, start, end }
  const names = known.values.map(candidate => candidate.name)
  throw new Mistake(
    'reference',
    `${first} has no value ${name}`,
    syntax,
    didYouMean(name, names) ?? `it has ${names.join(', ')}`,
  )
}

function spaceType(syntax: Member, space: string, context: Context): ValueType {
  const { catalog } = context
  if (space === 'param' || space === 'session') {
    const known = space === 'param' ? catalog.params : catalog.session
    const type = known.get(syntax.name)
    if (type) return type
    const what = space === 'param' ? 'param' : 'session value'
    throw new Mistake('reference', `no ${what} named ${syntax.name}`, syntax, didYouMean(syntax.name, known.keys()))
  }
  if (space === 'peer' && syntax.name === 'port') return INT
  if (space === 'local' && syntax.name === 'name') return TEXT
  if (space === 'local' && (syntax.name === 'port' || syntax.name === 'number')) return INT
  return BYTES
}

function frameField(syntax: Member, context: Context): Expr | undefined {
  const path: string[] = []
  let at: ExprSyntax = syntax
  for (; at.is === 'member'; at = at.of) path.unshift(at.name)
  const { catalog } = context
  if (at.is !== 'name' || !/^[A-Z]/.test(at.name)) return undefined
  const scope = catalog.frames.get(at.name)?.scope ?? catalog.scopeOf(at.name)
  if (!scope) {
    throw new Mistake('reference', `no frame named ${at.name}`, at, didYouMean(at.name, catalog.frames.keys()))
  }
  let type: ValueType = { kind: 'struct', name: at.name }
  let within: Scope | undefined = scope
  for (const name of path) {
    const entry: Entry | undefined = within?.entries.get(name)
    if (!entry)
      throw new Mistake(
        'reference',
        `no field named ${name} in ${scope.title}`,
        syntax,
        didYouMean(name, within?.names ?? []),
      )
    type = entry.type
    within = type.kind === 'struct' ? catalog.scopeOf(type.name) : undefined
  }
  return { is: 'frameField', frame: at.name, path, type, start: syntax.start, end: syntax.end }
}

/** A bit, a field of a struct, or a well-known entry of a multimap. */
function valueMember(syntax: Member, of: Expr, context: Context): Expr {
  const { name, start, end } = syntax
  const { catalog } = context
  if (of.type.kind === 'bitset') {
    const bits = catalog.bitsets.get(of.type.name)?.bits.map(bit => bit.name) ?? []
    if (bits.includes(name)) return { is: 'member', of, name, type: BOOL, start, end }
    throw new Mistake(
      'reference',
      `${of.type.name} has no bit ${name}`,
      syntax,
      didYouMean(name, bits) ?? `it has ${bits.join(', ')}`,
    )
  }
  if (of.type.kind === 'struct') {
    const scope = catalog.scopeOf(of.type.name)
    const entry = scope?.entries.get(name)
    if (entry?.broken) throw new Consequence()
    if (!scope || !entry) {
      throw new Mistake(
        'reference',
        `${of.type.name} has no field ${name}`,
        syntax,
        didYouMean(name, scope?.names ?? []),
      )
    }
    const facts = context.facts
    const conditions = entry.conditions.map(condition => ({
      ...condition,
      syntax: within(condition.syntax, syntax.of, scope),
    }))
    if (mayBeAbsent({ ...entry, conditions }, facts, show(syntax))) refuseAbsent(syntax, context)
    return { is: 'member', of, name, type: entry.type, start, end }
  }
  if (of.type.kind === 'union') return variantMember(syntax, of, of.type.name, context)
  if (of.type.kind === 'list') return multimapEntry(syntax, of, context)
  throw new Mistake('type', `${show(syntax.of)} is ${describe(of.type)} and has no members`, syntax)
}

function multimapEntry(syntax: Member, of: Expr, context: Context): Expr {
  const { name, start, end } = syntax
  const scope = of.is === 'parent' ? around(context.scope, of.up)[0]?.scope : context.scope
  const node = of.is === 'field' || of.is === 'parent' ? scope?.entries.get(of.name)?.node : undefined
  const options = node?.kind === 'field' ? node.options : {}
  const entries = mapOf(options.entries)
  const entry = entries[name]
  if (!isMap(entry)) {
    if (!isMap(options.map))
      throw new Mistake('type', `${show(syntax.of)} is a list`, syntax, 'take an item with "[0]", or give it a "map"')
    throw new Mistake(
      'reference',
      `${show(syntax.of)} has no entry ${name}`,
      syntax,
      didYouMean(
        name,
        entriesOf(entries).map(([known]) => known),
      ),
    )
  }
  if (context.facts?.atoms.get(`present(${show(syntax)})`) !== true) refuseAbsent(syntax, context)
  const line = textOf(entry.type)
  const parsed =
    line === undefined
      ? undefined
      : context.catalog.reports.attempt([...node!.path, 'entries', name, 'type'], () => parseType(line))
  const type = parsed ? valueOfSyntax(parsed, kind => context.catalog.kindOf(kind)) : NONE
  return { is: 'member', of, name, entry: true, type, start, end }
}

/** A condition inside a struct, seen from outside: `flags.ack` becomes `header.flags.ack`. */
function within(condition: ExprSyntax, path: ExprSyntax, scope: Scope): ExprSyntax {
  switch (condition.is) {
    case 'name':
      return scope.entries.has(condition.name) ? { ...condition, is: 'member', of: path } : condition
    case 'member':
      return { ...condition, of: within(condition.of, path, scope) }
    case 'not':
    case 'negate':
      return { ...condition, of: within(condition.of, path, scope) }
    case 'binary':
      return { ...condition, left: within(condition.left, path, scope), right: within(condition.right, path, scope) }
    default:
      return condition
  }
}

const SCALARS: ReadonlySet<string> = new Set(['int', 'float', 'bool', 'text', 'bytes', 'enum', 'none'])

/** Deeper nesting of distinct records is not looked through. */
const MOST_LEVELS = 8
