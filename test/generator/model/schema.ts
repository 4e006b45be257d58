// Builds the model of a schema given as text, for the tests of this folder.

import { readFileSync } from 'node:fs'
import { loadSchema } from '../../../generator/load/load.ts'
import { buildModel } from '../../../generator/model/build.ts'
import type { Body, Field, Frame, Node, Protocol } from '../../../generator/model/model.ts'

export interface Built {
  readonly protocol: Protocol | undefined
  /** `line:column code message` of each error, warnings left out. */
  readonly errors: readonly string[]
  readonly hints: readonly (string | undefined)[]
  readonly warnings: readonly string[]
}

/** `text` is what stands behind the two lines that every schema begins with. */
export function build(text: string, profile?: string): Built {
  const lines = `protocol: test\nversion: 1\n${text}`
  const read = (path: string): string | undefined => (path === 'test.yaml' ? lines : readOptional(path))
  const loaded = loadSchema('test.yaml', { read, ...(profile && { profile }) })
  const protocol = loaded.document && buildModel(loaded.document)
  const errors = loaded.diagnostics.filter(problem => problem.severity === 'error')
  return {
    protocol,
    errors: errors.map(({ line, column, code, message }) => `${line - 2}:${column} ${code} ${message}`),
    hints: errors.map(problem => problem.hint),
    warnings: loaded.diagnostics.filter(problem => problem.severity === 'warning').map(problem => problem.message),
  }
}

/** The model of a schema that must be right. */
export function valid(text: string, profile?: string): Protocol {
  const { protocol, errors } = build(text, profile)
  if (!protocol) throw new Error(`the schema has errors: ${errors.join('; ')}`)
  return protocol
}

export function frame(protocol: Protocol, name: string): Frame {
  const found = protocol.frames.get(name)
  if (!found) throw new Error(`no frame ${name}`)
  return found
}

/** All fields of a body by name, those of groups too. */
export function fields(body: Body): Record<string, Field> {
  const all = (nodes: readonly Node[]): Field[] =>
    nodes.flatMap(node => (node.kind === 'field' ? [node] : all(node.nodes)))
  return Object.fromEntries(all(body.nodes).map(field => [field.name, field]))
}

function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
