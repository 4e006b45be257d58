// How many bytes a type or body takes at least and at most, as far as the schema alone says. Sizes that an expression
// gives are computed where the expression uses only constants and what the caller knows.

import type { Body, Expr, Extent, Field, Group, Node, Protocol, Type } from '../model/model.ts'

/** In bits. `max` is Infinity where nothing bounds it. */
export interface Bounds {
  readonly min: number
  readonly max: number
}

/** Sizes in bytes of fields that are known from elsewhere, by name: a Noise message, for instance. */
export type Known = ReadonlyMap<string, Bounds>

export function measure(body: Body, protocol: Protocol, known: Known = new Map()): Bounds {
  return new Measure(protocol, known).nodes(body.nodes)
}

export function measureType(type: Type, protocol: Protocol): Bounds {
  return new Measure(protocol, new Map()).type(type)
}

class Measure {
  readonly #protocol: Protocol
  readonly #known: Known
  /** Structs and unions being measured: one inside itself has no bound. */
  readonly #open = new Set<string>()

  constructor(protocol: Protocol, known: Known) {
    this.#protocol = protocol
    this.#known = known
  }

  nodes(nodes: readonly Node[]): Bounds {
    return sum(nodes.map(node => this.#node(node)))
  }

  #node(node: Node): Bounds {
    if (node.kind === 'field' && node.from) return NOTHING
    const known = node.kind === 'field' ? (this.#known.get(node.name) ?? this.#padding(node)) : undefined
    const inside = known ? times(known, 8) : node.kind === 'field' ? this.type(node.type) : this.#group(node)
    return node.if ? { min: 0, max: inside.max } : inside
  }

  /** Bytes of `= zeros(n)`, where n is known. */
  #padding(field: Field): Bounds | undefined {
    const { value } = field
    const count = value?.is === 'call' && value.name === 'zeros' ? value.args[0] : undefined
    const bytes = count && this.#constant(count)
    return bytes === undefined ? undefined : { min: Math.max(0, bytes), max: Math.max(0, bytes) }
  }

  #group(group: Group): Bounds {
    const content = this.nodes(group.nodes)
    const overhead = (group.seal && this.#protocol.seals.get(group.seal)?.overhead) || 0
    const whole = { min: content.min + overhead * 8, max: content.max + overhead * 8 }
    if (group.opaque) return { min: 0, max: Number.POSITIVE_INFINITY }
    return group.extent ? this.#extent(group.extent, whole) : whole
  }

  type(type: Type): Bounds {
    switch (type.kind) {
      case 'int':
      case 'float':
        return exactly(type.bits)
      case 'bool':
        return exactly(8)
      case 'bit':
        return exactly(1)
      case 'varint':
        return { min: 8, max: type.max * 8 }
      case 'uint':
        return this.#bytes(type.size, { min: 0, max: 64 })
      case 'number':
        return { min: 8, max: Number.POSITIVE_INFINITY }
      case 'bytes':
      case 'text':
        return ANYTHING
      case 'region':
        return this.#extent(type.extent, this.type(type.of))
      case 'delimited': {
        const inside = this.type(type.of)
        return { min: inside.min + type.delimiter.length * 8, max: inside.max + type.delimiter.length * 8 }
      }
      case 'list':
        return this.#list(type)
      case 'at':
        return NOTHING
      case 'align':
        return { min: 0, max: (type.to - 1) * 8 }
      default:
        return this.#named(type)
    }
  }

  #named(type: Extract<Type, { name: string }>): Bounds {
    const { enums, bitsets, structs, unions } = this.#protocol
    if (type.kind === 'enum') return this.type(enums.get(type.name)?.type ?? BYTE)
    if (type.kind === 'bitset') return this.type(bitsets.get(type.name)?.type ?? BYTE)
    if (this.#open.has(type.name)) return ANYTHING
    this.#open.add(type.name)
    const bounds =
      type.kind === 'struct' ? this.nodes(structs.get(type.name)?.body.nodes ?? []) : this.#union(unions.get(type.name))
    this.#open.delete(type.name)
    return bounds
  }

  #union(union: ReturnType<Protocol['unions']['get']>): Bounds {
    if (!union) return ANYTHING
    const tag = union.tag ? this.type(union.tag) : NOTHING
    const variants = union.variants.map(variant =>
      variant.value ? this.type(variant.value) : this.nodes(variant.body.nodes),
    )
    return {
      min: tag.min + Math.min(...variants.map(variant => variant.min)),
      max: tag.max + Math.max(...variants.map(variant => variant.max)),
    }
  }

  #list(type: Extract<Type, { kind: 'list' }>): Bounds {
    const item = this.type(type.of)
    const { count } = type
    if (count.by === 'prefix') {
      const prefix = this.type(count.type)
      return { min: prefix.min, max: item.max === 0 ? prefix.max : Number.POSITIVE_INFINITY }
    }
    const number = count.by === 'count' ? this.#constant(count.count) : undefined
    if (number !== undefined) return times(item, Math.max(0, number))
    return { min: count.by === 'until' ? item.min : 0, max: Number.POSITIVE_INFINITY }
  }

  #extent(extent: Extent, content: Bounds): Bounds {
    if (extent.by === 'rest') return content
    if (extent.by === 'size') return this.#bytes(extent.size, content)
    const prefix = this.type(extent.type)
    const most = extent.type.kind === 'int' ? (2 ** Math.min(53, extent.type.bits) - 1) * 8 : Number.POSITIVE_INFINITY
    return { min: prefix.min + content.min, max: prefix.max + Math.min(content.max, most) }
  }

  #bytes(size: Expr, otherwise: Bounds): Bounds {
    const constant = this.#constant(size)
    return constant === undefined ? otherwise : exactly(Math.max(0, constant) * 8)
  }

  /** The value of an expression over numbers, and over sizes that are known and fixed. */
  #constant(expr: Expr): number | undefined {
    switch (expr.is) {
      case 'int':
        return Number(expr.value)
      case 'negate': {
        const value = this.#constant(expr.of)
        return value === undefined ? undefined : -value
      }
      case 'binary': {
        const left = this.#constant(expr.left)
        const right = this.#constant(expr.right)
        return left === undefined || right === undefined ? undefined : ARITHMETIC[expr.operator]?.(left, right)
      }
      case 'call':
        return this.#call(expr)
      default:
        return undefined
    }
  }

  #call(expr: Extract<Expr, { is: 'call' }>): number | undefined {
    if (expr.name === 'size') {
      const [of] = expr.args
      const known = of?.is === 'field' ? this.#known.get(of.name) : undefined
      return known && known.min === known.max ? known.min : undefined
    }
    if (expr.name !== 'min' && expr.name !== 'max') return undefined
    const values = expr.args.map(arg => this.#constant(arg))
    if (values.some(value => value === undefined)) return undefined
    return Math[expr.name](...(values as number[]))
  }
}

function sum(all: readonly Bounds[]): Bounds {
  return { min: all.reduce((total, one) => total + one.min, 0), max: all.reduce((total, one) => total + one.max, 0) }
}

function times(bounds: Bounds, factor: number): Bounds {
  return { min: bounds.min * factor, max: factor === 0 ? 0 : bounds.max * factor }
}

function exactly(bits: number): Bounds {
  return { min: bits, max: bits }
}

const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number | undefined>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => (b === 0 ? undefined : Math.trunc(a / b)),
  '%': (a, b) => (b === 0 ? undefined : a % b),
  '^': (a, b) => a ** b,
}

const NOTHING: Bounds = { min: 0, max: 0 }
const ANYTHING: Bounds = { min: 0, max: Number.POSITIVE_INFINITY }
const BYTE: Type = { kind: 'int', signed: false, bits: 8, little: false }
