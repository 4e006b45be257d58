// Layout of what consists of other values: lists, structs, unions, and references to earlier bytes.
import type { Type } from '../model/model.ts'
import { evaluate, integer } from './evaluate.ts'
import { Fault, type Region } from './fault.ts'
import { extentOf, place, prefix } from './place.ts'
import { type Placed, step, whole } from './placed.ts'
import { Rec } from './record.ts'
import { Cursor, lazy } from './run.ts'
import { ABSENT, type DecodeScope } from './scope.ts'
import { depthLimit, fixedBits } from './sizes.ts'
import type { ListValue, UnionValue, Value } from './value.ts'

export function list(type: Extract<Type, { kind: 'list' }>, cursor: Cursor, scope: DecodeScope): Placed {
  const start = cursor.at
  const { count } = type
  if (count.by === 'rest') {
    const range = extentOf({ by: 'rest', tail: count.tail }, cursor, scope)
    const inside: Region = { end: range.end }
    return lazyList(type, start, cursor.at, validated => {
      scope.rec.run.need(range.end)
      const at = new Cursor(range.start * 8, inside)
      return readItems(type, at, scope, validated, () => at.at < range.end * 8)
    })
  }
  const fixed = fixedBits(scope.protocol, type)
  if (fixed !== undefined && count.by === 'count') {
    step(cursor, fixed)
    const total = Number(integer(count.count, scope))
    return lazyList(type, start, cursor.at, validated =>
      readItems(type, new Cursor(start, cursor.region), scope, validated, n => n < total),
    )
  }
  const first = cursor.byte
  const total =
    count.by === 'prefix'
      ? prefix(count.type, cursor, scope)
      : count.by === 'count'
        ? integer(count.count, scope.at(cursor))
        : -1n
  if (count.by === 'count' && total < 0n) throw new Fault('Truncated', first, cursor.region)
  const contentStart = cursor.at
  const items = readItems(type, cursor, scope, true, (n, last, before) => {
    if (count.by === 'until') return n === 0 || evaluate(count.test, scope.at(cursor, before, last)) !== true
    if (count.by === 'while') return evaluate(count.test, scope.at(cursor, last)) === true
    return n < total
  })
  const done = whole(type, start, cursor.at, () => listValue(items))
  return { ...done, contentStart, parts: () => items }
}

/** A list whose end is known before its items are. */
function lazyList(type: Type, start: number, end: number, read: (validated: boolean) => readonly Placed[]): Placed {
  const items = lazy(() => read(false))
  const checked = lazy(() => read(true))
  return {
    ...whole(type, start, end, () => listValue(items())),
    validate: () => {
      checked()
    },
    parts: () => checked(),
  }
}

function readItems(
  type: Extract<Type, { kind: 'list' }>,
  cursor: Cursor,
  scope: DecodeScope,
  validated: boolean,
  more: (read: number, last: () => Value, before: () => Value) => boolean,
): readonly Placed[] {
  const items: Placed[] = []
  let last = ABSENT
  let before = ABSENT
  while (more(items.length, last, before)) {
    const from = cursor.at
    const item = place(type.of, cursor, scope.at(cursor, last))
    if (validated) item.validate()
    if (cursor.at === from) throw new Fault('TooMany', cursor.byte)
    items.push(item)
    before = last
    last = item.value
  }
  return items
}

function listValue(items: readonly Placed[]): ListValue {
  return { is: 'list', length: items.length, at: index => items[index]?.value(), entry: () => undefined }
}

export function reference(type: Extract<Type, { kind: 'at' }>, cursor: Cursor, scope: DecodeScope): Placed {
  const here = cursor.byte
  const content = lazy(() => {
    const offset = integer(type.offset, scope.at(cursor))
    if (offset < 0n || offset >= BigInt(here) || offset >= BigInt(Math.min(scope.hop, SAFE_NUMBER))) {
      throw new Fault('BadReference', here)
    }
    const target = Number(offset)
    const back = new Cursor(target * 8, { end: here })
    return place(type.of, back, scope.at(back).hopping(target))
  })
  return {
    ...whole(type, cursor.at, cursor.at, () => content().value()),
    validate: () => content().validate(),
    parts: () => [content()],
  }
}

export function struct(
  type: Extract<Type, { kind: 'enum' | 'bitset' | 'struct' }>,
  cursor: Cursor,
  scope: DecodeScope,
): Placed {
  const start = cursor.at
  const { body } = scope.protocol.structs.get(type.name)!
  const fixed = fixedBits(scope.protocol, type)
  const decode = (at: Cursor): Rec => {
    const rec = new Rec(scope.rec.run, body, scope.at(at), at, deeper(scope, start))
    rec.layAll()
    return rec
  }
  if (fixed !== undefined) {
    step(cursor, fixed)
    const rec = lazy(() => decode(new Cursor(start, cursor.region)))
    return { ...whole(type, start, cursor.at, rec, () => rec().validate()), parts: () => rec().parts() }
  }
  const rec = decode(cursor)
  rec.validate()
  return { ...whole(type, start, cursor.at, () => rec), parts: () => rec.parts() }
}

export function union(type: Extract<Type, { kind: 'union' }>, cursor: Cursor, scope: DecodeScope): Placed {
  const start = cursor.at
  const definition = scope.protocol.unions.get(type.name)!
  const depth = deeper(scope, start)
  let tag: bigint
  if (definition.tag) {
    const placed = place(definition.tag, cursor, scope)
    placed.validate()
    tag = placed.value() as bigint
  } else {
    tag = integer(type.tag!, scope.at(cursor))
  }
  const variant =
    definition.variants.find(known => known.ids.includes(tag)) ?? definition.variants.find(known => known.other)
  if (!variant) throw new Fault(definition.error, Math.floor(start / 8))
  const rec = new Rec(scope.rec.run, variant.body, scope.at(cursor), cursor, depth)
  if (variant.value) {
    // A variant is a record of its own even when it is one value: `parent` in it is what holds the union.
    const placed = place(variant.value, cursor, rec.scope(undefined, cursor))
    placed.validate()
    const value: DecodedUnion = { ...unionOf(variant.name, tag, variant.other), get: placed.value }
    return { ...whole(type, start, cursor.at, () => value), parts: () => [placed] }
  }
  rec.layAll()
  rec.validate()
  const value: DecodedUnion = { ...unionOf(variant.name, tag, variant.other), get: name => rec.get(name), record: rec }
  return { ...whole(type, start, cursor.at, () => value), parts: () => rec.parts() }
}

/** A union value with what its plain form needs. */
export interface DecodedUnion extends UnionValue {
  /** Only of `other` variants. */
  readonly tag: bigint | undefined
  readonly record?: Rec | undefined
}

function unionOf(variant: string, tag: bigint, other: boolean): Omit<DecodedUnion, 'get'> {
  return { is: 'union', variant, tag: other ? tag : undefined }
}

/** One level further in, or LimitExceeded. */
function deeper(scope: DecodeScope, start: number): number {
  const depth = scope.depth + 1
  if (depth > depthLimit(scope.protocol)) throw new Fault('LimitExceeded', Math.floor(start / 8))
  return depth
}

const SAFE_NUMBER = Number.MAX_SAFE_INTEGER
