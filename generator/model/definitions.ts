// Enums and bit sets: named numbers and named bits.

import type { TypeSyntax } from '../language/ast.ts'
import { parseType } from '../language/parse.ts'
import type { Path } from '../load/document.ts'
import type { Catalog } from './catalog.ts'
import type { Bitset, Enum, IntType } from './model.ts'
import { entriesOf, mapOf, type Raw, some, textOf } from './raw.ts'
import { scalarType } from './scalars.ts'

/** Fills `catalog.enums`. */
export function defineEnums(catalog: Catalog): void {
  for (const [name, raw] of entriesOf(catalog.data.enums)) {
    const path: Path = ['enums', name]
    const map = mapOf(raw)
    const type = numberType(catalog, map, path)
    if (type) catalog.enums.set(name, defineEnum(catalog, name, map, type, path))
  }
}

/** Fills `catalog.bitsets`. */
export function defineBitsets(catalog: Catalog): void {
  for (const [name, raw] of entriesOf(catalog.data.bitsets)) {
    const path: Path = ['bitsets', name]
    const map = mapOf(raw)
    const type = numberType(catalog, map, path)
    if (!type) continue
    if (type.kind !== 'int' || type.signed) {
      catalog.reports.error([...path, 'type'], 'type', `the bits of ${name} need an unsigned integer`, 'as in u8, u16')
      continue
    }
    catalog.bitsets.set(name, defineBitset(catalog, name, map, type, path))
  }
}

/** A number, or one character which stands for its code. Undefined for anything else. */
export function numberOf(raw: unknown): bigint | undefined {
  if (typeof raw === 'bigint') return raw
  if (typeof raw === 'boolean') return raw ? 1n : 0n
  if (typeof raw === 'number') return Number.isSafeInteger(raw) ? BigInt(raw) : undefined
  if (typeof raw !== 'string') return undefined
  if ([...raw].length === 1) return BigInt(raw.codePointAt(0)!)
  return /^(0x[0-9a-fA-F]+|\d+)$/.test(raw) ? BigInt(raw) : undefined
}

/** The number that a text makes which fills an integer of several bytes, in wire order: `IHDR` in a u32. */
export function codeOf(raw: unknown, type: TypeSyntax, little: boolean): bigint | undefined {
  if (typeof raw !== 'string' || type.is !== 'int' || type.bits !== raw.length * 8) return undefined
  const bytes = new TextEncoder().encode(raw)
  if (bytes.length !== raw.length) return undefined
  const isLittle = (type.endian ?? (little ? 'little' : 'big')) === 'little'
  return (isLittle ? bytes.toReversed() : bytes).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
}

/** Whether a number can be stored in this many bits. */
export function fitsBits(value: bigint, type: { readonly signed: boolean; readonly bits: number }): boolean {
  const limit = 1n << BigInt(type.signed ? type.bits - 1 : type.bits)
  return value < limit && value >= (type.signed ? -limit : 0n)
}

function defineEnum(catalog: Catalog, name: string, map: Raw, type: Enum['type'], path: Path): Enum {
  const { reports } = catalog
  const values: { name: string; value: bigint }[] = []
  const names = new Map<bigint, string>()
  for (const [key, raw] of entriesOf(map.values)) {
    const at: Path = [...path, 'values', key]
    const value = numberOf(raw) ?? (type.kind === 'int' ? codeOf(raw, asSyntax(type), type.little) : undefined)
    if (value === undefined) {
      reports.error(
        at,
        'type',
        `${key} has no number`,
        'a value is a whole number or as many characters as its type has bytes',
      )
      continue
    }
    const before = names.get(value)
    if (before !== undefined) reports.error(at, 'duplicate', `${key} and ${before} are both ${value}`)
    const bounds =
      type.kind === 'int' ? type : { signed: type.coding === 'sleb128' || type.coding === 'zigzag', bits: 64 }
    if (!fitsBits(value, bounds)) {
      reports.error(at, 'range', `${value} does not fit into ${type.kind === 'int' ? spell(type) : type.coding}`)
    }
    names.set(value, key)
    values.push({ name: key, value })
  }
  const unknown = textOf(map.unknown)
  if (unknown !== undefined && unknown !== 'keep') catalog.error(unknown, [...path, 'unknown'])
  return {
    name,
    ...some('doc', textOf(map.doc)),
    type,
    values,
    unknown: unknown ?? 'UnknownValue',
    place: reports.document.place(path, 'key'),
  }
}

function defineBitset(catalog: Catalog, name: string, map: Raw, type: IntType, path: Path): Bitset {
  const { reports } = catalog
  const bits: { name: string; bit: number }[] = []
  let mask = 0n
  for (const [key, raw] of entriesOf(map.bits)) {
    const at: Path = [...path, 'bits', key]
    const bit = Number(raw)
    if (!Number.isInteger(bit) || bit < 0) {
      reports.error(at, 'type', `${key} has no bit number`, 'bits count from 0, the least significant')
      continue
    }
    const before = bits.find(known => known.bit === bit)
    if (before) reports.error(at, 'duplicate', `${key} and ${before.name} are both bit ${bit}`)
    if (bit >= type.bits)
      reports.error(at, 'range', `bit ${bit} is outside ${spell(type)}`, `its bits are 0..${type.bits - 1}`)
    bits.push({ name: key, bit })
    mask |= 1n << BigInt(bit)
  }
  const policy = textOf(map.undefined) ?? 'BadValue'
  if (!['keep', 'clear', 'empty'].includes(policy)) catalog.error(policy, [...path, 'undefined'])
  return {
    name,
    ...some('doc', textOf(map.doc)),
    type,
    bits,
    mask,
    undefined: policy,
    place: reports.document.place(path, 'key'),
  }
}

function numberType(catalog: Catalog, map: Raw, path: Path): Enum['type'] | undefined {
  const line = textOf(map.type)
  const at: Path = [...path, 'type']
  const parsed = catalog.reports.attempt(at, () => ({
    type: line && scalarType(parseType(line), catalog.orderAt(at)),
  }))
  if (!parsed) return undefined
  const { type } = parsed
  if (type && (type.kind === 'int' || type.kind === 'varint')) return type
  catalog.reports.error(at, 'type', `${path[1]} needs an integer type`, 'as in u8, u16, leb128')
  return undefined
}

/** `u16le` as it is written. */
export function spell(type: IntType): string {
  return `${type.signed ? 'i' : 'u'}${type.bits}${type.little && type.bits > 8 && type.bits % 8 === 0 ? 'le' : ''}`
}

function asSyntax(type: IntType): TypeSyntax {
  return { is: 'int', signed: type.signed, bits: type.bits, endian: type.little ? 'little' : 'big', start: 0, end: 0 }
}
