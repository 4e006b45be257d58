// A schema as a tree that still knows where everything was written. Imports and profiles are merged on trees, so a
// node keeps its place whatever file or profile it came from. Trees are never changed, only built anew.

import type { Path } from './document.ts'

/** A file's text and where its lines begin. */
export interface Source {
  readonly file: string
  readonly text: string
  /** Offset of the first character of each line. */
  readonly lines: readonly number[]
}

/** Characters of a source, the end not included. */
export interface Range {
  readonly source: Source
  readonly start: number
  readonly end: number
}

export interface Scalar {
  readonly is: 'scalar'
  readonly value: string | number | boolean | null
  readonly style: 'plain' | 'single' | 'double' | 'block'
  readonly at: Range
}

export interface List {
  readonly is: 'list'
  readonly items: readonly Tree[]
  readonly flow: boolean
  readonly at: Range
}

export interface Branch {
  readonly is: 'map'
  readonly entries: ReadonlyMap<string, Entry>
  readonly flow: boolean
  readonly at: Range
}

export type Tree = Scalar | List | Branch

export interface Entry {
  readonly key: Range
  readonly value: Tree
  /** Written without a colon, as in `{ a, b }`. */
  readonly bare: boolean
}

/** What stands at a path: the node, the key it is written under, and how many steps of the path led there. */
export interface Found {
  readonly tree: Tree
  readonly key?: Range
  readonly depth: number
}

export function sourceOf(file: string, text: string): Source {
  const lines = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1)
  return { file, text, lines }
}

/** Follows `path` as far as it goes. A key without a place of its own (a list item) keeps the key around it. */
export function find(root: Tree, path: Path): Found {
  let found: Found = { tree: root, depth: 0 }
  for (const step of path) {
    const { tree, depth } = found
    if (tree.is === 'map') {
      const entry = tree.entries.get(String(step))
      if (!entry) return found
      found = { tree: entry.value, key: entry.key, depth: depth + 1 }
    } else if (tree.is === 'list') {
      const item = tree.items[Number(step)]
      if (!item) return found
      found = { tree: item, depth: depth + 1 }
    } else return found
  }
  return found
}

/** The child of a map, undefined where there is no such key or no map. */
export function child(tree: Tree | undefined, key: string): Tree | undefined {
  return tree?.is === 'map' ? tree.entries.get(key)?.value : undefined
}

/** The map with these entries in place of its own. */
export function withEntries(tree: Branch, entries: ReadonlyMap<string, Entry>): Branch {
  return { ...tree, entries }
}

export function isText(tree: Tree | undefined): tree is Scalar & { readonly value: string } {
  return tree?.is === 'scalar' && typeof tree.value === 'string'
}

export function isNull(tree: Tree | undefined): boolean {
  return tree?.is === 'scalar' && tree.value === null
}

/** The texts of a list, or of one text that stands for a list of one. Anything else is left out. */
export function texts(tree: Tree | undefined): (Scalar & { readonly value: string })[] {
  if (tree?.is === 'list') return tree.items.filter(isText)
  return isText(tree) ? [tree] : []
}

/** Plain data. Parts that aliases share stay shared. */
export function toData(tree: Tree): unknown {
  const known = dataOf.get(tree)
  if (known !== undefined) return known
  if (tree.is === 'scalar') return tree.value
  const data =
    tree.is === 'list'
      ? tree.items.map(toData)
      : Object.fromEntries([...tree.entries].map(([key, entry]) => [key, toData(entry.value)]))
  dataOf.set(tree, data)
  return data
}

const dataOf = new WeakMap<Tree, unknown>()
