// Loading a schema: text to tree, imports in front of it, the profile over it, and at each step validation against
// the language's JSON Schema. What comes out is plain data that still knows where each part was written.

import { fileURLToPath } from 'node:url'
import { identity } from '../diagnostic.ts'
import type { Diagnostic, Path, Problem, SchemaDocument } from './document.ts'
import { directory, join, resolveImports } from './imports.ts'
import { parse } from './parse.ts'
import { at, inside, locate, position } from './place.ts'
import { applyProfile } from './profile.ts'
import { splitValues } from './traps.ts'
import { type Branch, child, find, type Range, sourceOf, toData } from './tree.ts'
import { validate } from './validate.ts'

export interface LoadOptions {
  /** Profile to apply; none by default. */
  readonly profile?: string | undefined
  /** Text of a file, undefined when there is none. It is also asked for the shipped schemas. */
  readonly read: (path: string) => string | undefined
  /** Directory of the shipped schemas and protocol.schema.json; found beside this module by default. */
  readonly shipped?: string | undefined
}

export interface Loaded {
  /** Undefined when there are errors: then the diagnostics say which. */
  readonly document?: SchemaDocument
  /** Grows when the document is told of more problems. */
  readonly diagnostics: Diagnostic[]
}

/**
 * Loads `file` with its imports and, if named, a profile. Mistakes of the schema become diagnostics; nothing is thrown.
 * @throws when protocol.schema.json itself cannot be read: that is a broken installation
 */
export function loadSchema(file: string, options: LoadOptions): Loaded {
  const diagnostics: Diagnostic[] = []
  const shipped = options.shipped ?? findShipped(options.read)
  const language = options.read(join(shipped, LANGUAGE))
  if (language === undefined) throw new Error(`${join(shipped, LANGUAGE)} cannot be read: reinstall the package`)
  const orders = new Map<string, Orders>()
  const open = (path: string): Branch | undefined => {
    const opened = openFile(path, options.read, language, diagnostics)
    if (opened) orders.set(path, ordersOf(opened))
    return opened
  }
  const own = open(file)
  if (!own) return { diagnostics }
  const exists = (path: string): boolean => options.read(path) !== undefined
  let tree = resolveImports(own, file, { open, exists, shipped, diagnostics })
  if (tree !== own && diagnostics.length === 0) diagnostics.push(...validate(tree, language))
  if (options.profile !== undefined && diagnostics.length === 0) {
    tree = applyProfile(tree, options.profile, diagnostics)
    if (diagnostics.length === 0) diagnostics.push(...validate(tree, language))
  }
  if (diagnostics.length > 0) return { diagnostics }
  orders.set(file, ordersOf(tree))
  return { document: new LoadedDocument(file, tree, options.profile, orders, diagnostics), diagnostics }
}

/** What a file says of its numbers: the order of bytes, and of bits in a byte. */
interface Orders {
  readonly endian: 'big' | 'little'
  readonly bits: 'msb' | 'lsb'
}

function ordersOf(tree: Branch): Orders {
  const says = (key: string, value: string): boolean => {
    const written = child(tree, key)
    return written?.is === 'scalar' && written.value === value
  }
  return { endian: says('endian', 'little') ? 'little' : 'big', bits: says('bit_order', 'lsb') ? 'lsb' : 'msb' }
}

function openFile(
  path: string,
  read: LoadOptions['read'],
  language: string,
  diagnostics: Diagnostic[],
): Branch | undefined {
  const text = read(path)
  if (text === undefined) {
    diagnostics.push(at({ source: sourceOf(path, ''), start: 0, end: 0 }, 'file', 'there is no such file'))
    return undefined
  }
  const parsed = parse(path, text)
  diagnostics.push(...parsed.diagnostics)
  if (!parsed.tree) return undefined
  const split = splitValues(parsed.tree)
  const found = split.length > 0 ? split : validate(parsed.tree, language)
  diagnostics.push(...found)
  return found.length > 0 ? undefined : parsed.tree
}

class LoadedDocument implements SchemaDocument {
  readonly file: string
  readonly data: Readonly<Record<string, unknown>>
  readonly profile: string | undefined
  readonly #tree: Branch
  readonly #orders: ReadonlyMap<string, Orders>
  readonly #diagnostics: Diagnostic[]
  readonly #reported = new Set<string>()

  constructor(
    file: string,
    tree: Branch,
    profile: string | undefined,
    orders: ReadonlyMap<string, Orders>,
    diagnostics: Diagnostic[],
  ) {
    this.file = file
    this.profile = profile
    this.data = toData(tree) as Record<string, unknown>
    this.#tree = tree
    this.#orders = orders
    this.#diagnostics = diagnostics
  }

  place(path: Path, on: 'key' | 'value' = 'value'): { file: string; line: number; column: number } {
    const range = this.#range(path, on)
    const { line, column } = position(range)
    return { file: range.source.file, line, column }
  }

  endian(path: Path): Orders['endian'] {
    return this.#ordersAt(path)?.endian ?? 'big'
  }

  bitOrder(path: Path): Orders['bits'] {
    return this.#ordersAt(path)?.bits ?? 'msb'
  }

  #ordersAt(path: Path): Orders | undefined {
    return this.#orders.get(this.#range(path, 'value').source.file)
  }

  report(path: Path, problem: Problem): void {
    const { tree } = find(this.#tree, path)
    const spanned = problem.span && problem.on !== 'key' && tree.is === 'scalar'
    const range = spanned ? inside(tree, problem.span!) : this.#range(path, problem.on ?? 'value')
    const diagnostic = locate(range, problem)
    if (this.#reported.has(identity(diagnostic))) return
    this.#reported.add(identity(diagnostic))
    this.#diagnostics.push(diagnostic)
  }

  /** A scalar's own place. Of maps and lists, and of what is not there, the key they stand under. */
  #range(path: Path, on: 'key' | 'value'): Range {
    const found = find(this.#tree, path)
    const written = found.tree.is === 'scalar' && found.tree.at.end > found.tree.at.start
    const exact = found.depth === path.length
    if (on === 'value' && written) return found.tree.at
    if (found.key && (exact || !written)) return found.key
    return found.key ?? firstKey(found.tree.is === 'map' ? found.tree : this.#tree)
  }
}

function firstKey(tree: Branch): Range {
  const [first] = tree.entries.values()
  return first?.key ?? tree.at
}

function findShipped(read: LoadOptions['read']): string {
  // Beside the sources, or beside dist/ when compiled.
  const here = directory(fileURLToPath(import.meta.url))
  const candidates = [join(here, '../../schema'), join(here, '../../../schema')]
  return candidates.find(candidate => read(join(candidate, LANGUAGE)) !== undefined) ?? candidates[0]!
}

const LANGUAGE = 'protocol.schema.json'
