// Made-up values for frames: the same ones in every run. `plain` leaves out what may be left out; `full` gives every
// field that the caller may give, and sets the bits that conditions ask for.

import type { Body, Expr, Field, Protocol, Type } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'

export type Variant = 'plain' | 'full'

/** A value for encoding a record. */
export function sampleRecord(protocol: Protocol, body: Body, variant: Variant): Record<string, unknown> {
  return new Sampler(protocol, variant).record(body)
}

/** A value of a type by itself: params and session values. */
export function sampleValue(protocol: Protocol, type: Type): unknown {
  return new Sampler(protocol, 'plain').value(type, undefined)
}

class Sampler {
  readonly #protocol: Protocol
  readonly #variant: Variant
  #count = 0
  #depth = 0

  constructor(protocol: Protocol, variant: Variant) {
    this.#protocol = protocol
    this.#variant = variant
  }

  record(body: Body): Record<string, unknown> {
    const fields = fieldsOf(body.nodes)
    const value: Record<string, unknown> = {}
    const wanted = fields.filter(field => this.#isGiven(field))
    for (const field of wanted) {
      const sample = this.value(field.type, field)
      if (sample !== undefined) value[field.name] = sample
    }
    for (const field of wanted) if (field.if) askFor(field.if, value)
    return value
  }

  value(type: Type, field: Field | undefined, size?: number): unknown {
    switch (type.kind) {
      case 'int':
        return this.#integer(type.bits - (type.signed ? 1 : 0), type.bits > 53, field)
      case 'varint':
        return this.#integer(
          Math.min(7 * type.max, 62),
          type.coding === 'quic' ? type.max > 4 : 7 * type.max > 53,
          field,
        )
      case 'uint':
        return this.#integer(type.size.is === 'int' ? 8 * Number(type.size.value) : 0, true, field)
      case 'number':
        return this.value(type.of, field)
      case 'float':
        return 0.5 + this.#next()
      case 'bool':
      case 'bit':
        return this.#variant === 'full'
      case 'bytes':
        return this.#bytes(size, field)
      case 'text':
        return 'sample text'.slice(0, size ?? maxOf(field) ?? 11)
      case 'region':
        return this.value(type.of, field, sizeOf(type.extent))
      case 'delimited':
        return this.value(type.of, field, size)
      case 'list':
        return this.#list(type, field)
      case 'enum': {
        const values = this.#protocol.enums.get(type.name)!.values
        return values[this.#next() % values.length]?.name
      }
      case 'bitset':
        return this.#variant === 'full'
          ? this.#protocol.bitsets
              .get(type.name)!
              .bits.slice(0, 1)
              .map(bit => bit.name)
          : []
      case 'struct':
        return this.#nested(() => this.record(this.#protocol.structs.get(type.name)!.body))
      case 'union':
        return this.#union(type)
      default:
        return undefined
    }
  }

  /** Whether the caller gives the field: the rest is computed, drawn or fixed. */
  #isGiven(field: Field): boolean {
    if (
      field.hidden ||
      field.value ||
      field.with ||
      field.isId ||
      field.match ||
      field.matchBits ||
      field.derives?.length
    )
      return false
    if (field.type.kind === 'align' || field.type.kind === 'at') return false
    const may = field.if !== undefined || field.fallback !== undefined
    return !may || (this.#variant === 'full' && field.map === undefined)
  }

  #integer(bits: number, wide: boolean, field: Field | undefined): number | bigint {
    const most = field?.range?.max ?? (1n << BigInt(Math.max(bits, 0))) - 1n
    const least = field?.range?.min ?? 0n
    const wanted = BigInt(this.#variant === 'full' ? 0x10203 * this.#next() : this.#next())
    const value = least + (wanted % (most - least + 1n))
    return wide && field?.number !== 'number' ? value : Number(value)
  }

  #bytes(size: number | undefined, field: Field | undefined): Uint8Array {
    const length = size ?? Math.min(this.#variant === 'full' ? 16 : 4, maxOf(field) ?? 16)
    const first = this.#next()
    return Uint8Array.from({ length }, (_, at) => (first * 16 + at) & 0xff)
  }

  #list(type: Extract<Type, { kind: 'list' }>, field: Field | undefined): unknown[] {
    const fixed =
      type.count.by === 'count' && type.count.count.is === 'int' ? Number(type.count.count.value) : undefined
    const wanted = fixed ?? Math.min(this.#variant === 'full' ? 2 : 1, maxOf(field) ?? 2)
    return this.#nested(() => Array.from({ length: wanted }, () => this.value(type.of, undefined))) ?? []
  }

  #union(type: Extract<Type, { kind: 'union' }>): unknown {
    const { variants } = this.#protocol.unions.get(type.name)!
    const variant = variants[this.#variant === 'full' ? variants.length - 1 : 0] ?? variants[0]
    const known = variant?.other ? variants.find(one => !one.other) : variant
    if (!known) return undefined
    return this.#nested(() => {
      if (known.value) return { is: known.name, value: this.value(known.value, undefined) }
      return { is: known.name, ...this.record(known.body) }
    })
  }

  #nested<T>(make: () => T): T | undefined {
    if (this.#depth >= DEEPEST) return undefined
    this.#depth++
    const made = make()
    this.#depth--
    return made
  }

  /** 1, 2, 3, ... */
  #next(): number {
    return ++this.#count
  }
}

/** Sets the bits that a condition is made of, so that the field may be there. */
function askFor(condition: Expr, value: Record<string, unknown>): void {
  if (condition.is === 'binary' && condition.operator === 'and') {
    askFor(condition.left, value)
    askFor(condition.right, value)
  }
  if (condition.is !== 'member' || condition.of.is !== 'field' || condition.of.type.kind !== 'bitset') return
  const names = value[condition.of.name]
  const bits = Array.isArray(names) ? names : []
  value[condition.of.name] = [...new Set([...bits, condition.name])]
}

function maxOf(field: Field | undefined): number | undefined {
  return field?.max?.is === 'int' ? Number(field.max.value) : undefined
}

function sizeOf(extent: Extract<Type, { kind: 'region' }>['extent']): number | undefined {
  if (extent.by !== 'size') return undefined
  // A learned size is what the samples of learned values are.
  if (extent.size.is === 'space' && extent.size.space === 'session') return LEARNED
  return extent.size.is === 'int' ? Number(extent.size.value) : undefined
}

/** Learned values are mostly sizes. */
export const LEARNED = 16

const DEEPEST = 4
