// Laying out values whose size is found on the way: behind a length, up to a delimiter, varints, alignment, the rest.
import type { Extent, Type } from '../model/model.ts'
import type { Layout } from './decode-layout.ts'
import { rawCode } from './decode-read.ts'
import type { DecodeScope, Slot } from './decode-scope.ts'
import { asNumber, type Code, emitExpr } from './expr.ts'
import { fixedBits, isNarrow, type VarintType } from './facts.ts'
import { camel, localName } from './names.ts'
import { quote } from './naming.ts'
import { byteText, type Position, plus, position, sum } from './position.ts'
import { type Label, refusal } from './refusal.ts'

export function layExtent(
  layout: Layout,
  extent: Extent,
  at: Position,
  label: Label,
  less = '',
): Omit<Slot, 'node' | 'present'> {
  const { scope, writer } = layout
  const first = byteText(at)
  const end = `${camel(label.name)}End`
  if (extent.by === 'rest') {
    layout.flush()
    const named = layout.error.named ? `, ${quote(layout.error.named)}` : ''
    if (scope.checked && (extent.tail > 0 || scope.open)) {
      const test = `${sum(first, extent.tail)} > ${layout.end}`
      writer.writeLine(`if (${test}) input.short(${first}, ${extent.tail}, ${label.path}${named})`)
    }
    const name = extent.tail === 0 ? layout.end : scope.variable(writer, end, `${layout.end} - ${extent.tail}`)
    return { start: at, end: position(name), contentStart: at, contentEnd: position(name) }
  }
  if (extent.by === 'prefix') {
    const { from, size } = layPrefix(layout, extent.type, at, label)
    const name = scope.variable(writer, end, `${byteText(from)} + ${size.text}`)
    if (scope.checked) holdsSize(layout, first, size, name, label)
    return { start: at, end: position(name), contentStart: from, contentEnd: position(name) }
  }
  layout.flush()
  scope.here = { at, end: layout.end }
  layout.reads([extent.size], at)
  const size = asNumber(emitExpr(extent.size, scope))
  const text = layout.safely(size, at, label)
  const simple = /^[\w.]+$/.test(text) && less === ''
  const amount = simple ? text : scope.local(writer, `${camel(label.name)}Size`, `${text}${less}`)
  const name = scope.variable(writer, end, `${first} + ${amount}`)
  if (scope.checked) holdsSize(layout, first, { ...size, text: amount }, name, label)
  return { start: at, end: position(name), contentStart: at, contentEnd: position(name) }
}

function holdsSize(layout: Layout, first: string, size: Code, end: string, label: Label): void {
  const negative = size.low === undefined || size.low < 0n ? `${size.text} < 0 || ` : ''
  const test = `${negative}${end} > ${layout.end}`
  layout.over(first, size.text, size.fails && negative ? `!(${size.text} >= 0) || ${end} > ${layout.end}` : test, label)
}

/** Reads the length or count in front and returns what it says. */
export function layPrefix(layout: Layout, type: Type, at: Position, label: Label): { from: Position; size: Code } {
  const { scope, writer } = layout
  const bits = fixedBits(scope.protocol, type)
  if (bits === undefined) {
    layout.flush()
    const slot = layout.value(type, at, { ...label, name: `${label.name}_size` })
    return { from: slot.end, size: asNumber(slot.local!) }
  }
  layout.step(at, bits, label)
  layout.flush()
  const from = plus(at, bits)
  layout.want(from)
  const code = rawCode(scope, type, { start: at, end: from, contentStart: at, contentEnd: from })
  const name = scope.local(writer, `${camel(label.name)}Size`, asNumber(code).text)
  return { from, size: { ...asNumber(code), text: name, prec: 20 } }
}

export function layDelimited(
  layout: Layout,
  type: Extract<Type, { kind: 'delimited' }>,
  at: Position,
  label: Label,
): Omit<Slot, 'node' | 'present'> {
  const { scope, writer } = layout
  layout.flush()
  const delimiter = scope.constant(
    `${label.name}_end`,
    `Uint8Array.of(${[...type.delimiter].map(byte => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')})`,
  )
  const find = `input.find(${delimiter}, ${byteText(at)}, ${layout.end}, ${label.path}`
  const name = layout.error.named ?? label.error.soft
  const end = scope.variable(writer, `${camel(label.name)}End`, `${find}${name ? `, ${quote(name)}` : ''})`)
  const behind = position(end, 8 * type.delimiter.length)
  return { start: at, end: behind, contentStart: at, contentEnd: position(end) }
}

export function layVarint(
  layout: Layout,
  type: VarintType,
  at: Position,
  label: Label,
): Omit<Slot, 'node' | 'present'> {
  const { scope, writer } = layout
  layout.flush()
  const narrow = isNarrow(scope.protocol, type)
  const take = scope.use(`take${VARINTS[type.coding]}${narrow ? '' : 'Big'}`)
  const call = `${take}(input, ${byteText(at)}, ${layout.end}, ${type.max}, ${label.path})`
  const raw = rawVarint(scope, type, at)
  const value = scope.names.unique(localName(label.name))
  layout.guarded(label, true, value, narrow ? 'number' : 'bigint', call)
  const end = scope.variable(writer, `${camel(label.name)}End`, 'input.at')
  return {
    start: at,
    end: position(end),
    contentStart: at,
    contentEnd: position(end),
    local: { ...raw, text: value, prec: 20 },
  }
}

export function layUint(
  layout: Layout,
  type: Extract<Type, { kind: 'uint' }>,
  at: Position,
  label: Label,
): Omit<Slot, 'node' | 'present'> {
  const { scope, writer } = layout
  layout.flush()
  scope.here = { at, end: layout.end }
  layout.reads([type.size], at)
  const code = asNumber(emitExpr(type.size, scope))
  const size = scope.local(writer, `${camel(label.name)}Size`, layout.safely(code, at, label))
  const name = layout.error.named ?? label.error.soft
  if (scope.checked && !((code.low ?? -1n) >= 0n && (code.high ?? 9n) <= 8n)) {
    writer.writeLine(`if (!(${size} >= 0 && ${size} <= 8)) throw ${refusal('OutOfRange', byteText(at), label, name)}`)
  }
  const end = scope.variable(writer, `${camel(label.name)}End`, `${byteText(at)} + ${size}`)
  if (scope.checked) reaches(layout, at, end, size, label)
  return { start: at, end: position(end), contentStart: at, contentEnd: position(end) }
}

export function layAlign(layout: Layout, to: number, at: Position, label: Label): Omit<Slot, 'node' | 'present'> {
  const { scope, writer } = layout
  layout.flush()
  const first = byteText(at)
  const start = scope.frameStart()
  const end = scope.variable(
    writer,
    `${camel(label.name)}End`,
    `${first} + ((${to} - ((${first} - ${start}) % ${to})) % ${to})`,
  )
  if (scope.checked) reaches(layout, at, end, '0', label)
  return { start: at, end: position(end), contentStart: at, contentEnd: position(end) }
}

function reaches(layout: Layout, at: Position, end: string, size: string, label: Label): void {
  layout.over(byteText(at), size, `${end} > ${layout.end}`, label)
}

function rawVarint(scope: DecodeScope, type: VarintType, at: Position): Code {
  return rawCode(scope, type, { start: at, end: at, contentStart: at, contentEnd: at })
}

export const VARINTS = { leb128: 'Leb128', sleb128: 'Sleb128', zigzag: 'Zigzag', vlq: 'Vlq', quic: 'Quic' } as const
