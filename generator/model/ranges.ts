// Ranges of fields, `a..b`: their ends must be in one record and in wire order.

import type { ExprSyntax } from '../language/ast.ts'
import { didYouMean } from '../language/problem.ts'
import type { Context } from './expressions.ts'
import { nearest } from './members.ts'
import type { Expr, RangeEnd } from './model.ts'
import { Mistake } from './report.ts'
import type { Entry, Gap } from './scope.ts'
import { BYTES } from './values.ts'

type Range = Extract<ExprSyntax, { is: 'range' }>

interface End {
  readonly end: RangeEnd
  readonly entry: Entry
}

export function range(syntax: Range, context: Context): Expr {
  if (isEmpty(syntax, context)) {
    return { is: 'bytes', value: new Uint8Array(0), type: BYTES, start: syntax.start, end: syntax.end }
  }
  const from = endOf(syntax, nextTo(syntax.from, 'behind', context), context)
  const to = endOf(syntax, nextTo(syntax.to, 'before', context), context)
  if (from && to && from.end.up !== to.end.up) {
    throw new Mistake('range', 'both ends of a range are fields of the same record', syntax, hintUp(from.end, to.end))
  }
  const up = from?.end.up ?? to?.end.up ?? 0
  const limit = up === 0 ? context.self?.index : undefined
  if (from && to && from.entry.index > to.entry.index) {
    const hint = `fields are named in wire order: "${syntax.to}..${syntax.from}"`
    throw new Mistake(
      'range',
      `the range runs backwards, ${to.end.field} stands before ${from.end.field}`,
      syntax,
      hint,
    )
  }
  if (from && !to && limit !== undefined && from.entry.index >= limit) {
    throw new Mistake(
      'range',
      `"${syntax.from}.." ends before ${context.self?.name}, which stands in front of it`,
      syntax,
    )
  }
  return {
    is: 'range',
    ...(from && { from: from.end }),
    ...(to && { to: to.end }),
    type: BYTES,
    start: syntax.start,
    end: syntax.end,
  }
}

/** Everything in the range is left out of the frame. */
function isEmpty({ from, to }: Range, context: Context): boolean {
  const gap = (name: string | undefined): Gap | undefined =>
    name === undefined ? undefined : context.scope?.removed.get(name)
  const first = gap(from)
  const last = gap(to)
  if (first && first.behind === undefined) return true
  if (last && last.before === undefined) return true
  if (!first && !last) return false
  const { entries } = context.scope!
  const start = entries.get(nextTo(from, 'behind', context) ?? '')
  const end = entries.get(nextTo(to, 'before', context) ?? '')
  return start !== undefined && end !== undefined && start.index > end.index
}

/** The name itself, or what is left next to it where the frame leaves it out. */
function nextTo(name: string | undefined, side: 'before' | 'behind', context: Context): string | undefined {
  const gap = name === undefined ? undefined : context.scope?.removed.get(name)
  return gap ? gap[side] : name
}

function endOf(syntax: Range, text: string | undefined, context: Context): End | undefined {
  if (text === undefined) return undefined
  const path = text.split('.')
  const field = path.at(-1)!
  const written = path.length - 1
  if (written === 0) {
    const entry = context.scope?.entries.get(field)
    if (entry) return { end: { field, parent: false, up: 0 }, entry }
    throw unknown(syntax, field, context.scope?.title, context.scope?.names)
  }
  const { up, uses } = nearest(context.scope, written, field)
  if (uses.length === 0) throw new Mistake('reference', `no record contains ${context.scope?.title ?? 'this'}`, syntax)
  for (const use of uses) {
    if (!use.scope.entries.has(field)) throw unknown(syntax, field, use.scope.title, use.scope.names)
  }
  return { end: { field, parent: true, up }, entry: uses[0]!.scope.entries.get(field)! }
}

function unknown(syntax: Range, field: string, title = 'here', names: readonly string[] = []): Mistake {
  return new Mistake('reference', `no field named ${field} in ${title}`, syntax, didYouMean(field, names))
}

function hintUp(from: RangeEnd, to: RangeEnd): string {
  const prefix = 'parent.'.repeat(Math.max(from.up, to.up))
  return `write "${prefix}${from.field}..${prefix}${to.field}"`
}
