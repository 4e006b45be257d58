// The Lua function that dissects one record: a line or a block for each field, in wire order.

import type { Body, Count, Expr, Extent, Field, Group, Node, Protocol, Type } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import { luaExpr, luaName, luaString, luaText, type Scope } from './expression.ts'
import type { ProtoFields } from './fields.ts'

export interface RecordContext {
  readonly protocol: Protocol
  readonly fields: ProtoFields
  /** Name of the frame, struct or variant. */
  readonly record: string
}

/** Lines of a function body over `c` (cursor) and `v` (values). */
export function bodyLines(body: Body, context: RecordContext): string[] {
  const scope: Scope = {
    protocol: context.protocol,
    fields: new Map(fieldsOf(body.nodes).map(field => [field.name, field])),
  }
  return new BodyWriter(context, scope).nodes(body.nodes)
}

/** Lines that read one value of a type without a field of its own: the tag or the value of a union. */
export function valueLines(type: Type, field: Field, context: RecordContext, target: string): string[] {
  const scope: Scope = { protocol: context.protocol, fields: new Map() }
  return new BodyWriter(context, scope).value(type, field, target)
}

class BodyWriter {
  readonly #context: RecordContext
  readonly #scope: Scope

  constructor(context: RecordContext, scope: Scope) {
    this.#context = context
    this.#scope = scope
  }

  nodes(nodes: readonly Node[]): string[] {
    return nodes.flatMap(node => (node.kind === 'group' ? this.#group(node) : this.#field(node)))
  }

  value(type: Type, field: Field, target: string): string[] {
    switch (type.kind) {
      case 'region':
        return this.#region(type.extent, this.value(type.of, field, target))
      case 'delimited':
        return block(`local c = delimited(c, ${luaString(type.delimiter)})`, [
          ...this.value(type.of, field, target),
          'close(c)',
        ])
      case 'list':
        return this.#list(type, field, target)
      case 'at':
        return block(
          `local c = setmetatable({ at = c.start + ${this.#expr(type.offset)}, bit = 0, stop = c.at, open = false }, { __index = c })`,
          this.value(type.of, field, target),
        )
      case 'align':
        return [`align(c, ${type.to})`]
      case 'struct':
        return [`${target} = record(c, "${field.name}: ${type.name}", RECORD.${type.name})`]
      case 'union':
        return this.#union(type, field, target)
      default:
        return this.#scalar(type, field, target)
    }
  }

  #field(field: Field): string[] {
    if (field.from) return this.#computed(field, field.from)
    const target = `v.${luaName(field.name)}`
    const from = `from_${luaName(field.name)}`
    const lines = this.value(field.type, field, target)
    const check = this.#checksum(field, target, from)
    if (check) lines.push(check)
    const all = check ? [`local ${from} = c.at`, ...lines] : lines
    return field.if ? block(undefined, all, `if ${this.#expr(field.if)} then`) : check ? block(undefined, all) : all
  }

  /** A value without bytes of its own. What it is made of may not be known here: then it is missed only where it is used. */
  #computed(field: Field, from: Expr): string[] {
    const value = this.#expr(from)
    return value.includes('unknown(') ? [] : [`v.${luaName(field.name)} = ${value}`]
  }

  /** `= crc32(..)` over what stands in front of the field, compared with what was read. */
  #checksum(field: Field, target: string, from: string): string | undefined {
    const call = field.value
    const [range] = call?.is === 'call' ? call.args : []
    if (call?.is !== 'call' || !CHECKSUMS.includes(call.name) || call.args.length !== 1 || range?.is !== 'range')
      return undefined
    return range.from || range.to ? undefined : `checksum(c, "${call.name}", c.start, ${from}, ${target})`
  }

  /** Sealed bytes stay bytes. */
  #group(group: Group): string[] {
    const inner = group.seal ? [this.#sealed(group, group.seal)] : this.nodes(group.nodes)
    const lines = group.extent ? this.#region(group.extent, inner) : inner
    return group.if ? block(undefined, lines, `if ${this.#expr(group.if)} then`) : lines
  }

  #sealed(group: Group, seal: string): string {
    const key = this.#context.fields.declare(this.#context.record, { ...SEALED, place: group.place }, { kind: 'bytes' })
    return `sealed(c, ${luaText(seal)}, F[${luaText(key)}])`
  }

  #region(extent: Extent, content: string[]): string[] {
    return block(`local c = ${this.#extent(extent)}`, [...content, 'close(c)'])
  }

  #extent(extent: Extent): string {
    switch (extent.by) {
      case 'rest':
        return `rest(c, ${extent.tail})`
      case 'prefix':
        return `region(c, ${this.#number(extent.type)})`
      case 'size':
        return `region(c, ${this.#expr(extent.size)})`
    }
  }

  /** Reads a length or count that stands in front and has no line of its own. */
  #number(type: Type): string {
    if (type.kind === 'varint') return `quietly(c, varint, "${type.coding}", ${type.max})`
    if (type.kind === 'int') return `quietly(c, uint, ${type.bits}, ${type.little})`
    return 'unknown("a length prefix of this type")'
  }

  #list(type: Extract<Type, { kind: 'list' }>, field: Field, target: string): string[] {
    const { count } = type
    const around = count.by === 'rest' ? [`local c = rest(c, ${count.tail})`] : []
    const item = [`local item`, ...this.value(type.of, field, 'item'), `list[#list + 1] = item`, 'c.prev = item']
    return block('local list, outer = {}, c.prev', [
      ...around,
      'c.prev = false',
      ...this.#loop(count, item),
      `${target} = list`,
      'c.prev = outer',
    ])
  }

  #loop(count: Count, item: string[]): string[] {
    switch (count.by) {
      case 'count':
        return block(undefined, item, `for _ = 1, ${this.#expr(count.count)} do`)
      case 'prefix':
        return block(undefined, item, `for _ = 1, ${this.#number(count.type)} do`)
      case 'rest':
        return block(undefined, item, 'while c.at < c.stop do')
      case 'while':
        return block(undefined, item, `while ${this.#expr(count.test)} do`)
      case 'until':
        return ['repeat', ...indent(item), `until ${this.#expr(count.test)}`]
    }
  }

  #union(type: Extract<Type, { kind: 'union' }>, field: Field, target: string): string[] {
    const tag = type.tag ? this.#expr(type.tag) : 'nil'
    const body = `function(c, v) UNION.${type.name}(c, v, tag) end`
    return block(`local tag = ${tag}`, [`${target} = record(c, "${field.name}: ${type.name}", ${body})`])
  }

  #scalar(type: Type, field: Field, target: string): string[] {
    const key = this.#context.fields.declare(this.#context.record, field, type)
    const f = `F[${luaText(key)}]`
    switch (type.kind) {
      case 'int':
        return [`${target} = ${type.signed ? 'int' : 'uint'}(c, ${f}, ${type.bits}, ${type.little})`]
      case 'float':
        return [`${target} = float(c, ${f}, ${type.bits}, ${type.little})`]
      case 'bool':
        return [`${target} = bool(c, ${f})`]
      case 'bit':
        return [`${target} = flag(c, ${f}, ${type.little})`]
      case 'varint':
        return [`${target} = varint(c, ${f}, "${type.coding}", ${type.max})`]
      case 'uint':
        return [`${target} = uint(c, ${f}, 8 * ${this.#expr(type.size)}, ${type.little})`]
      case 'number':
        return [`${target} = tonumber(text(c, ${f}, ENC_ASCII), ${type.base})`]
      case 'bytes':
        return [`${target} = bytes(c, ${f})`]
      case 'text':
        return [`${target} = text(c, ${f}, ${TEXT_CODINGS[type.encoding]})`]
      case 'enum':
        return this.#enum(type.name, f, target)
      case 'bitset':
        return this.#bitset(type.name, f, target)
      default:
        return [`unknown("${type.kind}")`]
    }
  }

  #enum(name: string, f: string, target: string): string[] {
    const { type } = this.#context.protocol.enums.get(name)!
    if (type.kind === 'varint') return [`${target} = varint(c, ${f}, "${type.coding}", ${type.max})`]
    return [`${target} = ${type.signed ? 'int' : 'uint'}(c, ${f}, ${type.bits}, ${type.little})`]
  }

  #bitset(name: string, f: string, target: string): string[] {
    const set = this.#context.protocol.bitsets.get(name)!
    if (set.type.bits > 32 || set.type.bits % 8 > 0)
      return [`${target} = uint(c, ${f}, ${set.type.bits}, ${set.type.little})`]
    const bits = this.#context.fields.bits(set).map(({ key }) => `F["${key}"]`)
    return [`${target} = flags(c, ${f}, ${set.type.bits}, ${set.type.little}, { ${bits.join(', ')} })`]
  }

  #expr(expr: Expr): string {
    return luaExpr(expr, this.#scope)
  }
}

/** `do first; content end`, or `head content end`. */
export function block(first: string | undefined, content: readonly string[], head = 'do'): string[] {
  return [head, ...indent(first === undefined ? content : [first, ...content]), 'end']
}

export function indent(lines: readonly string[]): string[] {
  return lines.map(line => `  ${line}`)
}

/** A function of the dissector. */
export function definition(name: string, body: readonly string[], parameters = 'c, v'): string[] {
  return [...block(undefined, body, `${name} = function(${parameters})`), '']
}

/** A field of a value that the schema gives no name. */
export function pseudoField(name: string, type: Field['type']): Field {
  const place = { file: '', line: 1, column: 1 }
  return {
    kind: 'field',
    name,
    hidden: false,
    type,
    lookahead: false,
    isId: false,
    secret: false,
    origin: 'struct',
    place,
  }
}

const CHECKSUMS: readonly string[] = ['crc32', 'crc32c', 'adler32', 'sum8', 'xor8']
const TEXT_CODINGS = { utf8: 'ENC_UTF_8', ascii: 'ENC_ASCII', latin1: 'ENC_ISO_8859_1' } as const

const SEALED: Omit<Field, 'place'> = {
  kind: 'field',
  name: 'sealed',
  hidden: false,
  type: { kind: 'bytes' },
  lookahead: false,
  isId: false,
  secret: false,
  origin: 'frame',
}
