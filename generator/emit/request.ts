// What expressions ask of the records around them. Functions for nested values get these as parameters, so the emitter
// must know before it writes them which ones there are.
import type { Body, Expr, Node, Protocol, Type } from '../model/model.ts'

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

/** What a type asks of the record that it stands in: sizes, counts, tags, and what structs inside ask of their parents. */
export function typeRequests(protocol: Protocol | undefined, type: Type): readonly Request[] {
  const found = new Map<string, Request>()
  visitType(protocol, type, request => found.set(requestKey(request), request))
  return [...found.values()]
}

/** What the record of a struct or variant asks of the records around it; `up` counts from that record. */
export function bodyRequests(protocol: Protocol, body: Body): readonly Request[] {
  const found = new Map<string, Request>()
  const add = (request: Request): void => {
    if (request.up > 0 || request.what === 'prev') found.set(requestKey(request), request)
  }
  visitNodes(protocol, body.nodes, add, new Set())
  for (const rule of body.check) for (const request of requestsOf(rule.test)) add(request)
  return [...found.values()]
}

function visitNodes(
  protocol: Protocol | undefined,
  nodes: readonly Node[],
  add: (request: Request) => void,
  open: Set<string>,
): void {
  for (const node of nodes) {
    if (node.if) for (const request of requestsOf(node.if)) add(request)
    if (node.kind === 'group') {
      if (node.extent?.by === 'size') for (const request of requestsOf(node.extent.size)) add(request)
      visitNodes(protocol, node.nodes, add, open)
      continue
    }
    for (const request of requestsOf(node.from, node.value, node.fallback, node.with?.value, node.max)) add(request)
    visitType(protocol, node.type, add, open)
  }
}

function visitType(
  protocol: Protocol | undefined,
  type: Type,
  add: (request: Request) => void,
  open: Set<string> = new Set(),
): void {
  switch (type.kind) {
    case 'uint':
      for (const request of requestsOf(type.size)) add(request)
      return
    case 'region':
      if (type.extent.by === 'size') for (const request of requestsOf(type.extent.size)) add(request)
      return visitType(protocol, type.of, add, open)
    case 'delimited':
      return visitType(protocol, type.of, add, open)
    case 'at':
      for (const request of requestsOf(type.offset)) add(request)
      return visitType(protocol, type.of, add, open)
    case 'list': {
      const { count } = type
      if (count.by === 'count') for (const request of requestsOf(count.count)) add(request)
      if (count.by === 'until' || count.by === 'while') {
        for (const request of requestsOf(count.test))
          if (request.what !== 'item' && request.what !== 'prev') add(request)
      }
      // `prev` inside the items is theirs.
      return visitType(protocol, type.of, request => request.what !== 'prev' && add(request), open)
    }
    case 'struct':
    case 'union':
      if (type.kind === 'union' && type.tag) for (const request of requestsOf(type.tag)) add(request)
      if (protocol) visitNamed(protocol, type, add, open)
      return
    default:
  }
}

type NamedType = Extract<Type, { kind: 'enum' | 'bitset' | 'struct' }> | Extract<Type, { kind: 'union' }>

/** A struct's questions to its parents, seen from the record that holds it. */
function visitNamed(protocol: Protocol, type: NamedType, add: (request: Request) => void, open: Set<string>): void {
  if (open.has(type.name)) return
  open.add(type.name)
  const outwards = (request: Request): void => {
    if (request.what === 'prev') add(request)
    else if (request.up > 0) add({ ...request, up: request.up - 1 })
  }
  const bodies =
    type.kind === 'struct'
      ? [protocol.structs.get(type.name)!.body]
      : protocol.unions
          .get(type.name)!
          .variants.filter(variant => !variant.value)
          .map(variant => variant.body)
  for (const body of bodies) {
    visitNodes(protocol, body.nodes, outwards, open)
    for (const rule of body.check) for (const request of requestsOf(rule.test)) outwards(request)
  }
  if (type.kind === 'union') {
    // A variant is a record of its own even when it is one value.
    for (const { value } of protocol.unions.get(type.name)!.variants)
      if (value) visitType(protocol, value, outwards, open)
  }
  open.delete(type.name)
}
