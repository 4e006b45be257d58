// The descriptor that the runtime runs: from the generated folder of the package where that is fresh, otherwise generated
// now and kept in a cache.

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MANIFEST, manifestEntries } from '../../generator/manifest.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { readText } from '../input/text.ts'
import { buildTime, modified, schemaHash } from '../known-good.ts'
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
  if (entry?.hash !== schemaHash(sources)) return undefined
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
  for (const part of [packageVersion(), ROOT, String(buildTime()), protocol.profile ?? '', schemaHash(sources)]) {
    hash.update(`${part.length}:`).update(part)
  }
  return `${protocol.name}-${hash.digest('hex').slice(0, 24)}`
}
