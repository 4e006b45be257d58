// Values given by a caller: checked and converted into what goes on the wire.
import type { Field, Type } from '../model/model.ts'
import type { EncodeScope } from './encode-scope.ts'
import { ATOM, asBig, type Code } from './expr.ts'
import { coreType, intBounds, isNarrow } from './facts.ts'
import { quote } from './naming.ts'
import type { Unit } from './unit.ts'

/** The raw value of a type from the plain value in `text`: wrong kinds are BadType, undefined is MissingField. */
export function converted(scope: EncodeScope, type: Type, text: string, label: string, field?: Field): Code {
  const { unit, protocol } = scope
  const core = coreType(type)
  const at = quote(label)
  const call = (name: string, ...more: readonly string[]): string =>
    `${unit.use(name)}(${[text, ...more, at].join(', ')})`
  switch (core.kind) {
    case 'int':
    case 'varint':
    case 'uint':
    case 'number':
      return integerIn(unit, core, text, at, field)
    case 'float':
      return { text: call('realIn'), form: 'float', prec: ATOM }
    case 'bool':
    case 'bit':
      return { text: call('flagIn'), form: 'boolean', prec: ATOM }
    case 'bytes':
      return { text: call('bytesIn'), form: 'bytes', prec: ATOM }
    case 'text':
      return { text: call('textIn'), form: 'string', prec: ATOM }
    case 'enum': {
      const narrow = isNarrow(protocol, core)
      const { low, high } = intBounds(protocol, core)
      const error =
        field?.error ??
        (protocol.enums.get(core.name)!.unknown === 'keep' ? 'UnknownValue' : protocol.enums.get(core.name)!.unknown)
      const number = `${enumFunction(unit, core.name)}(${text}, ${at}, ${quote(error)})`
      return { text: number, form: narrow ? 'number' : 'bigint', prec: ATOM, low, high }
    }
    case 'bitset': {
      const narrow = isNarrow(protocol, core)
      const definition = protocol.bitsets.get(core.name)!
      const { low, high } = intBounds(protocol, core)
      const table = unit.use(`type:${core.name}`)
      const base = { form: narrow ? ('number' as const) : ('bigint' as const), prec: ATOM, low, high }
      if (['keep', 'clear', 'empty'].includes(definition.undefined)) {
        return { ...base, text: call(narrow ? 'bitsIn' : 'bitsInBig', table, narrow ? String(high) : `${high}n`) }
      }
      const mask = narrow ? String(definition.mask) : `${definition.mask}n`
      const error = quote(field?.error ?? definition.undefined)
      return {
        ...base,
        text: `${unit.use(narrow ? 'onlyBits' : 'onlyBitsBig')}(${text}, ${table}, ${mask}, ${at}, ${error})`,
      }
    }
    case 'list': {
      unit.shape('')
      return { text: call('listIn'), form: 'list', prec: ATOM, type: core }
    }
    case 'struct':
      return { text: call('recordIn'), form: 'struct', prec: ATOM, type: core }
    case 'union':
      return { text: call('recordIn'), form: 'union', prec: ATOM, type: core }
    default:
      return { text: 'undefined', form: 'none', prec: ATOM }
  }
}

/** An integer that fits its type: `u16(value.x, 'x')`. */
function integerIn(unit: Unit, type: Type, text: string, at: string, field: Field | undefined): Code {
  const { low, high } = intBounds(unit.protocol, type)
  const narrow = isNarrow(unit.protocol, type)
  const base = { form: narrow ? ('number' as const) : ('bigint' as const), prec: ATOM, low, high }
  void field
  if (!narrow) {
    const whole =
      low === 0n
        ? `${unit.use('bigUintIn')}(${text}, ${high}n, ${at})`
        : `${unit.use('bigIntIn')}(${text}, ${low}n, ${high}n, ${at})`
    return { ...base, text: whole }
  }
  const simple = SIMPLE.get(`${low} ${high}`)
  if (simple) return { ...base, text: `${unit.use(simple)}(${text}, ${at})` }
  return { ...base, text: `${unit.use('intIn')}(${text}, ${low}, ${high}, ${at})` }
}

/** An integer that the encoder computed, which must fit too. */
export function fitting(scope: EncodeScope, type: Type, code: Code, label: string): Code {
  const core = coreType(type)
  if (!['int', 'varint', 'uint', 'number', 'enum', 'bitset'].includes(core.kind)) return code
  const { low, high } = intBounds(scope.protocol, core)
  const narrow = isNarrow(scope.protocol, core)
  const inside = code.low !== undefined && code.high !== undefined && code.low >= low && code.high <= high
  if (inside && narrow && code.form === 'number') return code
  if (inside && !narrow) return asBig(code)
  const plain: Type =
    core.kind === 'enum'
      ? scope.protocol.enums.get(core.name)!.type
      : core.kind === 'bitset'
        ? scope.protocol.bitsets.get(core.name)!.type
        : core
  return integerIn(scope.unit, plain, code.text, quote(label), undefined)
}

/** `kindNumber`: the number of an enum value that is given by name or number. */
function enumFunction(unit: Unit, name: string): string {
  const definition = unit.protocol.enums.get(name)!
  const narrow = isNarrow(unit.protocol, definition.type)
  const number = narrow ? 'number' : 'bigint'
  return unit.function(`number ${name}`, `numberOf${name}`, (writer, own) => {
    writer.write(`function ${own}(value: unknown, field: string, error: string): ${number}`).block(() => {
      writer.write('switch (value)').block(() => {
        for (const { name: word, value } of definition.values) {
          writer.writeLine(`case '${word}':`).indent(() => writer.writeLine(`return ${narrow ? value : `${value}n`}`))
        }
        writer.writeLine('default:').indent(() => {
          const { low, high } = intBounds(unit.protocol, definition.type)
          const limits = narrow ? `${low}, ${high}` : `${low}n, ${high}n`
          const keep = definition.unknown === 'keep'
          const table = unit.use(`type:${name}`)
          writer.writeLine(
            `return ${unit.use(narrow ? 'enumIn' : 'enumInBig')}(value, ${table}, ${keep}, ${limits}, field, error)`,
          )
        })
      })
    })
    writer.blankLine()
  })
}

const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['0 255', 'u8'],
  ['0 65535', 'u16'],
  ['0 4294967295', 'u32'],
  ['-128 127', 'i8'],
  ['-32768 32767', 'i16'],
  ['-2147483648 2147483647', 'i32'],
])
