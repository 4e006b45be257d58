// Expressions of the model as TypeScript. Integers are exact: an expression whose range fits 53 bits becomes plain
// arithmetic on numbers, any other one bigint. What an expression names is reached through a `Reach`, so that the same
// text is written over a reader, over offsets in a buffer, or over the locals of an encoder.
import type { Expr, Protocol, Type } from '../model/model.ts'
import { emitCall } from './expr-call.ts'
import { emitBinary } from './expr-math.ts'
import { emitIndex, emitMember, emitSpace } from './expr-member.ts'
import { intBounds, isNarrow } from './facts.ts'
import { quote } from './naming.ts'
import type { Request } from './request.ts'

/** What a piece of code evaluates to. `enumName`: an enum as its plain value. `struct`, `union`, `list`: plain values. */
export type Form =
  | 'number'
  | 'bigint'
  | 'float'
  | 'boolean'
  | 'string'
  | 'bytes'
  | 'enumName'
  | 'struct'
  | 'union'
  | 'list'
  | 'none'

export interface Code {
  readonly text: string
  readonly form: Form
  /** How tightly the text binds, after the operator precedence of JavaScript; ATOM needs no parentheses. */
  readonly prec: number
  /** Bounds of integers. */
  readonly low?: bigint
  readonly high?: bigint
  /** May be undefined. */
  readonly absent?: boolean
  /** May throw UNEVALUABLE or ABSENT. */
  readonly fails?: boolean
  /** The model type behind a plain value. */
  readonly type?: Type
  /** Offsets of a range in the bytes, instead of a view. */
  readonly span?: { readonly start: string; readonly end: string; readonly blank: boolean }
}

/** How an expression reaches what it names. */
export interface Reach {
  readonly protocol: Protocol
  request(request: Request): Code
  /** Code of the raw value in `param`, `session`, `key`, `peer` or `local`. */
  space(space: string, name: string): string
  /** Bytes left in the region. */
  remaining(): Code
  next(type: Type): Code
  /** An entry of a multimap of this record. */
  entry(of: Expr, name: string): Code
  /** `Frame.field`, where frames that went by are known. */
  frameField?(expr: Extract<Expr, { is: 'frameField' }>): Code
  /** A shared secret of two key pairs, where there are any. */
  dh?(pairs: readonly Expr[]): Code
  /** The bytes that ranges are in. */
  readonly source: string
  readonly context: string
  /** Offsets of the field whose value is being computed: it counts as zero in ranges. */
  readonly own?: { readonly start: string; readonly end: string } | undefined
  /** Whether the field whose value is being computed lies inside a range of this record. */
  /** Runs a part that needs only where things stand, not their bytes. */
  sizing?<T>(part: () => T): T
  /** Runs a part that stands where a condition is known to hold. */
  assume?<T>(holds: string, part: () => T): T
  containsOwn?(from: string | undefined, to: string | undefined): boolean
  /** The name in generated code of something that the runtime exports. */
  use(name: string): string
  /** A constant of the generated module. */
  constant(hint: string, text: string): string
}

export const ATOM = 20

/** An expression as TypeScript. */
export function emitExpr(expr: Expr, reach: Reach): Code {
  switch (expr.is) {
    case 'int':
      return intCode(expr.value)
    case 'float':
      return { text: String(expr.value), form: 'float', prec: expr.value < 0 ? 15 : ATOM }
    case 'bool':
      return { text: String(expr.value), form: 'boolean', prec: ATOM }
    case 'text':
      return { text: quote(expr.value), form: 'string', prec: ATOM }
    case 'bytes':
      return { text: bytesConstant(reach, expr.value), form: 'bytes', prec: ATOM }
    case 'none':
      return { text: '[]', form: 'none', prec: ATOM }
    case 'enumValue':
      return { ...intCode(expr.value), type: { kind: 'enum', name: expr.enum } }
    case 'field':
      return reach.request({ up: 0, what: 'value', name: expr.name })
    case 'parent':
      return reach.request({ up: expr.up, what: 'value', name: expr.name })
    case 'special':
      if (expr.name === 'remaining') return reach.remaining()
      if (expr.name === 'item' || expr.name === 'prev') return reach.request({ up: 0, what: expr.name, name: '' })
      return { text: expr.name, form: expr.name === 'code' ? 'string' : 'number', prec: ATOM, ...ANY_SIZE }
    case 'space':
      return emitSpace(expr, reach)
    case 'member':
      return emitMember(expr, reach)
    case 'index':
      return emitIndex(expr, reach)
    case 'if': {
      const test = truth(expr.test, reach)
      const given = (): Code => emitExpr(expr.yes, reach)
      const [yes, no] = alike(reach.assume?.(test.text, given) ?? given(), emitExpr(expr.no, reach))
      return {
        ...widest(yes, no),
        text: `${wrap(test, 4)} ? ${wrap(yes, 3)} : ${wrap(no, 3)}`,
        prec: 3,
        ...flags(test, yes, no),
        absent: !!yes.absent || !!no.absent,
      }
    }
    case 'not': {
      const of = truth(expr.of, reach)
      return { text: negation(of), form: 'boolean', prec: 15, ...flags(of) }
    }
    case 'negate': {
      const of = present(emitExpr(expr.of, reach), reach)
      const bounds = of.low === undefined || of.high === undefined ? {} : { low: -of.high, high: -of.low }
      return { ...of, ...bounds, text: `-${wrap(of, 15)}`, prec: 15 }
    }
    case 'binary':
      return emitBinary(expr, reach)
    case 'in':
      return emitIn(expr, reach)
    case 'call':
      return emitCall(expr, reach)
    case 'range': {
      const up = expr.from?.up ?? expr.to?.up ?? 0
      const start = reach.request({ up, what: 'start', name: expr.from?.field ?? '' }).text
      const end = reach.request({ up, what: 'end', name: expr.to?.field ?? '' }).text
      const blank =
        up === 0 && reach.own !== undefined && (reach.containsOwn?.(expr.from?.field, expr.to?.field) ?? false)
      const span = { start, end, blank }
      return { text: spanBytes(span, reach), form: 'bytes', prec: ATOM, span }
    }
    case 'frameField':
      if (reach.frameField) return reach.frameField(expr)
      throw new Error(`${expr.frame}.${expr.path.join('.')} has a value only in a handshake`)
  }
}

/** A condition: never undefined. */
export function truth(expr: Expr, reach: Reach): Code {
  return present(emitExpr(expr, reach), reach)
}

/** The same, with a check that it is there. */
export function present(code: Code, reach: Reach): Code {
  if (!code.absent) return code
  return { ...code, text: `${reach.use('there')}(${code.text})`, prec: ATOM, absent: false, fails: true }
}

/** In parentheses unless it binds more tightly than `prec`. */
export function wrap(code: Code, prec: number): string {
  return code.prec > prec ? code.text : `(${code.text})`
}

export function flags(...codes: readonly Code[]): { fails: boolean } {
  return { fails: codes.some(code => code.fails) }
}

/** An integer literal: a number where it is exact. */
export function intCode(value: bigint): Code {
  const safe = value <= SAFE && value >= -SAFE
  const text = safe ? String(value) : `${value}n`
  return { text, form: safe ? 'number' : 'bigint', prec: value < 0n ? 15 : ATOM, low: value, high: value }
}

export function asBig(code: Code): Code {
  if (code.form === 'bigint') return code
  if (/^-?\d+$/.test(code.text)) return { ...code, text: `${code.text}n`, form: 'bigint' }
  return { ...code, text: `BigInt(${code.text})`, form: 'bigint', prec: ATOM }
}

/** As a number; a bigint beyond 2^53 is not exact any more. */
export function asNumber(code: Code): Code {
  if (code.form !== 'bigint') return code
  if (code.low !== undefined && code.low === code.high && code.low <= SAFE && code.low >= -SAFE)
    return intCode(code.low)
  return { ...code, text: `Number(${code.text})`, form: 'number', prec: ATOM }
}

/** Both as numbers or both as bigint. */
export function alike(a: Code, b: Code): readonly [Code, Code] {
  if (a.form === 'bigint' && b.form === 'number') return [a, asBig(b)]
  if (a.form === 'number' && b.form === 'bigint') return [asBig(a), b]
  return [a, b]
}

/** Enums given by name, as their number. */
export function enumNumber(code: Code, reach: Reach): Code {
  if (code.form !== 'enumName' || code.type?.kind !== 'enum') return code
  const { low, high } = intBounds(reach.protocol, code.type)
  const form = isNarrow(reach.protocol, code.type) ? 'number' : 'bigint'
  const text = `${reach.use('enumNumber')}(${code.text}, ${reach.use(`type:${code.type.name}`)})`
  return { text, form, prec: ATOM, low, high, fails: true }
}

/** The plain value of a type, as code that reads it. */
export function plainCode(
  protocol: Protocol,
  text: string,
  type: Type,
  number?: 'number' | 'bigint' | 'pair',
  absent = false,
): Code {
  const base = { text, prec: ATOM, absent, type }
  switch (type.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
    case 'bitset': {
      const { low, high } = intBounds(protocol, type)
      if (isNarrow(protocol, type)) return { ...base, form: 'number', low, high }
      if (number === 'number') return { ...base, form: 'number', low: low < -SAFE ? -SAFE : low, high: SAFE }
      if (number !== 'pair') return { ...base, form: 'bigint', low, high }
      return { ...base, text: `((BigInt(${text}.hi) << 32n) | BigInt(${text}.lo))`, form: 'bigint', low, high }
    }
    case 'float':
      return { ...base, form: 'float' }
    case 'bool':
    case 'bit':
      return { ...base, form: 'boolean' }
    case 'bytes':
      return { ...base, form: 'bytes' }
    case 'text':
      return { ...base, form: 'string' }
    case 'enum':
      return { ...base, form: 'enumName' }
    case 'struct':
      return { ...base, form: 'struct' }
    case 'union':
      return { ...base, form: 'union' }
    case 'list':
      return { ...base, form: 'list' }
    case 'region':
    case 'delimited':
    case 'at':
      return plainCode(protocol, text, type.of, number, absent)
    case 'align':
      return { ...base, text: 'undefined', form: 'none', absent: true }
  }
}

function emitIn(expr: Extract<Expr, { is: 'in' }>, reach: Reach): Code {
  const of = enumNumber(present(emitExpr(expr.of, reach), reach), reach)
  const tests = expr.items.map(item => {
    const from = present(emitExpr(item.from, reach), reach)
    if (item.from === item.to) return emitEquals(of, from, false, reach)
    const to = present(emitExpr(item.to, reach), reach)
    const [left, low] = alike(of, from)
    const [right, high] = alike(of, to)
    const text = `${wrap(left, 10)} >= ${wrap(low, 10)} && ${wrap(right, 10)} <= ${wrap(high, 10)}`
    return { text, form: 'boolean' as const, prec: 5, ...flags(of, from, to) }
  })
  if (tests.length === 1) return tests[0]!
  return { text: tests.map(test => wrap(test, 4)).join(' || '), form: 'boolean', prec: 4, ...flags(...tests) }
}

/** `==`, or `!=` when `not`. */
export function emitEquals(a: Code, b: Code, not: boolean, reach: Reach): Code {
  const sign = not ? '!==' : '==='
  const both = flags(a, b)
  if (a.form === 'enumName' && b.low !== undefined && b.low === b.high && a.type?.kind === 'enum') {
    const known = reach.protocol.enums.get(a.type.name)!.values.find(value => value.value === b.low)
    if (known) return { text: `${wrap(a, 9)} ${sign} ${quote(known.name)}`, form: 'boolean', prec: 9, ...both }
  }
  if (b.form === 'enumName' && a.form !== 'enumName') return emitEquals(b, a, not, reach)
  if (a.form === 'enumName' && b.form !== 'enumName') return emitEquals(enumNumber(a, reach), b, not, reach)
  if (a.form === 'none' || b.form === 'none') {
    const other = a.form === 'none' ? b : a
    return { text: `${wrap(other, 18)}.length ${sign} 0`, form: 'boolean', prec: 9, ...both }
  }
  const isBytes = a.form === 'bytes' || b.form === 'bytes'
  if (isBytes) {
    const text = `${reach.use('sameBytes')}(${bytesText(a, reach)}, ${bytesText(b, reach)})`
    return { text: not ? `!${text}` : text, form: 'boolean', prec: not ? 15 : ATOM, ...both }
  }
  if (a.form === 'list' && b.form === 'list') {
    const text = `${reach.use('sameList')}(${a.text}, ${b.text})`
    return { text: not ? `!${text}` : text, form: 'boolean', prec: not ? 15 : ATOM, ...both }
  }
  const [left, right] = a.form === 'float' || b.form === 'float' ? [asNumber(a), asNumber(b)] : alike(a, b)
  return { text: `${wrap(left, 9)} ${sign} ${wrap(right, 9)}`, form: 'boolean', prec: 9, ...both }
}

/** Bytes of bytes or text. */
export function bytesText(code: Code, reach: Reach): string {
  if (code.form === 'bytes') return code.text
  if (code.form === 'none') return reach.use('NO_BYTES')
  if (code.form !== 'string') throw new Error('only bytes and text are bytes')
  const literal = /^'(.*)'$/s.exec(code.text)
  return literal
    ? reach.constant(literal[1]!, `${reach.use('utf8')}(${code.text})`)
    : `${reach.use('utf8')}(${code.text})`
}

/** A view of a range of the bytes. */
export function spanBytes(span: NonNullable<Code['span']>, reach: Reach): string {
  if (!span.blank) return `${reach.source}.subarray(${span.start}, ${span.end})`
  return `${reach.use('blanked')}(${reach.source}, ${span.start}, ${span.end}, ${reach.own!.start}, ${reach.own!.end})`
}

export function bytesConstant(reach: Reach, value: Uint8Array): string {
  const items = [...value].map(byte => `0x${byte.toString(16).padStart(2, '0')}`)
  const name = [...value].every(byte => byte > 0x20 && byte < 0x7f) ? String.fromCharCode(...value) : 'bytes'
  return reach.constant(name, `Uint8Array.of(${items.join(', ')})`)
}

function negation(code: Code): string {
  const equals = /^(.*) ([!=])== (.*)$/s.exec(code.text)
  if (code.prec === 9 && equals && !/[?:|&]{1,2} /.test(code.text.replace(/\([^()]*\)/g, ''))) {
    return `${equals[1]} ${equals[2] === '=' ? '!' : '='}== ${equals[3]}`
  }
  return `!${wrap(code, 15)}`
}

function widest(a: Code, b: Code): Code {
  if (a.low === undefined || b.low === undefined || a.high === undefined || b.high === undefined) return a
  return { ...a, low: a.low < b.low ? a.low : b.low, high: a.high > b.high ? a.high : b.high }
}

/** Bounds of sizes, offsets and counts: far below 2^53, so that sums of them stay exact. */
export const ANY_SIZE: { readonly low: bigint; readonly high: bigint } = { low: 0n, high: 1n << 48n }
export const SAFE: bigint = BigInt(Number.MAX_SAFE_INTEGER)
