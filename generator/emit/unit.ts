// One codec file being written: what it imports, its constants, and the functions for nested values, each written once
// when somebody first needs it.
import { type CodeBlockWriter, type ImportDeclarationStructure, StructureKind, type WriterFunction } from 'ts-morph'
import type { Protocol, Type } from '../model/model.ts'
import { nameFunction } from './decode-read.ts'
import { asNumber, type Code } from './expr.ts'
import { coreType, isIntegral, isNarrow, needsDepth } from './facts.ts'
import { constant, frameTypeName, Names } from './names.ts'

export type Write = (writer: CodeBlockWriter) => void

interface ModuleFunction {
  readonly name: string
  text: Write | undefined
}

export class Unit {
  readonly protocol: Protocol
  /** Whether structs and unions count how deep they are. */
  readonly depth: boolean
  private readonly names: Names
  private readonly runtime = new Map<string, string>()
  private readonly values = new Set<string>()
  private readonly types = new Set<string>()
  private readonly constants = new Map<string, string>()
  private readonly withContext = new Set<string>()
  private readonly functions = new Map<string, ModuleFunction>()

  constructor(protocol: Protocol) {
    this.protocol = protocol
    this.depth = needsDepth(protocol)
    this.names = new Names(schemaNames(protocol))
  }

  /** The local name of a runtime export; `type:Name` is a table of enum values or bits from types.ts. */
  use(name: string): string {
    if (name.startsWith('type:')) {
      this.values.add(name.slice(5))
      return name.slice(5)
    }
    const known = this.runtime.get(name)
    if (known) return known
    const local = this.names.unique(name)
    this.runtime.set(name, local)
    return local
  }

  /** A type of types.ts. */
  typeName(name: string): string {
    if (/^[A-Z]\w*$/.test(name) && !GLOBAL.has(name)) this.types.add(name)
    return name
  }

  /** Registers every type of types.ts that a type text names. */
  shape(text: string): string {
    const known = schemaNames(this.protocol)
    for (const [name] of text.replace(/'[^']*'/g, '').matchAll(/[A-Z]\w*/g)) {
      if (name === 'Pair') this.use('Pair')
      else if (known.has(name) && name !== 'Uint8Array') this.types.add(name)
    }
    return text
  }

  /** A constant of the module: the same text has one name. */
  constant(hint: string, text: string): string {
    const known = this.constants.get(text)
    if (known) return known
    const name = this.names.unique(constant(hint.replace(/[^\w-]/g, '_')) || 'BYTES')
    this.constants.set(text, name)
    return name
  }

  /** A function of the module, written on first use. `key` tells it from others. */
  function(key: string, wanted: string, write: (writer: CodeBlockWriter, name: string) => void): string {
    const known = this.functions.get(key)
    if (known) return known.name
    const entry: ModuleFunction = { name: this.names.unique(wanted), text: undefined }
    this.functions.set(key, entry)
    entry.text = writer => write(writer, entry.name)
    return entry.name
  }

  /** Code of a computed value in its plain form. */
  asPlain(code: Code, type: Type): string {
    const core = coreType(type)
    const undefinedAs = (text: string): string =>
      code.absent ? `${this.use('mapped')}(${code.text}, value => ${text.replaceAll(code.text, 'value')})` : text
    if (core.kind === 'enum' && code.form !== 'enumName') {
      return undefinedAs(`${nameFunction(this, core.name)}(${asNumber(code).text})`)
    }
    if (code.form === 'bigint' && isNarrow(this.protocol, core)) return undefinedAs(`Number(${code.text})`)
    const wide = isIntegral(core) && !isNarrow(this.protocol, core)
    return code.form === 'number' && wide ? undefinedAs(`BigInt(${code.text})`) : code.text
  }

  /** Whether a function of the module takes the context. */
  remember(name: string, context: boolean): void {
    if (context) this.withContext.add(name)
  }

  usesContext(name: string): boolean {
    return this.withContext.has(name)
  }

  /** A name of the module that nothing else has. */
  claim(wanted: string): string {
    return this.names.unique(wanted)
  }

  /** Writes the functions, among them those that only they need. */
  writeFunctions(newWriter: () => CodeBlockWriter): readonly string[] {
    const texts: string[] = []
    const done = new Set<string>()
    for (let more = true; more; ) {
      more = false
      for (const [key, entry] of [...this.functions]) {
        if (done.has(key)) continue
        done.add(key)
        more = true
        const writer = newWriter()
        entry.text!(writer)
        texts.push(writer.toString())
      }
    }
    return texts
  }

  writeConstants(): readonly WriterFunction[] {
    return [...this.constants].map(([text, name]) => writer => writer.writeLine(`const ${name} = ${text}`))
  }

  imports(runtime: string): readonly ImportDeclarationStructure[] {
    const names = [...this.runtime].sort(([a], [b]) => (a < b ? -1 : 1))
    const named = names.map(([name, local]) => ({
      name,
      isTypeOnly: RUNTIME_TYPES.has(name),
      ...(name === local ? {} : { alias: local }),
    }))
    const types = [...this.types].filter(name => !this.values.has(name)).sort()
    const values = [...this.values].sort()
    return [
      { kind: StructureKind.ImportDeclaration, moduleSpecifier: runtime, namedImports: named },
      ...(types.length + values.length === 0
        ? []
        : [
            {
              kind: StructureKind.ImportDeclaration as const,
              moduleSpecifier: './types.ts',
              namedImports: [
                ...values.map(name => ({ name })),
                ...types.map(name => ({ name, isTypeOnly: true })),
              ].sort((a, b) => (a.name < b.name ? -1 : 1)),
            },
          ]),
    ]
  }
}

/** Every name that types.ts exports, and those of the classes and functions that the codec exports. */
function schemaNames(protocol: Protocol): ReadonlySet<string> {
  const known = SCHEMA_NAMES.get(protocol)
  if (known) return known
  const names = new Set<string>(GLOBAL)
  for (const one of [...protocol.enums.keys()]) names.add(one)
  for (const one of protocol.bitsets.keys()) names.add(one).add(`${one}Name`)
  for (const one of [...protocol.structs.keys(), ...protocol.unions.keys()]) names.add(one).add(`${one}Input`)
  for (const frame of protocol.frames.keys()) {
    const name = frameTypeName(protocol, frame)
    names.add(name).add(`${name}Input`).add(`${name}Reader`).add(`encode${name}`).add(`sizeOf${name}`)
  }
  SCHEMA_NAMES.set(protocol, names)
  return names
}

const SCHEMA_NAMES = new WeakMap<Protocol, ReadonlySet<string>>()
/** What generated code uses of JavaScript. */
const GLOBAL: ReadonlySet<string> = new Set(
  'Array ArrayBuffer BigInt Boolean DataView Error Infinity Math Number Object RangeError Record String Symbol Uint8Array'.split(
    ' ',
  ),
)
const RUNTIME_TYPES: ReadonlySet<string> = new Set([
  'Codec',
  'Context',
  'DecodeOptions',
  'Malformed',
  'Pair',
  'Reader',
  'Run',
  'SealedFrame',
])
