// Two frames that could both fit the same bytes (docs/language, "How a frame is chosen"): they must differ in id, in a
// value of the envelope, in direction or in state. Order in the file never decides.

import type { Expr, Frame, Literal } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Check, directionsMeet, type Subject } from './subject.ts'
import { groupsAround } from './walk.ts'

export const ambiguous: Check = subject => {
  const frames = [...subject.protocol.frames.values()]
  for (const [index, frame] of frames.entries()) {
    const twin = frames.slice(0, index).find(other => collide(subject, frame, other))
    if (!twin) continue
    subject.document.report(['frames', frame.name], {
      code: 'ambiguous',
      on: 'key',
      message: `${frame.name} and ${twin.name} cannot be told apart`,
      hint: 'give them different ids, `match` values, directions or states',
    })
  }
}

function collide(subject: Subject, a: Frame, b: Frame): boolean {
  if (a.bare !== b.bare || a.matchElse !== b.matchElse) return false
  if (apart(a.ids, b.ids) || apart(a.states, b.states)) return false
  if (!directionsMeet(subject.protocol, a.dirs, b.dirs)) return false
  if (excludesId(subject, a, b) || excludesId(subject, b, a)) return false
  const others = selectors(b)
  return !selectors(a).some(one =>
    others.some(other => samePath(one.path, other.path) && apart(one.values, other.values)),
  )
}

/** The match of `a` leaves no id in the envelope, and `b` has one. */
function excludesId(subject: Subject, a: Frame, b: Frame): boolean {
  const holdsId = (nodes: Frame['body']['nodes']): boolean => fieldsOf(nodes).some(field => field.isId)
  const { envelope } = subject.protocol
  return b.ids.length > 0 && envelope !== undefined && holdsId(envelope.nodes) && !holdsId(a.body.nodes)
}

interface Selector {
  readonly path: readonly string[]
  readonly values: readonly Literal[]
}

/** `match`, and what the condition of the id field implies for a frame with an id. */
function selectors(frame: Frame): Selector[] {
  return [...frame.match, ...(frame.ids.length > 0 ? impliedById(frame) : [])]
}

function impliedById(frame: Frame): Selector[] {
  const id = fieldsOf(frame.body.nodes).find(field => field.isId)
  if (!id) return []
  const conditions = [id, ...(groupsAround(frame.body.nodes, id.name) ?? [])].map(node => node.if)
  return conditions.flatMap(condition => (condition ? equalities(condition) : []))
}

/** `field == constant`, also inside `and`. */
function equalities(expr: Expr): Selector[] {
  if (expr.is === 'binary' && expr.operator === 'and') return [...equalities(expr.left), ...equalities(expr.right)]
  const bit = bitOf(expr)
  if (bit) return [{ path: bit, values: [true] }]
  if (expr.is === 'not') {
    const off = bitOf(expr.of)
    return off ? [{ path: off, values: [false] }] : []
  }
  if (expr.is !== 'binary' || expr.operator !== '==' || expr.left.is !== 'field') return []
  const { right } = expr
  const value =
    right.is === 'int' || right.is === 'enumValue' || right.is === 'bool' || right.is === 'text'
      ? right.value
      : undefined
  return value === undefined ? [] : [{ path: [expr.left.name], values: [value] }]
}

function bitOf(expr: Expr): string[] | undefined {
  return expr.is === 'member' && expr.of.is === 'field' && expr.of.type.kind === 'bitset'
    ? [expr.of.name, expr.name]
    : undefined
}

/** Both say something, and nothing in common. */
function apart<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length > 0 && b.length > 0 && !a.some(value => b.includes(value))
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index])
}
