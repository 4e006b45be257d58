// Where codecs of schemas that were never generated into a project are kept: one folder for each content, made once.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** The folder of all of them: below XDG_CACHE_HOME or the home folder, or where neither can be written the system's. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME ? env.XDG_CACHE_HOME : join(homedir(), '.cache')
  const candidates = [join(base, 'framewright'), join(tmpdir(), `framewright-${process.getuid?.() ?? 'user'}`)]
  const folder = candidates.find(isOurs)
  if (folder !== undefined) return folder
  throw new Error('there is no folder to keep generated codecs in: set XDG_CACHE_HOME')
}

/** Code is loaded from there, so nobody else may own it or write to it. */
function isOurs(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { uid, mode } = statSync(folder)
    return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
  } catch {
    return false
  }
}

/**
 * The folder named `key` below `cache`, filled by `make` if it is not there. It appears at once and complete: two
 * processes that make it at the same time end up with one.
 * @returns its path
 */
export async function cached(
  cache: string,
  key: string,
  make: () => Promise<ReadonlyMap<string, string>>,
): Promise<string> {
  const folder = join(cache, key)
  if (existsSync(folder)) return folder
  const files = await make()
  const draft = `${folder}.${randomBytes(4).toString('hex')}`
  for (const [path, text] of files) {
    mkdirSync(dirname(join(draft, path)), { recursive: true })
    writeFileSync(join(draft, path), text)
  }
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}
