// `match`: the envelope values that select a frame, together with the condition that its id implies.

import { didYouMean } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import type { Catalog } from './catalog.ts'
import type { Facts } from './conditions.ts'
import { numberOf } from './definitions.ts'
import type { DraftField } from './draft.ts'
import type { Literal } from './model.ts'
import { entriesOf, isMap, listOf, type Raw } from './raw.ts'
import { Mistake } from './report.ts'
import type { Entry, Scope } from './scope.ts'
import { describe } from './values.ts'

export interface Match {
  readonly path: readonly string[]
  readonly values: readonly Literal[]
}

/** The frame's own matches and, for a frame with an id, what the condition of the id field says. */
export function matchesOf(
  raw: Raw,
  path: Path,
  idField: DraftField | undefined,
  ids: readonly bigint[],
  scope: Scope,
  catalog: Catalog,
): { matches: Match[]; facts: Facts } {
  let facts = scope.facts
  const matches: Match[] = []
  for (const [text, given] of isMap(raw.match) ? entriesOf(raw.match) : []) {
    const at: Path = [...path, 'match', text]
    const match = catalog.reports.attempt(at, () => matchOf(text, given, scope, catalog))
    if (!match) continue
    matches.push(match)
    facts = learn(facts, match, scope, catalog)
  }
  if (!idField) return { matches, facts }
  const conditions = scope.entries.get(idField.name)!.conditions
  const own = facts
  facts = conditions.reduce((known, condition) => known.learn(condition.syntax), facts)
  if (conditions.some(condition => own.holds(condition.syntax) === false)) {
    catalog.reports.error(
      [...path, 'match'],
      'ambiguous',
      `with this match the field ${idField.name}, which holds the id, is absent`,
      undefined,
      'key',
    )
  }
  const all = [...matches, ...implied(matches, facts, scope, catalog)]
  return { matches: all, facts: facts.withValues(idField.name, new Set(ids.map(id => `#${id}`))) }
}

/** Facts about fields and bits that follow from the id's condition and are not matched already. */
function implied(matches: readonly Match[], facts: Facts, scope: Scope, catalog: Catalog): Match[] {
  const taken = new Set(matches.map(match => match.path.join('.')))
  const found: Match[] = []
  for (const [path, keys] of facts.known) {
    const entry = scope.entries.get(path)
    if (taken.has(path) || !entry) continue
    found.push({ path: [path], values: [...keys].flatMap(key => literalOf(key, entry, catalog)) })
  }
  for (const [text, truth] of facts.atoms) {
    const path = text.split('.')
    const entry = scope.entries.get(path[0]!)
    const isBit = path.length === 2 && entry?.type.kind === 'bitset'
    const isTruth = path.length === 1 && entry?.type.kind === 'bool'
    if (!taken.has(text) && (isBit || isTruth)) found.push({ path, values: [truth] })
  }
  return found
}

function matchOf(text: string, given: unknown, scope: Scope, catalog: Catalog): Match {
  const path = text.split('.')
  const entry = scope.entries.get(path[0]!)
  if (entry?.node.kind !== 'field') {
    throw new Mistake('reference', `the envelope has no field ${path[0]}`, undefined, didYouMean(path[0]!, scope.names))
  }
  if (path.length > 2 || (path.length === 2 && entry.type.kind !== 'bitset')) {
    throw new Mistake('type', `${text} cannot be matched`, undefined, 'match a field of the envelope, or a bit of one')
  }
  if (path.length === 1) return { path, values: listOf(given).map(value => fieldLiteral(value, entry, catalog)) }
  const bits = catalog.bitsets.get((entry.type as { name: string }).name)?.bits.map(bit => bit.name) ?? []
  if (!bits.includes(path[1]!))
    throw new Mistake('reference', `${path[0]} has no bit ${path[1]}`, undefined, didYouMean(path[1]!, bits))
  const values = listOf(given).map(value => {
    if (typeof value === 'boolean') return value
    throw new Mistake('type', `a bit is true or false, not ${JSON.stringify(value)}`)
  })
  return { path, values }
}

function fieldLiteral(value: unknown, entry: Entry, catalog: Catalog): Literal {
  const { type } = entry
  switch (type.kind) {
    case 'enum': {
      const values = catalog.enums.get(type.name)?.values ?? []
      const number = typeof value === 'number' || typeof value === 'bigint' ? BigInt(value) : undefined
      const found = values.find(known => known.name === value || known.value === number)
      if (found) return found.name
      const names = values.map(known => known.name)
      throw new Mistake(
        'reference',
        `${type.name} has no value ${String(value)}`,
        undefined,
        didYouMean(String(value), names) ?? `it has ${names.join(', ')}`,
      )
    }
    case 'bool':
      if (typeof value === 'boolean') return value
      break
    case 'int':
    case 'bitset': {
      const number = typeof value === 'boolean' ? undefined : numberOf(value)
      if (number !== undefined) return number
      break
    }
    case 'text':
    case 'bytes':
      if (typeof value === 'string') return value
      break
    default:
  }
  throw new Mistake('type', `${entry.name} is ${describe(type)}, it is never ${JSON.stringify(value)}`)
}

function learn(facts: Facts, match: Match, scope: Scope, catalog: Catalog): Facts {
  const text = match.path.join('.')
  const entry = scope.entries.get(match.path[0]!)!
  const [first] = match.values
  if (typeof first === 'boolean') return match.values.length === 1 ? facts.withAtom(text, first) : facts
  return facts.withValues(text, new Set(match.values.map(value => keyOf(value, entry, catalog))))
}

/** The spelling that `Catalog.literal` gives to equal literals. */
function keyOf(value: Literal, entry: Entry, catalog: Catalog): string {
  if (typeof value === 'bigint') return `#${value}`
  if (entry.type.kind === 'enum') {
    const name = entry.type.name
    return `#${catalog.enums.get(name)?.values.find(known => known.name === value)?.value}`
  }
  const bytes = new TextEncoder().encode(String(value))
  return `x${Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')}`
}

function literalOf(key: string, entry: Entry, catalog: Catalog): Literal[] {
  if (!key.startsWith('#'))
    return [
      new TextDecoder().decode(Uint8Array.from(key.slice(1).match(/../g) ?? [], pair => Number.parseInt(pair, 16))),
    ]
  const value = BigInt(key.slice(1))
  if (entry.type.kind !== 'enum') return [value]
  const found = catalog.enums.get(entry.type.name)?.values.find(known => known.value === value)
  return found ? [found.name] : []
}
