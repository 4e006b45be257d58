// `sizeOfData`: an upper bound of what encoding takes, from the values alone. Where a size follows from a formula the
// frame is encoded into a slab of its own and measured.
import type { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Frame, Node, Type } from '../model/model.ts'
import { coreType, fixedBits } from './facts.ts'
import { hasValue } from './shape.ts'
import type { Unit } from './unit.ts'

/** Writes the body of the function; returns whether it needs the context. */
export function writeSize(unit: Unit, writer: CodeBlockWriter, frame: Frame, encode: string): boolean {
  const sizes = new Sizes(unit)
  try {
    const parts = sizes.body(frame.body.nodes, 'value')
    writer.writeLine(`return ${parts}`)
    return false
  } catch (thrown) {
    if (!(thrown instanceof Formula)) throw thrown
    const context = unit.usesContext(encode)
    const run = context
      ? `(into, calm) => ${encode}(value, into, 0, calm), context`
      : `into => ${encode}(value, into, 0)`
    writer.writeLine(`return ${unit.use('measured')}(${run})`)
    return context
  }
}

/** Thrown where a size is no simple sum. */
class Formula extends Error {}

class Sizes {
  private readonly unit: Unit

  constructor(unit: Unit) {
    this.unit = unit
  }

  /** Code of the bytes of a record. */
  body(nodes: readonly Node[], value: string): string {
    const parts: string[] = []
    const bits = this.collect(nodes, value, parts)
    const bytes = Math.ceil(bits / 8)
    const all = bytes > 0 || parts.length === 0 ? [String(bytes), ...parts] : parts
    return all.join(' + ')
  }

  private collect(nodes: readonly Node[], value: string, parts: string[]): number {
    const { protocol } = this.unit
    let bits = 0
    for (const node of nodes) {
      if (node.kind === 'group') {
        if (node.seal !== undefined) bits += 8 * protocol.seals.get(node.seal)!.overhead
        if (node.extent?.by === 'prefix') bits += this.most(node.extent.type)
        // A whole byte more than it may take, where conditions leave holes.
        bits += this.collect(node.nodes, value, parts) + (node.if ? 7 : 0)
        continue
      }
      if (node.from || node.type.kind === 'at') continue
      const fixed = fixedBits(protocol, node.type)
      if (fixed !== undefined) {
        bits += fixed
        continue
      }
      bits += this.field(node, value, parts)
    }
    return bits
  }

  private field(field: Field, value: string, parts: string[]): number {
    const own = field.with?.value ?? field.value
    const literal = own ? literalSize(own) : undefined
    if (own && literal === undefined && !['varint', 'uint', 'number'].includes(coreType(field.type).kind))
      throw new Formula()
    const text = own || !hasValue(field) ? undefined : `${value}.${field.name}`
    if (text === undefined && literal === undefined && coreType(field.type).kind !== 'varint') throw new Formula()
    const fallback = field.fallback && !own ? literalSize(field.fallback) : 0
    if (fallback === undefined) throw new Formula()
    return this.type(field.type, text, parts, Math.max(literal ?? 0, fallback))
  }

  /** Adds code for a value; returns the bits that are known now. */
  private type(type: Type, text: string | undefined, parts: string[], least: number): number {
    const { unit } = this
    switch (type.kind) {
      case 'region':
        return (type.extent.by === 'prefix' ? this.most(type.extent.type) : 0) + this.type(type.of, text, parts, least)
      case 'delimited':
        return 8 * type.delimiter.length + this.type(type.of, text, parts, least)
      case 'bytes':
        if (text !== undefined) parts.push(`${unit.use('bytesSize')}(${text})`)
        return 8 * least
      case 'text':
        if (text !== undefined) parts.push(`${unit.use(type.encoding === 'utf8' ? 'utf8Size' : 'latin1Size')}(${text})`)
        return 8 * least
      case 'list':
        if (text === undefined) throw new Formula()
        parts.push(this.list(type, text))
        return type.count.by === 'prefix' ? this.most(type.count.type) : 0
      case 'struct':
        if (text === undefined) throw new Formula()
        parts.push(`${this.struct(type.name)}(${text})`)
        return 0
      case 'union':
        if (text === undefined) throw new Formula()
        parts.push(`${this.union(type.name)}(${text})`)
        return 0
      case 'align':
        return 8 * (type.to - 1)
      default:
        return this.most(type)
    }
  }

  /** Bits that a number takes at most. */
  private most(type: Type): number {
    const { protocol } = this.unit
    const bits = fixedBits(protocol, type)
    if (bits !== undefined) return bits
    if (type.kind === 'varint') return 8 * type.max
    if (type.kind === 'enum') return this.most(protocol.enums.get(type.name)!.type)
    if (type.kind === 'uint') return 64
    if (type.kind === 'number') return 8 * 21
    throw new Formula()
  }

  private list(type: Extract<Type, { kind: 'list' }>, text: string): string {
    const { unit } = this
    const item = fixedBits(unit.protocol, type.of)
    if (item !== undefined) return `${unit.use('listSize')}(${text}) * ${item / 8}`
    const parts: string[] = []
    const bits = this.type(type.of, 'item', parts, 0)
    const one = [...(bits > 0 ? [String(bits / 8)] : []), ...parts].join(' + ')
    return `${unit.use('sumOf')}(${text}, item => ${one})`
  }

  private struct(name: string): string {
    const { unit } = this
    const { body } = unit.protocol.structs.get(name)!
    // Found out now whether it can be written at all.
    if (!this.open.has(name)) {
      this.open.add(name)
      this.body(body.nodes, 'value')
    }
    return unit.function(`size ${name}`, `sizeOf${name}`, (writer, own) => {
      unit.shape(`${name}Input`)
      const text = new Sizes(unit).body(body.nodes, 'value')
      const parameter = /\bvalue\b/.test(text) ? 'value' : '_value'
      writer.write(`function ${own}(${parameter}: ${name}Input | undefined): number`).block(() => {
        if (parameter === 'value') writer.writeLine('if (value === undefined) return 0')
        writer.writeLine(`return ${text}`)
      })
      writer.blankLine()
    })
  }

  private readonly open = new Set<string>()

  private union(name: string): string {
    const { unit } = this
    const union = unit.protocol.unions.get(name)!
    if (!this.open.has(name)) {
      this.open.add(name)
      for (const variant of union.variants) {
        if (variant.value) this.type(variant.value, 'value', [], 0)
        this.body(variant.body.nodes, 'value')
      }
    }
    return unit.function(`size ${name}`, `sizeOf${name}`, (writer, own) => {
      unit.shape(`${name}Input`)
      const sizes = new Sizes(unit)
      const tag = union.tag ? Math.ceil(sizes.most(union.tag) / 8) : 0
      writer.write(`function ${own}(value: ${name}Input | undefined): number`).block(() => {
        writer.writeLine('if (value === undefined) return 0')
        writer.write('switch (value.is)').block(() => {
          for (const variant of union.variants) {
            const parts: string[] = []
            const bits = variant.value
              ? (fixedBits(unit.protocol, variant.value) ?? sizes.type(variant.value, 'value.value', parts, 0))
              : 0
            const text = variant.value
              ? [String(tag + Math.ceil(bits / 8)), ...parts].join(' + ')
              : `${tag} + ${sizes.body(variant.body.nodes, 'value')}`
            writer.writeLine(`case '${variant.name}':`).indent(() => writer.writeLine(`return ${text}`))
          }
          writer.writeLine('default:').indent(() => writer.writeLine('return 0'))
        })
      })
      writer.blankLine()
    })
  }
}

/** Bytes of a value that is known now. */
function literalSize(expr: Expr): number | undefined {
  if (expr.is === 'bytes') return expr.value.length
  if (expr.is === 'text') return new TextEncoder().encode(expr.value).length
  if (expr.is === 'none' || expr.is === 'int' || expr.is === 'bool' || expr.is === 'enumValue' || expr.is === 'float')
    return 0
  if (expr.is === 'call' && (expr.name === 'zeros' || expr.name === 'random') && expr.args[0]?.is === 'int')
    return Number(expr.args[0].value)
  return undefined
}
