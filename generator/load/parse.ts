// YAML text to a tree with places (YAML 1.2, core schema). Keys are unique, anchors and aliases are followed, and
// what could make a small file expand without end is refused.

import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, parseDocument, type YAMLError } from 'yaml'
import type { Diagnostic } from './document.ts'
import { at } from './place.ts'
import {
  type Branch,
  type Entry,
  type List,
  type Range,
  type Scalar,
  type Source,
  sourceOf,
  type Tree,
} from './tree.ts'

/** Reads one file. Mistakes in the YAML itself have the code `yaml`, equal keys `duplicate`. Never throws. */
export function parse(file: string, text: string): { tree?: Branch; diagnostics: Diagnostic[] } {
  const source = sourceOf(file, text)
  if (text.length > MAX_TEXT) {
    return {
      diagnostics: [at(whole(source), 'yaml', `a schema has at most ${MAX_TEXT} characters, this one ${text.length}`)],
    }
  }
  try {
    return build(source)
  } catch (error) {
    // Thousands of nested brackets exhaust the parser's stack.
    if (error instanceof RangeError) return { diagnostics: [at(whole(source), 'yaml', 'nested too deeply')] }
    if (error instanceof Rejected) return { diagnostics: [at(error.range, 'yaml', error.message, error.hint)] }
    throw error
  }
}

function build(source: Source): { tree?: Branch; diagnostics: Diagnostic[] } {
  const document = parseDocument(source.text, {
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'silent',
    version: '1.2',
  })
  if (document.errors.length > 0) return { diagnostics: document.errors.map(error => yamlError(source, error)) }
  if (document.contents === null) return { diagnostics: [at(whole(source), 'yaml', 'the file is empty')] }
  const tree = new Builder(source, document).tree(document.contents as Node, 0)
  if (tree.is !== 'map')
    return { diagnostics: [at(tree.at, 'yaml', 'a schema is a map: `protocol: NAME`, `version: 1`, ...')] }
  return { tree, diagnostics: [] }
}

/** Turns the parser's nodes into ours, following aliases. */
class Builder {
  readonly #source: Source
  readonly #document: Document
  readonly #built = new Map<unknown, { tree: Tree; size: number }>()
  readonly #open = new Set<unknown>()
  /** Nodes so far, with those that aliases repeat. */
  #size = 0

  constructor(source: Source, document: Document) {
    this.#source = source
    this.#document = document
  }

  tree(node: Node, depth: number): Tree {
    if (isAlias(node)) return this.#alias(node, depth)
    const range = this.#range(node)
    if (depth > MAX_DEPTH) throw new Rejected(range, 'nested too deeply')
    const before = this.#size
    this.#open.add(node)
    this.#count(1, range)
    const tree = this.#node(node, range, depth)
    this.#open.delete(node)
    this.#built.set(node, { tree, size: this.#size - before })
    return tree
  }

  #node(node: Node, at: Range, depth: number): Tree {
    if (isMap(node)) return this.#map(node, at, depth)
    if (isSeq(node)) {
      const items = node.items.map(item => (isNode(item) ? this.tree(item, depth + 1) : nothing(at)))
      return { is: 'list', items, flow: node.flow === true, at } satisfies List
    }
    if (!isScalar(node)) throw new Rejected(at, 'expected a value')
    return {
      is: 'scalar',
      value: plainValue(node.value, node.source),
      style: STYLES[String(node.type)] ?? 'plain',
      at,
    } satisfies Scalar
  }

  #map(node: Node & { items: unknown[]; flow?: boolean }, at: Range, depth: number): Branch {
    const entries = new Map<string, Entry>()
    for (const pair of node.items as { key: unknown; value: unknown }[]) {
      if (!isScalar(pair.key))
        throw new Rejected(isNode(pair.key) ? this.#range(pair.key) : at, 'a key must be a plain word')
      const key = this.#range(pair.key)
      const name = String(pair.key.value ?? '')
      if (name === '__proto__' || name === '') throw new Rejected(key, `"${name}" cannot be a key`)
      const written = isNode(pair.value) ? pair.value : undefined
      const value = written ? this.tree(written, depth + 1) : nothing({ ...key, start: key.end })
      entries.set(name, { key, value, bare: written === undefined })
    }
    return { is: 'map', entries, flow: node.flow === true, at }
  }

  #alias(node: Node & { source: string; resolve: (document: Document) => unknown }, _depth: number): Tree {
    const range = this.#range(node)
    const target = node.resolve(this.#document)
    if (this.#open.has(target)) throw new Rejected(range, `*${node.source} stands inside what it names`)
    const built = this.#built.get(target)
    if (!built) throw new Rejected(range, `*${node.source} names nothing above it`)
    this.#count(built.size, range)
    return built.tree
  }

  #count(nodes: number, range: Range): void {
    this.#size += nodes
    if (this.#size > MAX_NODES) throw new Rejected(range, `aliases make more than ${MAX_NODES} values of this file`)
  }

  #range(node: Node): Range {
    const [start, end] = node.range ?? [0, 0, 0]
    return { source: this.#source, start, end }
  }
}

class Rejected extends Error {
  readonly range: Range
  readonly hint: string | undefined

  constructor(range: Range, message: string, hint?: string) {
    super(message)
    this.range = range
    this.hint = hint
  }
}

/** Integers beyond 2^53 stay text: they are exact there, and expressions read them. */
function plainValue(value: unknown, written: string | undefined): Scalar['value'] {
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && written !== undefined)
    return written
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value)
}

function nothing(at: Range): Scalar {
  return { is: 'scalar', value: null, style: 'plain', at: { ...at, end: at.start } }
}

function whole(source: Source): Range {
  return { source, start: 0, end: 0 }
}

function yamlError(source: Source, error: YAMLError): Diagnostic {
  const [start, end] = error.pos
  const range = { source, start, end: Math.max(end, start + 1) }
  if (/call stack/i.test(error.message)) return at(range, 'yaml', 'nested too deeply')
  const message = (error.message.split('\n')[0] ?? error.message).replace(/^./, first => first.toLowerCase())
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^[^\s:,{}[\]]+/.exec(source.text.slice(start))?.[0] ?? ''
    return at(
      { ...range, end: start + Math.max(1, key.length) },
      'duplicate',
      `the key "${key}" is written twice`,
      'rename one or join them',
    )
  }
  return at(range, 'yaml', message, HINTS[error.code])
}

const HINTS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BLOCK_AS_IMPLICIT_KEY: 'quote a value that contains ": "',
  MULTIPLE_DOCS: 'one file holds one protocol: remove the `---`',
  BAD_INDENT: 'keys of one map begin in the same column; close every { and [',
  MISSING_CHAR: 'a value that contains , ] } : or # is written in quotes',
  UNEXPECTED_TOKEN: 'a value that contains , ] } : or # is written in quotes',
  BAD_SCALAR_START: 'quote a value that begins with a sign such as @ ` % & * !',
}

const STYLES: Readonly<Record<string, Scalar['style']>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'block',
  BLOCK_FOLDED: 'block',
}

const MAX_TEXT = 1 << 20
const MAX_DEPTH = 64
const MAX_NODES = 200_000
