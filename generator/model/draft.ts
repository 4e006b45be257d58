// First look at a record (struct, variant, envelope, frame): every line parsed, inline structs and frame fields opened
// into groups, nothing resolved yet. Everything that resolves names works on drafts.

import type { ExprSyntax, ExtentSyntax, FieldSyntax, Span, TypeSyntax } from '../language/ast.ts'
import { parseExpr, parseField } from '../language/parse.ts'
import type { Path } from '../load/document.ts'
import type { Field, Literal } from './model.ts'
import { entriesOf, isMap, mapOf, type Raw, scalarText, textOf } from './raw.ts'
import { Mistake, type Reports } from './report.ts'

/** A piece of syntax and the scalar that its spans point into. */
export interface Located<T> {
  readonly syntax: T
  readonly path: Path
}

/** `else Name`, and where that is written. */
export interface ErrorName {
  readonly name: string
  readonly path: Path
  readonly span?: Span | undefined
}

export interface DraftField {
  readonly kind: 'field'
  readonly name: string
  readonly path: Path
  readonly origin: Field['origin']
  /** Undefined when the line could not be read. */
  readonly type: Located<TypeSyntax> | undefined
  if?: Located<ExprSyntax> | undefined
  from?: Located<ExprSyntax> | undefined
  value?: Located<ExprSyntax> | undefined
  fallback?: Located<ExprSyntax> | undefined
  readonly error?: ErrorName | undefined
  /** Keys of the long form. */
  readonly options: Raw
  readonly isId: boolean
  with?: Located<ExprSyntax> & { readonly error: string }
  match?: readonly Literal[]
  matchBits?: { bit: string; value: boolean }[]
}

export interface DraftGroup {
  readonly kind: 'group'
  readonly name: string
  readonly path: Path
  /** Where a frame's own fields go. */
  readonly holdsFrame: boolean
  /** In the envelope alone: the frame's fields are not known. */
  holdsOpaque?: boolean
  if?: Located<ExprSyntax> | undefined
  readonly extent?: Located<ExtentSyntax> | undefined
  readonly seal?: string | undefined
  nodes: DraftNode[]
  readonly error?: ErrorName | undefined
  /** Rules of an inline struct. */
  readonly rules: readonly DraftRule[]
}

export type DraftNode = DraftField | DraftGroup

/** One line of `check`, still as text. */
export interface DraftRule {
  readonly text: string
  readonly path: Path
}

/** Sections that drafting looks into: inline structs and the clear fields of seals. */
export interface DraftSource {
  readonly reports: Reports
  readonly structs: Raw
  readonly seals: Raw
}

/** `{ fields, check, validate }` or the fields themselves. */
export function bodyParts(raw: unknown, path: Path): { fields: Raw; path: Path; parts: Raw } {
  const map = mapOf(raw)
  const keyed = isMap(map.fields) && Object.keys(map).every(key => BODY_KEYS.has(key))
  return keyed ? { fields: mapOf(map.fields), path: [...path, 'fields'], parts: map } : { fields: map, path, parts: {} }
}

/** Lines of a `check` or `validate` list. */
export function linesOf(parts: Raw, key: string, path: Path): DraftRule[] {
  const list = Array.isArray(parts[key]) ? parts[key] : []
  return list.flatMap((line, i) => (typeof line === 'string' ? [{ text: line, path: [...path, key, i] }] : []))
}

/** Drafts of a field map, in wire order. `within` are the inline structs that are being opened. */
export function draftFields(
  source: DraftSource,
  fields: Raw,
  path: Path,
  origin: Field['origin'],
  within: readonly string[] = [],
): DraftNode[] {
  return entriesOf(fields).flatMap(([name, raw]) => draftNode(source, name, raw, [...path, name], origin, within))
}

/** The fields in front of the bytes that a seal covers. */
export function draftClear(source: DraftSource, seal: string): DraftNode[] {
  return draftFields(source, mapOf(mapOf(source.seals[seal]).clear), ['seal', seal, 'clear'], 'clear')
}

/** The draft of one field: several nodes where a seal puts clear fields in front. */
export function draftNode(
  source: DraftSource,
  name: string,
  raw: unknown,
  path: Path,
  origin: Field['origin'],
  within: readonly string[] = [],
): DraftNode[] {
  const field = source.reports.attempt(path, () => draftField(source.reports, name, raw, path, origin))
  const type = field?.type
  const seen = type && source.reports.attempt(type.path, () => ({ group: opened(source, field, type.syntax, within) }))
  if (!seen) return [{ kind: 'field', name, path, origin, type: undefined, options: {}, isId: false }]
  const open = seen.group
  if (!open) return [field]
  const refused = (['from', 'value', 'fallback'] as const).find(key => field[key])
  if (refused) source.reports.error(field[refused]!.path, 'type', `${name} is a group of fields and has no value`)
  const group: DraftGroup = { ...open, error: field.error }
  const clear = group.seal === undefined ? [] : draftClear(source, group.seal)
  if (clear.length === 0) return [{ ...group, if: field.if }]
  if (!field.if) return [...clear, group]
  return [{ kind: 'group', name, path, holdsFrame: false, if: field.if, nodes: [...clear, group], rules: [] }]
}

/** The group that a `frame`, inline or sealed field stands for; undefined for an ordinary field. */
function opened(
  source: DraftSource,
  field: DraftField,
  type: TypeSyntax,
  within: readonly string[],
): DraftGroup | undefined {
  const base = { kind: 'group' as const, name: field.name, path: field.path, rules: [] }
  const typePath = field.type!.path
  if (type.is === 'frame') return { ...base, holdsFrame: true, nodes: [] }
  if (type.is === 'name' && field.options.inline === true) return inlined(source, field, type, within)
  if (type.is === 'region') {
    const inner = opened(source, field, type.of, within)
    if (!inner) return undefined
    const extent = { syntax: type.extent, path: typePath }
    if (!inner.extent) return { ...inner, extent }
    return { ...base, holdsFrame: false, extent, nodes: [inner] }
  }
  if (type.is === 'sealed') {
    const plain = { ...field, type: { syntax: type.of, path: typePath }, if: undefined, error: undefined }
    const inner = opened(source, field, type.of, within) ?? { ...base, holdsFrame: false, nodes: [plain] }
    if (inner.extent || inner.seal) return { ...base, holdsFrame: false, seal: type.seal, nodes: [inner] }
    return { ...inner, seal: type.seal }
  }
  if (type.is !== 'delimited' && type.is !== 'list' && type.is !== 'at') return undefined
  const inner = type.of.is === 'frame' || type.of.is === 'sealed'
  if (!inner) return undefined
  const hint =
    type.is === 'delimited'
      ? 'a frame that ends at a delimiter is a matter of the transport: framing: delimiter("\\n")'
      : 'put it into a struct of its own'
  throw new Mistake('type', `${type.of.is === 'frame' ? 'the frame' : 'sealed bytes'} cannot stand there`, type, hint)
}

function inlined(
  source: DraftSource,
  field: DraftField,
  type: Extract<TypeSyntax, { is: 'name' }>,
  within: readonly string[],
): DraftGroup {
  const { name, path } = field
  const base = { kind: 'group' as const, name, path, holdsFrame: false }
  const raw = source.structs[type.name]
  if (!isMap(raw)) throw new Mistake('type', `${type.name} is no struct, only a struct can be inline`, type)
  if (within.includes(type.name)) throw new Mistake('cycle', `${type.name} contains itself`, type)
  const body = bodyParts(raw, ['structs', type.name])
  const origin = field.origin
  const nodes = draftFields(source, body.fields, body.path, origin, [...within, type.name])
  return { ...base, nodes, rules: linesOf(body.parts, 'check', ['structs', type.name]) }
}

function draftField(
  reports: Reports,
  name: string,
  raw: unknown,
  path: Path,
  origin: Field['origin'],
): DraftField | undefined {
  const long = isMap(raw)
  const options = long ? raw : {}
  const line = long ? textOf(options.type) : scalarText(raw)
  if (line === undefined) {
    reports.error(path, 'type', `${name} has no type`, 'write "name: TYPE", or "name: { type: TYPE, ... }"')
    return undefined
  }
  const at: Path = long ? [...path, 'type'] : path
  const syntax = reports.attempt(at, () => parseField(line))
  if (!syntax) return undefined
  const { type } = syntax
  const error = textOf(options.error)
  const suffixes = { from: suffix('from'), if: suffix('if'), value: suffix('value'), fallback: fallback() }
  refuseTwoValues(reports, name, suffixes)
  return {
    kind: 'field',
    name,
    path,
    origin,
    type: { syntax: type.is === 'id' ? type.of : type, path: at },
    ...suffixes,
    error: error
      ? { name: error, path: [...path, 'error'] }
      : syntax.error
        ? { name: syntax.error, path: at, span: syntax.errorSpan }
        : undefined,
    options,
    isId: type.is === 'id',
  }

  function suffix(key: 'from' | 'if' | 'value'): Located<ExprSyntax> | undefined {
    return locate(key) ?? inLine(key)
  }

  function fallback(): Located<ExprSyntax> | undefined {
    const bits = options.default
    if (!Array.isArray(bits)) return locate('default') ?? inLine('fallback')
    return located(reports, bits.length ? bits.join(' | ') : '0', [...path, 'default'])
  }

  function inLine(key: keyof FieldSyntax): Located<ExprSyntax> | undefined {
    const expr = syntax?.[key] as ExprSyntax | undefined
    return expr && { syntax: expr, path: at }
  }

  function locate(key: string): Located<ExprSyntax> | undefined {
    return located(reports, options[key], [...path, key])
  }
}

/** At most one of `from`, `=` and `?=` says what the value is. */
function refuseTwoValues(
  reports: Reports,
  name: string,
  suffixes: Pick<DraftField, 'from' | 'value' | 'fallback'>,
): void {
  const { from, value, fallback } = suffixes
  const second = (value && fallback) ?? (from && (value ?? fallback))
  if (!second) return
  const first = from ? 'is computed from others' : 'has a fixed value'
  const what = second === value ? 'a value to write' : 'a default'
  reports.error(second.path, 'type', `${name} ${first}, so it cannot have ${what}`, 'leave one of them out')
}

/** An expression from a scalar of the document; undefined when there is none or it cannot be read. */
export function located(reports: Reports, raw: unknown, path: Path): Located<ExprSyntax> | undefined {
  const text = scalarText(raw)
  if (text === undefined) return undefined
  if (typeof raw === 'number' && Number.isInteger(raw) && !Number.isSafeInteger(raw)) {
    reports.error(path, 'range', `${raw} is not exact`, 'quote numbers above 2^53')
    return undefined
  }
  if (text.trim() === '') {
    reports.error(path, 'syntax', 'an expression is missing', "an empty text is 'none'")
    return undefined
  }
  const syntax = reports.attempt(path, () => parseExpr(text))
  return syntax && { syntax, path }
}

const BODY_KEYS: ReadonlySet<string> = new Set(['fields', 'check', 'validate', 'doc'])
