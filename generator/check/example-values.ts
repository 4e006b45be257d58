// Values as they are written in a schema's examples (and on the command line) as plain values of the codec: bytes are
// `0x..`, `text:..` or `base64:..`, big numbers decimal text, enums and bits names. And how two plain values compare.

import type { Body, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { isMap } from './subject.ts'

/** Fields of a body as plain values. What does not fit its type is left as it is, for the codec to refuse. */
export function plainFields(
  body: Body,
  given: Readonly<Record<string, unknown>>,
  protocol: Protocol,
): Record<string, unknown> {
  const types = new Map(fieldsOf(body.nodes).map(field => [field.name, field.type]))
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const type = types.get(name)
      return [name, type ? plain(type, value, protocol) : value]
    }),
  )
}

function plain(type: Type, value: unknown, protocol: Protocol): unknown {
  switch (type.kind) {
    case 'region':
    case 'delimited':
    case 'at':
      return plain(type.of, value, protocol)
    case 'bytes':
      return bytes(value)
    case 'text':
      return typeof value === 'number' ? String(value) : value
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
    case 'enum':
    case 'bitset':
      return whole(value)
    case 'list':
      return Array.isArray(value) ? value.map(item => plain(type.of, item, protocol)) : value
    case 'struct':
      return isMap(value) ? plainFields(protocol.structs.get(type.name)!.body, value, protocol) : value
    case 'union':
      return isMap(value) ? variant(type.name, value, protocol) : value
    default:
      return value
  }
}

function variant(name: string, value: Readonly<Record<string, unknown>>, protocol: Protocol): unknown {
  const found = protocol.unions.get(name)?.variants.find(one => one.name === value.is)
  if (!found) return value
  const { is, tag, ...rest } = value
  const content = found.value
    ? { value: plain(found.value, value.value, protocol) }
    : plainFields(found.body, rest, protocol)
  return { is, ...(tag === undefined ? {} : { tag: whole(tag) }), ...content }
}

function bytes(value: unknown): unknown {
  if (typeof value !== 'string') return value
  if (value.startsWith('text:')) return new TextEncoder().encode(value.slice(5))
  if (value.startsWith('0x')) return fromHex(value.slice(2)) ?? value
  if (/^base64:[A-Za-z0-9+/]*={0,2}$/.test(value))
    return Uint8Array.from(atob(value.slice(7)), char => char.charCodeAt(0))
  return value
}

/** Bytes of hex digits with blanks between them; undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/\s/g, '')
  if (digits.length % 2 > 0 || /[^0-9a-f]/i.test(digits)) return undefined
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

export function toHex(value: Uint8Array): string {
  return Array.from(value, byte => byte.toString(16).padStart(2, '0')).join('')
}

function whole(value: unknown): unknown {
  if (typeof value !== 'string' || !/^-?(\d+|0x[0-9a-f]+)$/i.test(value)) return value
  const number = value.startsWith('-') ? -BigInt(value.slice(1)) : BigInt(value)
  return number > -MOST && number < MOST ? Number(number) : number
}

/**
 * The first path at which `given` says something else than `decoded`; undefined where all that is given agrees. Fields
 * that the example leaves out are not compared.
 */
export function difference(
  given: unknown,
  decoded: unknown,
  path = '',
): { path: string; given: string; decoded: string } | undefined {
  if (given instanceof Uint8Array || decoded instanceof Uint8Array) return same(shown(given), shown(decoded), path)
  if (Array.isArray(given) && Array.isArray(decoded)) {
    if (given.length !== decoded.length)
      return { path, given: `${given.length} items`, decoded: String(decoded.length) }
    return first(given.map((item, index) => difference(item, decoded[index], `${path}[${index}]`)))
  }
  if (isPair(given) || isPair(decoded)) return same(shown(given), shown(decoded), path)
  if (isMap(given) && isMap(decoded)) {
    return first(
      Object.keys(given).map(key => difference(given[key], decoded[key], path === '' ? key : `${path}.${key}`)),
    )
  }
  return same(shown(given), shown(decoded), path)
}

/** `{ hi, lo }` of `number: pair`. */
function isPair(value: unknown): value is { hi: number; lo: number } {
  return isMap(value) && typeof value.hi === 'number' && typeof value.lo === 'number' && Object.keys(value).length === 2
}

function same(given: string, decoded: string, path: string): ReturnType<typeof difference> {
  return given === decoded ? undefined : { path, given, decoded }
}

function first<T>(all: readonly (T | undefined)[]): T | undefined {
  return all.find(one => one !== undefined)
}

/** Equal for equal values, whatever their JavaScript type. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `0x${toHex(value)}`
  if (isPair(value)) return String((BigInt(value.hi) << 32n) | BigInt(value.lo >>> 0))
  if (value === undefined) return 'nothing'
  if (typeof value === 'object')
    return JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one))
  return String(value)
}

const MOST = 2n ** 53n
