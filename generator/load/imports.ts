// `import`: other files merged in front of a document, section by section (docs/language, "File"). One name twice is
// an error, except in handshake, limits and seal, where the importing file adds or replaces single keys.

import type { Diagnostic } from './document.ts'
import { at } from './place.ts'
import { merge } from './profile.ts'
import { type Branch, type Entry, type List, type Scalar, type Tree, texts, withEntries } from './tree.ts'

/** Reads and validates one file; undefined when it cannot be used, and then the diagnostics say why. */
export type Open = (file: string) => Branch | undefined

export interface Imports {
  readonly open: Open
  /** Whether there is such a file. */
  readonly exists: (file: string) => boolean
  /** Directory of the shipped schemas, the second place where imports are looked for. */
  readonly shipped: string
  readonly diagnostics: Diagnostic[]
}

/** `document` with everything it imports, directly or not, in front of it. */
export function resolveImports(document: Branch, file: string, imports: Imports): Branch {
  const seen = new Set([file])
  const bases = collect(document, file, [file], seen, imports)
  if (bases.length === 0) return document
  const start = withEntries(document, new Map())
  return [...bases, document].reduce((base, next) => mergeFile(base, next, imports.diagnostics), start)
}

/** The imported documents in the order in which they are merged; one that two files import comes once. */
function collect(
  document: Branch,
  file: string,
  open: readonly string[],
  seen: Set<string>,
  imports: Imports,
): Branch[] {
  const found: Branch[] = []
  for (const name of texts(document.entries.get('import')?.value)) {
    const target = locateImport(name, file, imports)
    if (target === undefined) continue
    if (open.includes(target)) {
      imports.diagnostics.push(at(name.at, 'import', `"${name.value}" imports itself by way of this file`))
      continue
    }
    if (seen.has(target)) continue
    seen.add(target)
    const imported = imports.open(target)
    if (!imported) {
      imports.diagnostics.push(at(name.at, 'import', `"${name.value}" cannot be used: it has mistakes of its own`))
      continue
    }
    found.push(...collect(imported, target, [...open, target], seen, imports), imported)
  }
  return found
}

function locateImport(name: Scalar & { readonly value: string }, file: string, imports: Imports): string | undefined {
  const { value } = name
  if (/\.ya?ml$/.test(value)) {
    imports.diagnostics.push(
      at(name.at, 'import', 'an import has no extension', `write "${value.replace(/\.ya?ml$/, '')}"`),
    )
    return undefined
  }
  const candidates = [join(directory(file), `${value}.yaml`), join(imports.shipped, `${value}.yaml`)]
  const target = candidates.find(candidate => imports.exists(candidate))
  if (target !== undefined) return target
  const hint = `paths are relative to this file (${candidates[0]}) or name a shipped schema`
  imports.diagnostics.push(at(name.at, 'import', `there is no "${value}" to import`, hint))
  return undefined
}

function mergeFile(base: Branch, next: Branch, diagnostics: Diagnostic[]): Branch {
  const entries = new Map([...base.entries].filter(([key]) => !OWN.includes(key)))
  for (const [section, entry] of next.entries) {
    const known = entries.get(section)
    if (!known || OWN.includes(section)) entries.set(section, entry)
    else if (section === 'insecure') entries.set(section, joinLists(known, entry))
    else if (ADDED.includes(section)) {
      const value = merge(known, entry, [section], diagnostics)
      if (value) entries.set(section, { ...entry, value })
    } else entries.set(section, joinNames(section, known, entry, diagnostics))
  }
  return withEntries(next, entries)
}

function joinNames(section: string, base: Entry, next: Entry, diagnostics: Diagnostic[]): Entry {
  if (base.value.is !== 'map' || next.value.is !== 'map' || section === 'envelope') {
    diagnostics.push(
      at(next.key, 'duplicate', `${section} is already in ${base.key.source.file}`, 'remove one of them'),
    )
    return next
  }
  const entries = new Map(base.value.entries)
  for (const [name, entry] of next.value.entries) {
    const known = entries.get(name)
    if (known) {
      const { file } = known.key.source
      diagnostics.push(at(entry.key, 'duplicate', `${section}.${name} is already in ${file}`, 'rename one of them'))
    }
    entries.set(name, entry)
  }
  return { ...next, value: withEntries(next.value, entries) }
}

function joinLists(base: Entry, next: Entry): Entry {
  const list = next.value
  if (list.is !== 'list') return next
  const before: readonly Tree[] = base.value.is === 'list' ? base.value.items : []
  return { ...next, value: { ...list, items: [...before, ...list.items] } satisfies List }
}

export function directory(file: string): string {
  const slash = file.lastIndexOf('/')
  return slash < 0 ? '' : file.slice(0, slash)
}

/** A path below a directory, without `.` and needless `..`. */
export function join(base: string, path: string): string {
  const root = path.startsWith('/') || base.startsWith('/') ? '/' : ''
  const parts: string[] = []
  for (const part of `${path.startsWith('/') ? '' : `${base}/`}${path}`.split('/')) {
    if (part === '' || part === '.') continue
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop()
    else parts.push(part)
  }
  return root + parts.join('/')
}

/** What an imported file says about itself only. */
const OWN = ['protocol', 'version', 'doc', 'endian', 'bit_order', 'import', 'profiles', 'examples']
/** Where the importing file adds or replaces single keys. */
const ADDED = ['handshake', 'limits', 'seal']
