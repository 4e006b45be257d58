// Writes generated files: only those that changed, each at once (a reader never sees half a file), and finds what is stale.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkFresh } from '../../generator/fresh.ts'
import type { Output } from '../../generator/generate.ts'
import { readText } from '../input/text.ts'

/** Text by path below the output folder. */
export type Files = ReadonlyMap<string, string>

export interface Difference {
  /** Files that are missing or differ. */
  readonly changed: readonly string[]
  /** Files in the folders of these protocols that nothing generates any more. */
  readonly extra: readonly string[]
}

/** What would have to happen so that `out` holds exactly `files`. Only folders in `owned` are looked through. */
export function compare(files: Files, out: string, owned: readonly string[], emit?: readonly Output[]): Difference {
  const paths = new Set([...files.keys(), ...owned.flatMap(folder => filesIn(out, folder))])
  const disk = new Map<string, string>()
  for (const path of paths) {
    const text = readText(join(out, path))
    if (text !== undefined) disk.set(path, text)
  }
  const { changed, missing, stale } = checkFresh(files, disk, emit)
  return { changed: [...changed, ...missing].sort(), extra: stale }
}

/** Makes it happen. */
export function apply(files: Files, out: string, { changed, extra }: Difference): void {
  for (const path of changed) writeAtomically(join(out, path), files.get(path)!)
  for (const path of extra) rmSync(join(out, path))
}

/** The content is written beside the file and moved over it: whoever reads sees the old text or the new one. */
export function writeAtomically(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}.tmp`
  try {
    writeFileSync(draft, text)
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

function filesIn(out: string, folder: string): string[] {
  if (!existsSync(join(out, folder))) return []
  return readdirSync(join(out, folder), { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(out.length).replaceAll('\\', '/').replace(/^\//, ''))
    .sort()
}
