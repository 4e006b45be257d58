// Loads the schema that a command was given: finds it, reads it with its imports and one profile, and turns what is wrong
// with it into one failure that shows every mistake with its line.

import { join } from 'node:path'
import type { Diagnostic } from '../generator/diagnostic.ts'
import type { Protocol } from '../generator/model/model.ts'
import { Failure, usage } from './failure.ts'
import { suggestion } from './input/suggest.ts'
import { readText } from './input/text.ts'
import { isKnownGood, LANGUAGE, rememberGood } from './known-good.ts'
import { ROOT } from './package.ts'
import { findSchema, type SchemaFile, shownPath } from './schema-argument.ts'

export interface CheckedSchema extends SchemaFile {
  /** Undefined when there are errors. */
  readonly protocol: Protocol | undefined
  readonly diagnostics: readonly Diagnostic[]
  /** Text of every file that was read, by path: the schema, its imports, the language. */
  readonly sources: ReadonlyMap<string, string>
}

export interface LoadedSchema extends CheckedSchema {
  readonly protocol: Protocol
}

/** Loads a schema for use. Mistakes in it are thrown as one failure (65). */
export async function loadSchema(argument: string, profile: string | undefined): Promise<LoadedSchema> {
  const schema = findSchema(argument)
  const known = await loadKnown(shownPath(schema.file), profile)
  if (known) return { ...schema, ...known, diagnostics: [] }
  const checked = await checkSchema(argument, profile, false)
  if (!checked.protocol) throw await diagnosticsFailure(checked)
  rememberGood(checked.sources, profile)
  return { ...checked, protocol: checked.protocol }
}

/**
 * Loads a schema and hands out what is wrong with it. An unknown profile is a wrong command line (2).
 * @param allProfiles without a profile: check the schema with each of its profiles too
 */
export async function checkSchema(
  argument: string,
  profile: string | undefined,
  allProfiles: boolean,
): Promise<CheckedSchema> {
  const schema = findSchema(argument)
  const { loadProtocol } = await import('../generator/index.ts')
  const path = shownPath(schema.file)
  const sources = new Map<string, string>()
  const options = { read: reader(sources), shipped: join(ROOT, 'schema'), profiles: allProfiles }
  const { protocol, diagnostics } = loadProtocol(path, profile === undefined ? options : { ...options, profile })
  if (!protocol && profile !== undefined) {
    const known = loadProtocol(path, options).protocol?.profiles.map(({ name }) => name)
    if (known && !known.includes(profile)) {
      throw usage(`${schema.name} has no profile "${profile}"${suggestion(profile, known)}`)
    }
  }
  return { ...schema, protocol, diagnostics, sources }
}

/** What was found, and the files it was found in. */
export type Found = Pick<CheckedSchema, 'diagnostics' | 'sources'>

/** All diagnostics as text, each with its line and caret. */
export async function formatDiagnostics({ diagnostics, sources }: Found): Promise<string> {
  const { formatDiagnostic } = await import('../generator/diagnostic.ts')
  return diagnostics.map(diagnostic => formatDiagnostic(diagnostic, sources.get(diagnostic.file))).join('\n')
}

/** A diagnostic as --json shows it. */
export function plainDiagnostic(diagnostic: Diagnostic): Record<string, unknown> {
  const { file, line, column, severity, code, message, hint } = diagnostic
  return { file, line, column, severity, code, message, ...(hint === undefined ? {} : { hint }) }
}

/** The first error speaks for all of them; they are all in `diagnostics`. */
export async function diagnosticsFailure({ diagnostics, sources }: Found): Promise<Failure> {
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  const [first] = errors
  const { code, message, ...place } = first ? plainDiagnostic(first) : { code: 'schema', message: 'invalid schema' }
  return new Failure('invalid', String(code), String(message), {
    details: { ...place, diagnostics: errors.map(plainDiagnostic) },
    report: await formatDiagnostics({ diagnostics: errors, sources }),
  })
}

/**
 * The model of a schema that is known to be right, without checking it again: that takes most of the time of a short
 * command. The document is not validated either, so it is read with a language that allows everything.
 */
async function loadKnown(
  path: string,
  profile: string | undefined,
): Promise<Pick<LoadedSchema, 'protocol' | 'sources'> | undefined> {
  const [{ loadSchema }, { buildModel }] = await Promise.all([
    import('../generator/load/load.ts'),
    import('../generator/model/build.ts'),
  ])
  const sources = new Map<string, string>()
  const readSource = reader(sources)
  const read = (file: string): string | undefined => (file.endsWith(LANGUAGE) ? '{}' : readSource(file))
  try {
    const { document, diagnostics } = loadSchema(path, { read, shipped: join(ROOT, 'schema'), profile })
    if (!document || !isKnownGood(sources, profile)) return undefined
    const protocol = buildModel(document)
    return protocol && diagnostics.length === 0 ? { protocol, sources } : undefined
  } catch {
    // Text of any shape came so far: the checks will say what is wrong with it.
    return undefined
  }
}

/** Reads files and remembers their text. */
function reader(sources: Map<string, string>): (path: string) => string | undefined {
  return path => {
    const text = sources.get(path) ?? readText(path)
    if (text !== undefined) sources.set(path, text)
    return text
  }
}
