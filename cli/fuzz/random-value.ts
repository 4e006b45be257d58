// Random values that fit the types of a frame, as its encoder takes them. Not every one is valid (rules between fields
// are not known here); those are refused by the encoder and drawn again.

import type { Body, Field, IntType, Node, Protocol, Type } from '../../generator/model/model.ts'
import type { SimRandom } from '../../runtime/sim/random.ts'

/** A value for the fields of `body` that a caller may give. Optional and defaulted fields are left out at times. */
export function randomRecord(body: Body, protocol: Protocol, random: SimRandom, depth = 0): Record<string, unknown> {
  const record: Record<string, unknown> = {}
  for (const field of fields(body.nodes)) {
    if (isComputed(field)) continue
    const optional = field.if !== undefined || field.fallback !== undefined || field.match !== undefined
    if (optional && random.chance(0.5)) continue
    record[field.name] = randomField(field, protocol, random, depth)
  }
  return record
}

function fields(nodes: readonly Node[]): Field[] {
  return nodes.flatMap(node => (node.kind === 'group' ? fields(node.nodes) : [node]))
}

/** Written by the encoder whatever the caller says. */
function isComputed(field: Field): boolean {
  const written = field.value ?? field.with ?? field.derives
  return written !== undefined || field.isId || field.hidden || field.type.kind === 'align' || field.type.kind === 'at'
}

function randomField(field: Field, protocol: Protocol, random: SimRandom, depth: number): unknown {
  if (field.map && random.chance(0.5)) return []
  const { range } = field
  if (range)
    return asNumber(range.min + BigInt(random.below(Number(limited(range.max - range.min) + 1n))), field.number)
  const value = randomOf(field.type, protocol, random, depth)
  return typeof value === 'bigint' ? asNumber(value, field.number) : value
}

function randomOf(type: Type, protocol: Protocol, random: SimRandom, depth: number): unknown {
  switch (type.kind) {
    case 'int':
      return plainInteger(type.bits, randomInteger(type, random))
    case 'varint':
      return plainInteger(type.coding === 'quic' ? 62 : 7 * type.max, BigInt(random.below(2 ** random.below(20))))
    case 'uint':
      return BigInt(random.below(256))
    case 'float':
      return Math.fround((random.next() - 0.5) * 2 ** random.below(60))
    case 'bool':
    case 'bit':
      return random.chance(0.5)
    case 'number':
      return plainInteger(type.of.bits, randomInteger(type.of, random))
    case 'bytes':
      return random.bytes(randomLength(random))
    case 'text':
      return randomText(type.encoding, random)
    case 'region':
      return exactly(type, randomOf(type.of, protocol, random, depth), random)
    case 'delimited':
      return randomOf(type.of, protocol, random, depth)
    case 'list': {
      const fixed =
        type.count.by === 'count' && type.count.count.is === 'int' ? Number(type.count.count.value) : undefined
      const length = fixed ?? (depth > 3 ? 0 : random.below(4))
      return Array.from({ length }, () => randomOf(type.of, protocol, random, depth + 1))
    }
    case 'enum':
      return pick(protocol.enums.get(type.name)!.values, random).name
    case 'bitset':
      return protocol.bitsets
        .get(type.name)!
        .bits.filter(() => random.chance(0.4))
        .map(bit => bit.name)
    case 'struct':
      return randomRecord(protocol.structs.get(type.name)!.body, protocol, random, depth + 1)
    case 'union': {
      const variant = pick(
        protocol.unions.get(type.name)!.variants.filter(known => !known.other),
        random,
      )
      if (variant.value) return { is: variant.name, value: randomOf(variant.value, protocol, random, depth + 1) }
      return { is: variant.name, ...randomRecord(variant.body, protocol, random, depth + 1) }
    }
    default:
      return undefined
  }
}

/** Bytes of a constant size have exactly that size. */
function exactly(type: Extract<Type, { kind: 'region' }>, value: unknown, random: SimRandom): unknown {
  if (type.extent.by !== 'size' || type.extent.size.is !== 'int') return value
  const size = Number(type.extent.size.value)
  if (type.of.kind === 'bytes') return random.bytes(size)
  return type.of.kind === 'text' ? 'x'.repeat(size) : value
}

/** Ends of the range more often than chance would have them. */
function randomInteger({ bits, signed }: IntType, random: SimRandom): bigint {
  const raw = random.bytes(8).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  const whole = (1n << BigInt(bits)) - 1n
  const value = [raw & whole, whole, 0n, raw & 0xffn & whole][random.below(4)]!
  return signed ? BigInt.asIntN(bits, value) : value
}

function plainInteger(bits: number, value: bigint): number | bigint {
  return bits <= 53 ? Number(value) : value
}

function asNumber(value: bigint, number: Field['number']): unknown {
  if (number === 'pair') return { hi: Number((value >> 32n) & 0xffff_ffffn), lo: Number(value & 0xffff_ffffn) }
  return number === 'number' || (value >= -MAX && value <= MAX && number !== 'bigint') ? Number(value) : value
}

function randomLength(random: SimRandom): number {
  return random.chance(0.1) ? random.below(600) : random.below(24)
}

function randomText(encoding: string, random: SimRandom): string {
  const letters = encoding === 'utf8' ? 'abc XYZ 0189-_é漢😀' : 'abc XYZ 0189-_'
  return Array.from({ length: random.below(12) }, () => pick([...letters], random)).join('')
}

function limited(span: bigint): bigint {
  return span > 0xffff_fffen ? 0xffff_fffen : span
}

function pick<T>(from: readonly T[], random: SimRandom): T {
  return from[random.below(from.length)]!
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER)
