// Writing one value at an offset: numbers through the slab's DataView, bytes and text copied, lists and structs by
// functions of their own. Returns where it ends.
import type { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, IntType, Type } from '../model/model.ts'
import { looksAhead } from '../model/walk.ts'
import { VARINTS } from './decode-extent.ts'
import { writeFunction } from './encode-nested.ts'
import { type EncodeScope, NotYet } from './encode-scope.ts'
import { fitting } from './encode-value.ts'
import { asBig, asNumber, type Code, emitExpr, wrap } from './expr.ts'
import { fixedBits, isNarrow, type VarintType } from './facts.ts'
import { quote } from './naming.ts'
import { aligned, byteText, endText, type Position, plus, position, sum } from './position.ts'

/** What writing needs to know of the field around. */
export interface Ink {
  readonly scope: EncodeScope
  readonly writer: CodeBlockWriter
  /** Quoted name in messages. */
  readonly label: string
  /** Name for variables. */
  readonly name: string
  /** Error that `else` names. */
  readonly error: string | undefined
  readonly number?: Field['number']
}

/** Where the content of a value stands, and where the value ends. */
export interface Written {
  readonly contentStart: Position
  readonly contentEnd: Position
  readonly end: Position
}

export function writeValue(ink: Ink, type: Type, value: Code, at: Position): Written {
  const { scope, writer } = ink
  const bits = fixedBits(scope.protocol, type)
  switch (type.kind) {
    case 'int':
      writeInt(ink, type, value, at)
      return whole(at, plus(at, bits!))
    case 'bool':
      writeInt(ink, BYTE, { ...value, text: `${wrap(value, 3)} ? 1 : 0`, form: 'number', prec: 3 }, at)
      return whole(at, plus(at, 8))
    case 'bit':
      writeInt(
        ink,
        { ...BYTE, bits: 1, little: type.little },
        { ...value, text: `${wrap(value, 3)} ? 1 : 0`, form: 'number', prec: 3 },
        at,
      )
      return whole(at, plus(at, 1))
    case 'float':
      writer.writeLine(
        `view.setFloat${type.bits}(${byteText(at)}, ${value.text}${type.little ? ', true' : ''})${note(ink, value)}`,
      )
      return whole(at, plus(at, type.bits))
    case 'enum':
      return writeValue(ink, scope.protocol.enums.get(type.name)!.type, value, at)
    case 'bitset':
      return writeValue(ink, scope.protocol.bitsets.get(type.name)!.type, value, at)
    case 'varint':
      return writeVarint(ink, type, value, at)
    case 'uint':
      return writeUint(ink, type, value, at)
    case 'bytes':
    case 'text':
    case 'number':
      return whole(at, content(ink, type, value, at))
    case 'region':
      return writeRegion(ink, type, value, aligned(at))
    case 'delimited':
      return writeDelimited(ink, type, value, aligned(at))
    case 'list':
    case 'struct':
    case 'union':
      return writeNested(ink, type, value, at)
    case 'align': {
      const end = scope.local(
        writer,
        `${ink.name}End`,
        `${scope.use('putZeros')}(into, ${byteText(at)}, (${type.to} - ((${byteText(at)} - ${frameStart(scope)}) % ${type.to})) % ${type.to})`,
      )
      return whole(at, position(end))
    }
    case 'at':
      return whole(at, at)
  }
}

/** The first byte of the frame: nested values are told. */
export function frameStart(scope: EncodeScope): string {
  return scope.nested ? 'origin' : 'at'
}

/** Names the field behind a line that writes nothing but a literal. */
function note(ink: Ink, value: Code): string {
  return /^-?[\dA-Z_]+n?$/.test(value.text) ? ` // ${ink.label.slice(1, -1)}` : ''
}

// --------------------------------------------------------------------------------------------------- numbers

/** An integer at any position; what shares a byte with others is put between their bits. */
export function writeInt(ink: Ink, type: IntType, value: Code, at: Position): void {
  const { scope, writer } = ink
  const { bits, signed } = type
  const p = byteText(at)
  if (at.loose || at.bits % 8 !== 0 || bits % 8 !== 0) {
    const where = at.loose ? sum(at.base, at.bits) : `(${p}) * 8${at.bits % 8 === 0 ? '' : ` + ${at.bits % 8}`}`
    const big = value.form === 'bigint' || bits > 53
    writer.writeLine(
      `${scope.use(`putBits${big ? 'Big' : ''}${type.little ? 'le' : ''}`)}(into, ${where}, ${bits}, ${big ? asBig(value).text : value.text})`,
    )
    return
  }
  if (scope.bytewise && bits <= 32 && bits !== 24) {
    writeBytes(ink, type, asNumber(value), at)
    return
  }
  const kind = signed ? 'Int' : 'Uint'
  const order = type.little && bits > 8 ? ', true' : ''
  switch (bits) {
    case 8:
      writer.writeLine(`view.set${kind}8(${p}, ${value.text})${note(ink, value)}`)
      return
    case 16:
    case 32:
      writer.writeLine(`view.set${kind}${bits}(${p}, ${asNumber(value).text}${order})${note(ink, value)}`)
      return
    case 64:
      writer.writeLine(`view.setBig${kind}64(${p}, ${asBig(value).text}${order})${note(ink, value)}`)
      return
    case 24:
    case 40:
    case 48:
      writer.writeLine(
        `${scope.use(`putInt${type.little ? 'le' : ''}`)}(into, ${p}, ${bits / 8}, ${asNumber(value).text})`,
      )
      return
    default:
      writer.writeLine(
        `${scope.use(`putBigInt${type.little ? 'le' : ''}`)}(into, ${p}, ${bits / 8}, ${asBig(value).text})`,
      )
  }
}

/** One store for each byte. A store behind the slab does nothing; that the frame fits is checked at its end. */
function writeBytes(ink: Ink, { bits, little }: IntType, value: Code, at: Position): void {
  const { scope, writer } = ink
  const count = bits / 8
  const isPlain = count === 1 || /^-?\w+$/.test(value.text)
  const text = isPlain ? value.text : scope.local(writer, `${ink.name}Number`, value.text)
  const stores = Array.from({ length: count }, (_, i) => {
    const shift = 8 * (little ? i : count - 1 - i)
    return `into[${byteText(plus(at, 8 * i))}] = ${text}${shift === 0 ? '' : ` >>> ${shift}`}`
  })
  writer.writeLine(`${stores.join('; ')}${note(ink, value)}`)
}

function writeVarint(ink: Ink, type: VarintType, value: Code, at: Position): Written {
  const { scope, writer } = ink
  const narrow = isNarrow(scope.protocol, type)
  const put = scope.use(`put${VARINTS[type.coding]}${narrow ? '' : 'Big'}`)
  const number = narrow ? asNumber(value) : asBig(value)
  const end = scope.local(
    writer,
    `${ink.name}End`,
    `${put}(into, ${byteText(at)}, ${number.text}, ${type.max}, ${ink.label})`,
  )
  return whole(at, position(end))
}

function writeUint(ink: Ink, type: Extract<Type, { kind: 'uint' }>, value: Code, at: Position): Written {
  const { scope, writer } = ink
  const size = asNumber(emitExpr(type.size, scope)).text
  const put = scope.use(type.little ? 'putUintle' : 'putUint')
  const end = scope.local(
    writer,
    `${ink.name}End`,
    `${put}(into, ${byteText(at)}, ${size}, ${asBig(value).text}, ${ink.label})`,
  )
  return whole(at, position(end))
}

// ----------------------------------------------------------------------------------------------- bytes, text

/** Bytes, text and numbers as text fill the region around them. */
function content(
  ink: Ink,
  type: Extract<Type, { kind: 'bytes' | 'text' | 'number' }>,
  value: Code,
  at: Position,
): Position {
  const { scope, writer } = ink
  const p = byteText(at)
  if (type.kind === 'bytes') {
    writer.writeLine(`into.set(${value.text}, ${p})${note(ink, value)}`)
    const literal = value.low === value.high ? value.low : undefined
    if (literal !== undefined) return plus(at, 8 * Number(literal))
    return position(scope.local(writer, `${ink.name}End`, `${p} + ${wrap(value, 18)}.length`))
  }
  if (type.kind === 'number') {
    const number = /^\d/.test(value.text) ? `(${value.text})` : wrap(value, 18)
    const text = `${number}.toString(${type.base})`
    return position(scope.local(writer, `${ink.name}End`, `${scope.use('putLatin1')}(into, ${p}, ${text})`))
  }
  const put = scope.use(type.encoding === 'utf8' ? 'putUtf8' : type.encoding === 'ascii' ? 'putAscii' : 'putLatin1In')
  const error = ink.error === undefined ? '' : `, ${quote(ink.error)}`
  return position(scope.local(writer, `${ink.name}End`, `${put}(into, ${p}, ${value.text}, ${ink.label}${error})`))
}

function writeRegion(ink: Ink, type: Extract<Type, { kind: 'region' }>, value: Code, at: Position): Written {
  const { scope, writer } = ink
  const { extent } = type
  if (extent.by === 'prefix') return writePrefixed(ink, type.of, extent.type, value, at)
  const fixed = fixedBits(scope.protocol, type)
  const written = writeValue(ink, type.of, value, at)
  if (extent.by === 'rest') return whole(at, written.end)
  const size = `${endText(written.end)} - ${paren(byteText(at))}`
  if (fixed !== undefined) {
    if (written.end.base !== at.base) {
      writer.writeLine(`${scope.use('exactly')}(${size}, ${fixed / 8}, ${ink.label})`)
    }
    return whole(at, plus(at, fixed))
  }
  if (!scope.isDerived(extent.size)) hold(ink, extent.size, size)
  return whole(at, written.end)
}

/** A size or count that is an expression must be what was written; where that needs what is not there yet, later. */
function hold(ink: Ink, expr: Expr, actual: string): void {
  const { scope, writer } = ink
  // What remains is known only when reading.
  if (looksAhead(expr)) return
  try {
    const wanted = asNumber(emitExpr(expr, scope))
    writer.writeLine(`${scope.use('exactly')}(${actual}, ${scope.safely(wanted, ink.label)}, ${ink.label})`)
  } catch (thrown) {
    if (!(thrown instanceof NotYet)) throw thrown
    scope.later(expr, actual)
  }
}

/** A size in front: left open until the content is written. */
function writePrefixed(ink: Ink, of: Type, prefix: Type, value: Code, at: Position): Written {
  const { scope } = ink
  const bits = fixedBits(scope.protocol, prefix)
  if (bits !== undefined) {
    const from = plus(at, bits)
    const written = writeValue(ink, of, value, from)
    const size: Code = { text: `${endText(written.end)} - ${paren(byteText(from))}`, form: 'number', prec: 12 }
    writeValue({ ...ink, name: `${ink.name}Size` }, prefix, fitting(scope, prefix, size, unquote(ink.label)), at)
    return { contentStart: from, contentEnd: written.end, end: written.end }
  }
  return moved(ink, prefix, at, from => {
    const { end } = writeValue(ink, of, value, from)
    return { end, amount: `${endText(end)} - ${paren(byteText(from))}` }
  })
}

/** A varint in front of what it measures: the content is written behind the shortest one, and moved if that is too short. */
export function moved(
  ink: Ink,
  prefix: Type,
  at: Position,
  write: (from: Position) => { end: Position; amount: string },
): Written {
  const { scope, writer } = ink
  if (prefix.kind !== 'varint') throw new Error('a prefix is an integer or a varint')
  const from = plus(at, 8)
  const { end, amount } = write(from)
  const narrow = isNarrow(scope.protocol, prefix)
  const put = scope.use(`put${VARINTS[prefix.coding]}${narrow ? '' : 'Big'}`)
  const count = scope.local(writer, `${ink.name}Size`, amount)
  const behind = scope.local(
    writer,
    `${ink.name}Behind`,
    `${scope.use('putPrefix')}(${put}, into, ${byteText(at)}, ${endText(end)}, ${narrow ? count : `BigInt(${count})`}, ${prefix.max}, ${ink.label})`,
  )
  const start = scope.local(writer, `${ink.name}At`, `${behind} - (${endText(end)} - ${paren(byteText(from))})`)
  return { contentStart: position(start), contentEnd: position(behind), end: position(behind) }
}

function writeDelimited(ink: Ink, type: Extract<Type, { kind: 'delimited' }>, value: Code, at: Position): Written {
  const { scope, writer } = ink
  const { end } = writeValue(ink, type.of, value, at)
  const bytes = scope.constant(
    `${ink.name}_end`,
    `Uint8Array.of(${[...type.delimiter].map(byte => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')})`,
  )
  const error = ink.error === undefined ? '' : `, ${quote(ink.error)}`
  writer.writeLine(
    `${scope.use('putDelimiter')}(into, ${byteText(at)}, ${endText(end)}, ${bytes}, ${ink.label}${error})`,
  )
  return { contentStart: at, contentEnd: end, end: plus(aligned(end), 8 * type.delimiter.length) }
}

// ---------------------------------------------------------------------------------------------------- nested

function writeNested(ink: Ink, type: Type, value: Code, at: Position): Written {
  const { scope, writer } = ink
  if (type.kind === 'list' && type.count.by === 'prefix') {
    const bits = fixedBits(scope.protocol, type.count.type)
    const bare: Type = { ...type, count: { by: 'rest', tail: 0 } }
    const amount = `${wrap(value, 18)}.length`
    if (bits === undefined)
      return moved(ink, type.count.type, at, from => ({ end: writeNested(ink, bare, value, from).end, amount }))
    const count: Code = { text: amount, form: 'number', prec: 18 }
    writeValue(
      { ...ink, name: `${ink.name}Count` },
      type.count.type,
      fitting(scope, type.count.type, count, unquote(ink.label)),
      at,
    )
    const from = plus(at, bits)
    return { ...writeNested(ink, bare, value, from), contentStart: from }
  }
  if (type.kind === 'list' && type.count.by === 'count' && !scope.isDerived(type.count.count)) {
    hold(ink, type.count.count, `${wrap(value, 18)}.length`)
  }
  const call = writeFunction(scope.unit, type, ink.number).call(scope, value.text, byteText(at), ink)
  const bits = fixedBits(scope.protocol, type)
  if (bits !== undefined) {
    writer.writeLine(call)
    return whole(at, plus(at, bits))
  }
  return whole(at, position(scope.local(writer, `${ink.name}End`, call)))
}

function whole(start: Position, end: Position): Written {
  return { contentStart: start, contentEnd: end, end }
}

function unquote(label: string): string {
  return label.slice(1, -1)
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

const BYTE: IntType = { kind: 'int', signed: false, bits: 8, little: false }
