// Ordered multimaps: a list of entries that can be looked up by key, with well-known keys of types of their own.

import { parseType } from '../language/parse.ts'
import { didYouMean } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import type { DraftField } from './draft.ts'
import type { Multimap, ValueType } from './model.ts'
import { entriesOf, isMap, mapOf, textOf } from './raw.ts'
import type { Entry } from './scope.ts'
import { idOf, resolveType, type TypeContext } from './types.ts'

export function multimap(node: DraftField, entry: Entry, context: TypeContext): Multimap | undefined {
  const { map, entries } = node.options
  const { reports } = context.catalog
  if (!isMap(map)) {
    if (entries !== undefined)
      reports.error(
        [...node.path, 'entries'],
        'type',
        `${node.name} has entries but no map`,
        'map: { key: FIELD, value: FIELD }',
        'key',
      )
    return undefined
  }
  const scope =
    entry.type.kind === 'list' && entry.type.of.kind === 'struct'
      ? context.catalog.scopeOf(entry.type.of.name)
      : undefined
  if (!scope) {
    reports.error([...node.path, 'map'], 'type', 'a map is made from a list of structs', undefined, 'key')
    return undefined
  }
  const key = textOf(map.key) ?? 'key'
  const value = textOf(map.value) ?? 'value'
  for (const [role, name] of [
    ['key', key],
    ['value', value],
  ] as const) {
    if (scope.entries.has(name)) continue
    reports.error(
      [...node.path, 'map', role],
      'reference',
      `no field named ${name} in ${scope.title}`,
      didYouMean(name, scope.names),
    )
    return undefined
  }
  const duplicates = (textOf(map.duplicates) ?? 'keep') as Multimap['duplicates']
  const keyType = scope.entries.get(key)!.type
  const anyCase = map.case === 'ignore'
  if (anyCase && keyType.kind !== 'bytes' && keyType.kind !== 'text') {
    reports.error([...node.path, 'map', 'case'], 'type', `${key} is no text, so it has no case`, 'leave it out', 'key')
    return undefined
  }
  const known = entriesOf(entries).flatMap(([name, raw]) =>
    entryOf(name, mapOf(raw), keyType, [...node.path, 'entries', name], context),
  )
  return { key, value, duplicates, anyCase, entries: known }
}

function entryOf(
  name: string,
  raw: Readonly<Record<string, unknown>>,
  keyType: ValueType,
  path: Path,
  context: TypeContext,
): Multimap['entries'][number][] {
  const { reports } = context.catalog
  const key = keyOf(raw.key ?? name, keyType, context)
  if (key === undefined) {
    reports.error([...path, 'key'], 'type', `the key of ${name} does not fit the keys of the map`)
    return []
  }
  const line = textOf(raw.type)
  const at: Path = [...path, 'type']
  const type = line
    ? reports.attempt(at, () =>
        resolveType(parseType(line), { ...context, lenient: raw.lenient === true, tail: () => 0 }),
      )
    : undefined
  if (!line) reports.error(path, 'type', `${name} has no type`, 'as in "type: dec(u64)"', 'key')
  if (!type) return []
  return [{ name, key, type: bare(type), place: reports.document.place(path, 'key') }]
}

/** A value fills its entry, so "the rest" around it says nothing. */
function bare(type: Multimap['entries'][number]['type']): Multimap['entries'][number]['type'] {
  return type.kind === 'region' && type.extent.by === 'rest' ? type.of : type
}

function keyOf(raw: unknown, type: ValueType, context: TypeContext): Uint8Array | bigint | undefined {
  if (type.kind === 'int' || type.kind === 'enum') return idOf(context.catalog, type, raw)
  if (type.kind !== 'bytes' && type.kind !== 'text') return undefined
  return typeof raw === 'string' ? new TextEncoder().encode(raw) : undefined
}
