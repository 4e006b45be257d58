// Schema files for the generator's tests: read from the disk, some replaced by texts of the test.

import { readdirSync, readFileSync } from 'node:fs'

/** A `read` function in which `texts` stand for files of their names. */
export function reading(texts: Readonly<Record<string, string>> = {}): (path: string) => string | undefined {
  return path => {
    if (path in texts) return texts[path]
    try {
      return readFileSync(path, 'utf8')
    } catch {
      return undefined
    }
  }
}

/** Every schema that is shipped, by its path from the project's root. */
export const SHIPPED: readonly string[] = ['schema', 'schema/std', 'schema/examples'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => `${folder}/${name}`),
)
