// What a run of `proto gen` makes, from where, into where; and one run of it.

import { join, relative, resolve } from 'node:path'
import type { Generated, Output } from '../../generator/generate.ts'
import { missing, usage } from '../failure.ts'
import { suggestion } from '../input/suggest.ts'
import { readText } from '../input/text.ts'
import { isPackageFolder, ROOT, schemasIn, shippedSchemas } from '../package.ts'
import { findSchema, shownPath } from '../schema-argument.ts'
import type { Difference } from './output.ts'

export interface Plan {
  readonly schemas: readonly string[]
  /** Absolute. */
  readonly out: string
  readonly emit: readonly Output[] | undefined
  /** Specifier of the runtime, relative to `out` or a package. */
  readonly runtime: string
  /** All schemas there are: what the output folder holds of others is stale. */
  readonly all: boolean
}

export interface PlanFlags {
  readonly out: string
  readonly emit?: string | undefined
  readonly runtime?: string | undefined
}

export interface Cycle {
  readonly generated: Generated
  readonly difference: Difference
  /** Files that were read. */
  readonly sources: ReadonlyMap<string, string>
  readonly ms: number
}

export async function makePlan(given: readonly string[], flags: PlanFlags): Promise<Plan> {
  const home = isPackageFolder(process.cwd())
  const schemas = given.length > 0 ? given.map(name => findSchema(name).file) : defaultSchemas(home)
  if (schemas.length === 0) throw missing('there is no schema: name one, or put *.yaml files into schema/')
  const out = resolve(flags.out)
  return {
    schemas: schemas.map(shownPath),
    out,
    emit: flags.emit === undefined ? undefined : await readOutputs(flags.emit),
    runtime:
      flags.runtime ??
      (home && !relative(ROOT, out).startsWith('..')
        ? relativeTo(out, join(ROOT, 'runtime/codegen/v1.ts'))
        : 'framewright/codegen/v1'),
    all: given.length === 0,
  }
}

/** Generates in memory and compares with what is there. Writes nothing. */
export async function runPlan(plan: Plan): Promise<Cycle> {
  const start = performance.now()
  const { generate, MANIFEST } = await import('../../generator/generate.ts')
  const { manifestEntries } = await import('../../generator/manifest.ts')
  const sources = new Map<string, string>()
  const read = (path: string): string | undefined => {
    const text = readText(path)
    if (text !== undefined) sources.set(path, text)
    return text
  }
  const before = readText(join(plan.out, MANIFEST))
  const manifest = plan.all && plan.emit === undefined ? undefined : before
  const generated = await generate(plan.schemas, {
    read,
    shipped: join(ROOT, 'schema'),
    emit: plan.emit,
    runtime: plan.runtime,
    manifest,
  })
  const gone = plan.all ? [...manifestEntries(before).keys()] : []
  const owned = [...new Set([...foldersOf(generated.files), ...gone])]
  const { compare } = await import('./output.ts')
  const difference = compare(generated.files, plan.out, owned, plan.emit)
  return { generated, difference, sources, ms: performance.now() - start }
}

function defaultSchemas(home: boolean): string[] {
  return (home ? shippedSchemas() : schemasIn(resolve('schema'))).map(({ file }) => file)
}

async function readOutputs(text: string): Promise<Output[]> {
  const { OUTPUTS } = await import('../../generator/generate.ts')
  return text.split(',').map(name => {
    const found = OUTPUTS.find(output => output === name.trim())
    if (!found) throw usage(`--emit ${name}: there is no such output${suggestion(name, OUTPUTS)}`)
    return found
  })
}

/** `../runtime/codegen/v1.ts`: always with dots in front, as an import wants it. */
function relativeTo(folder: string, file: string): string {
  const path = relative(folder, file).replaceAll('\\', '/')
  return path.startsWith('.') ? path : `./${path}`
}

function foldersOf(files: ReadonlyMap<string, string>): string[] {
  return [...new Set([...files.keys()].filter(path => path.includes('/')).map(path => path.split('/')[0]!))]
}
