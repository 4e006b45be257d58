// Operators. Every integer has bounds, so that it is known when plain numbers are exact and when bigint is needed.
import type { BinaryOperator } from '../language/ast.ts'
import type { Expr } from '../model/model.ts'
import {
  alike,
  asBig,
  asNumber,
  type Code,
  emitEquals,
  emitExpr,
  enumNumber,
  flags,
  intCode,
  present,
  type Reach,
  SAFE,
  truth,
  wrap,
} from './expr.ts'

export function emitBinary(expr: Extract<Expr, { is: 'binary' }>, reach: Reach): Code {
  const { operator } = expr
  if (operator === 'and') {
    const [left, right] = [truth(expr.left, reach), truth(expr.right, reach)]
    return { text: `${wrap(left, 4.9)} && ${wrap(right, 5)}`, form: 'boolean', prec: 5, ...flags(left, right) }
  }
  if (operator === 'or') return emitOr(expr, reach)
  const left = present(emitExpr(expr.left, reach), reach)
  const right = present(emitExpr(expr.right, reach), reach)
  if (operator === '==' || operator === '!=') return emitEquals(left, right, operator === '!=', reach)
  if (operator === '<' || operator === '<=' || operator === '>' || operator === '>=') {
    const [a, b] = alike(enumNumber(left, reach), enumNumber(right, reach))
    return { text: `${wrap(a, 10)} ${operator} ${wrap(b, 10)}`, form: 'boolean', prec: 10, ...flags(a, b) }
  }
  if (left.form === 'float' || right.form === 'float') return floating(operator, asNumber(left), asNumber(right))
  return integer(operator, enumNumber(left, reach), enumNumber(right, reach), reach)
}

/** `a or b`: b where a is false or absent. */
function emitOr(expr: Extract<Expr, { is: 'binary' }>, reach: Reach): Code {
  const left = emitExpr(expr.left, reach)
  const right = emitExpr(expr.right, reach)
  if (left.fails) {
    const [a, b] = alike(left, right)
    const text = `${reach.use('orElse')}(() => ${a.text}, () => ${b.text})`
    return { ...bounds(a, b), text, prec: 20, form: b.form, fails: true, absent: !!right.absent }
  }
  if (left.form === 'boolean') {
    const known = left.absent ? `(${wrap(left, 4)} ?? false)` : wrap(left, 3.9)
    return { text: `${known} || ${wrap(right, 4)}`, form: 'boolean', prec: 4, ...flags(right) }
  }
  if (!left.absent) return left
  const [a, b] =
    left.form === 'number' && right.form === 'bigint' ? [left, asNumber(right)] : [left, matching(left, right)]
  return {
    ...bounds(a, b),
    text: `${wrap(a, 4)} ?? ${wrap(b, 5)}`,
    prec: 3.5,
    form: a.form,
    absent: !!b.absent,
    ...flags(b),
  }
}

function matching(left: Code, right: Code): Code {
  return left.form === 'bigint' && right.form === 'number' ? asBig(right) : right
}

function bounds(a: Code, b: Code): Code {
  const [low, high] = [smallest(a.low, b.low), greatest(a.high, b.high)]
  const { low: _low, high: _high, absent: _absent, ...rest } = a
  return { ...rest, ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) }
}

function floating(operator: BinaryOperator, left: Code, right: Code): Code {
  const sign = operator === '^' ? '**' : operator
  const prec = PRECEDENCE[operator]!
  return { text: `${wrap(left, prec - 1)} ${sign} ${wrap(right, prec)}`, form: 'float', prec, ...flags(left, right) }
}

function integer(operator: BinaryOperator, left: Code, right: Code, reach: Reach): Code {
  const range = rangeOf(operator, left, right)
  const folded = fold(operator, left, right)
  if (folded !== undefined) return intCode(folded)
  const fits = range.low >= -SAFE && range.high <= SAFE
  const numbers = left.form === 'number' && right.form === 'number'
  if (fits && numbers) {
    const plain = onNumbers(operator, left, right, range, reach)
    if (plain) return plain
  }
  return onBigints(operator, asBig(left), asBig(right), range, reach, fits)
}

interface Range {
  readonly low: bigint
  readonly high: bigint
}

function onNumbers(operator: BinaryOperator, a: Code, b: Code, range: Range, reach: Reach): Code | undefined {
  const code = (text: string, prec: number, fails = false): Code => ({
    text,
    form: 'number',
    prec,
    ...range,
    fails: fails || flags(a, b).fails,
  })
  const constant = b.low !== undefined && b.low === b.high ? b.low : undefined
  switch (operator) {
    case '+':
      return code(`${wrap(a, 11)} + ${wrap(b, 12)}`, 12)
    case '-':
      return code(`${wrap(a, 11)} - ${wrap(b, 12)}`, 12)
    case '*':
      return code(`${wrap(a, 12)} * ${wrap(b, 13)}`, 13)
    case '/':
      if (constant !== undefined && constant !== 0n) return code(`Math.trunc(${wrap(a, 12)} / ${wrap(b, 13)})`, 20)
      return code(`${reach.use('quotient')}(${a.text}, ${b.text})`, 20, true)
    case '%':
      if (constant !== undefined && constant !== 0n) return code(`${wrap(a, 12)} % ${wrap(b, 13)}`, 13)
      return code(`${reach.use('remainder')}(${a.text}, ${b.text})`, 20, true)
    case '<<':
      return constant === undefined ? undefined : code(`${wrap(a, 12)} * ${2n ** constant}`, 13)
    case '>>':
      if (constant === undefined || constant < 0n) return undefined
      if (within(a, INT31)) return code(`${wrap(a, 10)} >> ${constant > 31n ? 31 : constant}`, 11)
      return constant > 127n ? undefined : code(`Math.floor(${wrap(a, 12)} / ${2n ** constant})`, 20)
    case '&':
    case '|':
    case 'xor': {
      const sign = operator === 'xor' ? '^' : operator
      const prec = PRECEDENCE[operator]!
      if (within(a, INT31) && within(b, INT31)) return code(`${wrap(a, prec - 1)} ${sign} ${wrap(b, prec)}`, prec)
      if (within(a, UINT32) && within(b, UINT32)) {
        return code(`(${wrap(a, prec - 1)} ${sign} ${wrap(b, prec)}) >>> 0`, 11)
      }
      return undefined
    }
    default:
      return undefined
  }
}

function onBigints(operator: BinaryOperator, a: Code, b: Code, range: Range, reach: Reach, fits: boolean): Code {
  const { fails } = flags(a, b)
  const base = { form: 'bigint' as const, ...range }
  if (operator === '/' || operator === '%') {
    if (b.low !== undefined && b.low === b.high && b.low !== 0n) {
      return { ...base, text: `${wrap(a, 12)} ${operator} ${wrap(b, 13)}`, prec: 13, fails }
    }
    const name = operator === '/' ? 'bigQuotient' : 'bigRemainder'
    return { ...base, text: `${reach.use(name)}(${a.text}, ${b.text})`, prec: 20, fails: true }
  }
  if (operator === '^' || ((operator === '<<' || operator === '>>') && b.low !== b.high)) {
    const name = operator === '^' ? 'bigPower' : operator === '<<' ? 'bigShiftLeft' : 'bigShiftRight'
    return { ...base, text: `${reach.use(name)}(${a.text}, ${b.text})`, prec: 20, fails: true }
  }
  const prec = PRECEDENCE[operator]!
  const text = `${wrap(a, prec - 1)} ${operator === 'xor' ? '^' : operator} ${wrap(b, prec)}`
  if (fits || (range.low >= -LIMIT && range.high <= LIMIT)) return { ...base, text, prec, fails }
  return { ...base, low: -LIMIT, high: LIMIT, text: `${reach.use('bounded')}(${text})`, prec: 20, fails: true }
}

function rangeOf(operator: BinaryOperator, a: Code, b: Code): Range {
  const [al, ah, bl, bh] = [a.low ?? -LIMIT, a.high ?? LIMIT, b.low ?? -LIMIT, b.high ?? LIMIT]
  const of = (...corners: readonly bigint[]): Range => ({
    low: corners.reduce((x, y) => (x < y ? x : y)),
    high: corners.reduce((x, y) => (x > y ? x : y)),
  })
  switch (operator) {
    case '+':
      return { low: al + bl, high: ah + bh }
    case '-':
      return { low: al - bh, high: ah - bl }
    case '*':
      return of(al * bl, al * bh, ah * bl, ah * bh)
    case '/':
      return of(al, ah, -al, -ah)
    case '%':
      return { low: al < 0n ? -magnitude(bl, bh) : 0n, high: ah > 0n ? magnitude(bl, bh) : 0n }
    case '<<':
      if (bl !== bh || bl < 0n || bl > 127n) return { low: -LIMIT * LIMIT, high: LIMIT * LIMIT }
      return of(al << bl, ah << bl)
    case '>>':
      if (bl !== bh || bl < 0n || bl > 127n) return of(al, ah, 0n)
      return of(al >> bl, ah >> bl)
    case '&':
      if (al >= 0n && bl >= 0n) return { low: 0n, high: ah < bh ? ah : bh }
      if (al >= 0n) return { low: 0n, high: ah }
      return bl >= 0n ? { low: 0n, high: bh } : { low: -LIMIT, high: LIMIT }
    case '|':
    case 'xor': {
      if (al < 0n || bl < 0n) return { low: -LIMIT, high: LIMIT }
      const bits = BigInt((ah > bh ? ah : bh).toString(2).length)
      return { low: 0n, high: (1n << bits) - 1n }
    }
    default:
      return { low: -LIMIT, high: LIMIT }
  }
}

/** Both sides known: the value, so that `2 ^ 20` is a literal. */
function fold(operator: BinaryOperator, a: Code, b: Code): bigint | undefined {
  if (a.low === undefined || a.low !== a.high || b.low === undefined || b.low !== b.high) return undefined
  const [x, y] = [a.low, b.low]
  switch (operator) {
    case '+':
      return x + y
    case '-':
      return x - y
    case '*':
      return x * y
    case '^':
      return y >= 0n && y <= 128n ? x ** y : undefined
    case '<<':
      return y >= 0n && y <= 127n ? x << y : undefined
    case '>>':
      return y >= 0n && y <= 127n ? x >> y : undefined
    case '/':
      return y === 0n ? undefined : x / y
    case '%':
      return y === 0n ? undefined : x % y
    case '&':
      return x & y
    case '|':
      return x | y
    case 'xor':
      return x ^ y
    default:
      return undefined
  }
}

function within(code: Code, range: Range): boolean {
  return code.low !== undefined && code.high !== undefined && code.low >= range.low && code.high <= range.high
}

function magnitude(low: bigint, high: bigint): bigint {
  return -low > high ? -low : high
}

function smallest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined ? undefined : a < b ? a : b
}

function greatest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  return a === undefined || b === undefined ? undefined : a > b ? a : b
}

const PRECEDENCE: Readonly<Partial<Record<BinaryOperator, number>>> = {
  '^': 14,
  '*': 13,
  '/': 13,
  '%': 13,
  '+': 12,
  '-': 12,
  '<<': 11,
  '>>': 11,
  '&': 8,
  xor: 7,
  '|': 6,
}
const LIMIT = 1n << 128n
const INT31: Range = { low: 0n, high: 0x7fffffffn }
const UINT32: Range = { low: 0n, high: 0xffffffffn }
