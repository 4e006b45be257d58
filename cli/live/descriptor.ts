// The descriptor that the runtime runs: from the generated folder of the package where that is fresh, otherwise generated
// now and kept in a cache.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { shownPath } from '../../generator/emit/header.ts'
import { hashOf, MANIFEST, manifestEntries } from '../../generator/manifest.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { readText } from '../input/text.ts'
import { BUILT, packageVersion, ROOT } from '../package.ts'
import type { LoadedSchema } from '../protocol.ts'
import { cached, cacheFolder } from './cache.ts'

/** Imports the protocol, with its profile. The first time for a schema that was never generated takes a second. */
export async function loadDescriptor(schema: LoadedSchema): Promise<ProtocolDescriptor> {
  const file = shippedModule(schema) ?? join(await generatedFolder(schema), BUILT ? 'protocol.js' : 'protocol.ts')
  const { protocol } = (await import(pathToFileURL(file).href)) as { protocol: ProtocolDescriptor }
  return protocol
}

/** The module in generated/, when it was made from exactly this schema and, compiled, is not older than that. */
function shippedModule({ protocol, sources }: LoadedSchema): string | undefined {
  const entry = manifestEntries(readText(join(ROOT, 'generated', MANIFEST))).get(protocol.name)
  if (entry?.hash !== hashOf(...schemaTexts(sources))) return undefined
  const folder = join(protocol.name, ...(protocol.profile === undefined ? [] : ['profiles', protocol.profile]))
  const source = join(ROOT, 'generated', folder, 'protocol.ts')
  if (!BUILT) return existsSync(source) ? source : undefined
  const built = join(ROOT, 'dist', 'generated', folder, 'protocol.js')
  return modified(built) > 0 && modified(built) >= modified(source) ? built : undefined
}

async function generatedFolder(schema: LoadedSchema): Promise<string> {
  const cache = BUILT ? cacheFolder() : join(ROOT, '.cache', 'protocols')
  return cached(cache, cacheKey(schema), async () => {
    const [{ emitTypeScript }, { normalize }, { transpile }] = await Promise.all([
      import('../../generator/emit/typescript.ts'),
      import('../../generator/normalize/index.ts'),
      import('../../generator/transpile.ts'),
    ])
    const behaviour = normalize(schema.protocol, () => {})
    // Three folders below the package, where it runs from source.
    const files = emitTypeScript(schema.protocol, behaviour, { runtime: '../../../runtime/codegen/v1.ts' })
    return BUILT ? transpile(files, pathToFileURL(join(ROOT, 'dist/runtime/codegen/v1.js')).href) : files
  })
}

/** Everything that the generated code depends on. */
function cacheKey({ protocol, sources }: LoadedSchema): string {
  const hash = createHash('sha256')
  for (const part of [packageVersion(), ROOT, String(buildTime()), protocol.profile ?? '', ...schemaTexts(sources)]) {
    hash.update(`${part.length}:`).update(part)
  }
  return `${protocol.name}-${hash.digest('hex').slice(0, 24)}`
}

/** The schema and its imports, in the order in which the manifest hashes them. */
function schemaTexts(sources: ReadonlyMap<string, string>): string[] {
  return [...sources]
    .filter(([path]) => path.endsWith('.yaml'))
    .sort(([a], [b]) => (shownPath(a) < shownPath(b) ? -1 : 1))
    .map(([, text]) => text)
}

/** When the generator was last changed: another one makes other code from the same schema. */
function buildTime(): number {
  const folder = join(ROOT, ...(BUILT ? ['dist'] : []), 'generator')
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter(entry => entry.isFile())
  return Math.max(...files.map(entry => modified(join(entry.parentPath, entry.name))))
}

function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
