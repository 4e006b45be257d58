// Params that a user supplies and session values that are learned (docs/language, "Roles, states, params, session").

import { parseType } from '../language/parse.ts'
import { parseDuration, parseSpan, parseWhole } from '../language/units.ts'
import type { Path } from '../load/document.ts'
import type { Workshop } from './body.ts'
import type { Catalog } from './catalog.ts'
import { located } from './draft.ts'
import { resolveAs } from './expressions.ts'
import type { Param, SessionValue, Type } from './model.ts'
import { plainValue } from './plain.ts'
import { entriesOf, mapOf, scalarText, some, textOf, textsOf } from './raw.ts'
import { checkRole } from './settings.ts'
import { Sizes } from './sizes.ts'
import { resolveType } from './types.ts'
import { typeOfValue } from './values.ts'

/** Fills `catalog.params` with their value types, for expressions. */
export function buildParams(catalog: Catalog): Map<string, Param> {
  const params = new Map<string, Param>()
  for (const [name, raw] of entriesOf(catalog.data.params)) {
    const map = mapOf(raw)
    const path: Path = ['params', name]
    const type = standaloneType(map.type, [...path, 'type'], catalog)
    if (!type) continue
    const roles = textsOf(map.for)
    for (const [i, wanted] of roles.entries())
      checkRole(wanted, Array.isArray(map.for) ? [...path, 'for', i] : [...path, 'for'], catalog)
    const range = scalarText(map.range)
    const bounds =
      range === undefined ? undefined : catalog.reports.attempt([...path, 'range'], () => parseSpan(range, parseWhole))
    catalog.params.set(name, typeOfValue(type))
    params.set(name, {
      name,
      ...some('doc', textOf(map.doc)),
      type,
      secret: map.secret === true,
      for: roles,
      ...some('fallback', fallbackOf(map.default, type, [...path, 'default'], catalog)),
      ...some('range', bounds && { min: bounds.from, max: bounds.to }),
      place: catalog.reports.document.place(path, 'key'),
    })
  }
  return params
}

/** Fills `catalog.session` with their value types; `start` is resolved by `buildSession`. */
export function declareSession(catalog: Catalog): Map<string, Type> {
  const types = new Map<string, Type>()
  for (const [name, raw] of entriesOf(catalog.data.session)) {
    const type = standaloneType(mapOf(raw).type, ['session', name, 'type'], catalog)
    if (!type) continue
    types.set(name, type)
    catalog.session.set(name, typeOfValue(type))
  }
  return types
}

export function buildSession(types: ReadonlyMap<string, Type>, { catalog }: Workshop): Map<string, SessionValue> {
  const session = new Map<string, SessionValue>()
  for (const [name, type] of types) {
    const map = mapOf(mapOf(catalog.data.session)[name])
    const path: Path = ['session', name]
    const start = located(catalog.reports, map.start, [...path, 'start'])
    const max = scalarText(map.max)
    const lifetime = textOf(map.lifetime)
    session.set(name, {
      name,
      ...some('doc', textOf(map.doc)),
      type,
      ...some(
        'start',
        start &&
          catalog.reports.attempt(start.path, () =>
            resolveAs(start.syntax, { catalog, drawn: true }, typeOfValue(type)),
          ),
      ),
      ...some(
        'fallback',
        map.default === undefined ? undefined : literalOf(map.default, type, [...path, 'default'], catalog),
      ),
      ...some('max', max === undefined ? undefined : catalog.reports.attempt([...path, 'max'], () => parseWhole(max))),
      secret: map.secret === true,
      ...some(
        'lifetime',
        lifetime === undefined
          ? undefined
          : catalog.reports.attempt([...path, 'lifetime'], () => parseDuration(lifetime)),
      ),
    })
  }
  return session
}

/** A type outside of any record: of params and session values. */
function standaloneType(raw: unknown, path: Path, catalog: Catalog): Type | undefined {
  const line = textOf(raw)
  if (line === undefined) {
    catalog.reports.error(path, 'type', 'a type is missing', 'as in "type: bytes(32)"')
    return undefined
  }
  const names = { catalog }
  return catalog.reports.attempt(path, () =>
    resolveType(parseType(line), {
      catalog,
      sizes: new Sizes(catalog),
      names,
      tail: () => 0,
      lenient: false,
      order: catalog.orderAt(path),
    }),
  )
}

function fallbackOf(raw: unknown, type: Type, path: Path, catalog: Catalog): Param['fallback'] {
  if (raw === undefined || raw === null) return undefined
  if (raw === 'none' || raw === 'any' || raw === 'generate' || raw === 'target') return { word: raw }
  const literal = literalOf(raw, type, path, catalog)
  return literal === undefined ? undefined : { literal }
}

function literalOf(raw: unknown, type: Type, path: Path, catalog: Catalog): unknown {
  return catalog.reports.attempt(path, () => plainValue(raw, type))
}
