// `params` and `session` (docs/language, "Roles, states, params, session"): values that a user supplies, and values
// that a connection learns, in plain form.

import type { ParamDescriptor, ParamType, SessionDescriptor } from '../../runtime/core/protocol.ts'
import { parseWhole } from '../language/units.ts'
import type { Expr, Param, Protocol, Type } from '../model/model.ts'
import type { Report } from './section.ts'

export function normalizeParams(protocol: Protocol, report: Report): ParamDescriptor[] {
  return [...protocol.params.values()].map(param => ({
    name: param.name,
    doc: param.doc,
    type: paramType(param.type),
    secret: param.secret,
    for: param.for,
    required: param.fallback === undefined,
    fallback: fallback(param, report),
    min: param.range?.min,
    max: param.range?.max,
  }))
}

export function normalizeSession(protocol: Protocol): SessionDescriptor[] {
  return [...protocol.session.values()].map(value => ({
    name: value.name,
    secret: value.secret,
    start: value.start === undefined ? value.fallback : constant(value.start),
    max: value.max === undefined ? undefined : Number(value.max),
    lifetime: value.lifetime ?? Number.POSITIVE_INFINITY,
  }))
}

/** How a param is given: `bytes(32) *` is a list of 32-byte strings. */
export function paramType(type: Type): ParamType {
  switch (type.kind) {
    case 'float':
      return { kind: 'float' }
    case 'bool':
    case 'bit':
      return { kind: 'bool' }
    case 'list':
      return { kind: 'list', of: paramType(type.of) }
    case 'text':
    case 'enum':
      return { kind: 'text' }
    case 'bytes':
      return { kind: 'bytes', size: undefined }
    case 'region': {
      const inner = paramType(type.of)
      if (inner.kind !== 'bytes' || type.extent.by !== 'size') return inner
      const length = constant(type.extent.size)
      return { kind: 'bytes', size: length === undefined ? undefined : Number(length) }
    }
    default:
      return { kind: 'int' }
  }
}

/** A default in plain form: `4MiB` for an integer, `text:..` and `0x..` for bytes. */
function fallback(param: Param, report: Report): ParamDescriptor['fallback'] {
  if (param.fallback === undefined) return undefined
  if ('word' in param.fallback) return param.fallback
  const { literal } = param.fallback
  const value = plain(literal, param.type)
  if (value !== undefined) return { value }
  report(['params', param.name, 'default'], {
    code: 'type',
    message: `the default does not fit the type of ${param.name}`,
  })
  return undefined
}

function plain(literal: unknown, type: Type): unknown {
  const kind = paramType(type)
  if (kind.kind === 'int') {
    const number = integer(literal)
    return number === undefined || isWide(type) ? number : Number(number)
  }
  if (kind.kind === 'float') return typeof literal === 'number' ? literal : undefined
  if (kind.kind === 'bool') return typeof literal === 'boolean' ? literal : undefined
  if (kind.kind === 'text') return typeof literal === 'object' ? undefined : String(literal)
  if (kind.kind === 'bytes') {
    const bytes = toBytes(literal)
    return bytes && (kind.size === undefined || bytes.length === kind.size) ? bytes : undefined
  }
  const items = Array.isArray(literal) && type.kind === 'list' ? literal.map(item => plain(item, type.of)) : undefined
  return items?.includes(undefined) ? undefined : items
}

function integer(literal: unknown): bigint | undefined {
  if (typeof literal !== 'string' && typeof literal !== 'number' && typeof literal !== 'bigint') return undefined
  try {
    return parseWhole(literal)
  } catch {
    return undefined
  }
}

function toBytes(literal: unknown): Uint8Array | undefined {
  if (literal instanceof Uint8Array) return literal
  if (typeof literal !== 'string') return undefined
  if (literal.startsWith('text:')) return new TextEncoder().encode(literal.slice(5))
  const hex = literal.startsWith('0x') ? literal.slice(2).replaceAll(/\s/g, '') : undefined
  if (hex === undefined || hex.length % 2 > 0 || /[^0-9a-f]/i.test(hex)) return undefined
  return Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

/** Integers of more than 53 bits are bigint in plain form. */
function isWide(type: Type): boolean {
  return type.kind === 'int' ? type.bits > 53 : type.kind === 'uint' || (type.kind === 'varint' && type.max * 7 > 53)
}

/** The value of a literal expression; undefined for any other. */
function constant(expr: Expr): unknown {
  switch (expr.is) {
    case 'int':
      return isSafe(expr.value) ? Number(expr.value) : expr.value
    case 'float':
    case 'bool':
    case 'text':
    case 'bytes':
      return expr.value
    case 'enumValue':
      return expr.name
    default:
      return undefined
  }
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
}
