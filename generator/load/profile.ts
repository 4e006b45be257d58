// A profile laid over the document (docs/language, "Profiles"): map over map key by key, null deletes, anything else
// replaces; `$replace` drops the base map first, `$before` places a new field, a short field met by a map is read as
// `{ type: SHORT }`. Places stay, so diagnostics point into the profile.

import { didYouMean } from '../language/problem.ts'
import type { Diagnostic, Path } from './document.ts'
import { at } from './place.ts'
import {
  type Branch,
  child,
  type Entry,
  isNull,
  isText,
  type List,
  type Scalar,
  type Tree,
  texts,
  withEntries,
} from './tree.ts'

/** The document with `name` and what it extends laid over it. `insecure` lists of the chain are appended to the
 * document's; its examples are left out. */
export function applyProfile(document: Branch, name: string, diagnostics: Diagnostic[]): Branch {
  const chain = chainOf(document, name, diagnostics)
  // The document's examples are bytes of the document; a profile that changes them brings its own.
  let merged = withEntries(document, new Map([...document.entries].filter(([key]) => key !== 'examples')))
  for (const profile of chain) {
    const overrides = new Map([...profile.entries].filter(([key]) => !OWN.includes(key)))
    merged = mergeMaps(merged, withEntries(profile, overrides), [], diagnostics)
    merged = addInsecure(merged, profile)
  }
  return merged
}

/** `over` laid over `base` at `path`; undefined deletes. */
export function merge(base: Entry | undefined, over: Entry, path: Path, diagnostics: Diagnostic[]): Tree | undefined {
  const { value } = over
  if (isNull(value)) {
    if (!base) diagnostics.push(at(over.key, 'profile', `there is no ${path.join('.')} to delete`))
    return undefined
  }
  if (value.is !== 'map') return value
  if (base?.value.is === 'map') return mergeMaps(base.value, value, path, diagnostics)
  const empty = withEntries(value, new Map())
  const short = base && isField(path) && base.value.is === 'scalar'
  return mergeMaps(short ? withEntries(value, new Map([['type', base]])) : empty, value, path, diagnostics)
}

function mergeMaps(base: Branch, over: Branch, path: Path, diagnostics: Diagnostic[]): Branch {
  const replace = child(over, '$replace')
  const entries = new Map(replace ? [] : base.entries)
  for (const [key, entry] of over.entries) {
    if (key === '$replace' || key === '$before') continue
    const known = entries.get(key)
    const merged = merge(known, entry, [...path, key], diagnostics)
    if (merged === undefined) entries.delete(key)
    // A changed key keeps its place in the order. A new one points at where the profile wrote it.
    else entries.set(key, { key: entry.key, value: merged, bare: entry.bare })
    const before = known ? undefined : child(entry.value, '$before')
    if (before && merged) placeBefore(entries, key, before, diagnostics)
  }
  return { ...over, entries }
}

function placeBefore(entries: Map<string, Entry>, key: string, before: Tree, diagnostics: Diagnostic[]): void {
  const next = isText(before) ? before.value : ''
  if (!entries.has(next) || next === key) {
    const others = [...entries.keys()].filter(name => name !== key)
    diagnostics.push(at(before.at, 'profile', `there is no field "${next}" to stand before`, didYouMean(next, others)))
    return
  }
  const moved = entries.get(key)!
  entries.delete(key)
  const rest = [...entries]
  entries.clear()
  for (const [name, entry] of rest) {
    if (name === next) entries.set(key, moved)
    entries.set(name, entry)
  }
}

/** The profile and what it extends, outermost base first. */
function chainOf(document: Branch, name: string, diagnostics: Diagnostic[]): Branch[] {
  const profiles = document.entries.get('profiles')
  const chain: Branch[] = []
  const seen = new Set<string>()
  let wanted: string | undefined = name
  let where = profiles?.key ?? document.at
  while (wanted !== undefined) {
    const profile = child(profiles?.value, wanted)
    if (profile?.is !== 'map' || seen.has(wanted)) {
      const known: string[] = profiles?.value.is === 'map' ? [...profiles.value.entries.keys()] : []
      const message = seen.has(wanted) ? `profile "${wanted}" extends itself` : `there is no profile "${wanted}"`
      const hint =
        didYouMean(wanted, known) ??
        (known.length > 0 ? `profiles are ${known.join(', ')}` : 'this schema has no profiles')
      diagnostics.push(at(where, 'profile', message, seen.has(wanted) ? 'remove one `extends`' : hint))
      return []
    }
    seen.add(wanted)
    chain.unshift(profile)
    const base = child(profile, 'extends')
    wanted = isText(base) ? base.value : undefined
    where = base?.at ?? where
  }
  return chain
}

function addInsecure(document: Branch, profile: Branch): Branch {
  const more = child(profile, 'insecure')
  if (!more) return document
  const own = document.entries.get('insecure')
  const reasons = texts(own?.value)
  const added = texts(more).filter(reason => !reasons.some((known: Scalar) => known.value === reason.value))
  const list: List = { is: 'list', items: [...reasons, ...added], flow: true, at: more.at }
  const entry: Entry = { key: own?.key ?? profile.entries.get('insecure')!.key, value: list, bare: false }
  return withEntries(document, new Map(document.entries).set('insecure', entry))
}

/** Whether a field stands at this path, so that a text there is a type. */
export function isField(path: Path): boolean {
  const [section, , third] = path
  const parent = path.at(-2)
  if (section === 'envelope') return path.length === 2 || (path.length === 3 && path[1] === 'fields')
  if (section === 'structs') return path.length === 3 || (path.length === 4 && third === 'fields')
  if (section === 'frames') return path.length === 4 && third === 'fields'
  if (section === 'unions') return path.length === 6 && parent === 'fields'
  if (section === 'seal') return path.length === 4 && third === 'clear'
  return false
}

/** Keys of a profile that say something about the profile itself. */
const OWN = ['doc', 'extends', 'insecure']
