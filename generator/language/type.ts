// Parser of type expressions (docs/language, "Fields and types").

import type { CountSyntax, ExtentSyntax, Span, TypeSyntax, Varint } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { expression, postfix } from './expression.ts'
import { didYouMean, SyntaxProblem } from './problem.ts'

/** A type with everything behind it: `Entry* in(len)`, `string until(0x00)`. */
export function type(at: Cursor): TypeSyntax {
  const start = at.token.start
  let of = core(at)
  for (let layers = 0; layers < MOST_LAYERS; layers++) {
    const next = behind(at, of, start)
    if (!next) return of
    of = next
  }
  throw new SyntaxProblem('this is nested too deeply', { start, end: at.end }, 'give parts of it names: structs')
}

function behind(at: Cursor, of: TypeSyntax, start: number): TypeSyntax | undefined {
  if (at.eat('*')) return { is: 'list', of, count: count(at), ...span(at, start) }
  if (at.is('[')) {
    at.fail('expected the end of the type', 'a list is written "T*4", "T*n" or "T*"; fixed bytes are "bytes(4)"')
  }
  if (at.eat('in')) return { is: 'region', of, extent: inParentheses(at, () => extent(at)), ...span(at, start) }
  if (at.eat('at')) return { is: 'at', of, offset: inParentheses(at, () => expression(at)), ...span(at, start) }
  if (at.eat('sealed')) {
    return { is: 'sealed', of, seal: inParentheses(at, () => at.name('the name of a seal')), ...span(at, start) }
  }
  if (at.is('until')) return until(at, of, start)
  if (!at.is('while')) return undefined
  const word = at.take()
  const test = inParentheses(at, () => expression(at))
  if (of.is === 'list' && of.count.by === 'rest') return { ...of, count: { by: 'while', test }, ...span(at, start) }
  throw new SyntaxProblem('"while" repeats an item', word, 'write "T* while(condition)"')
}

/** `T until("\n")` fills a region; `T* until(item.last)` ends a list. A literal makes it the first. */
function until(at: Cursor, of: TypeSyntax, start: number): TypeSyntax {
  at.take()
  const end = inParentheses(at, () => expression(at))
  const literal = end.is === 'text' || end.is === 'bytes' || end.is === 'int'
  if (!literal && of.is === 'list' && of.count.by === 'rest') {
    return { ...of, count: { by: 'until', test: end }, ...span(at, start) }
  }
  return { is: 'delimited', of, delimiter: end, ...span(at, start) }
}

function count(at: Cursor): CountSyntax {
  const token = at.token
  if (token.kind === 'int') {
    at.take()
    return { by: 'count', count: { is: 'int', value: token.value, start: token.start, end: token.end } }
  }
  if (at.is('(')) return { by: 'count', count: inParentheses(at, () => expression(at)) }
  if (isLengthType(at)) return { by: 'prefix', type: core(at) }
  if (token.kind === 'name' && !FOLLOWS_A_TYPE.has(token.value)) return { by: 'count', count: postfix(at) }
  return { by: 'rest' }
}

function extent(at: Cursor): ExtentSyntax {
  if (at.is('..') && at.peek(1).value === ')') {
    at.take()
    return { by: 'rest' }
  }
  if (isLengthType(at)) return { by: 'prefix', type: core(at) }
  return { by: 'size', size: expression(at) }
}

/** Whether a type stands here and not a value: `(u16)` is a prefix, `(len)` a field. */
function isLengthType(at: Cursor): boolean {
  if (at.token.kind !== 'name') return false
  const name = at.token.value
  if (name === 'uint' || name === 'uintle') return at.peek(1).value === '('
  return INTEGER.test(name) || VARINTS.has(name)
}

function core(at: Cursor): TypeSyntax {
  const start = at.token.start
  if (at.eat('(')) {
    const inner = at.deeper(() => type(at))
    at.expect(')')
    return { ...inner, ...span(at, start) }
  }
  if (at.token.kind !== 'name') at.fail('expected a type')
  const { value: name, ...word } = at.token as { value: string } & Span
  at.take()
  return (
    numeric(at, name, word) ??
    textual(at, name, start) ??
    structural(at, name, start) ??
    unknown(name, { start: word.start, end: word.end })
  )
}

function numeric(at: Cursor, name: string, word: Span): TypeSyntax | undefined {
  const start = word.start
  const integer = INTEGER.exec(name)
  if (integer) {
    const bits = Number(integer[2])
    const signed = integer[1] === 'i'
    if (bits > 64 || bits < (signed ? 2 : 1)) {
      throw new SyntaxProblem(
        `"${name}" is not 1 to 64 bits wide`,
        { start, end: at.end },
        'longer numbers are bytes(n)',
      )
    }
    return { is: 'int', signed, bits, ...endian(integer[3]), ...span(at, start) }
  }
  const float = /^f(32|64)(le|be)?$/.exec(name)
  if (float) return { is: 'float', bits: float[1] === '32' ? 32 : 64, ...endian(float[2]), ...span(at, start) }
  if (name === 'bool') return { is: name, ...span(at, start) }
  const bit = /^bit(le|be)?$/.exec(name)
  if (bit) return { is: 'bit', ...endian(bit[1]), ...span(at, start) }
  if (VARINTS.has(name)) {
    const most = name === 'quic' ? 8 : 10
    const max = at.is('(') ? inParentheses(at, () => whole(at, 1, most)) : most
    return { is: 'varint', coding: name as Varint, max, ...span(at, start) }
  }
  if (name === 'uint' || name === 'uintle') {
    const size = inParentheses(at, () => expression(at))
    return { is: 'uint', size, endian: name === 'uint' ? 'big' : 'little', ...span(at, start) }
  }
  if (name !== 'dec' && name !== 'hex') return undefined
  const of = inParentheses(at, () => core(at))
  if (of.is !== 'int') throw new SyntaxProblem(`${name}(..) holds an integer type`, of, `as in "${name}(u32)"`)
  return { is: 'number', base: name === 'dec' ? 10 : 16, of, ...span(at, start) }
}

function textual(at: Cursor, name: string, start: number): TypeSyntax | undefined {
  const encoding = ENCODINGS.get(name)
  if (encoding === undefined) return undefined
  const of: TypeSyntax =
    encoding === 'bytes' ? { is: 'bytes', ...span(at, start) } : { is: 'text', encoding, ...span(at, start) }
  if (at.is('[')) at.fail('expected the end of the type', `write "${name}(4)"`)
  if (!at.is('(')) return of
  return { is: 'region', of, extent: inParentheses(at, () => extent(at)), ...span(at, start) }
}

function structural(at: Cursor, name: string, start: number): TypeSyntax | undefined {
  if (name === 'frame') return { is: 'frame', ...span(at, start) }
  if (name === 'id') return { is: 'id', of: inParentheses(at, () => at.deeper(() => type(at))), ...span(at, start) }
  if (name === 'align') {
    const to = inParentheses(at, () => whole(at, 1, 4096))
    return { is: 'align', to, ...span(at, start) }
  }
  if (!/^[A-Z]/.test(name)) return undefined
  const args = at.is('(') ? [inParentheses(at, () => expression(at))] : []
  return { is: 'name', name, args, ...span(at, start) }
}

function unknown(name: string, word: Span): never {
  const known = HABITS.get(name)
  if (known) throw new SyntaxProblem(`unknown type "${name}"`, word, `did you mean "${known}"?`)
  const integer = /^[uif]\d\d?(?:le|be)?/.exec(name)?.[0]
  const close = integer ? `did you mean "${integer}"?` : didYouMean(name, BUILT_IN_TYPES)
  const upper = `a type of your own begins with a capital letter: "${name[0]!.toUpperCase()}${name.slice(1)}"`
  throw new SyntaxProblem(`unknown type "${name}"`, word, close ?? upper)
}

function inParentheses<T>(at: Cursor, read: () => T): T {
  at.expect('(')
  const value = read()
  if (at.is(',')) at.fail('expected ")"', 'a type takes one argument')
  at.expect(')')
  return value
}

function whole(at: Cursor, least: number, most: number): number {
  const token = at.token
  if (token.kind !== 'int') at.fail('expected a whole number')
  at.take()
  if (token.value >= BigInt(least) && token.value <= BigInt(most)) return Number(token.value)
  throw new SyntaxProblem(`${token.value} is not within ${least}..${most}`, token)
}

function endian(suffix: string | undefined): { endian?: 'little' | 'big' } {
  return suffix === undefined ? {} : { endian: suffix === 'le' ? 'little' : 'big' }
}

function span(at: Cursor, start: number): Span {
  return { start, end: at.end }
}

const MOST_LAYERS = 16
const INTEGER = /^([ui])(\d{1,3})(le|be)?$/
const VARINTS: ReadonlySet<string> = new Set(['leb128', 'sleb128', 'zigzag', 'vlq', 'quic'])
const ENCODINGS: ReadonlyMap<string, 'bytes' | 'utf8' | 'ascii' | 'latin1'> = new Map([
  ['bytes', 'bytes'],
  ['string', 'utf8'],
  ['ascii', 'ascii'],
  ['latin1', 'latin1'],
])

/** Words that end a type, so that `T* if x` is a list to the end and not `x` items. */
const FOLLOWS_A_TYPE: ReadonlySet<string> = new Set(['in', 'until', 'while', 'at', 'sealed', 'from', 'if', 'else'])

const BUILT_IN_TYPES: readonly string[] = [
  ...['u8', 'u16', 'u24', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'u16le', 'u32le', 'u64le', 'u16be', 'u32be'],
  ...['f32', 'f64', 'bool', 'bit', 'bytes', 'string', 'ascii', 'latin1', 'leb128', 'sleb128', 'zigzag', 'vlq', 'quic'],
  ...['uint', 'uintle', 'dec', 'hex', 'id', 'align', 'frame'],
]

/** What the types of other languages are called here. */
const HABITS: ReadonlyMap<string, string> = new Map([
  ['byte', 'u8'],
  ['char', 'u8'],
  ['short', 'i16'],
  ['int', 'i32'],
  ['long', 'i64'],
  ['uint8', 'u8'],
  ['uint16', 'u16'],
  ['uint32', 'u32'],
  ['uint64', 'u64'],
  ['int8', 'i8'],
  ['int16', 'i16'],
  ['int32', 'i32'],
  ['int64', 'i64'],
  ['float', 'f32'],
  ['double', 'f64'],
  ['float32', 'f32'],
  ['float64', 'f64'],
  ['boolean', 'bool'],
  ['str', 'string'],
  ['utf8', 'string'],
  ['text', 'string'],
  ['varint', 'leb128'],
  ['uleb128', 'leb128'],
  ['base128', 'vlq'],
  ['blob', 'bytes'],
  ['buffer', 'bytes'],
  ['rest', 'bytes'],
  ['pad', 'align'],
])
