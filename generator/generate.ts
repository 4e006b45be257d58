// From schemas to files, and whether the files of an output folder are those. Pure: nothing is read or written except
// through `read`. The emitters (and ts-morph with them) are loaded when something is generated.

import { hasErrors, sortDiagnostics } from './diagnostic.ts'
import { GENERATOR_VERSION, shownPath } from './emit/header.ts'
import { loadProtocol } from './index.ts'
import type { Diagnostic } from './load/document.ts'
import { hashOf, MANIFEST, type ManifestEntry, manifestEntries, manifestText } from './manifest.ts'
import type { Protocol } from './model/model.ts'
import { normalize } from './normalize/index.ts'

export { GENERATOR_VERSION, MANIFEST }

/** `ts`: types, codec, handlers, descriptor and index, also of the profiles. The others are one file each. */
export type Output = 'ts' | 'docs' | 'dissector' | 'vectors'

export const OUTPUTS: readonly Output[] = ['ts', 'docs', 'dissector', 'vectors']

export interface GenerateOptions {
  /** Text of a file, undefined when there is none. */
  readonly read: (path: string) => string | undefined
  /** Directory of the shipped schemas; found beside this module by default. */
  readonly shipped?: string | undefined
  /** Default: everything. */
  readonly emit?: readonly Output[] | undefined
  /**
   * Where generated code imports the runtime from: a package name, a URL, or a path relative to the output folder.
   * Default `../runtime/codegen/v1.ts`.
   */
  readonly runtime?: string | undefined
  /** Text of the manifest there is, when these are not all schemas of the output folder: its other entries are kept. */
  readonly manifest?: string | undefined
}

export interface Generated {
  /** Path below the output folder -> text, the manifest among them. Empty when a schema has an error. */
  readonly files: ReadonlyMap<string, string>
  /** Of all schemas, warnings among them. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Generates the files of `schemas` (paths). Mistakes in them become diagnostics.
 * @throws when the shipped protocol.schema.json cannot be read
 */
export async function generate(schemas: readonly string[], options: GenerateOptions): Promise<Generated> {
  const files = new Map<string, string>()
  const diagnostics: Diagnostic[] = []
  const entries = manifestEntries(options.manifest)
  const made = new Map<string, string>()
  for (const schema of schemas) {
    const sources = new Map<string, string>()
    const read = recording(options.read, sources)
    const loaded = loadAll(schema, { ...options, read }, diagnostics)
    if (!loaded) continue
    const { name } = loaded.protocol
    const other = made.get(name)
    if (other !== undefined) diagnostics.push(twice(schema, name, other))
    made.set(name, schema)
    const own = await emitAll(loaded, options)
    for (const [path, text] of own) files.set(path, text)
    entries.set(name, entryOf(schema, sources, own, entries.get(name)))
  }
  const sorted = sortDiagnostics(diagnostics)
  if (hasErrors(sorted)) return { files: new Map(), diagnostics: sorted }
  files.set(MANIFEST, manifestText(entries))
  return { files, diagnostics: sorted }
}

/** Which output a file belongs to; undefined for the manifest. */
export function outputOf(path: string): Output | undefined {
  if (path.endsWith('.ts')) return 'ts'
  if (path.endsWith('.md')) return 'docs'
  if (path.endsWith('.lua')) return 'dissector'
  return path.endsWith('vectors.json') ? 'vectors' : undefined
}

interface LoadedSchema {
  readonly protocol: Protocol
  readonly profiles: readonly Protocol[]
}

/** The schema with each of its profiles; undefined when one of them has an error. */
function loadAll(schema: string, options: GenerateOptions, diagnostics: Diagnostic[]): LoadedSchema | undefined {
  const load = (profile: string | undefined): Protocol | undefined => {
    const { read, shipped } = options
    const loaded = loadProtocol(schema, { read, shipped, profile, profiles: false })
    diagnostics.push(...loaded.diagnostics)
    return hasErrors(loaded.diagnostics) ? undefined : loaded.protocol
  }
  const protocol = load(undefined)
  const profiles = protocol?.profiles.map(({ name }) => load(name)) ?? []
  if (!protocol || profiles.includes(undefined)) return undefined
  return { protocol, profiles: profiles as Protocol[] }
}

async function emitAll({ protocol, profiles }: LoadedSchema, options: GenerateOptions): Promise<Map<string, string>> {
  const wanted = new Set(options.emit ?? OUTPUTS)
  const files = new Map<string, string>()
  const folder = protocol.name
  if (wanted.has('ts')) {
    await emitTypeScript(protocol, folder, options, files)
    for (const profile of profiles)
      await emitTypeScript(profile, `${folder}/profiles/${profile.profile}`, options, files)
  }
  const behaviour = normalize(protocol, () => {})
  if (wanted.has('docs')) files.set(`${folder}/docs.md`, (await import('./emit/docs.ts')).emitDocs(protocol, behaviour))
  if (wanted.has('dissector')) {
    files.set(`${folder}/dissector.lua`, (await import('./emit/dissector.ts')).emitDissector(protocol, behaviour))
  }
  if (wanted.has('vectors'))
    files.set(`${folder}/vectors.json`, (await import('./emit/vectors.ts')).emitVectors(protocol))
  return files
}

async function emitTypeScript(
  protocol: Protocol,
  folder: string,
  options: GenerateOptions,
  files: Map<string, string>,
): Promise<void> {
  const emitters = await import('./emit/typescript.ts')
  const behaviour = normalize(protocol, () => {})
  const runtime = runtimeFrom(options.runtime ?? RUNTIME, folder)
  for (const [file, text] of emitters.emitTypeScript(protocol, behaviour, { runtime }))
    files.set(`${folder}/${file}`, text)
}

/** The specifier as a file in `folder` writes it. */
function runtimeFrom(runtime: string, folder: string): string {
  if (!/^\.\.?\//.test(runtime)) return runtime
  const up = '../'.repeat(folder.split('/').length)
  return up + runtime.replace(/^\.\//, '')
}

function recording(read: GenerateOptions['read'], into: Map<string, string>): GenerateOptions['read'] {
  return path => {
    const text = read(path)
    if (text !== undefined && path.endsWith('.yaml')) into.set(path, text)
    return text
  }
}

function entryOf(
  schema: string,
  sources: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, string>,
  before: ManifestEntry | undefined,
): ManifestEntry {
  const texts = [...sources].sort(([a], [b]) => (shownPath(a) < shownPath(b) ? -1 : 1)).map(([, text]) => text)
  const outputs = new Set([...files.keys()].map(outputOf))
  const kept = Object.entries(before?.files ?? {}).filter(([path]) => !outputs.has(outputOf(path)))
  const hashes = [...kept, ...[...files].map(([path, text]) => [path, hashOf(text)] as const)].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )
  return { schema: shownPath(schema), hash: hashOf(...texts), files: Object.fromEntries(hashes) }
}

function twice(schema: string, name: string, other: string): Diagnostic {
  const message = `the protocol ${name} is also described in ${shownPath(other)}`
  return { file: schema, line: 1, column: 1, width: 1, code: 'duplicate', message, severity: 'error' }
}

/** Below the output folder `generated` of this project. */
const RUNTIME = '../runtime/codegen/v1.ts'
