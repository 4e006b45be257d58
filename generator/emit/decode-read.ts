// Values as code that reads them. `rawCode`: as expressions see them, integers and enums as numbers, nothing validated.
// `plainText`: as applications get them (docs/adr/0002-decoding.md, "Plain values").
import type { Field, Type } from '../model/model.ts'
import type { DecodeScope, Slot } from './decode-scope.ts'
import { readFunction } from './decode-values.ts'
import { ATOM, type Code, intCode, plainCode, wrap } from './expr.ts'
import { coreType, fixedBits, intBounds, isNarrow, type VarintType } from './facts.ts'
import { byteText, endText, type Position, plus, readInt } from './position.ts'
import type { Unit } from './unit.ts'

type Place = Pick<Slot, 'start' | 'end' | 'contentStart' | 'contentEnd' | 'ascii'>

/** The value of a laid out type, as expressions see it. */
export function rawCode(scope: DecodeScope, type: Type, place: Place): Code {
  const { unit, protocol } = scope
  switch (type.kind) {
    case 'int':
      return readInt(unit, type, place.contentStart, intBounds(protocol, type))
    case 'bool':
      return { text: `${byteOf(place.contentStart, unit)} !== 0`, form: 'boolean', prec: 9 }
    case 'bit': {
      const one = readInt(unit, { kind: 'int', signed: false, bits: 1, little: type.little }, place.contentStart, BIT)
      return { text: `${wrap(one, 9)} !== 0`, form: 'boolean', prec: 9 }
    }
    case 'float':
      return { text: floatText(unit, type, place.contentStart), form: 'float', prec: ATOM }
    case 'enum':
      return rawCode(scope, protocol.enums.get(type.name)!.type, place)
    case 'bitset':
      return bitsetCode(scope, type.name, place)
    case 'varint':
      return varintCode(unit, type, place)
    case 'uint': {
      const size = `${byteText(place.contentEnd)} - ${paren(byteText(place.contentStart))}`
      const read = unit.use(type.little ? 'readUintle' : 'readUint')
      const text = `${read}(b, ${byteText(place.contentStart)}, ${size})`
      return { text, form: 'bigint', prec: ATOM, ...intBounds(protocol, type) }
    }
    case 'bytes':
      return { text: `b.subarray(${from(place)}, ${to(place)})`, form: 'bytes', prec: ATOM }
    case 'text':
      return { text: textOf(unit, type.encoding, place), form: 'string', prec: ATOM }
    case 'number':
      return numberCode(unit, protocol, type, place)
    case 'region':
    case 'delimited':
      if (isFlat(type.of))
        return rawCode(scope, type.of, { ...place, start: place.contentStart, end: place.contentEnd })
      return nested(scope, type.of, place, 'false')
    default:
      return nested(scope, type, { ...place, contentStart: place.start }, 'false')
  }
}

/** The plain value of a field, as an expression. `copy`: code that tells whether bytes are copied. */
export function plainText(scope: DecodeScope, type: Type, slot: Place, copy: string, number?: Field['number']): string {
  const { unit, protocol } = scope
  switch (type.kind) {
    case 'int':
    case 'uint':
    case 'varint':
    case 'number':
      return integerText(scope, type, slot, number)
    case 'enum': {
      const raw = rawCode(scope, type, slot)
      return `${nameFunction(unit, type.name)}(${raw.text})`
    }
    case 'bytes':
      if (copy === 'false') return `b.subarray(${from(slot)}, ${to(slot)})`
      if (copy === 'true') return `${unit.use('copyOf')}(b, ${from(slot)}, ${to(slot)})`
      return `${unit.use('bytesOf')}(b, ${from(slot)}, ${to(slot)}, ${copy})`
    case 'region':
    case 'delimited':
      if (isFlat(type.of)) {
        return plainText(scope, type.of, { ...slot, start: slot.contentStart, end: slot.contentEnd }, copy, number)
      }
      return nested(scope, type.of, slot, copy, number).text
    case 'align':
      return 'undefined'
    case 'list':
    case 'struct':
    case 'union':
    case 'at':
      return nested(scope, type, { ...slot, contentStart: slot.start }, copy, number).text
    default:
      return protocol ? rawCode(scope, type, slot).text : ''
  }
}

/** A value at an offset whose end is not known yet: for `next(T)`. */
export function valueCode(scope: DecodeScope, type: Type, at: Position, end: string): Code {
  const bits = fixedBits(scope.protocol, type)
  const { unit } = scope
  if (bits === undefined) throw new Error('next() looks at a type of fixed size')
  const behind = plus(at, bits)
  const place = { start: at, end: behind, contentStart: at, contentEnd: behind }
  const code = rawCode(scope, type, place)
  if (!scope.checked) return code
  const here = unit.use('ahead')
  return {
    ...code,
    text: `${here}(input, ${endText(behind)}, ${end}, ${byteText(at)}, ${scope.frame ? "''" : 'path'}) && ${wrap(code, 5)}`,
    prec: 5,
  }
}

/** `Kind` number to name. */
export function nameFunction(unit: Unit, name: string): string {
  const definition = unit.protocol.enums.get(name)!
  const narrow = isNarrow(unit.protocol, definition.type)
  return unit.function(`name ${name}`, `nameOf${name}`, (writer, own) => {
    unit.shape(name)
    const number = narrow ? 'number' : 'bigint'
    const dense = definition.values.every((value, i) => value.value === BigInt(i))
    if (dense && narrow) {
      const names = unit.constant(
        `${name}_names`,
        `[${definition.values.map(value => `'${value.name}'`).join(', ')}] as const`,
      )
      writer.write(`function ${own}(value: ${number}): ${name}`).block(() => {
        writer.writeLine(`return ${names}[value]${definition.unknown === 'keep' ? ' ?? value' : '!'}`)
      })
      return
    }
    writer.write(`function ${own}(value: ${number}): ${name}`).block(() => {
      writer.write('switch (value)').block(() => {
        for (const value of definition.values) {
          writer
            .writeLine(`case ${narrow ? value.value : `${value.value}n`}:`)
            .indent(() => writer.writeLine(`return '${value.name}'`))
        }
        writer.writeLine('default:').indent(() => {
          writer.writeLine(definition.unknown === 'keep' ? 'return value' : `return value as unknown as ${name}`)
        })
      })
    })
  })
}

/** Types whose value is read from offsets alone. */
export function isFlat(type: Type): boolean {
  return !['list', 'struct', 'union', 'at', 'region', 'delimited', 'varint', 'enum'].includes(type.kind)
}

function nested(scope: DecodeScope, type: Type, place: Place, copy: string, number?: Field['number']): Code {
  // Where the end is known, no condition needs to find it again.
  const found = type.kind === 'list' && (type.count.by === 'until' || type.count.by === 'while')
  const read = readFunction(scope.unit, found ? { ...type, count: { by: 'rest', tail: 0 } } : type, number)
  const text = read.call(scope, byteText(place.contentStart), endText(place.contentEnd), copy)
  return plainCode(scope.protocol, text, coreType(type), number)
}

function integerText(scope: DecodeScope, type: Type, slot: Place, number: Field['number']): string {
  const { unit, protocol } = scope
  if (isNarrow(protocol, type) || number === undefined || number === 'bigint') return rawCode(scope, type, slot).text
  if (type.kind === 'int' && type.bits === 64 && !slot.contentStart.loose && slot.contentStart.bits % 8 === 0) {
    const suffix = `${type.signed ? 'I' : 'U'}64${type.little ? 'le' : ''}${number === 'pair' ? 'Pair' : 'Number'}`
    return `${unit.use(`read${suffix}`)}(b, ${byteText(slot.contentStart)})`
  }
  const raw = rawCode(scope, type, slot)
  return number === 'pair' ? `${unit.use('pairOf')}(${raw.text})` : `Number(${raw.text})`
}

function bitsetCode(scope: DecodeScope, name: string, place: Place): Code {
  const { protocol, unit } = scope
  const definition = protocol.bitsets.get(name)!
  const raw = rawCode(scope, definition.type, place)
  const full = definition.mask === (1n << BigInt(definition.type.bits)) - 1n
  if (full || (definition.undefined !== 'clear' && definition.undefined !== 'empty')) return raw
  const mask = raw.form === 'bigint' ? `0x${definition.mask.toString(16)}n` : `0x${definition.mask.toString(16)}`
  if (definition.undefined === 'empty') {
    const call = unit.use(raw.form === 'bigint' ? 'knownBitsBig' : 'knownBits')
    return { ...raw, text: `${call}(${raw.text}, ${mask})`, prec: ATOM }
  }
  if (raw.form === 'bigint' || definition.type.bits < 32) return { ...raw, text: `${wrap(raw, 7)} & ${mask}`, prec: 8 }
  return { ...raw, text: `Number(BigInt(${raw.text}) & ${mask}n)`, prec: ATOM }
}

function varintCode(unit: Unit, type: VarintType, place: Place): Code {
  const narrow = isNarrow(unit.protocol, type)
  const name = { leb128: 'leb128At', sleb128: 'sleb128At', zigzag: 'zigzagAt', vlq: 'vlqAt', quic: 'quicAt' }[
    type.coding
  ]
  const text = `${unit.use(`${name}${narrow ? '' : 'Big'}`)}(b, ${byteText(place.contentStart)})`
  return { text, form: narrow ? 'number' : 'bigint', prec: ATOM, ...intBounds(unit.protocol, type) }
}

function numberCode(
  unit: Unit,
  protocol: Unit['protocol'],
  type: Extract<Type, { kind: 'number' }>,
  place: Place,
): Code {
  const narrow = isNarrow(protocol, type)
  const bounds = intBounds(protocol, type)
  const span = `${from(place)}, ${to(place)}`
  const read = type.base === 10 ? `decimalAt(b, ${span})` : `hexadecimalAt(b, ${span})`
  const call = read.replace(/^\w+/, name => unit.use(name))
  return { text: narrow ? `Number(${call})` : call, form: narrow ? 'number' : 'bigint', prec: ATOM, ...bounds }
}

function textOf(unit: Unit, encoding: 'utf8' | 'ascii' | 'latin1', place: Place): string {
  if (place.ascii) return `${unit.use('utf8At')}(b, ${from(place)}, ${to(place)}, ${place.ascii})`
  return `${unit.use(encoding === 'utf8' ? 'decodeUtf8' : 'readLatin1')}(b, ${from(place)}, ${to(place)})`
}

function floatText(unit: Unit, type: Extract<Type, { kind: 'float' }>, at: Position): string {
  const word = { kind: 'int', signed: true, bits: 32, little: type.little } as const
  const bounds = { low: -(1n << 31n), high: (1n << 31n) - 1n }
  // Bytes are put together here, not in a function of the runtime: it would be called for each number.
  const [first, second] = [at, plus(at, 32)].map(place => readInt(unit, word, place, bounds).text)
  if (type.bits === 32) return `${unit.use('floatOf')}(${first})`
  const [high, low] = type.little ? [second, first] : [first, second]
  return `${unit.use('doubleOf')}(${high}, ${low})`
}

function byteOf(at: Position, unit: Unit): string {
  const code = readInt(unit, { kind: 'int', signed: false, bits: 8, little: false }, at, { low: 0n, high: 255n })
  return wrap(code, 9)
}

function from(place: Place): string {
  return byteText(place.contentStart)
}

function to(place: Place): string {
  return endText(place.contentEnd)
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

const BIT = { low: 0n, high: 1n }
export const ZERO: Code = intCode(0n)
