// Two ways in which YAML reads something else than what was written. Inside { } and [ ] a comma ends a plain value,
// so `{ type: Data(a, b) }` becomes two keys. And digits without quotes become a number, so hex loses its zeros.

import type { Diagnostic } from './document.ts'
import { at } from './place.ts'
import type { Range, Scalar, Tree } from './tree.ts'

/** Every value that a comma split, with the hint to quote it. */
export function splitValues(tree: Tree): Diagnostic[] {
  const found: Diagnostic[] = []
  const seen = new Set<Tree>()
  const walk = (node: Tree): void => {
    if (seen.has(node) || node.is === 'scalar') return
    seen.add(node)
    if (node.flow) found.push(...splitsIn(partsOf(node)))
    for (const part of node.is === 'list' ? node.items : [...node.entries.values()].map(entry => entry.value))
      walk(part)
  }
  walk(tree)
  return found
}

/** The hint for a scalar that YAML did not read as text although a text is wanted. */
export function quoteHint(scalar: Scalar): string | undefined {
  if (scalar.style !== 'plain' || scalar.value === null || scalar.at.end <= scalar.at.start) return undefined
  const written = scalar.at.source.text.slice(scalar.at.start, scalar.at.end)
  const kind = typeof scalar.value === 'boolean' ? 'a boolean' : 'a number'
  return `YAML reads ${written} as ${kind}: quote it, "${written}"`
}

interface Part {
  readonly at: Range
  /** The plain text of the value, or of a key that stands alone. */
  readonly text?: string
  /** A key without a colon: what a comma leaves behind in a map. */
  readonly alone: boolean
}

function partsOf(node: Exclude<Tree, Scalar>): Part[] {
  if (node.is === 'list') return node.items.map(item => ({ at: item.at, alone: true, ...plain(item) }))
  return [...node.entries].map(([key, { key: range, value, bare }]) =>
    bare ? { at: range, text: key, alone: true } : { at: value.at, alone: false, ...plain(value) },
  )
}

function splitsIn(parts: readonly Part[]): Diagnostic[] {
  const found: Diagnostic[] = []
  for (let first = 0; first < parts.length; first++) {
    const start = parts[first]!
    let open = depth(start.text)
    let last = first
    while (open > 0 && last + 1 < parts.length && parts[last + 1]!.alone && parts[last + 1]!.text !== undefined) {
      open += depth(parts[++last]!.text)
    }
    if (last === first) continue
    found.push(split({ ...start.at, end: parts[last]!.at.end }))
    first = last
  }
  return found
}

/** A value and the keys without a colon behind it, in a map where such keys have no meaning. */
export function split(range: Range): Diagnostic {
  const written = range.source.text.slice(range.start, range.end).replace(/\s+/g, ' ')
  const quoted = written.includes('"') ? `'${written}'` : `"${written}"`
  return at(range, 'comma', 'YAML ends a plain value at a comma inside { } and [ ]', `quote it: ${quoted}`)
}

function plain(tree: Tree): { text?: string } {
  if (tree.is !== 'scalar' || tree.style !== 'plain' || tree.value === null) return {}
  return { text: tree.at.source.text.slice(tree.at.start, tree.at.end) }
}

/** Parentheses opened less those closed. */
function depth(text: string | undefined): number {
  if (text === undefined) return 0
  return text.split('(').length - text.split(')').length
}
