// Whether an output folder holds what the generator makes now.

import { MANIFEST, OUTPUTS, type Output, outputOf } from './generate.ts'
import { manifestEntries } from './manifest.ts'

export interface Freshness {
  /** Files whose text is another. */
  readonly changed: readonly string[]
  /** Files that are not there. */
  readonly missing: readonly string[]
  /** Files there that the generator no longer makes. */
  readonly stale: readonly string[]
}

/**
 * Compares generated files with those on disk, both by their path below the output folder. Files of protocols that the
 * manifest knows but this run did not generate are left alone, and so are outputs that were not asked for.
 */
export function checkFresh(
  files: ReadonlyMap<string, string>,
  disk: ReadonlyMap<string, string>,
  emit: readonly Output[] = OUTPUTS,
): Freshness {
  const made = new Set([...files.keys()].filter(path => path !== MANIFEST).map(folderOf))
  const known = new Set(manifestEntries(files.get(MANIFEST)).keys())
  const isOurs = (path: string): boolean => made.has(folderOf(path)) || !known.has(folderOf(path))
  const isAsked = (path: string): boolean => {
    const output = outputOf(path)
    return output === undefined || emit.includes(output)
  }
  const wanted = [...files.keys()]
  return {
    changed: wanted.filter(path => disk.has(path) && disk.get(path) !== files.get(path)).sort(),
    missing: wanted.filter(path => !disk.has(path)).sort(),
    stale: [...disk.keys()].filter(path => !files.has(path) && isOurs(path) && isAsked(path)).sort(),
  }
}

export function isFresh({ changed, missing, stale }: Freshness): boolean {
  return changed.length + missing.length + stale.length === 0
}

function folderOf(path: string): string {
  return path.split('/')[0]!
}
