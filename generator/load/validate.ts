// Validation against the language's JSON Schema (schema/protocol.schema.json, draft 2020-12) with ajv, and ajv's
// errors as diagnostics: placed on the key or value, one for each mistake, with the word that was probably meant.

import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import { didYouMean } from '../language/problem.ts'
import type { Diagnostic, Path } from './document.ts'
import { at } from './place.ts'
import { quoteHint, split } from './traps.ts'
import { type Branch, type Entry, find, type Range, type Tree, toData } from './tree.ts'

/** Checks a whole document. `schema` is the text of protocol.schema.json; it is compiled once. */
export function validate(tree: Branch, schema: string): Diagnostic[] {
  const check = compile(schema)
  if (check(toData(tree))) return []
  const errors = meaningful(check.errors ?? [])
  return errors.map(error => explain(error, tree, schema)).filter(diagnostic => diagnostic !== undefined)
}

function compile(schema: string): ValidateFunction {
  const known = compiled.get(schema)
  if (known) return known
  // Compiling is most of a short command's time: code that is not optimised is made in half of it, and the schema itself
  // is checked by the tests.
  const ajv = new Ajv2020({
    allErrors: true,
    verbose: true,
    strict: false,
    validateSchema: false,
    inlineRefs: false,
    code: { optimize: false },
  })
  const check = ajv.compile(JSON.parse(schema) as object)
  compiled.set(schema, check)
  return check
}

const compiled = new Map<string, ValidateFunction>()

/**
 * Of alternatives (anyOf) every branch complains. Kept is what a branch of the right kind says about its inside, or
 * else the one sentence that names all alternatives.
 */
function meaningful(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = errors.filter(error => error.keyword !== 'if' && error.keyword !== 'not')
  for (const choice of errors.filter(error => error.keyword === 'anyOf')) {
    const within = kept.filter(error => error !== choice && under(error, choice))
    const inside = within.filter(error => error.instancePath !== choice.instancePath || INSIDE.includes(error.keyword))
    const dropped = new Set(inside.length > 0 ? within.filter(error => !inside.includes(error)).concat(choice) : within)
    kept = kept.filter(error => !dropped.has(error))
  }
  // The name of a key is reported once, by propertyNames itself.
  const names = kept.filter(error => error.keyword === 'propertyNames')
  const ofName = (error: ErrorObject): boolean =>
    names.some(
      one => one !== error && one.instancePath === error.instancePath && one.params.propertyName === error.data,
    )
  return kept.filter(error => !ofName(error))
}

function under(error: ErrorObject, choice: ErrorObject): boolean {
  return error.instancePath === choice.instancePath || error.instancePath.startsWith(`${choice.instancePath}/`)
}

function explain(error: ErrorObject, tree: Branch, schema: string): Diagnostic | undefined {
  const path = pathOf(error.instancePath)
  const found = find(tree, path)
  const { params } = error
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(String(params.additionalProperty), found.tree, error)
    case 'propertyNames':
      return badName(String(params.propertyName), found.tree, error, schema)
    case 'required':
      return at(rangeOf(tree, path), 'required', `"${params.missingProperty}" is missing here`)
    case 'enum':
    case 'const':
      return wrongWord(error, found.tree, rangeOf(tree, path))
    default:
      return wrongValue(error, found.tree, rangeOf(tree, path), schema)
  }
}

function unknownKey(key: string, map: Tree, error: ErrorObject): Diagnostic | undefined {
  const entry = map.is === 'map' ? map.entries.get(key) : undefined
  if (map.is !== 'map' || !entry) return undefined
  const before = entry.bare && map.flow ? valueBefore(map, key) : undefined
  if (before) return split({ ...before.at, end: entry.key.end })
  const known = Object.keys((error.parentSchema?.properties as object | undefined) ?? {})
  const hint =
    profileWord(key) ?? didYouMean(key, known) ?? (known.length <= 16 ? `known here: ${known.join(', ')}` : undefined)
  return at(entry.key, 'key', `unknown key "${key}"`, hint)
}

function profileWord(key: string): string | undefined {
  return key === '$replace' || key === '$before' ? `${key} belongs in a profile` : undefined
}

/** The plain value in front of a key that stands alone: the comma between them was meant to be part of it. */
function valueBefore(map: Branch, key: string): Tree | undefined {
  let before: Entry | undefined
  for (const [name, entry] of map.entries) {
    if (name === key) break
    before = entry.bare ? before : entry
  }
  return before?.value.is === 'scalar' && before.value.style === 'plain' ? before.value : undefined
}

function badName(name: string, map: Tree, error: ErrorObject, schema: string): Diagnostic | undefined {
  const entry = map.is === 'map' ? map.entries.get(name) : undefined
  if (!entry) return undefined
  const wanted = describe(error.schema as Schema, schema)
  return at(entry.key, 'name', `"${name}" is not ${wanted}`, spelling(name, wanted))
}

/** The same words in the spelling that is wanted. */
function spelling(name: string, wanted: string): string | undefined {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean)
  const joined = wanted.includes('UpperCamel')
    ? words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')
    : wanted.includes('lower_snake')
      ? words.join('_').toLowerCase()
      : name
  return joined === name || joined === '' || /^\d/.test(joined) ? undefined : `write "${joined}"`
}

function wrongWord(error: ErrorObject, tree: Tree, range: Range): Diagnostic {
  const words = error.keyword === 'const' ? [error.schema] : (error.schema as unknown[])
  const given = tree.is === 'scalar' ? String(tree.value) : ''
  const unquoted =
    typeof error.data === 'number' && words.includes(given) && tree.is === 'scalar' ? quoteHint(tree) : undefined
  const message = words.length === 1 ? `expected ${words[0]}` : `expected one of ${words.join(', ')}`
  return at(range, 'enum', message, unquoted ?? nullHint(error) ?? didYouMean(given, words.map(String)))
}

function wrongValue(error: ErrorObject, tree: Tree, range: Range, schema: string): Diagnostic {
  const own = error.parentSchema as Schema
  if (error.keyword === 'minProperties' || error.keyword === 'minItems')
    return at(range, 'type', 'expected at least one')
  if (error.keyword === 'maxProperties') return at(range, 'type', 'expected only one of these keys')
  if (error.keyword === 'maxItems') return at(range, 'type', `expected at most ${error.params.limit}`)
  if (error.keyword === 'minimum' || error.keyword === 'maximum') {
    return at(
      range,
      'range',
      `expected a number ${error.keyword === 'minimum' ? 'from' : 'up to'} ${error.params.limit}`,
    )
  }
  const wanted = describe(own, schema)
  const digits = error.keyword === 'type' && tree.is === 'scalar' && own.type === 'string' ? quoteHint(tree) : undefined
  const words = alternatives(own, schema)
  const given = tree.is === 'scalar' ? String(tree.value) : ''
  return at(
    range,
    'type',
    `expected ${wanted}`,
    nullHint(error) ?? unitHint(given, wanted) ?? digits ?? didYouMean(given, words),
  )
}

function nullHint(error: ErrorObject): string | undefined {
  return error.data === null
    ? 'null only deletes, in profiles; leave the key out, or write {} for an empty map'
    : undefined
}

function unitHint(given: string, wanted: string): string | undefined {
  if (wanted.includes('a time such as') && /^\d+$/.test(given)) return `give it a unit: ${given}ms or ${given}s`
  if (wanted.includes('a time such as') && /^(none|off|0)$/.test(given)) return 'write never'
  if (wanted.includes('a size such as') && /^\d+ ?[kKmMgG][bB]?$/.test(given)) {
    return `write ${given.replace(/ ?([kKmMgG])[bB]?$/, (_, unit: string) => `${unit.toUpperCase()}iB`)}`
  }
  return undefined
}

type Schema = Readonly<Record<string, unknown>>

/** What a schema wants, as the end of "expected ...". */
function describe(own: Schema | undefined, schema: string): string {
  const target = resolve(own, schema)
  if (!target) return 'something else'
  if (typeof target.title === 'string') return target.title
  if (Array.isArray(target.anyOf))
    return [...new Set((target.anyOf as Schema[]).map(one => describe(one, schema)))].join(' or ')
  if (Array.isArray(target.enum)) return `one of ${target.enum.join(', ')}`
  if ('const' in target) return String(target.const)
  const types = Array.isArray(target.type) ? (target.type as string[]) : [String(target.type)]
  return types.map(type => TYPES[type] ?? type).join(' or ')
}

/** Single words that are among the alternatives. */
function alternatives(own: Schema, schema: string): string[] {
  if (!Array.isArray(own.anyOf)) return []
  return (own.anyOf as Schema[]).flatMap(one => {
    const target = resolve(one, schema)
    return target && 'const' in target
      ? [String(target.const)]
      : ((target?.enum as string[] | undefined) ?? []).map(String)
  })
}

function resolve(own: Schema | undefined, schema: string): Schema | undefined {
  const name = typeof own?.$ref === 'string' ? /^#\/\$defs\/(\w+)$/.exec(own.$ref)?.[1] : undefined
  if (!own || name === undefined) return own
  const definitions = (compile(schema).schema as { $defs: Record<string, Schema> }).$defs
  return { ...definitions[name], ...own, $ref: undefined }
}

/** A scalar's own place; of a map or list that of its key. */
function rangeOf(tree: Branch, path: Path): Range {
  const found = find(tree, path)
  if (found.tree.is === 'scalar' && found.tree.at.end > found.tree.at.start) return found.tree.at
  return found.key ?? found.tree.at
}

function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Keywords that speak about the inside of a map or list. */
const INSIDE = [
  'additionalProperties',
  'required',
  'propertyNames',
  'minProperties',
  'minItems',
  'maxItems',
  'maxProperties',
]

const TYPES: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  null: 'null',
}
