// One descriptor file being written: what it imports, its constants, and the accessors that several rules share.

import { type ImportDeclarationStructure, StructureKind, type WriterFunction } from 'ts-morph'
import type { Protocol } from '../../model/model.ts'
import type { FramePath } from '../../normalize/behaviour.ts'
import { codecName } from '../names.ts'
import { Unit } from '../unit.ts'

export class DescriptorUnit {
  readonly unit: Unit
  readonly #readers = new Set<string>()
  readonly #accessors = new Map<string, { readonly name: string; path: FramePath }>()

  constructor(protocol: Protocol) {
    this.unit = new Unit(protocol)
    for (const word of RESERVED) this.unit.claim(word)
  }

  /** A reader type of codec.ts. */
  reader(name: string): void {
    this.#readers.add(name)
  }

  /** A function that the descriptor calls and the runtime or types.ts exports. */
  use(name: string): string {
    return this.unit.use(name)
  }

  constant(hint: string, text: string): string {
    return this.unit.constant(hint, text)
  }

  /** The name of the constant that reads and writes this path, in all frames that any rule asks for. */
  accessor(path: FramePath): string {
    const known = this.#accessors.get(path.text)
    if (known) {
      const more = path.frames.filter(({ frame }) => !known.path.frames.some(one => one.frame === frame))
      known.path = { text: path.text, frames: [...known.path.frames, ...more] }
      return known.name
    }
    const name = this.unit.claim(camelPath(path.text))
    this.#accessors.set(path.text, { name, path })
    return name
  }

  imports(
    protocol: Protocol,
    runtime: string,
    types: readonly string[],
    handlers: readonly string[],
  ): ImportDeclarationStructure[] {
    const [fromRuntime, ...fromTypes] = this.unit.imports(runtime)
    const named = Array.isArray(fromRuntime?.namedImports) ? fromRuntime.namedImports : []
    return [
      declaration(
        runtime,
        [...types.map(name => ({ name, isTypeOnly: true })), ...(named as { name: string }[])].sort(byName),
      ),
      declaration(
        './codec.ts',
        [{ name: codecName(protocol) }, ...[...this.#readers].map(name => ({ name, isTypeOnly: true }))].sort(byName),
      ),
      declaration('./handlers.ts', handlers.map(name => ({ name, isTypeOnly: name.endsWith('Types') })).sort(byName)),
      ...fromTypes,
    ]
  }

  /** Constants and accessors; `write` makes the text of one. To be called before `imports`. */
  statements(write: (path: FramePath) => string): WriterFunction[] {
    const accessors = [...this.#accessors.values()]
    const texts = accessors.map(({ name, path }) => `const ${name}: Accessor = ${write(path)}`)
    return [
      ...this.unit.writeConstants(),
      ...texts.map(
        (text): WriterFunction =>
          writer =>
            writer.write(text),
      ),
    ]
  }
}

function declaration(moduleSpecifier: string, namedImports: { name: string }[]): ImportDeclarationStructure {
  return { kind: StructureKind.ImportDeclaration, moduleSpecifier, namedImports }
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1
}

/** `headers.msg_id` -> `headersMsgId`. */
function camelPath(path: string): string {
  const [first = '', ...rest] = path.split(/[._]+/).filter(word => word !== '')
  return [
    first.charAt(0).toLowerCase() + first.slice(1),
    ...rest.map(word => word.charAt(0).toUpperCase() + word.slice(1)),
  ].join('')
}

const RESERVED = 'protocol frame value to bytes at end out length event code size count delete new in of with if'.split(
  ' ',
)
