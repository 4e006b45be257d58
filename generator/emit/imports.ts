// Import declarations of generated files: on one line where it fits, one name a line where it does not.

import type { WriterFunction } from 'ts-morph'
import { quote } from './naming.ts'

export interface ImportedName {
  /** `Data`, or `Peer as RuntimePeer`. */
  readonly name: string
  readonly isType: boolean
}

/** `import { a, type B } from '..'`, or `import type { .. }` where all names are types. Nothing for no names. */
export function importFrom(specifier: string, names: readonly ImportedName[]): WriterFunction[] {
  if (names.length === 0) return []
  const onlyTypes = names.every(one => one.isType)
  const sorted = [...names].sort((a, b) => (a.name < b.name ? -1 : 1))
  const shown = sorted.map(one => (one.isType && !onlyTypes ? `type ${one.name}` : one.name))
  const head = onlyTypes ? 'import type' : 'import'
  const line = `${head} { ${shown.join(', ')} } from ${quote(specifier)}`
  if (line.length <= WIDTH) return [writer => writer.write(line)]
  return [
    writer => {
      writer.write(`${head} `).inlineBlock(() => {
        for (const name of shown) writer.writeLine(`${name},`)
      })
      writer.write(` from ${quote(specifier)}`)
    },
  ]
}

export function types(names: Iterable<string>): ImportedName[] {
  return [...names].map(name => ({ name, isType: true }))
}

const WIDTH = 120
