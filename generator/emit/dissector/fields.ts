// The ProtoFields of a dissector: what Wireshark can filter by. One for each field of the envelope, of a frame, a
// struct or a variant, named `protocol.record.field`; the envelope's are shared by all frames.

import type { Bitset, Enum, Field, Protocol, Type } from '../../model/model.ts'
import { luaText } from './expression.ts'

export class ProtoFields {
  readonly #protocol: Protocol
  readonly #lines = new Map<string, string>()
  readonly #tables = new Map<string, string>()

  constructor(protocol: Protocol) {
    this.#protocol = protocol
  }

  /** Declares the field of a value of `type` and returns its key in the table `F`. */
  declare(record: string, field: Field, type: Type): string {
    const owner = field.origin === 'envelope' ? '' : `${record.toLowerCase()}.`
    let key = `${owner}${field.name.replace(/^_+/, '') || 'reserved'}`
    const line = (abbreviation: string): string => this.#definition(abbreviation, field, type)
    while (this.#lines.has(key) && this.#lines.get(key) !== line(key)) key = `${record.toLowerCase()}.${key}`
    this.#lines.set(key, line(key))
    return key
  }

  /** The fields of the bits of a bit set that occupies whole bytes. */
  bits(set: Bitset): readonly { readonly key: string; readonly bit: number; readonly name: string }[] {
    return set.bits.map(({ name, bit }) => {
      const key = `${set.name.toLowerCase()}.${name}`
      const mask = `0x${(1n << BigInt(bit)).toString(16)}`
      this.#lines.set(
        key,
        `ProtoField.bool(${this.#abbreviation(key)}, ${luaText(name)}, ${set.type.bits}, nil, ${mask})`,
      )
      return { key, bit, name }
    })
  }

  /** Lua that fills the table `F`. */
  lines(): string[] {
    const tables = [...this.#tables.entries()].map(([name, table]) => `local ${name} = ${table}`)
    const fields = [...this.#lines.entries()].map(([key, line]) => `F[${luaText(key)}] = ${line}`)
    return [...tables, '', ...fields]
  }

  #abbreviation(key: string): string {
    return `NAME .. ${luaText(`.${key}`)}`
  }

  #definition(key: string, field: Field, type: Type): string {
    const title = luaText(field.name)
    const doc = field.doc ? `, ${luaText(field.doc)}` : ''
    const abbreviation = this.#abbreviation(key)
    switch (type.kind) {
      case 'float':
        return `ProtoField.${type.bits === 32 ? 'float' : 'double'}(${abbreviation}, ${title})`
      case 'bool':
      case 'bit':
        return `ProtoField.bool(${abbreviation}, ${title})`
      case 'text':
      case 'number':
        return `ProtoField.string(${abbreviation}, ${title})`
      case 'varint':
        return type.coding === 'zigzag' || type.coding === 'sleb128'
          ? `ProtoField.int64(${abbreviation}, ${title}, base.DEC)`
          : `ProtoField.uint64(${abbreviation}, ${title}, base.DEC)`
      case 'uint':
        return `ProtoField.uint64(${abbreviation}, ${title}, base.DEC)`
      case 'int':
        return `ProtoField.${intKind(type.bits, type.signed)}(${abbreviation}, ${title}, ${base(field, type.signed)}, nil, nil${doc})`
      case 'enum':
        return this.#enum(abbreviation, title, this.#protocol.enums.get(type.name)!)
      case 'bitset': {
        const set = this.#protocol.bitsets.get(type.name)!
        return `ProtoField.${intKind(set.type.bits, false)}(${abbreviation}, ${title}, base.HEX)`
      }
      default:
        return `ProtoField.bytes(${abbreviation}, ${title})`
    }
  }

  #enum(abbreviation: string, title: string, one: Enum): string {
    if (one.type.kind === 'varint' || one.type.bits > 32)
      return `ProtoField.uint64(${abbreviation}, ${title}, base.DEC)`
    const table = `ENUM_${one.name}`
    const values = one.values.map(({ name, value }) => `[${value}] = ${luaText(name)}`)
    this.#tables.set(table, `{ ${values.join(', ')} }`)
    return `ProtoField.${intKind(one.type.bits, one.type.signed)}(${abbreviation}, ${title}, base.DEC, ${table})`
  }
}

function intKind(bits: number, signed: boolean): string {
  const width = [8, 16, 24, 32].find(one => bits <= one) ?? 64
  return `${signed ? 'int' : 'uint'}${width}`
}

function base(field: Field, signed: boolean): string {
  if (signed) return 'base.DEC'
  return field.display === 'hex' || field.value?.is === 'call' ? 'base.HEX' : 'base.DEC'
}
