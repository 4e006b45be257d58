// Expressions of the behavioural sections, resolved with the model's resolver: the scope of a frame or struct is made
// from the finished model instead of from a draft.

import { BUILT_IN_ERRORS } from '../../runtime/wire/codec.ts'
import { exprText, typeText } from '../emit/notation.ts'
import type { ExprSyntax } from '../language/ast.ts'
import { parseExpr, parseType } from '../language/parse.ts'
import type { Path } from '../load/document.ts'
import { Catalog } from '../model/catalog.ts'
import { type Context, resolveAs } from '../model/expressions.ts'
import type { Body, Expr, Field, Frame, Node, Protocol, Type, ValueType } from '../model/model.ts'
import { Mistake, Reports } from '../model/report.ts'
import { type Order, scalarType } from '../model/scalars.ts'
import { type Entry, Scope } from '../model/scope.ts'
import { BOOL, INT, valueOf as typeOfValue } from '../model/values.ts'
import { walkExpr } from '../model/walk.ts'
import { attempt } from './attempt.ts'
import type { Expressions } from './expressions.ts'
import type { Report } from './section.ts'

export function expressionsOf(protocol: Protocol, report: Report): Expressions {
  const catalog = catalogOf(protocol, report)
  const scopes = new Map<string, Scope>()
  const event = modelScope('an event', EVENT, catalog)
  const scopeOf = (frame: Frame): Scope => {
    const scope = scopes.get(frame.name) ?? modelScope(`frame ${frame.name}`, frame.body, catalog)
    scopes.set(frame.name, scope)
    return scope
  }
  return {
    inFrame: (text, frame, at) =>
      attempt(report, at, () => {
        const scope = scopeOf(frame)
        const { syntax, specials } = withCounts(parseExpr(String(text)), protocol)
        return readable(condition(syntax, { catalog, scope, facts: scope.facts, specials }))
      }),
    inEvent: (text, at) =>
      attempt(report, at, () => condition(parseExpr(String(text)), { catalog, scope: event, facts: event.facts })),
    type: (text, at) => attempt(report, at, () => plainType(text, protocol)),
  }
}

function condition(syntax: ExprSyntax, context: Context): Expr {
  return resolveAs(syntax, context, BOOL, 'a condition')
}

/** Reports what the runtime could not evaluate over a decoded frame: values that frames teach the session. */
export function checkLearned(protocol: Protocol, report: Report): void {
  for (const frame of protocol.frames.values()) {
    for (const { name, value } of frame.learn) {
      attempt(report, ['frames', frame.name, 'learn', name], () => readable(value))
    }
  }
}

/** Refuses what is known only while a frame is decoded: ranges of bytes, offsets, sizes of anything but bytes and text. */
function readable(expr: Expr): Expr {
  walkExpr(expr, part => {
    if (part.is === 'range') throw new Mistake('type', 'a range of bytes is known only inside the frame', part)
    if (part.is !== 'call' || !['size', 'offset', 'encode'].includes(part.name)) return
    const kind = part.args[0]?.type.kind
    if (part.name === 'size' && (kind === 'bytes' || kind === 'text')) return
    throw new Mistake('type', `${part.name}() is known only inside the frame`, part, 'use it in a check of the frame')
  })
  return expr
}

function plainType(text: string, order: Order): Type {
  const type = scalarType(parseType(text), order)
  if (type) return type
  throw new Mistake('type', `${text} is no number`)
}

// ---------------------------------------------------------------------------------------------------- the scope

function catalogOf(protocol: Protocol, report: Report): Catalog {
  const place = { file: protocol.file, line: 1, column: 1 }
  const catalog = new Catalog(new Reports({ file: protocol.file, data: protocol.document, place: () => place, report }))
  for (const [name, one] of protocol.enums) catalog.enums.set(name, one)
  for (const [name, one] of protocol.bitsets) catalog.bitsets.set(name, one)
  for (const [name, one] of protocol.params) catalog.params.set(name, typeOfValue(one.type))
  for (const [name, one] of protocol.session) catalog.session.set(name, typeOfValue(one.type))
  catalog.enums.set(ERROR_CODE, errorCodes(protocol))
  for (const [name, { body }] of protocol.structs) {
    const title = `struct ${name}`
    const scope = modelScope(title, body, catalog)
    catalog.records.set(name, { title, nodes: [], rules: [], validate: [], scope, value: undefined, startBits: 0 })
  }
  return catalog
}

/** Errors by name, so that `code == CryptoFailure` compares like any enum. */
function errorCodes(protocol: Protocol): ReturnType<Catalog['enums']['get']> & {} {
  const names = [...new Set([...protocol.errors.keys(), ...BUILT_IN_ERRORS])]
  return {
    name: ERROR_CODE,
    type: { kind: 'int', signed: false, bits: 32, little: false },
    values: names.map((name, at) => ({ name, value: BigInt(at) })),
    unknown: 'keep',
    place: { file: protocol.file, line: 1, column: 1 },
  }
}

function modelScope(title: string, body: Body, catalog: Catalog): Scope {
  return new ModelScope(title, body, catalog)
}

class ModelScope extends Scope {
  constructor(title: string, body: Body, catalog: Catalog) {
    super(title, [], catalog)
    const order = this.order as Entry[]
    fill(body.nodes, [], order)
    for (const entry of order) (this.entries as Map<string, Entry>).set(entry.name, entry)
  }
}

function fill(nodes: readonly Node[], around: Entry['conditions'], into: Entry[]): void {
  for (const node of nodes) {
    const own = node.if && { syntax: parseExpr(exprText(node.if)), path: [] }
    const conditions = own ? [...around, own] : around
    if (node.kind === 'group') fill(node.nodes, conditions, into)
    else into.push(entryOf(node, conditions, into.length))
  }
}

function entryOf(field: Field, conditions: Entry['conditions'], index: number): Entry {
  const { name, origin, isId } = field
  const path: Path = [name]
  const type = { syntax: parseType('u8'), path }
  const node = { kind: 'field', name, path, origin, type, options: options(field), isId } as const
  return { name, node, index, type: typeOfValue(field.type), conditions, broken: false }
}

/** The long form of a multimap, as the resolver looks entries up in it. */
function options({ map }: Field): Entry['node'] extends infer N ? (N extends { options: infer O } ? O : never) : never {
  if (!map) return {}
  const entries = map.entries.map(entry => [entry.name, { type: typeText(entry.type) }] as const)
  return { map: { key: map.key, value: map.value }, entries: Object.fromEntries(entries) }
}

function eventField(name: string, type: Type): Field {
  const place = { file: '', line: 1, column: 1 }
  return {
    kind: 'field',
    name,
    hidden: false,
    type,
    lookahead: false,
    isId: false,
    secret: false,
    origin: 'frame',
    place,
  }
}

// ------------------------------------------------------------------------------------------ frames received so far

/** `count(Frame)` becomes a special value of that name, since a frame is no value by itself. */
function withCounts(syntax: ExprSyntax, protocol: Protocol): { syntax: ExprSyntax; specials: Map<string, ValueType> } {
  const specials = new Map<string, ValueType>()
  const counted = rewrite(syntax, part => {
    if (part.is !== 'call' || part.name !== 'count') return undefined
    const [frame] = part.args as readonly ExprSyntax[]
    if (frame?.is !== 'name' || !protocol.frames.has(frame.name)) return undefined
    const name = `count('${frame.name}')`
    specials.set(name, INT)
    return { ...part, is: 'name', name }
  })
  return { syntax: counted, specials }
}

/** A copy of a syntax tree in which `change` replaced what it returned something for. */
function rewrite<T extends object>(tree: T, change: (part: Record<string, unknown>) => object | undefined): T {
  if (tree instanceof Uint8Array) return tree
  if (Array.isArray(tree)) return tree.map(part => (isTree(part) ? rewrite(part, change) : part)) as unknown as T
  const changed = change(tree as Record<string, unknown>)
  if (changed) return changed as T
  const parts = Object.entries(tree).map(([key, part]) => [key, isTree(part) ? rewrite(part, change) : part])
  return Object.fromEntries(parts) as T
}

function isTree(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

const ERROR_CODE = 'error code'

/** What a metric's condition can name. */
const EVENT: Body = {
  nodes: [
    eventField('code', { kind: 'enum', name: ERROR_CODE }),
    eventField('size', { kind: 'varint', coding: 'quic', max: 8 }),
  ],
  validate: [],
  check: [],
  usesParent: false,
}
