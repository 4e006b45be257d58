// One value as a person reads it: enums with their number, bits by name, scaled numbers with their unit, times as dates.
import type { Field, Protocol, Type } from '../model/model.ts'
import { plainOf } from './plain.ts'
import type { Value } from './value.ts'
import { valueToJson } from './values.ts'

export function showValue(protocol: Protocol, type: Type, value: Value, field: Field): string {
  if (value === undefined) return ''
  if (type.kind === 'region' || type.kind === 'delimited') return showValue(protocol, type.of, value, field)
  const json = valueToJson(protocol, type, plainOf(protocol, type, value, field.number), field)
  if (type.kind === 'enum' && typeof json === 'string') return `${json} (${value})`
  if (type.kind === 'bitset' && Array.isArray(json)) return `[${json.join(', ')}] (0x${(value as bigint).toString(16)})`
  if (value instanceof Uint8Array) return showBytes(value, field.display)
  if (typeof value === 'bigint') return showNumber(value, field)
  if (typeof json === 'string') return JSON.stringify(json)
  return typeof json === 'object' ? cut(JSON.stringify(json)) : String(json)
}

function showNumber(value: bigint, field: Field): string {
  const plain = field.display === 'hex' ? `0x${value.toString(16)}` : String(value)
  if (field.time !== undefined) return `${plain} (${showTime(value, field.time)})`
  if (field.scale === undefined) return field.unit === undefined ? plain : `${plain} ${field.unit}`
  const real = Number((Number(value) * field.scale).toPrecision(12))
  return `${plain} (${real}${field.unit === undefined ? '' : ` ${field.unit}`})`
}

function showTime(value: bigint, time: NonNullable<Field['time']>): string {
  const ms = time === 'unix' ? Number(value) * 1000 : time === 'unix_ms' ? Number(value) : since1900(value)
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? 'no date' : date.toISOString()
}

/** 32 bits of seconds since 1900, behind them 32 bits of fraction where the number has them (RFC 5905 section 6). */
function since1900(value: bigint): number {
  if (value < 1n << 32n) return (Number(value) - SECONDS_1900) * 1000
  return Number(value >> 32n) * 1000 + Number(((value & 0xffffffffn) * 1000n) >> 32n) - SECONDS_1900 * 1000
}

function showBytes(bytes: Uint8Array, display: Field['display']): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  if (display === 'ip' && bytes.length === 4) return bytes.join('.')
  if (display === 'ip' && bytes.length === 16) return hex.replace(/(....)(?!$)/g, '$1:')
  if (display === 'uuid' && bytes.length === 16) return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  const printable = bytes.length > 0 && bytes.every(byte => byte >= 0x20 && byte < 0x7f)
  if (display !== 'hex' && printable) return cut(JSON.stringify(Buffer.from(bytes).toString('latin1')))
  return bytes.length === 0 ? 'empty' : cut(`0x${hex}`)
}

function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

const LONGEST = 60
/** Between 1900 and 1970. */
const SECONDS_1900 = 2_208_988_800
