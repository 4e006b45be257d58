// Frames: the envelope and the frame's own fields as one record, cut down to what the frame's id and match leave
// possible (docs/language, "Envelope and frames").

import type { TypeSyntax } from '../language/ast.ts'
import { parseExpr } from '../language/parse.ts'
import { didYouMean } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import { buildBody, type Workshop } from './body.ts'
import type { Catalog } from './catalog.ts'
import { codeOf, fitsBits } from './definitions.ts'
import { type DraftField, type DraftGroup, type DraftNode, draftClear, draftFields, linesOf, located } from './draft.ts'
import { chooseHolder, type EnvelopeDraft, fieldsOf, holders, prune, source } from './envelope.ts'
import { type Context, resolve, resolveAs } from './expressions.ts'
import { type Match, matchesOf } from './match.ts'
import type { Frame } from './model.ts'
import { entriesOf, listOf, mapOf, type Raw, scalarText, some, textOf, textsOf } from './raw.ts'
import { type Draft, type Gap, Scope } from './scope.ts'
import { idOf } from './types.ts'
import { INT, sameType } from './values.ts'

/** A frame with the record it became. */
export interface FrameDraft {
  readonly name: string
  readonly raw: Raw
  readonly path: Path
  readonly draft: Draft
  readonly ids: readonly bigint[]
  readonly matches: readonly Match[]
}

export function draftFrame(name: string, raw: Raw, envelope: EnvelopeDraft, catalog: Catalog): FrameDraft {
  const path: Path = ['frames', name]
  const title = `frame ${name}`
  const own = ownNodes(raw, path, catalog)
  const rules = linesOf(raw, 'check', path)
  const validate = linesOf(raw, 'validate', path)
  const base = { name, raw, path }
  if (raw.bare === true) {
    const scope = new Scope(title, own, catalog)
    return {
      ...base,
      ids: [],
      matches: [],
      draft: { title, nodes: own, rules, validate, scope, value: undefined, startBits: 0 },
    }
  }
  const nodes = envelope.nodes()
  const idField = fieldsOf(nodes).find(field => field.isId)
  const ids = idsOf(raw, path, idField, envelope.scope, catalog)
  const { matches, facts } = matchesOf(raw, path, ids.length ? idField : undefined, ids, envelope.scope, catalog)
  const holder = chooseHolder(nodes, facts, name, own.length === 0, catalog)
  if (holder) holder.nodes = own
  const kept = prune(nodes, facts, holder)
  applyMatches(matches, fieldsOf(kept))
  applyWith(raw, path, kept, envelope.scope, catalog)
  const scope = new Scope(title, kept, catalog, facts, gaps(envelope.scope, kept))
  const draft: Draft = {
    title,
    nodes: kept,
    rules: [...envelope.rules, ...rules],
    validate: [...envelope.validate, ...validate],
    scope,
    value: undefined,
    startBits: 0,
  }
  return { ...base, ids, matches, draft }
}

export function buildFrame(frame: FrameDraft, index: number, shop: Workshop): Frame {
  const { name, raw, path, draft, matches } = frame
  const { catalog } = shop
  const { reports } = catalog
  const states = raw.state === undefined ? statesListing(name, catalog) : textsOf(raw.state)
  known(states, new Set(Object.keys(mapOf(catalog.data.states))), 'state', [...path, 'state'], catalog)
  const channel = textOf(raw.channel)
  if (channel !== undefined && channel !== 'any') {
    known([channel], new Set(Object.keys(mapOf(catalog.data.channels))), 'channel', [...path, 'channel'], catalog)
  }
  const max = located(reports, raw.max, [...path, 'max'])
  const names: Context = { catalog, scope: draft.scope, facts: draft.scope.facts }
  return {
    name,
    index,
    ...some('doc', textOf(raw.doc)),
    body: buildBody(draft, shop),
    ids: frame.ids,
    match: matches.map(match => ({ path: match.path, values: match.values })),
    matchElse: raw.match === 'else',
    bare: raw.bare === true,
    dirs: directions(raw, path, catalog),
    states,
    ...some('seal', textOf(raw.seal)),
    ...some('channel', channel),
    learn: lessons(raw, path, names),
    repeat: typeof raw.repeat === 'number' ? raw.repeat : 1,
    ...some('close', raw.close as Frame['close']),
    ...some('max', max && reports.attempt(max.path, () => resolveAs(max.syntax, names, INT, 'max'))),
    place: reports.document.place(path, 'key'),
  }
}

/** What the frame leaves out of the envelope. */
function gaps(envelope: Scope, kept: readonly DraftNode[]): Map<string, Gap> {
  const names = new Set(namesOf(kept))
  const order = envelope.order.map(entry => entry.name)
  const found = new Map<string, Gap>()
  order.forEach((name, i) => {
    if (names.has(name)) return
    const before = order.slice(0, i).findLast(other => names.has(other))
    found.set(name, { before, behind: order.slice(i + 1).find(other => names.has(other)) })
  })
  return found
}

function namesOf(nodes: readonly DraftNode[]): string[] {
  return nodes.flatMap(node => (node.kind === 'group' ? [node.name, ...namesOf(node.nodes)] : [node.name]))
}

/** Rows of `states` that list a frame without a `state` of its own, and those that ignore what they do not list. */
function statesListing(frame: string, catalog: Catalog): string[] {
  const rows = entriesOf(catalog.data.states).map(([state, row]) => ({ state, row: mapOf(row) }))
  if (!rows.some(({ row }) => frame in row)) return []
  const fitting = rows.filter(({ row }) => frame in row || row.ignore !== undefined)
  return fitting.length === rows.length ? [] : fitting.map(({ state }) => state)
}

function ownNodes(raw: Raw, path: Path, catalog: Catalog): DraftNode[] {
  const fields = draftFields(source(catalog), mapOf(raw.fields), [...path, 'fields'], 'frame')
  for (const holder of holders(fields)) {
    catalog.reports.error(
      holder.path,
      'type',
      'a frame cannot hold a frame',
      'only the envelope has a field of type "frame"',
    )
  }
  const seal = textOf(raw.seal)
  if (seal === undefined) return fields
  const group: DraftGroup = {
    kind: 'group',
    name: '_sealed',
    path: [...path, 'seal'],
    holdsFrame: false,
    seal,
    nodes: fields,
    rules: [],
  }
  return [...draftClear(source(catalog), seal), group]
}

function idsOf(raw: Raw, path: Path, field: DraftField | undefined, scope: Scope, catalog: Catalog): bigint[] {
  if (raw.id === undefined || raw.id === null) return []
  const at: Path = [...path, 'id']
  if (!field?.type) {
    catalog.reports.error(
      at,
      'reference',
      'the envelope has no field for this id',
      'give it one: "type: id(u8)"',
      'key',
    )
    return []
  }
  const type = scope.entries.get(field.name)!.type
  const { syntax } = field.type
  return listOf(raw.id).flatMap(value => {
    const id = idOf(catalog, type, value) ?? codeOf(value, syntax, catalog.orderAt(field.path).little)
    if (id === undefined) {
      const names = type.kind === 'enum' ? (catalog.enums.get(type.name)?.values.map(known => known.name) ?? []) : []
      const hint =
        didYouMean(String(value), names) ?? (names.length ? `it has ${names.join(', ')}` : idHint(value, field, syntax))
      catalog.reports.error(at, 'type', `${JSON.stringify(value)} is no id of ${field.name}`, hint)
      return []
    }
    if (syntax.is === 'int' && !fitsBits(id, syntax)) {
      catalog.reports.error(at, 'range', `${id} does not fit into the id field, ${field.name} has ${syntax.bits} bits`)
    }
    return [id]
  })
}

function idHint(value: unknown, field: DraftField, syntax: TypeSyntax): string {
  if (syntax.is === 'int') {
    const text = syntax.bits % 8 === 0 && syntax.bits > 8 ? ` or a text of ${syntax.bits / 8} characters` : ''
    return `an id is a whole number, one character${text}`
  }
  return `an id is a number; where text tells frames apart write "match: { ${field.name}: ${String(value)} }"`
}

function applyMatches(matches: readonly Match[], fields: readonly DraftField[]): void {
  for (const match of matches) {
    const field = fields.find(candidate => candidate.name === match.path[0])
    if (!field) continue
    const bit = match.path[1]
    if (bit === undefined) field.match = match.values
    else field.matchBits = [...(field.matchBits ?? []), ...match.values.map(value => ({ bit, value: value === true }))]
  }
}

function applyWith(raw: Raw, path: Path, nodes: readonly DraftNode[], scope: Scope, catalog: Catalog): void {
  const fields = fieldsOf(nodes)
  const errorName = textOf(raw.error)
  const error = errorName === undefined ? 'BadValue' : catalog.error(errorName, [...path, 'error'])
  for (const [name, value] of entriesOf(raw.with)) {
    const at: Path = [...path, 'with', name]
    const field = fields.find(candidate => candidate.name === name && candidate.origin === 'envelope')
    if (!field) {
      const message = scope.entries.has(name)
        ? `${name} is not part of ${path[1]}`
        : `the envelope has no field ${name}`
      catalog.reports.error(at, 'reference', message, didYouMean(name, scope.names), 'key')
      continue
    }
    if (field.isId) {
      catalog.reports.error(at, 'type', `${name} holds the id`, 'write "id: .."', 'key')
      continue
    }
    const text = scalarText(value)
    const soft = text !== undefined && /^\s*\?=/.test(text)
    const syntax =
      text === undefined ? undefined : catalog.reports.attempt(at, () => parseExpr(text.replace('?=', '  ')))
    if (!syntax) continue
    field.value = undefined
    field.fallback = soft ? { syntax, path: at } : undefined
    if (!soft) field.with = { syntax, path: at, error }
  }
}

function directions(raw: Raw, path: Path, catalog: Catalog): Frame['dirs'] {
  const at: Path = [...path, 'dir']
  return textsOf(raw.dir).flatMap((text, i) => {
    const [sender, receiver] = text.split('>').map(part => part.trim())
    if (!sender || !receiver) return []
    const place = Array.isArray(raw.dir) ? [...at, i] : at
    return known([sender, receiver], catalog.roles, 'role', place, catalog) ? [{ sender, receiver }] : []
  })
}

function lessons(raw: Raw, path: Path, names: Context): Frame['learn'] {
  const { catalog } = names
  return entriesOf(raw.learn).flatMap(([name, value]) => {
    const at: Path = [...path, 'learn', name]
    const type = catalog.session.get(name)
    if (!type) {
      catalog.reports.error(
        at,
        'reference',
        `no session value named ${name}`,
        didYouMean(name, catalog.session.keys()),
        'key',
      )
      return []
    }
    const source = located(catalog.reports, value, at)
    const expr =
      source &&
      catalog.reports.attempt(at, () => {
        const resolved = resolve(source.syntax, names, type)
        return sameType(resolved.type, type) ? resolved : resolveAs(source.syntax, names, type, name)
      })
    return expr ? [{ name, value: expr }] : []
  })
}

function known(
  names: readonly string[],
  candidates: ReadonlySet<string>,
  what: string,
  path: Path,
  catalog: Catalog,
): boolean {
  const missing = names.filter(name => !candidates.has(name))
  for (const name of missing) {
    const list = [...candidates].join(', ')
    const hint = didYouMean(name, candidates) ?? (list ? `there are ${list}` : `there are no ${what}s`)
    catalog.reports.error(path, 'reference', `no ${what} named ${name}`, hint)
  }
  return missing.length === 0
}
