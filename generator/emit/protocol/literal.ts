// Plain data as TypeScript: on one line where it fits, one entry a line where it does not.

import { propertyKey, quote } from '../naming.ts'

/** Code that stands in the data as it is: a function, a name. */
export class Code {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** `value` as an expression. `indent` is the depth it stands at; the first line is not indented. */
export function literal(value: unknown, indent = 0): string {
  const line = inline(value)
  if (line !== undefined && line.length + indent * 2 <= WIDTH) return line
  if (Array.isArray(value))
    return lines(
      '[',
      value.map(item => literal(item, indent + 1)),
      ']',
      indent,
    )
  if (isRecord(value)) {
    const entries = Object.entries(value).map(([key, item]) => property(key, literal(item, indent + 1)))
    return lines('{', entries, '}', indent)
  }
  return line ?? reindented(value, indent)
}

function lines(open: string, items: readonly string[], close: string, indent: number): string {
  const pad = '  '.repeat(indent + 1)
  return [open, ...items.map(item => `${pad}${item},`), `${'  '.repeat(indent)}${close}`].join('\n')
}

/** Undefined for code of several lines. */
function inline(value: unknown): string | undefined {
  if (value instanceof Code) return value.text.includes('\n') ? undefined : value.text
  if (value instanceof Uint8Array)
    return `Uint8Array.of(${Array.from(value, byte => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')})`
  if (Array.isArray(value)) {
    const items = value.map(inline)
    return items.includes(undefined) ? undefined : `[${items.join(', ')}]`
  }
  if (isRecord(value)) {
    const entries = Object.entries(value).map(([key, item]) => [key, inline(item)] as const)
    if (entries.some(([, item]) => item === undefined)) return undefined
    return entries.length === 0 ? '{}' : `{ ${entries.map(([key, item]) => property(key, item!)).join(', ')} }`
  }
  return scalar(value)
}

function scalar(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return grouped(value)
  if (value === undefined || value === null || typeof value === 'boolean') return String(value)
  throw new TypeError(`no literal for a value of type ${typeof value}`)
}

function grouped(value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) < 10_000) return String(value)
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, '_')
}

/** `{ name }` where the value is a name that reads the same. */
function property(key: string, value: string): string {
  return value === key ? key : `${propertyKey(key)}: ${value}`
}

function reindented(value: unknown, indent: number): string {
  const text = (value as Code).text
  return text.replaceAll('\n', `\n${'  '.repeat(indent)}`)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !(value instanceof Code)
}

const WIDTH = 112
