// `sizeOfData`: the bytes that encoding takes, from the values alone. Where a size follows from a formula, or from a value
// that the encoder computes, the frame is encoded into a slab of its own and measured.

import type { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Frame, Group, Node, Type } from '../model/model.ts'
import { fieldsOf, looksAhead } from '../model/walk.ts'
import { fixedBits, isRecursive, type VarintType } from './facts.ts'
import { hasValue } from './shape.ts'
import type { Unit } from './unit.ts'

/** Writes the body of the function; returns whether it needs the context. */
export function writeSize(unit: Unit, writer: CodeBlockWriter, frame: Frame, encode: string): boolean {
  try {
    const text = new Sizes(unit).body(frame.body.nodes, 'value')
    writer.writeLine(`return ${text}`)
    return /\bcontext\b/.test(text)
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

/** A sum: bits that are known now, and code for the rest. */
interface Sum {
  bits: number
  readonly parts: string[]
}

class Sizes {
  private readonly unit: Unit
  private readonly open: Set<string>

  constructor(unit: Unit, open: Set<string> = new Set()) {
    this.unit = unit
    this.open = open
  }

  /** Code of the bytes of a record. */
  body(nodes: readonly Node[], value: string): string {
    const sum: Sum = { bits: 0, parts: [] }
    this.nodes(nodes, value, sum)
    return total(sum)
  }

  private nodes(nodes: readonly Node[], value: string, sum: Sum): void {
    for (const node of nodes) {
      if (node.kind === 'group') this.group(node, value, sum)
      else if (!node.from && node.type.kind !== 'at') this.field(node, value, sum)
    }
  }

  private group(node: Group, value: string, sum: Sum): void {
    if (node.if) return this.optional(node, value, sum)
    this.present(node, value, sum)
  }

  /** A group whose condition looks at what stands behind is there exactly when something of it was given. */
  private optional(node: Group, value: string, sum: Sum): void {
    const fields = fieldsOf(node.nodes)
    if (!looksAhead(node.if!) || !fields.every(field => hasValue(field) && !field.if)) throw new Formula()
    const inner: Sum = { bits: 0, parts: [] }
    this.present(node, value, inner)
    if (inner.bits % 8 !== 0) throw new Formula()
    const given = fields.map(field => `${value}.${field.name} !== undefined`).join(' || ')
    sum.parts.push(`(${given} ? ${total(inner)} : 0)`)
  }

  private present(node: Group, value: string, sum: Sum): void {
    const inner: Sum = { bits: 0, parts: [] }
    this.nodes(node.nodes, value, inner)
    if (node.seal !== undefined) {
      const { overhead } = this.unit.protocol.seals.get(node.seal)!
      sum.parts.push(`(context.plain ? 0 : ${overhead})`)
    }
    if (node.extent?.by === 'prefix') {
      if (fixedBits(this.unit.protocol, node.extent.type) === undefined) throw new Formula()
      sum.bits += fixedBits(this.unit.protocol, node.extent.type)!
    }
    sum.bits += inner.bits
    sum.parts.push(...inner.parts)
  }

  private field(field: Field, value: string, sum: Sum): void {
    const given = hasValue(field) ? `${value}.${field.name}` : undefined
    const fixed = fixedBits(this.unit.protocol, field.type)
    if (field.if) {
      // There exactly when the caller gave it; anything else depends on the condition.
      if (given === undefined || hasOwnValue(field) || (fixed !== undefined && fixed % 8 !== 0)) throw new Formula()
      const inner: Sum = { bits: fixed ?? 0, parts: [] }
      if (fixed === undefined) this.type(field.type, given, inner, 0)
      sum.parts.push(`(${given} === undefined ? 0 : ${total(inner)})`)
      return
    }
    if (fixed !== undefined) {
      sum.bits += fixed
      return
    }
    const own = field.with?.value ?? field.value
    if (own || field.derives?.length || field.match || field.matchBits || field.isId || given === undefined) {
      if (!own || own.is !== 'int') throw new Formula()
    }
    const fallback = own ?? field.fallback
    const least = fallback ? literalSize(fallback) : 0
    if (least === undefined) throw new Formula()
    const number = fallback?.is === 'int' ? fallback.value : undefined
    const text = own || given === undefined ? String(number) : number === undefined ? given : `${given} ?? ${number}`
    this.type(field.type, text, sum, least)
  }

  /** Adds the size of a value. `least`: bytes of the default, where nothing is given. */
  private type(type: Type, text: string, sum: Sum, least: number): void {
    const { unit } = this
    switch (type.kind) {
      case 'region':
        if (type.extent.by !== 'prefix') return this.type(type.of, text, sum, least)
        return this.prefixed(type.extent.type, sum, inner => this.type(type.of, text, inner, least))
      case 'delimited':
        sum.bits += 8 * type.delimiter.length
        return this.type(type.of, text, sum, least)
      case 'bytes':
        sum.parts.push(
          least === 0
            ? `${unit.use('bytesSize')}(${text})`
            : `(${text} === undefined ? ${least} : ${unit.use('bytesSize')}(${text}))`,
        )
        return
      case 'text': {
        const size = unit.use(type.encoding === 'utf8' ? 'utf8Size' : 'latin1Size')
        sum.parts.push(least === 0 ? `${size}(${text})` : `(${text} === undefined ? ${least} : ${size}(${text}))`)
        return
      }
      case 'varint':
        sum.parts.push(`${this.varint(type)}(${text})`)
        return
      case 'number':
        sum.parts.push(`${unit.use('numberSize')}(${text}, ${type.base})`)
        return
      case 'list':
        return this.list(type, text, sum)
      case 'struct':
        sum.parts.push(`${this.struct(type.name)}(${text})`)
        return
      case 'union':
        sum.parts.push(`${this.union(type.name)}(${text})`)
        return
      default: {
        const bits = fixedBits(unit.protocol, type)
        if (bits === undefined) throw new Formula()
        sum.bits += bits
      }
    }
  }

  /** A length or count in front of what `inner` adds. */
  private prefixed(prefix: Type, sum: Sum, inner: (sum: Sum) => void): void {
    const bits = fixedBits(this.unit.protocol, prefix)
    if (bits !== undefined) {
      sum.bits += bits
      inner(sum)
      return
    }
    if (prefix.kind !== 'varint' || prefix.coding === 'sleb128' || prefix.coding === 'zigzag') throw new Formula()
    const content: Sum = { bits: 0, parts: [] }
    inner(content)
    sum.parts.push(`${this.unit.use('withPrefix')}(${this.varint(prefix)}, ${total(content)})`)
  }

  private varint(type: VarintType): string {
    const { unit } = this
    return unit.use(
      {
        leb128: 'leb128Size',
        sleb128: 'sleb128Size',
        zigzag: 'zigzagSize',
        vlq: 'leb128Size',
        quic: 'quicSize',
      }[type.coding],
    )
  }

  private list(type: Extract<Type, { kind: 'list' }>, text: string, sum: Sum): void {
    const { unit } = this
    if (type.count.by === 'prefix') {
      const { type: prefix } = type.count
      const bits = fixedBits(unit.protocol, prefix)
      if (bits === undefined) {
        if (prefix.kind !== 'varint') throw new Formula()
        sum.parts.push(`${this.varint(prefix)}(${unit.use('listSize')}(${text}))`)
      } else {
        sum.bits += bits
      }
    }
    const item = fixedBits(unit.protocol, type.of)
    if (item !== undefined) {
      const bytes = `${unit.use('listSize')}(${text}) * ${item / 8}`
      sum.parts.push(item % 8 === 0 ? bytes : `Math.ceil(${bytes})`)
      return
    }
    const one: Sum = { bits: 0, parts: [] }
    this.type(type.of, 'item', one, 0)
    sum.parts.push(`${unit.use('sumOf')}(${text}, item => ${total(one)})`)
  }

  private struct(name: string): string {
    const { unit } = this
    const { body } = unit.protocol.structs.get(name)!
    // Only the encoder counts how deep it is.
    if (isRecursive(unit.protocol, { kind: 'struct', name })) throw new Formula()
    this.tryOut(name, () => this.body(body.nodes, 'value'))
    return unit.function(`size ${name}`, `sizeOf${name}`, (writer, own) => {
      unit.shape(`${name}Input`)
      writer.write(`function ${own}(value: ${name}Input | undefined): number`).block(() => {
        const text = new Sizes(unit).body(body.nodes, 'value')
        if (/\bvalue\b/.test(text)) writer.writeLine('if (!value) return 0')
        writer.writeLine(`return ${text}`)
      })
      writer.blankLine()
    })
  }

  /** Finds out now whether a nested size is a simple sum. */
  private tryOut(name: string, part: () => void): void {
    if (this.open.has(name)) return
    this.open.add(name)
    part()
  }

  private union(name: string): string {
    const { unit } = this
    const union = unit.protocol.unions.get(name)!
    const bits = union.tag ? fixedBits(unit.protocol, union.tag) : 0
    if (bits === undefined || isRecursive(unit.protocol, { kind: 'union', name })) throw new Formula()
    const sizes = (own: Sizes): string[] =>
      union.variants.map(variant => {
        const sum: Sum = { bits, parts: [] }
        if (variant.value) own.type(variant.value, 'value.value', sum, 0)
        else own.nodes(variant.body.nodes, 'value', sum)
        return total(sum)
      })
    this.tryOut(name, () => void sizes(this))
    return unit.function(`size ${name}`, `sizeOf${name}`, (writer, own) => {
      unit.shape(`${name}Input`)
      const texts = sizes(new Sizes(unit))
      writer.write(`function ${own}(value: ${name}Input | undefined): number`).block(() => {
        writer.write('switch (value?.is)').block(() => {
          for (const [i, variant] of union.variants.entries()) {
            writer.writeLine(`case '${variant.name}':`).indent(() => writer.writeLine(`return ${texts[i]}`))
          }
          writer.writeLine('default:').indent(() => writer.writeLine('return 0'))
        })
      })
      writer.blankLine()
    })
  }
}

function total({ bits, parts }: Sum): string {
  const bytes = Math.ceil(bits / 8)
  return (bytes > 0 || parts.length === 0 ? [String(bytes), ...parts] : parts).join(' + ')
}

/** Whether anything but the caller can give the field a value. */
function hasOwnValue(field: Field): boolean {
  return !!(
    field.value ||
    field.fallback ||
    field.with ||
    field.derives ||
    field.match ||
    field.matchBits ||
    field.isId
  )
}

/** Bytes of a value that is known now. */
function literalSize(expr: Expr): number | undefined {
  if (expr.is === 'bytes') return expr.value.length
  if (expr.is === 'text') return new TextEncoder().encode(expr.value).length
  if (expr.is === 'none' || expr.is === 'int') return 0
  const zeros = expr.is === 'call' && (expr.name === 'zeros' || expr.name === 'random') ? expr.args[0] : undefined
  return zeros?.is === 'int' ? Number(zeros.value) : undefined
}
