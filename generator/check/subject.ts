// What a check gets to see, and the few questions that many of them ask.

import type { Path, Problem, SchemaDocument } from '../load/document.ts'
import type { Protocol } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'

export interface Subject {
  readonly protocol: Protocol
  /** Takes the problems. */
  readonly document: SchemaDocument
  readonly behaviour: Behaviour
}

/** One rule of the language: looks, and reports what breaks it. */
export type Check = (subject: Subject) => void

export type Plain = Readonly<Record<string, unknown>>

/** The map at a path of the merged document; empty where there is none. */
export function section(subject: Subject, ...path: readonly string[]): Plain {
  let at: unknown = subject.document.data
  for (const key of path) at = isMap(at) ? at[key] : undefined
  return isMap(at) ? at : {}
}

/** The value at a path of the merged document. */
export function valueAt(subject: Subject, path: Path): unknown {
  let at: unknown = subject.document.data
  for (const key of path) at = typeof at === 'object' && at !== null ? (at as Plain)[key as string] : undefined
  return at
}

export function isMap(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** One or several texts. */
export function listOf(value: unknown): string[] {
  const items: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return items.filter(item => typeof item === 'string')
}

/**
 * Reports what is an error unless the document says what it gives up: a warning where `insecure` is given. These are the
 * checks marked * in the reference.
 */
export function reportUnlessInsecure(subject: Subject, path: Path, problem: Problem): void {
  const insecure = subject.protocol.insecure.length > 0
  const hint = [problem.hint, insecure ? undefined : 'or list it in `insecure`'].filter(Boolean).join(', ')
  subject.document.report(path, { ...problem, severity: insecure ? 'warning' : 'error', ...(hint ? { hint } : {}) })
}

/** Whether a role may stand for another in a direction: the same, one a kind of the other, or in its `any_of`. */
export function rolesMeet(protocol: Protocol, a: string, b: string): boolean {
  return [...rolesOf(protocol, a)].some(role => rolesOf(protocol, b).has(role))
}

/** The roles without `any_of` that a name covers: itself, and those that count as it. */
export function rolesOf(protocol: Protocol, name: string): ReadonlySet<string> {
  const role = protocol.roles.get(name)
  const members = [...protocol.roles.values()].filter(other => other.kind === name).map(other => other.name)
  const listed = role?.anyOf ?? []
  return new Set(listed.length + members.length > 0 ? [...listed, ...members] : [name])
}

/** Directions in which a frame may travel; every pair of roles that can meet where it says nothing. */
export function directionsMeet(
  protocol: Protocol,
  a: readonly { sender: string; receiver: string }[],
  b: readonly { sender: string; receiver: string }[],
): boolean {
  if (a.length === 0 || b.length === 0) return true
  return a.some(one =>
    b.some(other => rolesMeet(protocol, one.sender, other.sender) && rolesMeet(protocol, one.receiver, other.receiver)),
  )
}
