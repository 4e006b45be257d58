// The second pass: is what was laid out also right (docs/adr/0002-decoding.md, "Validation"). Per field: content, `=`,
// `range`, `max`.
import { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Type } from '../model/model.ts'
import { itemsStart } from './decode-items.ts'
import { typeNeedsCheck } from './decode-need.ts'
import { plainText, rawCode } from './decode-read.ts'
import type { DecodeScope, Else, Slot } from './decode-scope.ts'
import { checkFunction, readFunction } from './decode-values.ts'
import { asBig, asNumber, type Code, emitEquals, emitExpr, present, wrap } from './expr.ts'
import { coreType, fixedBits, intBounds, isNarrow, needsCheck } from './facts.ts'
import { quote } from './naming.ts'
import { byteText, endText, type Position, plus } from './position.ts'
import { type Label, pathOf, refusal, tried } from './refusal.ts'
import type { Unit } from './unit.ts'

type Place = Pick<Slot, 'start' | 'end' | 'contentStart' | 'contentEnd'>

/** Validation of one field of a record. */
export function checkField(scope: DecodeScope, writer: CodeBlockWriter, field: Field, error: Else): void {
  const slot = scope.slot(field)
  const label: Label = {
    name: field.name,
    path: pathOf(scope, field.name),
    error: { named: error.named, soft: error.soft ?? field.error },
  }
  const present = scope.when(slot.present)
  const work = (inner: CodeBlockWriter): void => {
    scope.current = field
    scope.here = { at: slot.start, end: 'end' }
    if (field.from) checkComputed(scope, inner, field, slot, label)
    else checkContent(scope, inner, field.type, slot, label)
    checkNumber(scope, inner, field, slot, label)
    checkDuplicates(scope, inner, field, slot, label)
    if (field.value) checkValue(scope, inner, field, field.value, slot, label)
    if (field.range) checkRange(scope, inner, field, slot, label)
    if (field.max) checkMax(scope, inner, field, field.max, slot, label)
  }
  writeIf(writer, present, inner => scope.assume(present, () => work(inner)))
}

/** `if (test) { .. }`, without `if` where there is no test, and nothing where nothing is written inside. */
export function writeIf(
  writer: CodeBlockWriter,
  test: string | undefined,
  inside: (writer: CodeBlockWriter) => void,
): void {
  if (test === undefined) return inside(writer)
  const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
  inside(inner)
  const text = inner.toString()
  if (text.trim() === '') return
  writer.write(`if (${test}) `).block(() => writer.write(text))
}

/** On a stream the bytes of a value that is about to be checked may not be there yet. */
export function wantAll(scope: DecodeScope, writer: CodeBlockWriter, end: Position): void {
  if (scope.open) writer.writeLine(`if (${endText(end)} > input.have) input.want(${endText(end)})`)
}

/** Content of a laid out value: known, well-formed, and filling its region. */
export function checkContent(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  type: Type,
  place: Place,
  label: Label,
): void {
  const { unit, protocol } = scope
  const fail = (code: string, at: string): string => refusal(code, at, label, nameOf(label.error))
  switch (type.kind) {
    case 'bool': {
      const code = rawCode(scope, { kind: 'int', signed: false, bits: 8, little: false }, place)
      writer.writeLine(`if (${wrap(code, 10)} > 1) throw ${fail('BadBool', byteText(place.start))}`)
      return
    }
    case 'enum': {
      if (!needsCheck(protocol, type)) return
      const raw = rawCode(scope, protocol.enums.get(type.name)!.type, place)
      const definition = protocol.enums.get(type.name)!
      writer.writeLine(
        `if (${unknownTest(unit, type.name, raw)}) throw ${fail(definition.unknown, byteText(place.start))}`,
      )
      return
    }
    case 'bitset': {
      if (!needsCheck(protocol, type)) return
      const definition = protocol.bitsets.get(type.name)!
      const raw = rawCode(scope, definition.type, place)
      const other = ~definition.mask & ((1n << BigInt(definition.type.bits)) - 1n)
      if (other === 0n) return
      const test =
        raw.form === 'bigint' || definition.type.bits > 32
          ? `(${asBig(raw).text} & 0x${other.toString(16)}n) !== 0n`
          : `(${wrap(raw, 8)} & 0x${other.toString(16)}) !== 0`
      writer.writeLine(`if (${test}) throw ${fail(definition.undefined, byteText(place.start))}`)
      return
    }
    case 'text':
    case 'number':
      return checkFill(scope, writer, type, place, byteText(place.start), label)
    case 'region':
    case 'delimited': {
      if (type.of.kind === 'bytes') return
      const inner = { ...place, start: place.contentStart, end: place.contentEnd }
      if (type.of.kind === 'text' || type.of.kind === 'number') {
        return checkFill(scope, writer, type.of, inner, byteText(place.start), label)
      }
      return checkRegion(scope, writer, type.of, place, label)
    }
    case 'list':
      return checkListContent(scope, writer, type, place, label)
    case 'struct':
      if (fixedBits(protocol, type) === undefined || !typeNeedsCheck(unit, type)) return
      tried(writer, label.error, false, () => {
        writer.writeLine(checkFunction(unit, type).call(scope, byteText(place.start), endText(place.end), label.path))
      })
      return
    case 'at':
      return checkReference(scope, writer, type, place, label)
    default:
  }
}

/** The name that replaces an error of content: running out of bytes cannot happen any more. */
export function nameOf(error: Else): string | undefined {
  return error.named ?? error.soft
}

function checkFill(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  type: Extract<Type, { kind: 'text' | 'number' }>,
  place: Place,
  owner: string,
  label: Label,
): void {
  const span = `b, ${byteText(place.contentStart)}, ${endText(place.contentEnd)}`
  const fail = (code: string): string => refusal(code, owner, label, nameOf(label.error))
  if (type.kind === 'text') {
    if (type.encoding === 'latin1') return
    const ascii = type.encoding === 'utf8' ? scope.ascii.get(label.name) : undefined
    if (ascii) writer.writeLine(`${ascii} = ${scope.use('isAscii')}(${span})`)
    const test = scope.use(ascii ? 'isWideUtf8' : type.encoding === 'utf8' ? 'isUtf8' : 'isAscii')
    writer.writeLine(`if (${ascii ? `!${ascii} && ` : ''}!${test}(${span})) throw ${fail('BadText')}`)
    return
  }
  const { low, high } = intBounds(scope.protocol, type)
  const read =
    type.base === 10
      ? `readDecimal(${span}, ${type.of.signed}, ${type.lenient})`
      : `readHexadecimal(${span}, ${type.lenient})`
  const call = read.replace(/^\w+/, name => scope.use(name))
  const value = scope.local(writer, `${label.name === 'value' ? 'number' : label.name}_number`, call)
  writer.writeLine(`if (${value} === undefined) throw ${fail('BadNumber')}`)
  writer.writeLine(`if (${value} < ${low}n || ${value} > ${high}n) throw ${fail('OutOfRange')}`)
}

/** Content in a region is decoded where the region stands, and must fill it. */
function checkRegion(scope: DecodeScope, writer: CodeBlockWriter, of: Type, place: Place, label: Label): void {
  const [from, to] = [byteText(place.contentStart), endText(place.contentEnd)]
  tried(writer, label.error, false, () => {
    writer.writeLine('input.nesting++')
    fits(scope, writer, of, from, to, label)
    const call = checkFunction(scope.unit, of).call(scope, from, to, label.path)
    // A list by rest always ends where its region does.
    const filled = of.kind === 'list' && of.count.by === 'rest'
    writer.writeLine(filled ? call : `input.fills(${call}, ${to}, ${label.path})`)
    writer.writeLine('input.nesting--')
  })
}

/** What is stepped over as a whole must be there as a whole. */
function fits(scope: DecodeScope, writer: CodeBlockWriter, of: Type, from: string, to: string, label: Label): void {
  const bits = fixedBits(scope.protocol, of)
  if (bits === undefined || bits === 0) return
  const size = Math.ceil(bits / 8)
  writer.writeLine(`if (${from} + ${size} > ${to}) input.over(${from}, ${size}, ${label.path})`)
}

function checkListContent(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  type: Extract<Type, { kind: 'list' }>,
  place: Place,
  label: Label,
): void {
  const { unit, protocol } = scope
  const [from, to] = [byteText(place.contentStart), endText(place.contentEnd)]
  if (type.count.by === 'rest') {
    tried(writer, label.error, false, () => {
      writer.writeLine('input.nesting++')
      writer.writeLine(checkFunction(unit, type).call(scope, from, to, label.path))
      writer.writeLine('input.nesting--')
    })
    return
  }
  if (fixedBits(protocol, type) === undefined || !typeNeedsCheck(unit, type.of)) return
  tried(writer, label.error, false, () => writer.writeLine(checkFunction(unit, type).call(scope, from, to, label.path)))
}

function checkReference(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  type: Extract<Type, { kind: 'at' }>,
  place: Place,
  label: Label,
): void {
  const here = byteText(place.start)
  tried(writer, label.error, false, () => {
    const to = scope.local(writer, `${label.name}_offset`, scope.referenceText(type.offset))
    const back = scope.local(writer, `${label.name}_hop`, `input.refer(${to}, ${here}, ${label.path})`)
    fits(scope, writer, type.of, to, here, label)
    writer.writeLine(checkFunction(scope.unit, type.of).call(scope, to, here, label.path))
    writer.writeLine(`input.referred(${back})`)
  })
}

function checkComputed(scope: DecodeScope, writer: CodeBlockWriter, field: Field, slot: Slot, label: Label): void {
  const code = emitExpr(field.from!, scope)
  if (!code.fails) return
  const name = nameOf(label.error)
  writer.writeLine(
    `input.evaluate(${byteText(slot.start)}, ${label.path}, () => ${code.text}${name ? `, ${quote(name)}` : ''})`,
  )
}

/** A 64-bit number that is given as a JavaScript number must be exact. */
function checkNumber(scope: DecodeScope, writer: CodeBlockWriter, field: Field, slot: Slot, label: Label): void {
  if (field.number !== 'number') return
  const type = coreType(field.type)
  if (isNarrow(scope.protocol, type)) return
  const fail = refusal('OutOfRange', byteText(slot.start), label, nameOf(label.error))
  if (type.kind === 'list') {
    writer.writeLine(
      `if (!${scope.use('allSafe')}(${plainText(scope, field.type, slot, 'false', field.number)})) throw ${fail}`,
    )
    return
  }
  writer.writeLine(
    `if (!Number.isSafeInteger(${plainText(scope, field.type, slot, 'false', field.number)})) throw ${fail}`,
  )
}

function checkDuplicates(scope: DecodeScope, writer: CodeBlockWriter, field: Field, slot: Slot, label: Label): void {
  if (field.map?.duplicates !== 'reject') return
  const list = scope.valueOf(field)
  const second = scope.local(
    writer,
    `${field.name}_second`,
    `${scope.use('repeatedKey')}(${list.text}, ${quote(field.map.key)}${field.map.anyCase ? ', true' : ''})`,
  )
  const at = itemOffset(scope, field.type, slot, second)
  writer.writeLine(`if (${second} >= 0) throw ${refusal('BadValue', at, label, nameOf(label.error))}`)
}

function checkValue(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  field: Field,
  value: Expr,
  slot: Slot,
  label: Label,
): void {
  const fail = refusal('BadValue', byteText(slot.start), label, nameOf(label.error))
  const literal = literalBytes(value)
  if (literal && isBytesOf(scope.protocol, field.type, literal.length) && literal.length <= 8) {
    const tests = [...literal].map(
      (byte, i) => `${byteOf(slot.contentStart, i)} !== 0x${byte.toString(16).padStart(2, '0')}`,
    )
    if (tests.length > 0) writer.writeLine(`if (${tests.join(' || ')}) throw ${fail}`)
    return
  }
  const code = differs(scope, field, value)
  writer.writeLine(`if (${safely(scope, code, slot.start, label)}) throw ${fail}`)
}

/** Code that is true when the field is not equal to the expression. */
export function differs(scope: DecodeScope, field: Field, value: Expr): Code {
  const own = { ...scope.valueOf(field), absent: false }
  const wanted = emitExpr(value, scope)
  return emitEquals(own, own.form === 'bytes' ? present(wanted, scope) : { ...wanted, absent: false }, true, scope)
}

function checkRange(scope: DecodeScope, writer: CodeBlockWriter, field: Field, slot: Slot, label: Label): void {
  const { min, max } = field.range!
  const fail = refusal('OutOfRange', byteText(slot.start), label, nameOf(label.error))
  if (coreType(field.type).kind === 'list') {
    const list = scope.valueOf(field)
    writer.writeLine(`if (!${scope.use('allWithin')}(${list.text}, ${min}n, ${max}n)) throw ${fail}`)
    return
  }
  const code = field.from ? scope.valueOf(field) : rawCode(scope, field.type, slot)
  const tests = outside(code, min, max)
  if (tests.length > 0) writer.writeLine(`if (${tests.join(' || ')}) throw ${fail}`)
}

function outside(code: Code, min: bigint, max: bigint): readonly string[] {
  const literal = (value: bigint): string => (code.form === 'bigint' ? `${value}n` : String(value))
  const value = wrap(code, 10)
  const low = code.low === undefined || code.low < min ? [`${value} < ${literal(min)}`] : []
  const high = code.high === undefined || code.high > max ? [`${value} > ${literal(max)}`] : []
  return [...low, ...high]
}

function checkMax(
  scope: DecodeScope,
  writer: CodeBlockWriter,
  field: Field,
  max: Expr,
  slot: Slot,
  label: Label,
): void {
  const limit = asNumber(emitExpr(max, scope))
  const type = coreType(field.type)
  const list = type.kind === 'list'
  const fail = refusal(list ? 'TooMany' : 'TooLarge', byteText(slot.start), label, nameOf(label.error))
  const amount = list
    ? `${scope.valueOf(field).text}.length`
    : `${endText(slot.contentEnd)} - ${paren(byteText(slot.contentStart))}`
  const code: Code = { text: `${amount} > ${wrap(limit, 10)}`, form: 'boolean', prec: 10, fails: !!limit.fails }
  writer.writeLine(`if (${safely(scope, code, slot.start, label)}) throw ${fail}`)
}

/** The text of an expression, or a call that turns its failure into CheckFailed. */
export function safely(scope: DecodeScope, code: Code, at: Position, label: Label): string {
  if (!code.fails && !code.absent) return code.text
  const name = nameOf(label.error)
  const text = code.absent ? `${scope.use('there')}(${code.text})` : code.text
  return `input.evaluate(${byteText(at)}, ${label.path}, () => ${text}${name ? `, ${quote(name)}` : ''})`
}

/** Code that is true for numbers that the enum does not know. */
function unknownTest(unit: Unit, name: string, raw: Code): string {
  const definition = unit.protocol.enums.get(name)!
  const dense = definition.values.every((value, i) => value.value === BigInt(i))
  if (dense && raw.form === 'number')
    return `${wrap(raw, 10)} > ${definition.values.length - 1}${(raw.low ?? 0n) < 0n ? ` || ${wrap(raw, 10)} < 0` : ''}`
  if (definition.values.length <= 3) {
    return definition.values
      .map(value => `${wrap(raw, 9)} !== ${raw.form === 'bigint' ? `${value.value}n` : value.value}`)
      .join(' && ')
  }
  const known = unit.function(`is ${name}`, `is${name}`, (writer, own) => {
    writer.write(`function ${own}(value: ${raw.form === 'bigint' ? 'bigint' : 'number'}): boolean`).block(() => {
      writer.write('switch (value)').block(() => {
        for (const value of definition.values)
          writer.writeLine(`case ${raw.form === 'bigint' ? `${value.value}n` : value.value}:`)
        writer.indent(() => writer.writeLine('return true'))
        writer.writeLine('default:').indent(() => writer.writeLine('return false'))
      })
    })
    writer.blankLine()
  })
  return `!${known}(${raw.text})`
}

/** Where the item with this index stands in a list. */
function itemOffset(scope: DecodeScope, type: Type, slot: Slot, index: string): string {
  const [from, to] = [byteText(itemsStart(scope, type, slot)), endText(slot.contentEnd)]
  const list = coreType(type)
  if (list.kind !== 'list') return from
  return `${scope.use('itemAt')}(${from}, ${to}, ${index}, ${skipper(scope, list.of)})`
}

/** A function that steps over one item. */
function skipper(scope: DecodeScope, item: Type): string {
  return `(at, end) => (${readFunction(scope.unit, item).call(scope, 'at', 'end', 'false')}, input.at)`
}

function literalBytes(expr: Expr): Uint8Array | undefined {
  if (expr.is === 'bytes') return expr.value
  return expr.is === 'text' ? new TextEncoder().encode(expr.value) : undefined
}

/** Bytes whose size is fixed and the same as that of the literal. */
function isBytesOf(protocol: Unit['protocol'], type: Type, size: number): boolean {
  return (
    type.kind === 'region' &&
    (type.of.kind === 'bytes' || type.of.kind === 'text') &&
    fixedBits(protocol, type) === size * 8
  )
}

function byteOf(at: Position, offset: number): string {
  return `b[${byteText(plus(at, 8 * offset))}]`
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}
