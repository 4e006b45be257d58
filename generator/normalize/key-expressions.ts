// Expressions of handshakes, key schedules, cookies and seals (docs/language, "Noise, steps, cookies" and "Seal"): they
// name frames that went by, key pairs of roles, earlier keys and clear fields. Resolved into expressions whose names are
// all members of a space, as the emitter writes them over a KeyScope.

import type { ExprSyntax } from '../language/ast.ts'
import { parseExpr } from '../language/parse.ts'
import type { Path } from '../load/document.ts'
import type { Expr, Field, Protocol, ValueType } from '../model/model.ts'
import { resolveIn } from '../model/resolve-in.ts'
import { BYTES, INT } from '../model/values.ts'
import { fieldsOf } from '../model/walk.ts'
import { attempt } from './attempt.ts'
import { innerType, valueType } from './path.ts'
import type { Report } from './section.ts'

/** What may be named besides params, session values, peer and `Frame.field`. */
export interface KeyNames {
  /** Keys of the schedule that exist: `shared` or `key.shared`. */
  readonly keys?: readonly string[]
  /** Key pairs of each role: `client.eph`. */
  readonly secrets?: ReadonlySet<string>
  /** Clear fields of a seal. */
  readonly clear?: readonly Field[]
  /** `counter`, the packet's number. */
  readonly counter?: boolean
  /** `random` and `now`. */
  readonly drawn?: boolean
  readonly expected?: ValueType
}

/** Undefined, and reported, where it is wrong. */
export function keyExpression(
  protocol: Protocol,
  text: unknown,
  names: KeyNames,
  at: Path,
  report: Report,
): Expr | undefined {
  return attempt(report, at, () => {
    const syntax = spelledOut(parseExpr(String(text)), protocol, names)
    const specials = new Map<string, ValueType>(
      (names.clear ?? []).map(field => [field.name, valueType(field.type)] as const),
    )
    if (names.counter) specials.set('counter', INT)
    const resolved = resolveIn(protocol, syntax, {
      specials,
      frames: true,
      drawn: names.drawn,
      secrets: names.secrets ?? new Set(),
      expected: names.expected,
    })
    return inSpaces(resolved)
  })
}

/**
 * Parts one behind the other, each as bytes: `[ '"name"', u8(version), peer.port ]`. A number that stands alone is
 * written as its field writes it, a port with two bytes.
 */
export function keyParts(
  protocol: Protocol,
  parts: readonly unknown[],
  names: KeyNames,
  at: Path,
  report: Report,
): Expr | undefined {
  const exprs = parts.map((part, i) => keyExpression(protocol, part, names, [...at, i], report))
  if (exprs.includes(undefined)) return undefined
  const args = (exprs as Expr[]).map(expr => (expr.type.kind === 'int' ? written(expr, protocol) : expr))
  return { is: 'call', name: 'join', args, type: BYTES, start: 0, end: 0 }
}

function written(expr: Expr, protocol: Protocol): Expr {
  const { start, end } = expr
  const field = expr.is === 'frameField' ? fieldAt(protocol, expr.frame, expr.path) : undefined
  const type = field && innerType(field.type)
  const bits = type?.kind === 'int' ? Math.ceil(type.bits / 8) * 8 : PORT_BITS
  const name = `u${bits}${type?.kind === 'int' && type.little && bits > 8 ? 'le' : ''}`
  return { is: 'call', name, args: [expr], type: BYTES, start, end }
}

/** The field that `Frame.path` or `Struct.path` names. */
export function fieldAt(protocol: Protocol, frame: string, path: readonly string[]): Field | undefined {
  const body = protocol.frames.get(frame)?.body ?? protocol.structs.get(frame)?.body
  const field = body && fieldsOf(body.nodes).find(one => one.name === path[0])
  if (!field || path.length === 1) return field
  const type = innerType(field.type)
  return type.kind === 'struct' ? fieldAt(protocol, type.name, path.slice(1)) : undefined
}

/** `shared` becomes `key.shared`, and `client.eph.public` the pair: which half is meant follows from the place. */
function spelledOut(syntax: ExprSyntax, protocol: Protocol, names: KeyNames): ExprSyntax {
  const inner = (one: ExprSyntax): ExprSyntax => spelledOut(one, protocol, names)
  switch (syntax.is) {
    case 'name': {
      if (!names.keys?.includes(syntax.name)) return syntax
      const { start, end, name } = syntax
      return { is: 'member', of: { is: 'name', name: 'key', start, end }, name, start, end }
    }
    case 'member':
      if (syntax.name === 'public' && isPair(syntax.of, protocol, names)) return syntax.of
      if (syntax.of.is === 'name') return syntax
      return { ...syntax, of: inner(syntax.of) }
    case 'not':
    case 'negate':
      return { ...syntax, of: inner(syntax.of) }
    case 'index':
      return { ...syntax, of: inner(syntax.of), index: inner(syntax.index) }
    case 'if':
      return { ...syntax, test: inner(syntax.test), yes: inner(syntax.yes), no: inner(syntax.no) }
    case 'binary':
      return { ...syntax, left: inner(syntax.left), right: inner(syntax.right) }
    case 'in':
      return {
        ...syntax,
        of: inner(syntax.of),
        items: syntax.items.map(item => ({ from: inner(item.from), to: inner(item.to) })),
      }
    case 'call':
      return { ...syntax, args: syntax.args.map(inner) }
    default:
      return syntax
  }
}

function isPair(syntax: ExprSyntax, protocol: Protocol, { secrets }: KeyNames): boolean {
  return (
    syntax.is === 'member' &&
    syntax.of.is === 'name' &&
    protocol.roles.has(syntax.of.name) &&
    (secrets?.has(syntax.name) ?? false)
  )
}

/** Special names as members of a space, which the emitter reaches like all others. */
function inSpaces(expr: Expr): Expr {
  switch (expr.is) {
    case 'special': {
      const space = expr.name === 'counter' ? 'counter' : 'clear'
      return { ...expr, is: 'space', space, name: expr.name }
    }
    case 'member':
    case 'not':
    case 'negate':
      return { ...expr, of: inSpaces(expr.of) }
    case 'index':
      return { ...expr, of: inSpaces(expr.of), index: inSpaces(expr.index) }
    case 'if':
      return { ...expr, test: inSpaces(expr.test), yes: inSpaces(expr.yes), no: inSpaces(expr.no) }
    case 'binary':
      return { ...expr, left: inSpaces(expr.left), right: inSpaces(expr.right) }
    case 'in':
      return {
        ...expr,
        of: inSpaces(expr.of),
        items: expr.items.map(item => ({ from: inSpaces(item.from), to: inSpaces(item.to) })),
      }
    case 'call':
      return { ...expr, args: expr.args.map(inSpaces) }
    default:
      return expr
  }
}

const PORT_BITS = 16
