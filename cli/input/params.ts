// Values of params in plain form: read from `--set`, checked against the type in the schema, with its defaults beneath.

import { typeText } from '../../generator/emit/notation.ts'
import { valueFromText } from '../../generator/interpret/assignments.ts'
import { parseWhole } from '../../generator/language/units.ts'
import type { Protocol, Type } from '../../generator/model/model.ts'
import { normalizeParams, paramType } from '../../generator/normalize/params.ts'
import { badSetting, readSettings, type Setting } from './settings.ts'

/** The params that `--set` gave, by name. */
export function givenParams(protocol: Protocol, set: readonly string[] | undefined): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const setting of readSettings(protocol, set)) given[setting.param.name] = readParam(protocol, setting)
  return given
}

/** The same over the defaults that are values (not `generate`, `target`, ...). */
export function paramValues(protocol: Protocol, set: readonly string[] | undefined): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const { name, fallback } of normalizeParams(protocol, () => {})) {
    if (fallback && 'value' in fallback) values[name] = fallback.value
  }
  return { ...values, ...givenParams(protocol, set) }
}

function readParam(protocol: Protocol, setting: Setting): unknown {
  const { param, text } = setting
  const value = attempt(() => readValue(protocol, setting))
  if (value === undefined)
    throw badSetting(setting, `${param.name} is ${typeText(param.type)}, given as ${how(param.type)}`)
  const { range } = param
  if (range && (typeof value === 'number' || typeof value === 'bigint')) {
    if (BigInt(value) < range.min || BigInt(value) > range.max)
      throw badSetting(setting, `its range is ${range.min}..${range.max}`)
  }
  if (text === '' && value === '') throw badSetting(setting, 'it is empty')
  return value
}

/** Undefined when it does not fit. The reason is not passed on: it would quote what may be a secret. */
function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return undefined
  }
}

function readValue(protocol: Protocol, { param, text, content }: Setting): unknown {
  const kind = paramType(param.type)
  if (kind.kind === 'bytes') return readParamBytes(kind.size, text.trim(), content)
  if (kind.kind !== 'int') return valueFromText(protocol, param.type, text, undefined, param.name)
  const number = parseWhole(text)
  return isWide(param.type) ? number : Number(number)
}

/** `0x..`, `text:..`, `base64:..`; a file may also hold the bytes themselves, or their hex without `0x`. */
function readParamBytes(
  size: number | undefined,
  text: string,
  content: Uint8Array | undefined,
): Uint8Array | undefined {
  const bytes = decodeText(text, size) ?? (content ? Uint8Array.from(content) : undefined)
  return bytes && (size === undefined || bytes.length === size) ? bytes : undefined
}

function decodeText(text: string, size: number | undefined): Uint8Array | undefined {
  if (text.startsWith('text:')) return new TextEncoder().encode(text.slice(5))
  if (text.startsWith('base64:')) return Uint8Array.from(Buffer.from(text.slice(7), 'base64'))
  const digits = text.startsWith('0x') ? text.slice(2) : size !== undefined && text.length === size * 2 ? text : ''
  return digits !== '' && /^([0-9a-fA-F]{2})*$/.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : undefined
}

function how(type: Type): string {
  const { kind } = paramType(type)
  return {
    int: '7 or 4MiB',
    float: '1.5',
    bool: 'true or false',
    text: 'text',
    bytes: '0x.., text:.., base64:.. or @FILE',
    list: 'a,b',
  }[kind]
}

/** Integers of more than 53 bits are bigint in plain form. */
function isWide(type: Type): boolean {
  return type.kind === 'int' ? type.bits > 53 : type.kind === 'uint' || (type.kind === 'varint' && type.max * 7 > 53)
}
