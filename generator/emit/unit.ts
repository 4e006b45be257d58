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
  /** Greatest nesting, which the stack must bear too. */
  readonly depthLimit: number
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
    this.depthLimit = Math.min(protocol.depth, MOST_DEPTH)
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
        texts.push(tidy(writer.toString()))
      }
    }
    return texts
  }

  writeConstants(): readonly WriterFunction[] {
    return [...this.constants].map(
      ([text, name]) =>
        writer =>
          writer.writeLine(`const ${name} = ${text}`),
    )
  }

  /** The import statements as structures. */
  imports(runtime: string): readonly ImportDeclarationStructure[] {
    const names = [...this.runtime].sort(([a], [b]) => compare(a, b))
    const named = names.map(([name, local]) => ({
      name,
      isTypeOnly: RUNTIME_TYPES.has(name),
      ...(name === local ? {} : { alias: local }),
    }))
    const types = [...this.types].filter(name => !this.values.has(name)).map(name => ({ name, isTypeOnly: true }))
    const mine = [...[...this.values].map(name => ({ name })), ...types].sort((a, b) => compare(a.name, b.name))
    const kind = StructureKind.ImportDeclaration as const
    const runtimeImport = { kind, moduleSpecifier: runtime, namedImports: named }
    return mine.length === 0
      ? [runtimeImport]
      : [runtimeImport, { kind, moduleSpecifier: './types.ts', namedImports: mine }]
  }

  /** The import statements as text, wrapped at 120 columns: of what the text of the file uses. */
  importLines(runtime: string, text: string): string {
    const used = (name: string): boolean => new RegExp(`(?<![\\w.'])${name.replaceAll('$', '\\$')}(?!\\w)`).test(text)
    const names = [...this.runtime].filter(([, local]) => used(local)).sort(([a], [b]) => compare(a, b))
    const named = names.map(([name, local]) => {
      const type = RUNTIME_TYPES.has(name) ? 'type ' : ''
      return `${type}${name}${name === local ? '' : ` as ${local}`}`
    })
    const values = [...this.values].filter(used).map(name => [name, name] as const)
    const types = [...this.types]
      .filter(name => !this.values.has(name) && used(name))
      .map(name => [name, `type ${name}`] as const)
    const mine = [...values, ...types].sort(([a], [b]) => compare(a, b)).map(([, line]) => line)
    const onlyTypes = values.length === 0
    const own = onlyTypes ? mine.map(line => line.slice(5)) : mine
    return [
      importLine(named, runtime, false),
      ...(own.length > 0 ? [importLine(own, './types.ts', onlyTypes)] : []),
    ].join('\n')
  }
}

/** Statements without locals that nobody reads; what computes them stays where it does more than that. */
export function withoutUnused(text: string): string {
  let body = text
  for (let more = true; more; ) {
    more = false
    for (const [line, indent, name, init] of body.matchAll(/^( *)(?:const|let) (\w+) = (.*)\n?/gm)) {
      const uses = body.match(new RegExp(`(?<![\\w.'])${name}(?!\\w|: )`, 'g'))?.length ?? 0
      const declared = body.match(new RegExp(`(?:const|let) ${name} = `, 'g'))!.length
      if (uses > declared || /[{(]$/.test(init!)) continue
      const acts = /^(take|write|put)/.test(init!)
      body = body.replace(line, acts ? `${indent}${init}\n` : '')
      more = true
      break
    }
  }
  return body
}

/** Without locals that turned out not to be needed; parameters that are not used are marked. */
export function tidy(text: string): string {
  const unused = /^ *const (?:b = input\.bytes|view = viewOf\d*\(into\))\n/m
  let body = text
  const found = unused.exec(body)
  if (found) {
    const name = found[0].includes('const b') ? /(?<![\w.'])b(?=[[,.])/ : /\bview[.,]/
    const rest = body.replace(found[0], '')
    if (!name.test(rest)) body = rest
  }
  body = withoutUnused(body)
  return body.replace(/^function (\w+)\((.*)\): /m, (head, name: string, list: string) => {
    const inside = body.slice(body.indexOf(head) + head.length)
    const parameters = list.split(/, (?=\w+\??: )/).map(parameter => {
      const word = /^\w+/.exec(parameter)?.[0]
      return word === undefined || new RegExp(`(?<![\\w.])${word}(?!\\w|:)`).test(inside) ? parameter : `_${parameter}`
    })
    return `function ${name}(${parameters.join(', ')}): `
  })
}

function importLine(names: readonly string[], from: string, types: boolean): string {
  const head = types ? 'import type' : 'import'
  const line = `${head} { ${names.join(', ')} } from '${from}'`
  return line.length <= 120 ? line : `${head} {\n${names.map(name => `  ${name},\n`).join('')}} from '${from}'`
}

/** Capital letters first, as formatters sort. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
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

/** Recursion in generated code is recursion on the stack. */
const MOST_DEPTH = 128
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
