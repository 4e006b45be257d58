// Single values from JSON or from text on the command line: numbers, enums, bit sets, bytes, text.
import { didYouMean } from '../language/problem.ts'
import type { Field, IntType, Protocol, Type } from '../model/model.ts'
import { fits } from './bits.ts'
import { bitsOf } from './plain.ts'

/** Bytes of a file for `@file`, undefined when it cannot be read. */
export type ReadFile = (path: string) => Uint8Array | undefined

/** A value of the user that does not fit the schema. `path` is the field, `a.b.0`; the message is a whole sentence. */
export class ValueError extends Error {
  override readonly name = 'ValueError'
  readonly code: string
  readonly path: string

  constructor(code: string, path: string, message: string) {
    super(message)
    this.code = code
    this.path = path
  }
}

interface At {
  readonly path: string
  readonly readFile?: ReadFile | undefined
}

/** One value that is neither list nor record. */
export function readScalar(protocol: Protocol, type: Type, json: unknown, at: At, number?: Field['number']): unknown {
  const label = at.path === '' ? 'the value' : at.path
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint': {
      const value = wholeNumber(json, at)
      check(type, value, at)
      return sized(value, bitsOf(type), number)
    }
    case 'number': {
      const value = wholeNumber(json, at)
      check(type.of, value, at)
      return sized(value, type.of.bits, number)
    }
    case 'float':
      return float(json, at)
    case 'bool':
    case 'bit':
      if (json === true || json === 'true') return true
      if (json === false || json === 'false') return false
      throw new ValueError('BadType', at.path, `${label} is true or false, not ${show(json)}`)
    case 'bytes':
      return bytes(json, at)
    case 'text':
      if (typeof json === 'string') return json
      throw new ValueError('BadType', at.path, `${label} is text, not ${show(json)}`)
    case 'enum':
      return enumValue(protocol, type.name, json, at)
    case 'bitset':
      return bits(protocol, type.name, json, at)
    default:
      throw new ValueError('BadType', at.path, `${label} cannot be set`)
  }
}

function enumValue(protocol: Protocol, name: string, json: unknown, at: At): unknown {
  const { type, values, unknown } = protocol.enums.get(name)!
  const names = values.map(value => value.name)
  if (typeof json === 'string' && names.includes(json)) return json
  if (typeof json === 'string' && !NUMBER.test(json)) {
    const hint = didYouMean(json, names) ?? `it has ${names.join(', ')}`
    throw new ValueError('UnknownValue', at.path, `${name} has no ${json}; ${hint}`)
  }
  const value = wholeNumber(json, at)
  const known = values.find(entry => entry.value === value)
  if (known) return known.name
  if (unknown !== 'keep')
    throw new ValueError('UnknownValue', at.path, `${value} is no value of ${name}; it has ${names.join(', ')}`)
  check(type, value, at)
  return sized(value, bitsOf(type))
}

/** A list of names and numbers, the number of the whole set, or names separated by commas. */
function bits(protocol: Protocol, name: string, json: unknown, at: At): unknown {
  const definition = protocol.bitsets.get(name)!
  const names = definition.bits.map(bit => bit.name)
  const one = (item: unknown): bigint => {
    const known = definition.bits.find(bit => bit.name === item)
    if (known) return 1n << BigInt(known.bit)
    if (typeof item === 'number' || (typeof item === 'string' && NUMBER.test(item))) return wholeNumber(item, at)
    const hint = didYouMean(String(item), names) ?? `it has ${names.join(', ')}`
    throw new ValueError('UnknownValue', at.path, `${name} has no bit ${show(item)}; ${hint}`)
  }
  const items = Array.isArray(json)
    ? json
    : typeof json === 'string'
      ? json
          .split(',')
          .map(item => item.trim())
          .filter(Boolean)
      : [json]
  const value = items.reduce<bigint>((all, item) => all | one(item), 0n)
  check(definition.type, value, at)
  return sized(value, definition.type.bits)
}

function bytes(json: unknown, at: At): Uint8Array {
  const label = at.path === '' ? 'the value' : at.path
  if (json instanceof Uint8Array) return json
  if (typeof json !== 'string') throw new ValueError('BadType', at.path, `${label} is bytes: ${SPELLINGS}`)
  if (json.startsWith('text:')) return new TextEncoder().encode(json.slice(5))
  if (json.startsWith('0x')) {
    const digits = json.slice(2).replaceAll(/[\s_]/g, '')
    if (!/^([0-9a-fA-F]{2})*$/.test(digits))
      throw new ValueError('BadType', at.path, `${label}: hex is an even number of digits 0-9 and a-f`)
    return new Uint8Array(Buffer.from(digits, 'hex'))
  }
  if (json.startsWith('base64:')) {
    const text = json.slice(7)
    if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw new ValueError('BadType', at.path, `${label}: this is no base64`)
    return new Uint8Array(Buffer.from(text, 'base64'))
  }
  if (json.startsWith('@')) {
    const content = at.readFile?.(json.slice(1))
    if (!content) throw new ValueError('MissingFile', at.path, `${label}: ${json.slice(1)} cannot be read`)
    return content
  }
  throw new ValueError('BadType', at.path, `${label} is bytes: ${SPELLINGS}; for the text itself write text:${json}`)
}

function float(json: unknown, at: At): number {
  if (typeof json === 'number') return json
  if (typeof json === 'string' && (SPECIAL.has(json) || /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(json)))
    return Number(json)
  throw new ValueError('BadType', at.path, `${at.path || 'the value'} is a number, not ${show(json)}`)
}

function wholeNumber(json: unknown, at: At): bigint {
  const label = at.path || 'the value'
  if (typeof json === 'bigint') return json
  if (typeof json === 'string' && NUMBER.test(json)) {
    return json.startsWith('-') ? -BigInt(json.slice(1)) : BigInt(json)
  }
  if (typeof json !== 'number' || !Number.isInteger(json)) {
    throw new ValueError('BadType', at.path, `${label} is a whole number, not ${show(json)}`)
  }
  if (Number.isSafeInteger(json)) return BigInt(json)
  throw new ValueError(
    'OutOfRange',
    at.path,
    `${label}: numbers above 2^53 are not exact in JSON, write "${BigInt(json)}" as a string`,
  )
}

function check(type: IntType | Extract<Type, { kind: 'varint' | 'uint' }>, value: bigint, at: At): void {
  const [min, max] = bounds(type)
  const ok = type.kind === 'int' ? fits(type, value) : value >= min && value <= max
  if (!ok)
    throw new ValueError('OutOfRange', at.path, `${at.path || 'the value'} is ${value}, but must be ${min}..${max}`)
}

function bounds(type: IntType | Extract<Type, { kind: 'varint' | 'uint' }>): readonly [bigint, bigint] {
  const signed =
    type.kind === 'int'
      ? type.signed
      : type.kind === 'varint' && (type.coding === 'sleb128' || type.coding === 'zigzag')
  const size = BigInt(bitsOf(type))
  return signed ? [-(1n << (size - 1n)), (1n << (size - 1n)) - 1n] : [0n, (1n << size) - 1n]
}

/** As plain values hold it: a number up to 53 bits, a bigint above, unless the field says otherwise. */
function sized(value: bigint, width: number, number?: Field['number']): unknown {
  if (width <= 53 || number === 'number') return Number(value)
  return number === 'pair' ? { hi: Number(value >> 32n), lo: Number(BigInt.asUintN(32, value)) } : value
}

function show(json: unknown): string {
  return json === undefined ? 'nothing' : (JSON.stringify(json) ?? String(json))
}

const SPELLINGS = 'write 0x.. (hex), text:.., base64:.. or @file'
const NUMBER = /^(-?\d+|0x[0-9a-fA-F]+|0b[01]+)$/
const SPECIAL: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity'])
