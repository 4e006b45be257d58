// Plain values and the JSON of the command line (DESIGN section 6, "Values"): bytes are 0x-hex, big integers decimal
// strings, bit sets lists of names, secrets never shown. Reading takes more spellings than writing.

import { didYouMean } from '../language/problem.ts'
import type { Field, Frame, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type ReadFile, readScalar, ValueError } from './scalars.ts'

export { type ReadFile, ValueError } from './scalars.ts'

/**
 * The JSON of a frame's plain value, as `toObject` gives it. Fields marked secret become "<secret>".
 * @throws Error when the protocol has no such frame
 */
export function toJson(
  protocol: Protocol,
  frameName: string,
  plain: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return fieldsToJson(protocol, fieldsOf(frameOf(protocol, frameName).body.nodes), plain)
}

/**
 * The plain value of a frame from JSON: bytes as `0x..`, `text:..`, `base64:..` or `@file`, enums by name or number,
 * bit sets as a list, big numbers as decimal strings.
 * @throws ValueError that names the field and says what would be right
 */
export function fromJson(
  protocol: Protocol,
  frameName: string,
  json: unknown,
  readFile?: ReadFile,
): Record<string, unknown> {
  const frame = frameOf(protocol, frameName)
  if (!isObject(json))
    throw new ValueError('BadType', '', `the fields of ${frameName} are an object, as in {"name": value}`)
  return fieldsFromJson(protocol, fieldsOf(frame.body.nodes), json, { path: '', title: `frame ${frameName}`, readFile })
}

/** The JSON of one value of a type. */
export function valueToJson(protocol: Protocol, type: Type, plain: unknown, field?: Field): unknown {
  switch (type.kind) {
    case 'region':
    case 'delimited':
    case 'at':
      return valueToJson(protocol, type.of, plain, field)
    case 'bytes':
      return plain instanceof Uint8Array ? hexText(plain) : plain
    case 'float':
      return typeof plain === 'number' && !Number.isFinite(plain) ? String(plain) : plain
    case 'bitset':
      return bitsToJson(protocol, type.name, plain)
    case 'list':
      return Array.isArray(plain) ? plain.map(item => valueToJson(protocol, type.of, item, field)) : plain
    case 'struct':
      return isObject(plain)
        ? fieldsToJson(protocol, fieldsOf(protocol.structs.get(type.name)!.body.nodes), plain)
        : plain
    case 'union':
      return isObject(plain) ? unionToJson(protocol, type.name, plain) : plain
    default:
      return numberToJson(plain)
  }
}

/** One value of a type from JSON; `path` is for messages. */
export function valueFromJson(protocol: Protocol, type: Type, json: unknown, at: At, field?: Field): unknown {
  switch (type.kind) {
    case 'region':
    case 'delimited':
    case 'at':
      return valueFromJson(protocol, type.of, json, at, field)
    case 'list':
      if (!Array.isArray(json))
        throw new ValueError('BadType', at.path, `${name(at)} is a list: write it as JSON, [1, 2]`)
      return json.map((item, i) => valueFromJson(protocol, type.of, item, { ...at, path: `${at.path}.${i}` }, field))
    case 'struct': {
      if (!isObject(json))
        throw new ValueError('BadType', at.path, `${name(at)} is ${type.name}: write it as JSON, {"field": value}`)
      return fieldsFromJson(protocol, fieldsOf(protocol.structs.get(type.name)!.body.nodes), json, {
        ...at,
        title: type.name,
      })
    }
    case 'union':
      return unionFromJson(protocol, type.name, json, at)
    default:
      return readScalar(protocol, type, json, at, field?.number)
  }
}

/** Where a value stands, and how files are read. */
export interface At {
  readonly path: string
  /** What has the fields, for messages. */
  readonly title: string
  readonly readFile?: ReadFile | undefined
}

export function frameOf(protocol: Protocol, frameName: string): Frame {
  const frame = protocol.frames.get(frameName)
  if (frame) return frame
  const names = [...protocol.frames.keys()]
  const hint = didYouMean(frameName, names) ?? `it has ${names.join(', ')}`
  throw new ValueError('UnknownFrame', '', `${protocol.name} has no frame ${frameName}; ${hint}`)
}

/** Looks a field up; a hidden one is refused like an unknown one. */
export function fieldNamed(fields: readonly Field[], wanted: string, at: At): Field {
  const field = fields.find(known => known.name === wanted)
  const path = at.path === '' ? wanted : `${at.path}.${wanted}`
  if (field && !field.hidden) return field
  if (field) throw new ValueError('UnknownField', path, `${wanted} is hidden: nobody sets it`)
  const names = fields.filter(known => !known.hidden).map(known => known.name)
  const hint = didYouMean(wanted, names) ?? (names.length > 0 ? `it has ${names.join(', ')}` : 'it has no fields')
  throw new ValueError('UnknownField', path, `${at.title} has no field ${wanted}; ${hint}`)
}

function fieldsToJson(
  protocol: Protocol,
  fields: readonly Field[],
  plain: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const json: Record<string, unknown> = {}
  for (const field of fields) {
    const value = plain[field.name]
    if (value === undefined || field.hidden) continue
    json[field.name] = field.secret ? SECRET : valueToJson(protocol, field.type, value, field)
  }
  return json
}

function fieldsFromJson(
  protocol: Protocol,
  fields: readonly Field[],
  json: Readonly<Record<string, unknown>>,
  at: At,
): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(json)) {
    const field = fieldNamed(fields, key, at)
    if (value === undefined) continue
    const path = at.path === '' ? key : `${at.path}.${key}`
    if (value === SECRET && field.secret)
      throw new ValueError('BadType', path, `${path} was not shown, so it cannot be read back`)
    plain[key] = valueFromJson(protocol, field.type, value, { ...at, path }, field)
  }
  return plain
}

function unionToJson(protocol: Protocol, union: string, plain: Readonly<Record<string, unknown>>): unknown {
  const variant = protocol.unions.get(union)!.variants.find(known => known.name === plain.is)
  if (!variant) return plain
  const head = plain.tag === undefined ? { is: plain.is } : { is: plain.is, tag: numberToJson(plain.tag) }
  if (variant.value) return { ...head, value: valueToJson(protocol, variant.value, plain.value) }
  return { ...head, ...fieldsToJson(protocol, fieldsOf(variant.body.nodes), plain) }
}

function unionFromJson(protocol: Protocol, union: string, json: unknown, at: At): Record<string, unknown> {
  const { variants } = protocol.unions.get(union)!
  const names = variants.map(variant => variant.name)
  if (!isObject(json) || typeof json.is !== 'string') {
    throw new ValueError(
      'BadType',
      at.path,
      `${name(at)} is ${union}: write {"is": "${names[0]}", ..}, one of ${names.join(', ')}`,
    )
  }
  const { is, tag, value, ...fields } = json
  const variant = variants.find(known => known.name === is)
  if (!variant) {
    const hint = didYouMean(is, names) ?? `it has ${names.join(', ')}`
    throw new ValueError('UnknownVariant', `${at.path}.is`, `${union} has no ${is}; ${hint}`)
  }
  const head: Record<string, unknown> = { is }
  if (variant.other) {
    const type = protocol.unions.get(union)!.tag ?? TAG
    head.tag = valueFromJson(protocol, type, tag, { ...at, path: `${at.path}.tag` })
  }
  if (variant.value) {
    const inner = valueFromJson(protocol, variant.value, value, { ...at, path: `${at.path}.value` })
    return { ...head, value: inner }
  }
  const own = value === undefined ? fields : { ...fields, value }
  return { ...head, ...fieldsFromJson(protocol, fieldsOf(variant.body.nodes), own, { ...at, title: `${union} ${is}` }) }
}

/** Names of the bits that are set; what has no name is given as the number of that bit. */
function bitsToJson(protocol: Protocol, bitset: string, plain: unknown): unknown {
  if (typeof plain !== 'number' && typeof plain !== 'bigint') return plain
  const value = BigInt(plain)
  const { bits, type } = protocol.bitsets.get(bitset)!
  return Array.from({ length: type.bits }, (_, bit) => bit)
    .filter(bit => (value >> BigInt(bit)) & 1n)
    .map(bit => bits.find(known => known.bit === bit)?.name ?? numberToJson(1n << BigInt(bit)))
}

function numberToJson(plain: unknown): unknown {
  if (isObject(plain) && typeof plain.hi === 'number' && typeof plain.lo === 'number') {
    return numberToJson((BigInt(plain.hi) << 32n) | BigInt(plain.lo >>> 0))
  }
  if (typeof plain !== 'bigint') return plain
  const number = Number(plain)
  return Number.isSafeInteger(number) ? number : String(plain)
}

function hexText(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`
}

function name(at: At): string {
  return at.path === '' ? 'the value' : at.path
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

export const SECRET = '<secret>'
/** A tag from outside has no type here; any number will do. */
const TAG: Type = { kind: 'int', signed: false, bits: 64, little: false }
