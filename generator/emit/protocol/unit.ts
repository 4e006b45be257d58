// One descriptor file being written: what it imports, its constants, and the accessors that several rules share.

import type { ImportDeclarationStructure, WriterFunction } from 'ts-morph'
import type { Protocol } from '../../model/model.ts'
import type { FramePath } from '../../normalize/behaviour.ts'
import { type ImportedName, importFrom, types } from '../imports.ts'
import { codecName } from '../names.ts'
import { Unit } from '../unit.ts'

export class DescriptorUnit {
  readonly unit: Unit
  readonly #readers = new Set<string>()
  readonly #codecValues = new Set<string>()
  readonly #accessors = new Map<string, { readonly name: string; path: FramePath }>()

  constructor(protocol: Protocol) {
    this.unit = new Unit(protocol)
    for (const word of RESERVED) this.unit.claim(word)
  }

  /** A reader type of codec.ts. */
  reader(name: string): void {
    this.#readers.add(name)
  }

  /** A class or function of codec.ts. */
  codecValue(name: string): string {
    this.#codecValues.add(name)
    return name
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

  get hasAccessors(): boolean {
    return this.#accessors.size > 0
  }

  /** `runtimeTypes` and `handlers` are what the descriptor names itself. */
  imports(
    protocol: Protocol,
    runtime: string,
    runtimeTypes: readonly string[],
    handlers: readonly string[],
  ): WriterFunction[] {
    const [fromRuntime, fromTypes] = this.unit.imports(runtime)
    const isType = (name: string): boolean => name.endsWith('Types')
    return [
      ...importFrom(runtime, [...types(runtimeTypes), ...namesOf(fromRuntime)]),
      ...importFrom('./codec.ts', [
        ...[codecName(protocol), ...this.#codecValues].map(name => ({ name, isType: false })),
        ...types(this.#readers),
      ]),
      ...importFrom(
        './handlers.ts',
        handlers.map(name => ({ name, isType: isType(name) })),
      ),
      ...importFrom('./types.ts', namesOf(fromTypes)),
    ]
  }

  /** Constants and accessors; `write` makes the text of one. To be called before `imports`. */
  statements(write: (path: FramePath) => string): WriterFunction[] {
    const accessors = [...this.#accessors.values()]
    const texts = accessors.map(({ name, path }) => `const ${name}: Accessor = ${write(path)}`)
    const constants = this.unit.writeConstants()
    const apart =
      (write: WriterFunction): WriterFunction =>
      writer =>
        write(writer.newLine())
    const separated = (all: readonly WriterFunction[]): WriterFunction[] =>
      all.map((one, at) => (at === 0 ? apart(one) : one))
    return [
      ...separated(constants),
      ...separated(
        texts.map(
          (text): WriterFunction =>
            writer =>
              writer.write(text),
        ),
      ),
    ]
  }
}

function namesOf(declaration: ImportDeclarationStructure | undefined): ImportedName[] {
  const named = Array.isArray(declaration?.namedImports) ? declaration.namedImports : []
  return named.flatMap(one => {
    if (typeof one === 'string' || typeof one === 'function') return []
    return [{ name: one.alias ? `${one.name} as ${one.alias}` : one.name, isType: one.isTypeOnly === true }]
  })
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
