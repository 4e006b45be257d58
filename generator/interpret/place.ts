// Layout of one value: where it begins and ends, and how to read and validate it later. What shows its end by a size is
// stepped over or set aside; what does not is decoded here (docs/adr/0002-decoding.md, "Layout").
import type { Extent, Type } from '../model/model.ts'
import { list, reference, struct, union } from './compose.ts'
import { integer } from './evaluate.ts'
import { Fault, type Region, Unevaluable } from './fault.ts'
import { type Placed, step, whole } from './placed.ts'
import { readNumber, readText, readVarint } from './read.ts'
import { Cursor, lazy } from './run.ts'
import { bitset, enumValue, scalar } from './scalar.ts'
import type { DecodeScope } from './scope.ts'
import type { Value } from './value.ts'

/** `owner`: first byte of the region that a fill type stands in, for the offsets of its errors. */
export function place(type: Type, cursor: Cursor, scope: DecodeScope, owner?: number): Placed {
  const { run } = scope.rec
  switch (type.kind) {
    case 'int':
    case 'float':
    case 'bool':
    case 'bit':
      return scalar(type, cursor, scope)
    case 'enum':
      return enumValue(type, cursor, scope)
    case 'bitset':
      return bitset(type, cursor, scope)
    case 'varint': {
      const start = cursor.at
      const value = readVarint(type, cursor, run)
      return whole(type, start, cursor.at, () => value)
    }
    case 'uint': {
      const size = integer(type.size, scope.at(cursor))
      if (size < 0n || size > 8n) throw new Fault('OutOfRange', cursor.byte)
      return scalar({ kind: 'int', signed: false, bits: Number(size) * 8, little: type.little }, cursor, scope, type)
    }
    case 'bytes':
    case 'text':
    case 'number':
      return fill(type, cursor, scope, owner ?? cursor.byte)
    case 'region':
      return bounded(type, cursor, scope)
    case 'delimited':
      return delimited(type, cursor, scope)
    case 'list':
      return list(type, cursor, scope)
    case 'at':
      return reference(type, cursor, scope)
    case 'align': {
      const start = cursor.at
      step(cursor, ((type.to - (cursor.byte % type.to)) % type.to) * 8)
      return whole(type, start, cursor.at, () => undefined)
    }
    case 'struct':
      return struct(type, cursor, scope)
    case 'union':
      return union(type, cursor, scope)
  }
}

/** Bytes of an extent, found at the cursor; leaves the cursor behind them. */
export function extentOf(extent: Extent, cursor: Cursor, scope: DecodeScope): { start: number; end: number } {
  const { run } = scope.rec
  const first = cursor.byte
  if (extent.by === 'rest') {
    const endless = cursor.region.end === Number.POSITIVE_INFINITY
    if (endless) run.need(first + extent.tail)
    const end = (endless ? run.available : cursor.region.end) - extent.tail
    if (end < first) throw new Fault('Truncated', first, cursor.region)
    cursor.at = end * 8
    return { start: first, end }
  }
  let size: bigint
  if (extent.by === 'prefix') {
    size = prefix(extent.type, cursor, scope)
  } else {
    size = integer(extent.size, scope.at(cursor))
  }
  const start = cursor.byte
  if (size < 0n || size > SAFE || Number(size) > cursor.region.end - start) {
    throw new Fault('Truncated', first, cursor.region)
  }
  cursor.at = (start + Number(size)) * 8
  return { start, end: start + Number(size) }
}

/** A length or count in front. */
export function prefix(type: Type, cursor: Cursor, scope: DecodeScope): bigint {
  const value = place(type, cursor, scope).value()
  if (typeof value !== 'bigint') throw new Unevaluable('a length is an integer')
  return value
}

/** Bytes, text and numbers as text take all that their region has. */
function fill(
  type: Extract<Type, { kind: 'bytes' | 'text' | 'number' }>,
  cursor: Cursor,
  scope: DecodeScope,
  owner: number,
): Placed {
  const { run } = scope.rec
  const range = extentOf({ by: 'rest', tail: 0 }, cursor, scope)
  const bytes = (): Uint8Array => run.view(range.start, range.end)
  const value = (): Value => {
    if (type.kind === 'bytes') return bytes()
    return type.kind === 'text' ? readText(type, bytes()).text : readNumber(type, bytes()).value
  }
  return whole(type, range.start * 8, range.end * 8, value, () => {
    if (type.kind === 'bytes') bytes()
    if (type.kind === 'text' && !readText(type, bytes()).valid) throw new Fault('BadText', owner)
    const error = type.kind === 'number' ? readNumber(type, bytes()).error : undefined
    if (error) throw new Fault(error, owner)
  })
}

function bounded(type: Extract<Type, { kind: 'region' }>, cursor: Cursor, scope: DecodeScope): Placed {
  const start = cursor.at
  const range = extentOf(type.extent, cursor, scope)
  return region(type, type.of, start, cursor.at, range, scope)
}

/** Set aside: the content is laid out when somebody asks. */
function region(
  type: Type,
  of: Type,
  start: number,
  end: number,
  range: { start: number; end: number },
  scope: DecodeScope,
): Placed {
  const inside: Region = { end: range.end }
  const content = lazy(() => {
    scope.rec.run.need(range.end)
    const cursor = new Cursor(range.start * 8, inside)
    return { cursor, placed: place(of, cursor, scope.at(cursor), Math.floor(start / 8)) }
  })
  return {
    type,
    start,
    end,
    contentStart: range.start * 8,
    contentEnd: range.end * 8,
    value: () => content().placed.value(),
    validate: () => {
      const { cursor, placed } = content()
      placed.validate()
      if (cursor.at < range.end * 8) throw new Fault('TrailingBytes', cursor.byte)
    },
    parts: () => [content().placed],
  }
}

function delimited(type: Extract<Type, { kind: 'delimited' }>, cursor: Cursor, scope: DecodeScope): Placed {
  const { run } = scope.rec
  const start = cursor.byte
  const limit = Math.min(cursor.region.end, run.available)
  const found = findBytes(run.bytes, type.delimiter, run.base + start, run.base + limit) - run.base
  if (found < start) {
    if (cursor.region.end > run.available) run.need(run.available + 1)
    throw new Fault('Unterminated', start)
  }
  cursor.at = (found + type.delimiter.length) * 8
  return region(type, type.of, start * 8, cursor.at, { start, end: found }, scope)
}

function findBytes(bytes: Uint8Array, wanted: Uint8Array, from: number, end: number): number {
  for (let at = from; at + wanted.length <= end; at++) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at
  }
  return -1
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)
