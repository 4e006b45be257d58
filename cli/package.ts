// Where this package lies, and what ships with it. Found from this file, which is in cli/ or dist/cli/.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NAME = 'framewright'

/** The package's folder: the nearest one above with the package's own package.json. */
export const ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)))

/** True when this file runs compiled, from dist/. */
export const BUILT: boolean = fileURLToPath(import.meta.url).startsWith(join(ROOT, 'dist'))

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version
}

export interface ShippedSchema {
  readonly name: string
  readonly file: string
}

/** Schemas of the package by name: schema/*.yaml first, then schema/examples/*.yaml. */
export function shippedSchemas(): readonly ShippedSchema[] {
  return [...schemasIn(join(ROOT, 'schema')), ...schemasIn(join(ROOT, 'schema', 'examples'))]
}

export function schemasIn(folder: string): ShippedSchema[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(file => file.endsWith('.yaml'))
    .sort()
    .map(file => ({ name: basename(file, '.yaml'), file: join(folder, file) }))
}

/** True when `folder` is the package itself (a checkout), not a project that uses it. */
export function isPackageFolder(folder: string): boolean {
  return packageName(folder) === NAME && existsSync(join(folder, 'schema', 'protocol.schema.json'))
}

function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (packageName(folder) === NAME) return folder
    if (dirname(folder) === folder) throw new Error(`no package.json of ${NAME} above ${from}`)
  }
}

function packageName(folder: string): string | undefined {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return undefined
  return (JSON.parse(readFileSync(file, 'utf8')) as { name?: string }).name
}
