// Expressions that reach into a value: members of structs, unions and bit sets, items of lists, `param.x` and its like.

import type { Expr, Node, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import {
  ATOM,
  asNumber,
  bytesConstant,
  type Code,
  emitExpr,
  type Form,
  flags,
  plainCode,
  present,
  type Reach,
  SAFE,
  wrap,
} from './expr.ts'
import { intBounds } from './facts.ts'
import { quote } from './naming.ts'

export function emitMember(expr: Extract<Expr, { is: 'member' }>, reach: Reach): Code {
  if (expr.entry) return reach.entry(expr.of, expr.name)
  const of = emitExpr(expr.of, reach)
  if (expr.of.type.kind === 'bitset') return bitTest(of, expr.of.type.name, expr.name, reach)
  const dot = of.absent ? '?.' : '.'
  if (of.type?.kind === 'struct') {
    const { nodes } = reach.protocol.structs.get(of.type.name)!.body
    const field = fieldsOf(nodes).find(known => known.name === expr.name)!
    const always = nodes.includes(field) && !field.if
    return plainCode(reach.protocol, `${of.text}${dot}${expr.name}`, field.type, field.number, of.absent || !always)
  }
  if (of.type?.kind === 'union') {
    const { variants } = reach.protocol.unions.get(of.type.name)!
    const text = `${reach.use('variantField')}(${of.text}, ${quote(expr.name)})`
    const holder = variants.find(variant => variantField(variant, expr.name))
    const found = holder && variantField(holder, expr.name)
    if (found) return castCode(plainCode(reach.protocol, text, found.type, found.number, true))
  }
  throw new Error(`there is no member ${expr.name} to read here`)
}

function variantField(
  variant: { readonly value?: Type; readonly body: { readonly nodes: readonly Node[] } },
  name: string,
): { readonly type: Type; readonly number?: 'number' | 'bigint' | 'pair' } | undefined {
  if (name === 'value' && variant.value) return { type: variant.value }
  return fieldsOf(variant.body.nodes).find(field => field.name === name)
}

/** The value of an untyped helper, with the TypeScript type that it has. */
function castCode(code: Code): Code {
  const shape = FORM_TYPES[code.form]
  return shape ? { ...code, text: `(${code.text} as ${shape} | undefined)` } : code
}

function bitTest(of: Code, bitset: string, name: string, reach: Reach): Code {
  const bit = reach.protocol.bitsets.get(bitset)!.bits.find(known => known.name === name)!.bit
  const test = (text: string): string => {
    if (of.form === 'bigint') return `(${text} & 0x${(1n << BigInt(bit)).toString(16)}n) !== 0n`
    if (bit < 31) return `(${text} & 0x${(1 << bit).toString(16).padStart(2, '0')}) !== 0`
    return `Math.floor(${text} / 0x${(1n << BigInt(bit)).toString(16)}) % 2 === 1`
  }
  if (!of.absent) return { text: test(wrap(of, 8)), form: 'boolean', prec: 9, ...flags(of) }
  return {
    text: `${of.text} === undefined ? undefined : ${test(wrap(of, 8))}`,
    form: 'boolean',
    prec: 3,
    absent: true,
    ...flags(of),
  }
}

export function emitIndex(expr: Extract<Expr, { is: 'index' }>, reach: Reach): Code {
  const of = emitExpr(expr.of, reach)
  const index = asNumber(present(emitExpr(expr.index, reach), reach))
  const text = `${wrap(of, 18)}${of.absent ? '?.' : ''}[${index.text}]`
  const base = { prec: ATOM, absent: true, ...flags(of, index) }
  if (of.form === 'bytes') return { ...base, text, form: 'number', low: 0n, high: 255n }
  const type = of.type?.kind === 'list' ? of.type.of : undefined
  if (!type) throw new Error('only lists and bytes have an index')
  return { ...plainCode(reach.protocol, text, type, undefined, true), ...base, text }
}

export function emitSpace(expr: Extract<Expr, { is: 'space' }>, reach: Reach): Code {
  const { protocol } = reach
  const param = expr.space === 'param' ? protocol.params.get(expr.name) : undefined
  const session = expr.space === 'session' ? protocol.session.get(expr.name) : undefined
  const raw = reach.space(expr.space, expr.name)
  const literal =
    param?.fallback && 'literal' in param.fallback ? literalText(param.fallback.literal, reach) : undefined
  const value = literal === undefined ? raw : `${raw} ?? ${literal}`
  const kind = expr.type.kind
  if (kind === 'int') {
    const type = param?.type ?? session?.type
    const bounds = type ? intBounds(protocol, type) : { low: -(1n << 127n), high: 1n << 127n }
    const high = param?.range?.max ?? session?.max ?? bounds.high
    const low = param?.range?.min ?? bounds.low
    const narrow = high <= SAFE && low >= -SAFE
    const name = quote(`${expr.space}.${expr.name}`)
    const text = `${reach.use(narrow ? 'spaceNumber' : 'spaceBigint')}(${value}, ${name})`
    return { text, form: narrow ? 'number' : 'bigint', prec: ATOM, low, high, fails: true }
  }
  const form = SPACE_FORMS[kind]
  if (!form) throw new Error(`${expr.space}.${expr.name} cannot be used here`)
  return { text: `(${reach.use('there')}(${value}) as ${FORM_TYPES[form]})`, form, prec: ATOM, fails: true }
}

function literalText(literal: unknown, reach: Reach): string | undefined {
  if (typeof literal === 'string') return quote(literal)
  if (typeof literal === 'bigint') return `${literal}n`
  if (literal instanceof Uint8Array) return bytesConstant(reach, literal)
  return typeof literal === 'number' || typeof literal === 'boolean' ? String(literal) : undefined
}

const SPACE_FORMS: Readonly<Partial<Record<string, Form>>> = {
  bool: 'boolean',
  text: 'string',
  bytes: 'bytes',
  float: 'float',
}
const FORM_TYPES: Readonly<Partial<Record<Form, string>>> = {
  number: 'number',
  bigint: 'bigint',
  float: 'number',
  boolean: 'boolean',
  string: 'string',
  bytes: 'Uint8Array',
}
