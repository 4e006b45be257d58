// Ordered multimaps: well-known entries of a list, looked up by key. Several equal keys: the first (or, with `last`, the
// last) whose value parses counts.

import type { Multimap, Type } from '../model/model.ts'
import type { EncodeRun } from './encode-scope.ts'
import { Fault, Unevaluable } from './fault.ts'
import { place } from './place.ts'
import { Rec } from './record.ts'
import { Cursor, Run } from './run.ts'
import { asBytes, equal, isList, isStruct, type Value } from './value.ts'

/** A list that knows its entries; anything else unchanged. */
export function withEntries(map: Multimap | undefined, value: Value, run: Run): Value {
  if (!map || !isList(value)) return value
  return { ...value, map, entry: name => entryOf(map, value, name, run) }
}

/** The same for a value that is being encoded. */
export function withEntriesGiven(map: Multimap | undefined, value: Value, run: EncodeRun): Value {
  if (!map || !isList(value)) return value
  return withEntries(map, value, new Run(run.protocol, run.context, new Uint8Array(0), 0, 0, true))
}

/** Index of the first item whose key was there before, or -1. */
export function repeatedKey(map: Multimap, value: Value): number {
  if (!isList(value)) return -1
  const keys: Value[] = []
  for (let i = 0; i < value.length; i++) {
    const item = value.at(i)
    const key = isStruct(item) ? item.get(map.key) : undefined
    if (keys.some(known => sameKey(map, known, key))) return i
    keys.push(key)
  }
  return -1
}

function entryOf(map: Multimap, list: Value, name: string, run: Run): Value {
  const known = map.entries.find(entry => entry.name === name)
  if (!known || !isList(list)) return undefined
  const last = map.duplicates === 'last'
  for (let n = 0; n < list.length; n++) {
    const item = list.at(last ? list.length - 1 - n : n)
    if (!isStruct(item) || !sameKey(map, item.get(map.key), known.key)) continue
    const value = parsed(known.type, item.get(map.value), run)
    if (value !== undefined) return value
  }
  return undefined
}

function sameKey(map: Multimap, a: Value, b: Value): boolean {
  return map.anyCase ? equal(folded(a), folded(b)) : equal(a, b)
}

/** Text and bytes with their ASCII letters in lower case. */
function folded(value: Value): Value {
  return asBytes(value)?.map(byte => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte)) ?? value
}

/** The value of an entry: bytes and text are read with its type, which they must fill. */
function parsed(type: Type, raw: Value, outside: Run): Value {
  const bytes = asBytes(raw)
  if (!bytes || isList(raw)) return raw
  const run = new Run(outside.protocol, outside.context, bytes, 0, bytes.length, true)
  const cursor = new Cursor(0, run.region)
  const rec = new Rec(run, NO_FIELDS, undefined, cursor, 0)
  try {
    const placed = place(type, cursor, rec.scope(undefined, cursor))
    placed.validate()
    return cursor.at === bytes.length * 8 ? placed.value() : undefined
  } catch (thrown) {
    if (thrown instanceof Fault || thrown instanceof Unevaluable) return undefined
    throw thrown
  }
}

const NO_FIELDS = { nodes: [], validate: [], check: [], usesParent: false } as const
