// Encodes one value of a type. The content (what `size(x)` counts) and its wrapping (prefix, delimiter, the check of a
// size that is an expression) are made apart, because the field that holds the size is derived from the content.

import type { EncodeError } from '../../runtime/wire/codec.ts'
import { copyOf } from '../../runtime/wire/copy.ts'
import { fitsBytes, sizeUtf8, writeLatin1, writeUtf8 } from '../../runtime/wire/text.ts'
import {
  sizeQuicBig,
  writeLeb128Big,
  writeQuicBig,
  writeSleb128Big,
  writeVlqBig,
  zigzagBig,
} from '../../runtime/wire/varint.ts'
import type { IntType, Type } from '../model/model.ts'
import { looksAhead } from '../model/walk.ts'
import { fits } from './bits.ts'
import { bitsChunk, bytesChunk, bytesOf, type Chunk, EMPTY, joinChunks, lateChunk, zeroChunk } from './chunk.ts'
import type { EncodeScope } from './encode-scope.ts'
import { integer, truth } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import type { GivenList, GivenUnion } from './given.ts'
import type { Given } from './given-record.ts'
import { lazy } from './run.ts'
import { fixedBits } from './sizes.ts'
import { sameBytes, type Value } from './value.ts'

/** Where a value will stand, in bits from the start of the frame; asked only by `align` and `offset`. */
export type Start = () => number

export function encodeType(type: Type, value: Value, scope: EncodeScope, start: Start): Chunk {
  const content = contentOf(type, value, scope, () => start() + prefixBits(type, scope))
  return wrap(type, value, content, scope)
}

/** Bits in front of the content. */
export function prefixBits(type: Type, scope: EncodeScope): number {
  const prefix =
    type.kind === 'region' && type.extent.by === 'prefix'
      ? type.extent.type
      : type.kind === 'list' && type.count.by === 'prefix'
        ? type.count.type
        : undefined
  if (!prefix) return 0
  const bits = fixedBits(scope.protocol, prefix)
  if (bits === undefined) throw new Unevaluable('a place behind a length of varying size is not known yet')
  return bits
}

export function contentOf(type: Type, value: Value, scope: EncodeScope, start: Start): Chunk {
  const { protocol } = scope
  switch (type.kind) {
    case 'int':
      return intChunk(type, value as bigint, scope)
    case 'float':
      return floatChunk(type.bits, type.little, Number(value))
    case 'bool':
      return bitsChunk(8, value === true ? 1n : 0n)
    case 'bit':
      return bitsChunk(1, value === true ? 1n : 0n, type.little)
    case 'varint':
      return varintChunk(type, value as bigint, scope)
    case 'uint': {
      const size = integer(type.size, scope)
      if (size < 0n || size > 8n) throw scope.refuse('OutOfRange', `an integer of ${size} bytes`)
      return intChunk(
        { kind: 'int', signed: false, bits: Number(size) * 8, little: type.little },
        value as bigint,
        scope,
      )
    }
    case 'number':
      if (!fits(type.of, value as bigint)) throw scope.refuse('OutOfRange', `${value} does not fit ${spell(type.of)}`)
      return bytesChunk(latin1((value as bigint).toString(type.base)))
    case 'bytes':
      return bytesChunk(value as Uint8Array)
    case 'text':
      return textChunk(type, value as string, scope)
    case 'enum': {
      const definition = protocol.enums.get(type.name)!
      if (definition.unknown !== 'keep' && !definition.values.some(known => known.value === value)) {
        throw scope.refuse(definition.unknown, `${value} is no value of ${type.name}`, true)
      }
      return contentOf(definition.type, value, scope, start)
    }
    case 'bitset': {
      const definition = protocol.bitsets.get(type.name)!
      const policy = definition.undefined
      if (!['keep', 'clear', 'empty'].includes(policy) && ((value as bigint) & ~definition.mask) !== 0n) {
        throw scope.refuse(policy, `${value} has bits that ${type.name} does not define`, true)
      }
      return intChunk(definition.type, value as bigint, scope)
    }
    case 'region':
      return encodeType(type.of, value, type.extent.by === 'prefix' ? scope.behind(UNKNOWN) : scope, start)
    case 'delimited':
      return encodeType(type.of, value, scope, start)
    case 'list':
      return listChunk(type, value as GivenList, scope, start)
    case 'at':
      return EMPTY
    case 'align':
      return zeroChunk(((type.to - (Math.ceil(start() / 8) % type.to)) % type.to) * 8)
    case 'struct':
      return (value as Given).encoded(start, scope.ahead)
    case 'union':
      return unionChunk(type, value as GivenUnion, scope, start)
  }
}

/** Puts the prefix or delimiter around the content, and holds a computed size or count against it. */
export function wrap(type: Type, value: Value, content: Chunk, scope: EncodeScope): Chunk {
  if (type.kind === 'region') {
    if (content.bits % 8 !== 0) throw scope.refuse('SizeMismatch', 'the content is no whole number of bytes')
    return bounded(type.extent, BigInt(content.bits / 8), content, scope)
  }
  if (type.kind === 'delimited') {
    if (contains(bytesOf(content), type.delimiter))
      throw scope.refuse('BadValue', 'the value contains its delimiter', true)
    return joinChunks([content, bytesChunk(type.delimiter)])
  }
  if (type.kind === 'list') return counted(type, value as GivenList, content, scope)
  return content
}

type Bounds = Extract<Type, { kind: 'region' }>['extent']

export function bounded(extent: Bounds, size: bigint, content: Chunk, scope: EncodeScope): Chunk {
  if (extent.by === 'prefix') return joinChunks([encodeType(extent.type, size, scope, NOWHERE), content])
  if (extent.by !== 'size' || looksAhead(extent.size)) return content
  return afterwards(content, scope, () => {
    const wanted = integer(extent.size, scope)
    if (wanted !== size) throw scope.refuse('SizeMismatch', `this takes ${size} bytes, its size is ${wanted}`)
  })
}

/** What is written decides; a size that is computed from it is held against it only when everything has its size. */
function afterwards(content: Chunk, scope: EncodeScope, check: () => void): Chunk {
  const late = lazy(() => {
    scope.rec.guarded(scope, check)
    return EMPTY
  })
  return joinChunks([content, lateChunk(0, late)])
}

function counted(type: Extract<Type, { kind: 'list' }>, list: GivenList, content: Chunk, scope: EncodeScope): Chunk {
  const { count } = type
  const size = BigInt(list.length)
  if (count.by === 'prefix') return joinChunks([encodeType(count.type, size, scope, NOWHERE), content])
  if (count.by === 'count' && !looksAhead(count.count)) {
    const wanted = count.count
    return afterwards(content, scope, () => {
      const number = integer(wanted, scope)
      if (number !== size) throw scope.refuse('SizeMismatch', `there are ${size} items, their number is ${number}`)
    })
  }
  if (count.by === 'until') {
    for (let i = 0; i < list.length; i++) {
      const last = truth(count.test, scope.inList(i === 0 ? undefined : list.at(i - 1), list.at(i)))
      if (last !== (i === list.length - 1))
        throw scope.refuse('SizeMismatch', 'the list does not end at its first last item')
    }
    if (list.length === 0) throw scope.refuse('SizeMismatch', 'this list has at least one item')
  }
  return content
}

function listChunk(type: Extract<Type, { kind: 'list' }>, list: GivenList, scope: EncodeScope, start: Start): Chunk {
  const chunks: Chunk[] = []
  const { count } = type
  const head = (): Chunk =>
    count.by === 'prefix' ? encodeType(count.type, BigInt(list.length), scope, NOWHERE) : EMPTY
  for (let i = 0; i < list.length; i++) {
    const before = chunks.length
    const at: Start = () => start() + chunks.slice(0, before).reduce((sum, chunk) => sum + chunk.bits, 0)
    const ahead = (): Chunk => joinChunks([head(), ...chunks.slice(0, before)])
    const own = scope.inList(i === 0 ? undefined : list.at(i - 1)).behind(ahead)
    chunks.push(encodeType(type.of, list.at(i), own, at))
  }
  return joinChunks(chunks)
}

function unionChunk(
  type: Extract<Type, { kind: 'union' }>,
  union: GivenUnion,
  scope: EncodeScope,
  start: Start,
): Chunk {
  const { tag, variants } = scope.protocol.unions.get(type.name)!
  const variant = variants.find(known => known.name === union.variant)!
  const head = tag ? encodeType(tag, union.tag ?? variant.ids[0], scope, start) : EMPTY
  if (!tag) {
    const outside = integer(type.tag!, scope)
    const selected = variants.find(known => known.ids.includes(outside)) ?? variants.find(known => known.other)
    if (selected !== variant)
      throw scope.refuse('BadValue', `the tag ${outside} does not select ${union.variant}`, true)
  }
  const behind: Start = () => start() + head.bits
  const ahead = (): Chunk => joinChunks([scope.ahead(), head])
  if (!variant.value) return joinChunks([head, union.record.encoded(behind, ahead)])
  union.record.standAt(behind, ahead)
  return joinChunks([head, encodeType(variant.value, union.get('value'), union.record.scope(undefined), behind)])
}

function intChunk(type: IntType, value: bigint, scope: EncodeScope): Chunk {
  if (!fits(type, value)) throw scope.refuse('OutOfRange', `${value} does not fit ${spell(type)}`)
  return bitsChunk(type.bits, BigInt.asUintN(type.bits, value), type.little)
}

function varintChunk(type: Extract<Type, { kind: 'varint' }>, value: bigint, scope: EncodeScope): Chunk {
  const signed = type.coding === 'sleb128' || type.coding === 'zigzag'
  const refused = (): EncodeError => scope.refuse('OutOfRange', `${value} does not fit ${type.coding}(${type.max})`)
  if (!signed && value < 0n) throw refused()
  if (type.coding === 'quic' && sizeQuicBig(value) === 0) throw refused()
  const room = new Uint8Array(40)
  if (value > HUGE || value < -HUGE) throw refused()
  const size = WRITERS[type.coding](room, 0, value)
  if (size > type.max) throw refused()
  return bytesChunk(copyOf(room, 0, size))
}

function textChunk(type: Extract<Type, { kind: 'text' }>, text: string, scope: EncodeScope): Chunk {
  if (type.encoding === 'utf8') {
    const size = sizeUtf8(text)
    if (size < 0) throw scope.refuse('BadText', 'half of a surrogate pair cannot be written', true)
    const bytes = new Uint8Array(size)
    writeUtf8(bytes, 0, text)
    return bytesChunk(bytes)
  }
  if (!fitsBytes(text, type.encoding === 'ascii' ? 0x80 : 0x100)) {
    throw scope.refuse('BadText', `not all characters are ${type.encoding}`, true)
  }
  return bytesChunk(latin1(text))
}

function floatChunk(bits: 32 | 64, little: boolean, value: number): Chunk {
  const bytes = new Uint8Array(bits / 8)
  const view = new DataView(bytes.buffer)
  if (bits === 32) view.setFloat32(0, value, little)
  else view.setFloat64(0, value, little)
  return bytesChunk(bytes)
}

function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  writeLatin1(bytes, 0, text)
  return bytes
}

function contains(bytes: Uint8Array, wanted: Uint8Array): boolean {
  for (let at = 0; at + wanted.length <= bytes.length; at++) {
    if (sameBytes(bytes.subarray(at, at + wanted.length), wanted)) return true
  }
  return false
}

function spell(type: IntType): string {
  return `${type.signed ? 'i' : 'u'}${type.bits}`
}

/** Prefixes are integers, which stand where they stand. */
const NOWHERE: Start = () => {
  throw new Unevaluable('a length has no place of its own')
}
/** A length stands there, and it counts what is being written. */
const UNKNOWN = (): Chunk => {
  throw new Unevaluable('a range cannot hold a length that is not known yet')
}
const HUGE = 1n << 200n
const WRITERS = {
  leb128: writeLeb128Big,
  sleb128: writeSleb128Big,
  zigzag: (into: Uint8Array, at: number, value: bigint) => writeLeb128Big(into, at, zigzagBig(value)),
  vlq: writeVlqBig,
  quic: writeQuicBig,
} as const
