// Sections around the frames that the model carries: errors, roles, profiles, examples.

import { BUILT_IN_ERRORS } from '../../runtime/wire/codec.ts'
import { didYouMean } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import type { Catalog } from './catalog.ts'
import type { ErrorDefinition, Example, Protocol, Role } from './model.ts'
import { entriesOf, mapOf, scalarText, some, textOf, textsOf } from './raw.ts'

export function buildErrors(catalog: Catalog): { errors: Protocol['errors']; covers: Protocol['covers'] } {
  const errors = new Map<string, ErrorDefinition>()
  const covers = new Map<string, string>()
  for (const [name, raw] of entriesOf(catalog.data.errors)) {
    const map = mapOf(raw)
    const path: Path = ['errors', name]
    const covered = textsOf(map.covers)
    covered.forEach((builtIn, i) => {
      const at: Path = [...path, 'covers', i]
      const before = covers.get(builtIn)
      if (!BUILT_IN_ERRORS.includes(builtIn)) {
        catalog.reports.error(at, 'reference', `${builtIn} is no built-in error`, didYouMean(builtIn, BUILT_IN_ERRORS))
      } else if (before !== undefined) {
        catalog.reports.error(at, 'duplicate', `${builtIn} is covered by ${before} already`)
      } else covers.set(builtIn, name)
    })
    const fatal = typeof map.fatal === 'boolean' ? map.fatal : undefined
    errors.set(name, {
      name,
      text: textOf(map.text) ?? name,
      ...some('fatal', fatal),
      covers: covered,
      ...some('doc', textOf(map.doc)),
    })
  }
  return { errors, covers }
}

/** Declared errors that nothing can raise. A profile may well take away what raised one. */
export function warnUnused(catalog: Catalog, errors: Protocol['errors']): void {
  if (catalog.reports.document.profile !== undefined) return
  const elsewhere = JSON.stringify({ ...catalog.data, errors: undefined, profiles: undefined }, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  )
  for (const error of errors.values()) {
    if (error.covers.length || catalog.usedErrors.has(error.name) || BUILT_IN_ERRORS.includes(error.name)) continue
    if (new RegExp(`\\b${error.name}\\b`).test(elsewhere)) continue
    const message = `nothing raises ${error.name}`
    const hint = 'name it behind "else", or let it cover a built-in error'
    catalog.reports.add(['errors', error.name], { code: 'reference', message, hint, severity: 'warning', on: 'key' })
  }
}

export function buildRoles(catalog: Catalog): Map<string, Role> {
  const given = entriesOf(catalog.data.roles)
  if (given.length === 0) {
    return new Map([
      ['client', { name: 'client', transport: 'dials', anyOf: [] }],
      ['server', { name: 'server', transport: 'accepts', anyOf: [] }],
    ])
  }
  return new Map(
    given.map(([name, raw]) => {
      const map = mapOf(raw)
      const kind = textOf(map.kind)
      const anyOf = textsOf(map.any_of)
      const path: Path = ['roles', name]
      if (kind !== undefined) checkRole(kind, [...path, 'kind'], catalog)
      for (const [i, other] of anyOf.entries()) checkRole(other, [...path, 'any_of', i], catalog)
      const transport = (map.transport ?? (anyOf.length ? transportOf(anyOf, catalog) : 'both')) as Role['transport']
      return [name, { name, transport, ...some('kind', kind), anyOf }]
    }),
  )
}

export function buildProfiles(catalog: Catalog): Protocol['profiles'] {
  return entriesOf(catalog.data.profiles).map(([name, raw]) => {
    const map = mapOf(raw)
    return { name, ...some('doc', textOf(map.doc)), insecure: textsOf(map.insecure) }
  })
}

export function buildExamples(catalog: Catalog): Example[] {
  const list = Array.isArray(catalog.data.examples) ? catalog.data.examples : []
  return list.map((raw: unknown, i) => {
    const map = mapOf(raw)
    const path: Path = ['examples', i]
    const frame = textOf(map.frame)
    const frames = Object.keys(mapOf(catalog.data.frames))
    if (frame !== undefined && !frames.includes(frame)) {
      catalog.reports.error([...path, 'frame'], 'reference', `no frame named ${frame}`, didYouMean(frame, frames))
    }
    const error = textOf(map.error)
    if (error !== undefined) catalog.error(error, [...path, 'error'])
    return {
      ...some('frame', frame),
      ...some('fields', map.fields === undefined ? undefined : mapOf(map.fields)),
      hex: scalarText(map.hex) ?? '',
      ...some('error', error),
      ...some('dir', textOf(map.dir)),
      ...some('state', textOf(map.state)),
      ...some('stream', map.stream === undefined ? undefined : map.stream === true),
      decodeOnly: map.decode_only === true,
      ...some('note', textOf(map.note)),
      place: catalog.reports.document.place(path),
    }
  })
}

/** Reports a role that is not declared. */
export function checkRole(name: string, path: Path, catalog: Catalog): void {
  if (catalog.roles.has(name)) return
  const hint = didYouMean(name, catalog.roles) ?? `there are ${[...catalog.roles].join(', ')}`
  catalog.reports.error(path, 'reference', `no role named ${name}`, hint)
}

function transportOf(names: readonly string[], catalog: Catalog): unknown {
  const found = new Set(names.map(name => mapOf(mapOf(catalog.data.roles)[name]).transport ?? 'both'))
  return found.size === 1 ? [...found][0] : 'both'
}
