// What expressions ask of the records around them. Functions for nested values get these as parameters, so the emitter
// must know before it writes them which ones there are.
import type { Expr, Node, Protocol, Type } from '../model/model.ts'

/**
 * One thing that an expression wants to know. `up` counts records outwards.
 * value: the field's value. size, offset, count, present: numbers about it. start, end: offsets of a range of fields in
 * the bytes (without a name: of the record, and of the field that asks). item, prev: in lists.
 */
export interface Request {
  readonly up: number
  readonly what: 'value' | 'size' | 'offset' | 'count' | 'present' | 'start' | 'end' | 'item' | 'prev'
  readonly name: string
}

export function requestKey(request: Request): string {
  return `${request.up} ${request.what} ${request.name}`
}

/** Everything that an expression asks for, in the order of evaluation, each once. */
export function requestsOf(...exprs: readonly (Expr | undefined)[]): readonly Request[] {
  const found = new Map<string, Request>()
  for (const expr of exprs) if (expr) collect(expr, request => found.set(requestKey(request), request))
  return [...found.values()]
}

function collect(expr: Expr, add: (request: Request) => void): void {
  switch (expr.is) {
    case 'field':
      return add({ up: 0, what: 'value', name: expr.name })
    case 'parent':
      return add({ up: expr.up, what: 'value', name: expr.name })
    case 'special':
      if (expr.name === 'item' || expr.name === 'prev') add({ up: 0, what: expr.name, name: '' })
      return
    case 'member':
      return collect(expr.of, add)
    case 'index':
      collect(expr.of, add)
      return collect(expr.index, add)
    case 'if':
      collect(expr.test, add)
      collect(expr.yes, add)
      return collect(expr.no, add)
    case 'not':
    case 'negate':
      return collect(expr.of, add)
    case 'binary':
      collect(expr.left, add)
      return collect(expr.right, add)
    case 'in':
      collect(expr.of, add)
      for (const item of expr.items) {
        collect(item.from, add)
        if (item.to !== item.from) collect(item.to, add)
      }
      return
    case 'range': {
      const up = expr.from?.up ?? expr.to?.up ?? 0
      add({ up, what: 'start', name: expr.from?.field ?? '' })
      return add({ up, what: 'end', name: expr.to?.field ?? '' })
    }
    case 'call': {
      const about = aboutField(expr)
      if (about) return add(about)
      if (expr.lookahead) for (const request of typeRequests(undefined, expr.lookahead)) add(request)
      for (const arg of expr.args) collect(arg, add)
      return
    }
    default:
  }
}

/** `size(x)`, `count(x)`, `offset(x)`, `present(x)` and `encode(x)` of a field: no value is read. */
export function aboutField(call: Extract<Expr, { is: 'call' }>): Request | undefined {
  const [arg] = call.args
  if (!arg || (arg.is !== 'field' && arg.is !== 'parent')) return undefined
  const up = arg.is === 'parent' ? arg.up : 0
  if (call.name === 'size' || call.name === 'offset' || call.name === 'present') {
    return { up, what: call.name, name: arg.name }
  }
  return call.name === 'count' && arg.type.kind === 'list' ? { up, what: 'count', name: arg.name } : undefined
}

/**
 * What a type asks of the record that it stands in: sizes, counts, tags, and what structs inside ask of their parents.
 * `reading`: of checked bytes, where no rule is looked at any more.
 */
export function typeRequests(protocol: Protocol | undefined, type: Type, reading = false): readonly Request[] {
  const found = new Map<string, Request>()
  const walk: Walk = { protocol, reading, open: new Set() }
  visitType(walk, type, request => found.set(requestKey(request), request))
  return [...found.values()]
}

interface Walk {
  readonly protocol: Protocol | undefined
  readonly reading: boolean
  /** Structs and unions that are being looked at. */
  readonly open: Set<string>
}

function visitNodes(walk: Walk, nodes: readonly Node[], add: (request: Request) => void): void {
  for (const node of nodes) {
    addAll(add, node.if)
    if (node.kind === 'group') {
      if (node.extent?.by === 'size') addAll(add, node.extent.size)
      visitNodes(walk, node.nodes, add)
      continue
    }
    addAll(add, node.from)
    if (!walk.reading) addAll(add, node.value, node.fallback, node.with?.value, node.max)
    visitType(walk, node.type, add)
  }
}

function visitType(walk: Walk, type: Type, add: (request: Request) => void): void {
  switch (type.kind) {
    case 'uint':
      return addAll(add, type.size)
    case 'region':
      if (type.extent.by === 'size') addAll(add, type.extent.size)
      return visitType(walk, type.of, add)
    case 'delimited':
      return visitType(walk, type.of, add)
    case 'at':
      addAll(add, type.offset)
      return visitType(walk, type.of, add)
    case 'list': {
      const { count } = type
      if (count.by === 'count') addAll(add, count.count)
      // `item` and `prev` are those of this list; `prev` inside the items too.
      const outer = (request: Request): void => {
        if (request.what !== 'item' && request.what !== 'prev') add(request)
      }
      if (count.by === 'until' || count.by === 'while') addAll(outer, count.test)
      return visitType(walk, type.of, outer)
    }
    case 'struct':
    case 'union':
      if (type.kind === 'union') addAll(add, type.tag)
      return visitNamed(walk, type, add)
    default:
  }
}

type NamedType = Extract<Type, { kind: 'enum' | 'bitset' | 'struct' }> | Extract<Type, { kind: 'union' }>

/** A range of the record around without an end stops where this record begins, which it knows itself. */
export function endsHere(request: Request): boolean {
  return request.up === 1 && request.what === 'end' && request.name === ''
}

/** A struct's questions to its parents, seen from the record that holds it. */
function visitNamed(walk: Walk, type: NamedType, add: (request: Request) => void): void {
  const { protocol, open } = walk
  if (!protocol || open.has(type.name)) return
  open.add(type.name)
  const outwards = (request: Request): void => {
    if (request.what === 'prev') add(request)
    else if (request.up > 0 && !endsHere(request)) add({ ...request, up: request.up - 1 })
  }
  const variants = type.kind === 'union' ? protocol.unions.get(type.name)!.variants : []
  const bodies =
    type.kind === 'struct' ? [protocol.structs.get(type.name)!.body] : variants.map(variant => variant.body)
  for (const body of bodies) {
    visitNodes(walk, body.nodes, outwards)
    if (!walk.reading) addAll(outwards, ...body.check.map(rule => rule.test))
  }
  // A variant is a record of its own even when it is one value.
  for (const { value } of variants) if (value) visitType(walk, value, outwards)
  open.delete(type.name)
}

function addAll(add: (request: Request) => void, ...exprs: readonly (Expr | undefined)[]): void {
  for (const request of requestsOf(...exprs)) add(request)
}
