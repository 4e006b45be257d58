// The generator's front door: from a file name to a checked model of the protocol. Pure: files are read through a
// function that the caller passes in.

import { runChecks } from './check/index.ts'
import { hasErrors, isError, sortDiagnostics } from './diagnostic.ts'
import { interpret } from './interpret/index.ts'
import type { Diagnostic, SchemaDocument } from './load/document.ts'
import { type LoadOptions, loadSchema } from './load/load.ts'
import { buildModel } from './model/build.ts'
import type { Protocol } from './model/model.ts'
import { normalize } from './normalize/index.ts'

export { formatDiagnostic, hasErrors, sortDiagnostics } from './diagnostic.ts'
export { checkFresh, type Freshness, isFresh } from './fresh.ts'
export {
  GENERATOR_VERSION,
  type Generated,
  type GenerateOptions,
  generate,
  MANIFEST,
  OUTPUTS,
  type Output,
  outputOf,
} from './generate.ts'
export type { Diagnostic, Path, Problem, SchemaDocument } from './load/document.ts'
export { type Loaded, type LoadOptions, loadSchema } from './load/load.ts'
export type { Protocol } from './model/model.ts'
export { type Behaviour, normalize } from './normalize/index.ts'
export { transpile } from './transpile.ts'

export interface ProtocolOptions extends LoadOptions {
  /** False: the profiles of the schema are not looked at. By default each is loaded and checked as a whole. */
  readonly profiles?: boolean | undefined
}

export interface LoadedProtocol {
  /** Undefined when there are errors in the document (or the profile asked for). */
  readonly protocol?: Protocol
  /** Sorted by place; warnings among them. */
  readonly diagnostics: readonly Diagnostic[]
}

/**
 * Loads, validates, resolves and checks a schema, its examples included; unless a profile is asked for, also every
 * profile that it has. Mistakes become diagnostics; nothing is thrown.
 * @throws when the shipped protocol.schema.json cannot be read
 */
export function loadProtocol(file: string, options: ProtocolOptions): LoadedProtocol {
  const { protocol, diagnostics } = loadOne(file, options)
  const names = options.profile === undefined && options.profiles !== false ? (protocol?.profiles ?? []) : []
  // Warnings of a profile come when it is chosen.
  const more = names.flatMap(({ name }) => loadOne(file, { ...options, profile: name }).diagnostics.filter(isError))
  const all = sortDiagnostics([...diagnostics, ...more])
  return { ...(protocol && !hasErrors(diagnostics) ? { protocol } : {}), diagnostics: all }
}

function loadOne(file: string, options: LoadOptions): { protocol: Protocol | undefined; diagnostics: Diagnostic[] } {
  const { document, diagnostics } = loadSchema(file, options)
  return { protocol: document && build(document, diagnostics), diagnostics }
}

function build(document: SchemaDocument, diagnostics: readonly Diagnostic[]): Protocol | undefined {
  const protocol = buildModel(document)
  if (!protocol) return undefined
  const behaviour = normalize(protocol, (path, problem) => document.report(path, problem))
  if (!hasErrors(diagnostics)) runChecks({ protocol, document, behaviour }, interpret)
  return protocol
}
