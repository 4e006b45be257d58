// Schemas for the tests of the generator: texts in memory, and the shipped ones from disk.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadProtocol, type Protocol } from '../../../generator/index.ts'
import type { Behaviour } from '../../../generator/normalize/behaviour.ts'
import { normalize } from '../../../generator/normalize/index.ts'

export const ROOT: string = join(import.meta.dirname, '../../..')

/** Paths of all shipped schemas, as a command line in the project's root would give them. */
export const SHIPPED: readonly string[] = [
  ...schemasIn('schema'),
  ...schemasIn('schema/examples'),
  'schema/std/packet.yaml',
]

export function readFile(path: string): string | undefined {
  try {
    return readFileSync(path.startsWith('/') ? path : join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
}

/** Reads the texts given by path, and everything else from disk. */
export function reading(texts: Readonly<Record<string, string>>): (path: string) => string | undefined {
  return path => texts[path] ?? readFile(path)
}

/** The model of a schema written in the test. */
export function protocolOf(yaml: string, profile?: string): Protocol {
  const { protocol, diagnostics } = loadProtocol('test.yaml', { read: reading({ 'test.yaml': yaml }), profile })
  if (protocol) return protocol
  throw new Error(diagnostics.map(one => `${one.line}:${one.column} ${one.code} ${one.message}`).join('\n'))
}

/** A shipped schema by its name below schema/; loaded once. */
export function shipped(name: string, profile?: string): Protocol {
  const key = `${name} ${profile ?? ''}`
  const known = loaded.get(key)
  if (known) return known
  const { protocol, diagnostics } = loadProtocol(`schema/${name}.yaml`, { read: readFile, profile, profiles: false })
  if (!protocol) throw new Error(diagnostics.map(one => one.message).join('\n'))
  loaded.set(key, protocol)
  return protocol
}

const loaded = new Map<string, Protocol>()

export interface Noted {
  readonly path: string
  readonly message: string
  readonly hint: string | undefined
}

/** The behaviour, and what was wrong with it by path. */
export function behaviourOf(protocol: Protocol): { behaviour: Behaviour; problems: Noted[] } {
  const problems: Noted[] = []
  const behaviour = normalize(protocol, (path, { message, hint }) =>
    problems.push({ path: path.join('.'), message, hint }),
  )
  return { behaviour, problems }
}

function schemasIn(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder)).filter(name => name.endsWith('.yaml'))
  return names.sort().map(name => `${folder}/${name}`)
}
