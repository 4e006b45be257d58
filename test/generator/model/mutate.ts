// Random damage to documents: leaves swapped for those of other schemas, keys removed. The builder must report, never throw.

import type { Path, Problem, SchemaDocument } from '../../../generator/load/document.ts'

type Tree = unknown

/** A document without a file behind it, that collects what is reported. */
export function plainDocument(
  data: Readonly<Record<string, unknown>>,
): SchemaDocument & { readonly problems: Problem[] } {
  const problems: Problem[] = []
  return {
    file: 'mutated.yaml',
    data,
    problems,
    place: () => ({ file: 'mutated.yaml', line: 1, column: 1 }),
    report: (_path, problem) => void problems.push(problem),
  }
}

/** Paths of all scalars. */
export function leaves(tree: Tree, path: Path = []): Path[] {
  if (Array.isArray(tree)) return tree.flatMap((item, i) => leaves(item, [...path, i]))
  if (typeof tree === 'object' && tree !== null)
    return Object.entries(tree).flatMap(([key, item]) => leaves(item, [...path, key]))
  return [path]
}

export function at(tree: Tree, path: Path): Tree {
  return path.reduce<Tree>((part, key) => (part as Record<string | number, Tree>)[key], tree)
}

/** A copy with the value at `path` replaced, or its key removed when `to` is undefined. */
export function changed(tree: Tree, path: Path, to: Tree): Tree {
  const [key, ...rest] = path
  if (key === undefined) return to
  if (Array.isArray(tree)) return tree.map((item, i) => (i === key ? changed(item, rest, to) : item))
  const copy = { ...(tree as Record<string, Tree>) }
  if (rest.length === 0 && to === undefined) delete copy[key]
  else copy[key] = changed(copy[key], rest, to)
  return copy
}
