// Values that the encoder makes itself, in the form that their type is written from: computed ones, defaults, zeros, and
// literals that select the frame.
import type { Field, Literal, Type } from '../model/model.ts'
import type { EncodeScope } from './encode-scope.ts'
import { fitting } from './encode-value.ts'
import { ATOM, asBig, asNumber, type Code, emitExpr, intCode, wrap } from './expr.ts'
import { coreType, fixedBits } from './facts.ts'
import { quote } from './naming.ts'

/** A computed value in the form that its type is written from. */
export function storedAs(scope: EncodeScope, field: Field, code: Code, label: string): Code {
  const core = coreType(field.type)
  if (core.kind === 'bytes' && code.form === 'string')
    return { ...code, text: `${scope.use('utf8')}(${code.text})`, form: 'bytes', prec: ATOM }
  if (core.kind === 'bytes' && code.form === 'none') return { text: scope.use('NO_BYTES'), form: 'bytes', prec: ATOM }
  if (core.kind === 'text' && code.form === 'bytes')
    return { ...code, text: `${scope.use('textOf')}(${code.text})`, form: 'string', prec: ATOM }
  if (core.kind === 'text' && code.form === 'none') return { text: "''", form: 'string', prec: ATOM }
  if (isNumber(core) && code.form === 'bytes') return fitting(scope, field.type, drawn(scope, core, code), label)
  if (core.kind === 'float') return { ...asNumber(code), form: 'float' }
  return {
    ...fitting(scope, field.type, code, label),
    ...(core.kind === 'list' || core.kind === 'struct' ? { type: core } : {}),
  }
}

export function zeroOf(scope: EncodeScope, type: Type): Code {
  const core = coreType(type)
  switch (core.kind) {
    case 'bool':
    case 'bit':
      return { text: 'false', form: 'boolean', prec: ATOM }
    case 'bytes': {
      const bits = fixedBits(scope.protocol, type)
      if (bits !== undefined)
        return {
          text: scope.constant(`zeros_${bits / 8}`, `new Uint8Array(${bits / 8})`),
          form: 'bytes',
          prec: ATOM,
        }
      const size =
        type.kind === 'region' && type.extent.by === 'size' ? asNumber(emitExpr(type.extent.size, scope)).text : '0'
      return { text: `new Uint8Array(${size})`, form: 'bytes', prec: ATOM }
    }
    case 'text': {
      const size =
        type.kind === 'region' && type.extent.by === 'size' ? asNumber(emitExpr(type.extent.size, scope)).text : '0'
      return { text: `'\\0'.repeat(${size})`, form: 'string', prec: ATOM }
    }
    case 'list':
      return { text: '[]', form: 'list', prec: ATOM, type: core }
    case 'struct':
      return { text: '{}', form: 'struct', prec: ATOM, type: core }
    default:
      return intCode(0n)
  }
}

export function literalCode(scope: EncodeScope, field: Field, literal: Literal): Code {
  const type = coreType(field.type)
  if (typeof literal === 'boolean') return { text: String(literal), form: 'boolean', prec: ATOM }
  if (typeof literal === 'bigint') return intCode(literal)
  if (type.kind === 'enum') {
    const known = scope.protocol.enums.get(type.name)!.values.find(value => value.name === literal)
    if (known) return intCode(known.value)
  }
  if (type.kind !== 'bytes') return { text: quote(literal), form: 'string', prec: ATOM }
  const bytes = [...new TextEncoder().encode(literal)].map(byte => `0x${byte.toString(16).padStart(2, '0')}`)
  return { text: scope.constant(literal, `Uint8Array.of(${bytes.join(', ')})`), form: 'bytes', prec: ATOM }
}

/** A fallback as what a caller could have given. */
export function plainFallback(scope: EncodeScope, field: Field, code: Code): string {
  const core = coreType(field.type)
  if (core.kind === 'list' && code.form === 'none') return '[]'
  const stored =
    code.form === 'none' || code.form === 'bytes' || code.form === 'string'
      ? storedAs(scope, field, code, field.name)
      : code
  return wrap(stored, 4)
}

export function withBits(scope: EncodeScope, field: Field, code: Code): Code {
  if (field.type.kind !== 'bitset') return code
  const { bits } = scope.protocol.bitsets.get(field.type.name)!
  const mask = (set: boolean): bigint =>
    field
      .matchBits!.filter(({ value }) => value === set)
      .reduce((all, { bit }) => all | (1n << BigInt(bits.find(known => known.name === bit)!.bit)), 0n)
  const [set, clear] = [mask(true), mask(false)]
  if (code.form === 'bigint' || code.high! > 0x7fffffffn) {
    const text = `(${asBig(code).text} | ${set}n) & ~${clear}n`
    return code.form === 'bigint' ? { ...code, text, prec: 8 } : { ...code, text: `Number(${text})`, prec: ATOM }
  }
  const raised = set === 0n ? wrap(code, 7) : `(${wrap(code, 6)} | 0x${set.toString(16)})`
  return {
    ...code,
    text: clear === 0n ? raised : `${raised} & ~0x${clear.toString(16)}`,
    prec: clear === 0n ? ATOM : 8,
  }
}

/** Random bytes as a number. */
function drawn(scope: EncodeScope, core: Type, code: Code): Code {
  const number = `${scope.use('bytesNumber')}(${code.text})`
  const signed = core.kind === 'int' && core.signed
  const text = signed ? `BigInt.asIntN(${core.bits}, ${number})` : number
  return { text, form: 'bigint', prec: ATOM, low: 0n, high: (1n << 128n) - 1n }
}

function isNumber(type: Type): boolean {
  return ['int', 'varint', 'uint', 'enum', 'bitset'].includes(type.kind)
}
