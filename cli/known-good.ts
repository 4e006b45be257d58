// Schemas that need no checking: those that the generated code of this package was made from, and those that were checked
// before by the same generator and have not changed since (a marker in the cache says so).

import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { shownPath } from '../generator/emit/header.ts'
import { hashOf, MANIFEST, manifestEntries } from '../generator/manifest.ts'
import { readText } from './input/text.ts'
import { cacheFolder } from './live/cache.ts'
import { BUILT, packageVersion, ROOT } from './package.ts'

/** The JSON Schema of the language: no part of a schema's own text. */
export const LANGUAGE = 'protocol.schema.json'

/** Files that were read for a schema, by path. */
export type Sources = ReadonlyMap<string, string>

export function isKnownGood(sources: Sources, profile: string | undefined): boolean {
  const hash = schemaHash(sources)
  const made = manifestEntries(readText(join(ROOT, 'generated', MANIFEST)))
  if ([...made.values()].some(entry => entry.hash === hash)) return true
  return modified(markerOf(hash, profile)) > 0
}

/** To be called after a schema passed every check. */
export function rememberGood(sources: Sources, profile: string | undefined): void {
  const marker = markerOf(schemaHash(sources), profile)
  try {
    mkdirSync(join(cacheFolder(), 'checked'), { recursive: true, mode: 0o700 })
    writeFileSync(marker, '')
  } catch {
    // It is checked again the next time.
  }
}

/** The hash of a schema and its imports, as the manifest has it. */
export function schemaHash(sources: Sources): string {
  const texts = [...sources]
    .filter(([path]) => path.endsWith('.yaml'))
    .sort(([a], [b]) => (shownPath(a) < shownPath(b) ? -1 : 1))
    .map(([, text]) => text)
  return hashOf(...texts)
}

/** When the generator was last changed: another one may see other mistakes and makes other code. */
export function buildTime(): number {
  newest ??= newestIn(join(ROOT, ...(BUILT ? ['dist'] : []), 'generator'))
  return newest
}

/** Milliseconds since 1970; 0 when there is no such file. */
export function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function markerOf(hash: string, profile: string | undefined): string {
  const key = hashOf(hash, profile ?? '', packageVersion(), ROOT, String(buildTime()))
  return join(cacheFolder(), 'checked', key.replace(/^sha256:/, '').slice(0, 32))
}

function newestIn(folder: string): number {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter(entry => entry.isFile())
  return Math.max(...files.map(entry => modified(join(entry.parentPath, entry.name))))
}

let newest: number | undefined
