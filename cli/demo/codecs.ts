// The first half of the demo: every shipped schema becomes code, in a temporary folder, with its size and time.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { writeAtomically } from '../generate/output.ts'
import { readText } from '../input/text.ts'
import { ROOT, type ShippedSchema } from '../package.ts'
import { diagnosticsFailure } from '../protocol.ts'
import { shownPath } from '../schema-argument.ts'

export interface GeneratedSchema {
  readonly name: string
  readonly files: number
  readonly lines: number
  readonly bytes: number
  readonly ms: number
  /** Path below the output folder -> text. */
  readonly texts: ReadonlyMap<string, string>
}

/** Generates one schema into `out`. Throws when it is invalid. */
export async function generateSchema({ name, file }: ShippedSchema, out: string): Promise<GeneratedSchema> {
  const start = performance.now()
  const { generate, MANIFEST } = await import('../../generator/generate.ts')
  const sources = new Map<string, string>()
  const read = (path: string): string | undefined => {
    const text = readText(path)
    if (text !== undefined) sources.set(path, text)
    return text
  }
  const { files, diagnostics } = await generate([shownPath(file)], { read, shipped: join(ROOT, 'schema') })
  if (files.size === 0) throw await diagnosticsFailure({ diagnostics, sources })
  const texts = new Map([...files].filter(([path]) => path !== MANIFEST))
  for (const [path, text] of texts) writeAtomically(join(out, path), text)
  const all = [...texts.values()]
  return {
    name,
    files: texts.size,
    lines: all.reduce((sum, text) => sum + text.split('\n').length - 1, 0),
    bytes: all.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    ms: performance.now() - start,
    texts,
  }
}

/** Compiles what was generated and loads it: the server of the demo runs on these files and nothing else. */
export async function importGenerated({ texts }: GeneratedSchema, out: string): Promise<ProtocolDescriptor> {
  const { transpile } = await import('../../generator/transpile.ts')
  const compiled = await transpile(texts, pathToFileURL(join(ROOT, 'dist/runtime/codegen/v1.js')).href)
  for (const [path, text] of compiled) writeAtomically(join(out, 'compiled', path), text)
  writeFileSync(join(out, 'compiled', 'package.json'), '{ "type": "module" }\n')
  const module = [...compiled.keys()].find(path => /^[^/]+\/protocol\.js$/.test(path))!
  const { protocol } = await import(pathToFileURL(join(out, 'compiled', module)).href)
  return protocol as ProtocolDescriptor
}
