// `name=value` on the command line: nested fields as `a.b=..`, lists and records as JSON.

import type { Field, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type At, fieldNamed, frameOf, fromJson, isObject, type ReadFile, ValueError, valueFromJson } from './values.ts'

/**
 * The plain value of a frame from `['a.b=1', 'list=[1,2]', 'flags=ack,crc']`. `base` is what `--data` gave; assignments
 * go over it.
 * @throws ValueError that names the field and says what would be right
 */
export function fromAssignments(
  protocol: Protocol,
  frameName: string,
  assignments: readonly string[],
  readFile?: ReadFile,
  base: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const fields = fieldsOf(frameOf(protocol, frameName).body.nodes)
  const json = structuredClone(base) as Record<string, unknown>
  for (const assignment of assignments) {
    const cut = assignment.indexOf('=')
    if (cut < 1) throw new ValueError('BadType', '', `"${assignment}" is no assignment: write name=value`)
    const path = assignment.slice(0, cut).trim().split('.')
    const at: At = { path: '', title: `frame ${frameName}`, readFile }
    assign(json, path, assignment.slice(cut + 1), typeAt(protocol, fields, path, at))
  }
  return fromJson(protocol, frameName, json, readFile)
}

/** One value of a type from text, for `--set PARAM=VALUE`. Lists also as `a,b`. */
export function valueFromText(protocol: Protocol, type: Type, text: string, readFile?: ReadFile, path = ''): unknown {
  const json = fromText(type, text, path)
  const list = innermost(type).kind === 'list' && !Array.isArray(json)
  const items = list
    ? text
        .split(',')
        .map(item => item.trim())
        .filter(item => item !== '')
    : json
  return valueFromJson(protocol, type, items, { path, title: path, readFile })
}

/** The type of a field by path; undefined below a union or where the JSON must tell. */
function typeAt(protocol: Protocol, fields: readonly Field[], path: readonly string[], at: At): Type | undefined {
  const [name, ...rest] = path
  return within(protocol, fieldNamed(fields, name!, at).type, rest, {
    ...at,
    path: at.path === '' ? name! : `${at.path}.${name}`,
  })
}

function within(protocol: Protocol, type: Type, path: readonly string[], at: At): Type | undefined {
  if (path.length === 0) return type
  const inner = innermost(type)
  if (inner.kind === 'struct') {
    const fields = fieldsOf(protocol.structs.get(inner.name)!.body.nodes)
    return typeAt(protocol, fields, path, { ...at, title: inner.name })
  }
  if (inner.kind === 'list') return within(protocol, inner.of, path.slice(1), { ...at, path: `${at.path}.${path[0]}` })
  if (inner.kind === 'union') return undefined
  throw new ValueError('UnknownField', `${at.path}.${path[0]}`, `${at.path} is a single value and has no ${path[0]}`)
}

function assign(into: Record<string, unknown>, path: readonly string[], text: string, type: Type | undefined): void {
  let at: Record<string, unknown> | unknown[] = into
  const whole = path.join('.')
  path.forEach((name, i) => {
    const last = i === path.length - 1
    const key = Array.isArray(at) ? itemNumber(name, at.length, whole) : name
    const holder = at as Record<string | number, unknown>
    if (last) {
      holder[key] = fromText(type, text, whole)
      return
    }
    const next = holder[key]
    if (!isObject(next) && !Array.isArray(next)) holder[key] = /^\d+$/.test(path[i + 1]!) ? [] : {}
    at = holder[key] as Record<string, unknown> | unknown[]
  })
}

/** Items are given in order, so that a list has no holes. */
function itemNumber(name: string, length: number, path: string): number {
  const number = Number(name)
  if (/^\d+$/.test(name) && number <= length) return number
  throw new ValueError('BadType', path, `${path}: the next item of this list is ${length}`)
}

/** Text stays text; lists, records and unions are JSON; everything else is read by its type later. */
function fromText(type: Type | undefined, text: string, path: string): unknown {
  const inner = type && innermost(type)
  if (inner?.kind === 'text') return text
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ValueError('BadType', path, `${path || 'the value'}: ${(error as Error).message} in ${text}`)
  }
}

function innermost(type: Type): Type {
  return type.kind === 'region' || type.kind === 'delimited' || type.kind === 'at' ? innermost(type.of) : type
}
