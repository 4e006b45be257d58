// Random values for the frames of any protocol, derived from its model. Most of them can be encoded; those that a rule of
// the schema refuses must be refused by every codec in the same way.
import fc from 'fast-check'
import { coreType, fixedBits, intBounds, isNarrow } from '../../../generator/emit/facts.ts'
import { hasValue } from '../../../generator/emit/shape.ts'
import type { Body, Field, Frame, Node, Param, Protocol, Type, Union } from '../../../generator/model/model.ts'
import type { Context } from '../../../runtime/wire/codec.ts'

type Plain = Record<string, unknown>

/** Values as a caller of `encode` gives them. */
export function frameInput(protocol: Protocol, frame: Frame): fc.Arbitrary<Plain> {
  return record(protocol, frame.body, 0, frame)
}

/** What codecs of this protocol may know: params by type, a key that marks, the same randomness every time. */
export function contextFor(protocol: Protocol, seals: 'plain' | 'marked' | 'none'): Context {
  const param: Plain = {}
  for (const [name, one] of protocol.params) param[name] = paramValue(protocol, one)
  const session: Plain = {}
  for (const [name, one] of protocol.session) session[name] = sample(protocol, one.type, 5)
  const marked = seals === 'marked' ? { seal, open } : {}
  return {
    param,
    session,
    key: {},
    peer: {},
    local: { name: 'me' },
    random: n => Uint8Array.from({ length: n }, (_, i) => (7 * i + n) & 0xff),
    now: () => 1_700_000_000_000,
    ...(seals === 'plain' ? { plain: true } : {}),
    ...marked,
  }
}

/** A seal for tests: turns every bit over and appends (or puts in front) sixteen equal bytes. */
function seal(_name: string, bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) bytes[i]! ^= 0xff
  bytes.fill(0xa5, end, end + 16)
  return end + 16
}

function open(_name: string, bytes: Uint8Array, start: number, end: number): number {
  for (let i = end - 16; i < end; i++) if (bytes[i] !== 0xa5) return -1
  for (let i = start; i < end - 16; i++) bytes[i]! ^= 0xff
  return end - start - 16
}

function paramValue(protocol: Protocol, { type, fallback }: Param): unknown {
  if (fallback && 'literal' in fallback) return fallback.literal
  return sample(protocol, type, 7)
}

function sample(protocol: Protocol, type: Type, size: number): unknown {
  const core = coreType(type)
  if (core.kind === 'bytes') return new Uint8Array((fixedBits(protocol, type) ?? 8 * size) / 8).fill(3)
  if (core.kind === 'text') return 'secret'
  if (core.kind === 'list') return []
  return core.kind === 'bool' ? true : isNarrow(protocol, core) ? size : BigInt(size)
}

function record(protocol: Protocol, body: Body, depth: number, frame?: Frame): fc.Arbitrary<Plain> {
  const members: Record<string, fc.Arbitrary<unknown>> = {}
  const required: string[] = []
  const visit = (nodes: readonly Node[], conditional: boolean): void => {
    for (const node of nodes) {
      if (node.kind === 'group') {
        visit(node.nodes, conditional || node.if !== undefined)
        continue
      }
      if (!hasValue(node)) continue
      if (node.with || node.value || node.derives?.length || node.isId || node.type.kind === 'at') continue
      const value = choices(node) ?? fieldValue(protocol, node, depth)
      // Left out more often where something else supplies it, or a condition may not hold.
      if (conditional || node.if || node.fallback || node.match) {
        members[node.name] = node.match ? value : fc.option(value, { nil: undefined, freq: 2 })
      } else {
        members[node.name] = value
        required.push(node.name)
      }
    }
  }
  visit(body.nodes, false)
  void frame
  return fc.record(members).map(value => {
    const given: Plain = {}
    for (const [name, one] of Object.entries(value)) if (one !== undefined) given[name] = one
    return given
  })
}

function choices(field: Field): fc.Arbitrary<unknown> | undefined {
  return field.match?.length ? fc.constantFrom(...field.match) : undefined
}

function fieldValue(protocol: Protocol, field: Field, depth: number): fc.Arbitrary<unknown> {
  const value = valueOf(protocol, field.type, depth, field)
  if (!field.range || coreType(field.type).kind === 'list') return value
  const { min, max } = field.range
  return integer(protocol, coreType(field.type), min, max, field)
}

function valueOf(protocol: Protocol, type: Type, depth: number, field?: Field): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number': {
      const { low, high } = intBounds(protocol, type)
      const most = type.kind === 'uint' ? 255n : high
      return integer(protocol, type, low, most, field)
    }
    case 'float':
      return type.bits === 32 ? fc.float({ noNaN: true }) : fc.double({ noNaN: true })
    case 'bool':
    case 'bit':
      return fc.boolean()
    case 'bytes':
      return sizes(12).chain(n => fc.uint8Array({ minLength: n, maxLength: n }))
    case 'text':
      return text(type.encoding, sizes(8))
    case 'enum': {
      const definition = protocol.enums.get(type.name)!
      const known = fc.constantFrom(...definition.values.map(value => value.name))
      return definition.unknown === 'keep' ? fc.oneof(known, fc.constant(200)) : known
    }
    case 'bitset': {
      const definition = protocol.bitsets.get(type.name)!
      const names = fc.subarray(definition.bits.map(bit => bit.name))
      return fc.oneof(names, integer(protocol, type, 0n, definition.mask, undefined))
    }
    case 'region':
      return sized(protocol, type, depth, field)
    case 'delimited':
      return valueOf(protocol, type.of, depth, field).map(value => without(value, type.delimiter))
    case 'at':
      return valueOf(protocol, type.of, depth, field)
    case 'align':
      return fc.constant(undefined)
    case 'list': {
      const item = valueOf(protocol, type.of, depth + 1, field)
      const fixed =
        type.count.by === 'count' && type.count.count.is === 'int' ? Number(type.count.count.value) : undefined
      const most = depth > 3 ? 0 : 3
      return fc.array(item, { minLength: fixed ?? 0, maxLength: fixed ?? most })
    }
    case 'struct':
      return fc.constant(undefined).chain(() => record(protocol, protocol.structs.get(type.name)!.body, depth + 1))
    case 'union':
      return fc.constant(undefined).chain(() => union(protocol, protocol.unions.get(type.name)!, depth + 1))
  }
}

function sized(
  protocol: Protocol,
  type: Extract<Type, { kind: 'region' }>,
  depth: number,
  field?: Field,
): fc.Arbitrary<unknown> {
  const bits = fixedBits(protocol, type)
  if (bits === undefined) return valueOf(protocol, type.of, depth, field)
  const size = bits / 8
  if (type.of.kind === 'bytes') return fc.uint8Array({ minLength: size, maxLength: size })
  if (type.of.kind === 'text') return text('ascii', fc.constant(size))
  return valueOf(protocol, type.of, depth, field)
}

function union(protocol: Protocol, definition: Union, depth: number): fc.Arbitrary<unknown> {
  const variants = definition.variants.map(variant => {
    const fields = variant.value
      ? valueOf(protocol, variant.value, depth).map(value => ({ value }))
      : record(protocol, variant.body, depth)
    return fields.map(value => ({ is: variant.name, ...(variant.other ? { tag: 77 } : {}), ...value }))
  })
  return fc.oneof(...variants)
}

function integer(protocol: Protocol, type: Type, low: bigint, high: bigint, field?: Field): fc.Arbitrary<unknown> {
  const wide = !isNarrow(protocol, type)
  const top = wide && field?.number === 'number' ? 2n ** 53n - 1n : high
  const bottom = wide && field?.number === 'number' && low < 0n ? -(2n ** 53n) + 1n : low
  const any = fc.oneof(
    fc.bigInt({ min: bottom, max: top }),
    fc.constantFrom(bottom, top),
    fc.bigInt({
      min: bottom > 0n ? bottom : 0n,
      max: top < 9n ? top : bottom > 0n ? bottom + (top - bottom > 9n ? 9n : 0n) : 9n,
    }),
  )
  if (!wide) return any.map(Number)
  if (field?.number === 'number') return any.map(Number)
  if (field?.number !== 'pair') return any
  return any.map(value => ({ hi: Number((value >> 32n) & 0xffffffffn), lo: Number(value & 0xffffffffn) }))
}

function text(encoding: 'utf8' | 'ascii' | 'latin1', length: fc.Arbitrary<number>): fc.Arbitrary<string> {
  const letter =
    encoding === 'ascii'
      ? fc.integer({ min: 0x20, max: 0x7e })
      : encoding === 'latin1'
        ? fc.integer({ min: 0x20, max: 0xff })
        : fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.constantFrom(0xe9, 0x20ac, 0xfffd, 0x1f600))
  return length.chain(n =>
    fc.array(letter, { minLength: n, maxLength: n }).map(codes => String.fromCodePoint(...codes)),
  )
}

/** Lengths that formulas of real protocols ask for, among others. */
function sizes(most: number): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 0, max: most }), fc.constantFrom(4, 5, 16, 32))
}

function without(value: unknown, delimiter: Uint8Array): unknown {
  const first = delimiter[0]!
  if (typeof value === 'string') return value.replaceAll(String.fromCharCode(first), '_')
  return value instanceof Uint8Array ? value.map(byte => (byte === first ? 0x5f : byte)) : value
}
