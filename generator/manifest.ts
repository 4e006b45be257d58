// `manifest.json` beside the generated protocols: which schema made which files. It tells stale files from those that
// somebody else put there, and a check which schema changed.

import { createHash } from 'node:crypto'
import { GENERATOR_VERSION } from './emit/header.ts'

export const MANIFEST = 'manifest.json'

export interface ManifestEntry {
  /** Path of the schema. */
  readonly schema: string
  /** Hash of the schema and everything it imports. */
  readonly hash: string
  /** Path below the output folder -> hash of the text. */
  readonly files: Readonly<Record<string, string>>
}

export interface Manifest {
  readonly generator: number
  readonly protocols: Readonly<Record<string, ManifestEntry>>
}

/** Sorted, so that the order of schemas on a command line does not show. */
export function manifestText(protocols: ReadonlyMap<string, ManifestEntry>): string {
  const sorted = [...protocols].sort(([a], [b]) => (a < b ? -1 : 1))
  const manifest: Manifest = { generator: GENERATOR_VERSION, protocols: Object.fromEntries(sorted) }
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}

/** Entries of a manifest's text; none when it is not one. */
export function manifestEntries(text: string | undefined): Map<string, ManifestEntry> {
  if (text === undefined) return new Map()
  try {
    const { protocols } = JSON.parse(text) as Partial<Manifest>
    return new Map(Object.entries(protocols ?? {}))
  } catch {
    return new Map()
  }
}

export function hashOf(...texts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(`${text.length}:`).update(text)
  return `sha256:${hash.digest('hex')}`
}
