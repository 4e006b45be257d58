// What a list of fields looks like on the wire, as lines that can be compared: one for each field and each group with an
// extent, names apart from what the bytes are.

import { exprText, literalText, typeText } from '../emit/notation.ts'
import type { Body, Field, Node, Place, Protocol } from '../model/model.ts'
import type { Note } from './breaking.ts'

interface Line {
  readonly name: string
  /** Type, condition and fixed value, in the notation of the schema. */
  readonly wire: string
  readonly place: Place
  readonly field: Field | undefined
}

/** Notes how the fields of a record changed. `what` names the record in messages. */
export function compareBodies(what: string, [before, after]: readonly [Body, Body], place: Place, note: Note): void {
  const old = lines(before.nodes)
  const now = lines(after.nodes)
  const shared = Math.min(old.length, now.length)
  for (let i = 0; i < shared; i++) {
    const [was, is] = [old[i]!, now[i]!]
    if (was.wire === is.wire) {
      if (was.name !== is.name) note('source', 'name', is.place, `${what}: ${was.name} is now called ${is.name}`)
      compareBounds(what, was, is, note)
      continue
    }
    if (was.name === is.name) {
      note('wire', 'type', is.place, `${what}.${is.name} was ${was.wire}, is ${is.wire}`)
      continue
    }
    const moved = now.some(one => one.name === was.name)
    if (moved) note('wire', 'order', is.place, `${what}: ${is.name} stands where ${was.name} was`)
    else note('wire', 'removed', is.place, `${what}: ${was.name} (${was.wire}) is gone, ${is.name} stands there`)
    return
  }
  for (const gone of old.slice(shared)) note('wire', 'removed', place, `${what}: ${gone.name} (${gone.wire}) is gone`)
  for (const more of now.slice(shared)) {
    if (mayBeMissing(more)) continue
    note(
      'wire',
      'added',
      more.place,
      `${what}: ${more.name} (${more.wire}) is new, an old peer neither sends nor expects it`,
    )
  }
}

/** Ranges and greatest sizes that became narrower. */
function compareBounds(what: string, { field: was }: Line, { field: is, place }: Line, note: Note): void {
  if (!was || !is) return
  const name = `${what}.${is.name}`
  if (is.range && (!was.range || was.range.min < is.range.min || was.range.max > is.range.max))
    note('wire', 'range', place, `${name} takes ${is.range.min}..${is.range.max} only`)
  const [old, now] = [was.max, is.max].map(max => (max?.is === 'int' ? max.value : undefined))
  if (now !== undefined && (old === undefined || now < old))
    note('wire', 'size', place, `${name} takes ${now} at most${old === undefined ? '' : `, it was ${old}`}`)
  if (was.number !== is.number)
    note(
      'source',
      'type',
      place,
      `${name} is given to programs as ${is.number ?? 'bigint'}, it was ${was.number ?? 'bigint'}`,
    )
  const needed = is.fallback === undefined && is.value === undefined && is.with === undefined
  if (was.fallback !== undefined && needed) note('source', 'default', place, `${name} has no default any more`)
}

/** A peer that does not know the field leaves nothing there, and that is understood. */
function mayBeMissing({ field }: Line): boolean {
  return field?.lookahead === true
}

function lines(nodes: readonly Node[]): Line[] {
  return nodes.flatMap(node => {
    if (node.kind === 'field') return node.from ? [] : [fieldLine(node)]
    const inner = lines(node.nodes)
    const around = [
      node.seal && `sealed(${node.seal})`,
      node.if && `if ${exprText(node.if)}`,
      node.extent && extent(node),
    ]
    const marks = around.filter(mark => mark !== undefined && mark !== '').join(' ')
    if (marks === '') return inner
    return [{ name: node.name, wire: `group ${marks}`, place: node.place, field: undefined }, ...inner]
  })
}

function fieldLine(field: Field): Line {
  const parts = [typeText(field.type)]
  if (field.if) parts.push(`if ${exprText(field.if)}`)
  const fixed = field.with?.value ?? field.value
  if (fixed) parts.push(`= ${exprText(fixed)}`)
  if (field.match) parts.push(`= ${field.match.map(literalText).join(' or ')}`)
  return { name: field.name, wire: parts.join(' '), place: field.place, field }
}

function extent(node: Extract<Node, { kind: 'group' }>): string {
  const { extent: one } = node
  if (!one || one.by === 'rest') return ''
  return `in(${one.by === 'prefix' ? typeText(one.type) : exprText(one.size)})`
}

/** Names of a map that are gone, and those in both. */
export function paired<T extends { readonly place: Place }>(
  kind: string,
  [before, after]: readonly [ReadonlyMap<string, T>, ReadonlyMap<string, T>],
  note: Note,
  isOnWire: boolean,
): (readonly [T, T])[] {
  return [...before].flatMap(([name, was]) => {
    const is = after.get(name)
    if (is) return [[was, is] as const]
    note(isOnWire ? 'wire' : 'source', 'removed', was.place, `${kind} ${name} is gone`)
    return []
  })
}

/** Both protocols, for comparisons that look things up. */
export type Versions = readonly [before: Protocol, after: Protocol]
