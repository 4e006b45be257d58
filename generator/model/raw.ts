// Reading the plain data of a document, whose shape the JSON schema has checked. Anything of another shape counts as
// absent, so that a document with other mistakes can still be looked at.

export type Raw = Readonly<Record<string, unknown>>

export function isMap(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The map under `key`, or an empty one. */
export function mapOf(value: unknown): Raw {
  return isMap(value) ? value : {}
}

/** Entries of a section; `null` entries (deleted by a profile) and `$` keys are left out. */
export function entriesOf(value: unknown): [string, unknown][] {
  return Object.entries(mapOf(value)).filter(([key, entry]) => entry !== null && !key.startsWith('$'))
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** One or several: `a` and `[ a ]` are the same. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter(item => typeof item === 'string')
}

/** A scalar as the text that the parsers read; undefined for lists and maps. */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  return undefined
}

/** The property, when there is a value for it: for `exactOptionalPropertyTypes`. */
export function some<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: T }
}
