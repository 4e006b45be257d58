// Well-known entries of ordered multimaps, found without building the list: `headers.msg_id` is `headersMsgId`.

import type { GetAccessorDeclarationStructure, OptionalKind } from 'ts-morph'
import type { Field, Multimap, Struct, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { itemsStart } from './decode-items.ts'
import { Layout } from './decode-layout.ts'
import { plainText, rawCode } from './decode-read.ts'
import { DecodeScope, type Slot } from './decode-scope.ts'
import { checkFunction, RESERVED, readFunction } from './decode-values.ts'
import type { EncodeScope } from './encode-scope.ts'
import { type Code, plainCode } from './expr.ts'
import { coreType, fixedBits, intBounds, isNarrow } from './facts.ts'
import { camel } from './names.ts'
import { className, quote } from './naming.ts'
import { byteText, endText, position } from './position.ts'
import { shapeOf } from './shape.ts'
import { preludes } from './statements.ts'
import type { Unit } from './unit.ts'

type Entry = Multimap['entries'][number]
type Place = Pick<Slot, 'contentStart' | 'contentEnd'>

/** The member that gives an entry: `headers`, `msg_id` -> `headersMsgId`. */
export function entryMember(field: string, entry: string): string {
  return `${camel(field)}${className(entry)}`
}

export function entryGetters(scope: DecodeScope, field: Field): OptionalKind<GetAccessorDeclarationStructure>[] {
  const { map } = field
  if (!map) return []
  const slot = scope.slot(field)
  return map.entries.map(entry => {
    const shape = scope.unit.shape(shapeOf(scope.protocol, entry.type, 'value'))
    const call = findCall(scope, field, entry, slot, 'this.byteInput')
    const text = slot.present ? `${slot.present} ? ${call} : undefined` : call
    const key = typeof entry.key === 'bigint' ? String(entry.key) : new TextDecoder().decode(entry.key)
    return {
      name: entryMember(field.name, entry.name),
      returnType: `${shape} | undefined`,
      docs: [`The entry \`${key}\` of ${field.name}; undefined where there is none that can be read.`],
      statements: preludes(`return ${text}`, 'this'),
    }
  })
}

/** Code of what an entry of this name means to an expression. */
export function entryCode(
  scope: DecodeScope | EncodeScope,
  field: Field | undefined,
  name: string,
  place: (field: Field) => Place,
  source: string,
): Code {
  const entry = field?.map?.entries.find(one => one.name === name)
  if (!entry) {
    throw new Error(`there is no entry ${name} of a list in this record`)
  }
  const call = findCall(scope, field!, entry, place(field!), source)
  return plainCode(scope.protocol, call, coreType(entry.type), undefined, true)
}

/** Code that looks an entry up. */
function findCall(scope: DecodeScope | EncodeScope, field: Field, entry: Entry, place: Place, source: string): string {
  const struct = scope.protocol.structs.get(itemName(field.type))!
  const find = findFunction(scope.unit, struct, field.map!, entry)
  return `${find}(${source}, ${byteText(itemsStart(scope, field.type, place))}, ${endText(place.contentEnd)})`
}

/** The struct that the items of a list are. */
function itemName(type: Type): string {
  const list = coreType(type)
  if (list.kind !== 'list' || list.of.kind !== 'struct') throw new Error('entries are those of a list of structs')
  return list.of.name
}

function findFunction(unit: Unit, struct: Struct, map: Multimap, entry: Entry): string {
  const shape = unit.shape(shapeOf(unit.protocol, entry.type, 'value'))
  return unit.function(
    `find ${struct.name} ${map.duplicates} ${map.anyCase} ${entry.name}`,
    `find${className(entry.name)}`,
    (writer, own) => {
      const scope = new DecodeScope({
        unit,
        body: struct.body,
        frame: false,
        checked: false,
        start: position('p'),
        reserved: RESERVED,
      })
      const fields = fieldsOf(struct.body.nodes)
      const key = fields.find(field => field.name === map.key)!
      const value = fields.find(field => field.name === map.value)!
      writer.write(`function ${own}(input: Input, at: number, end: number): ${shape} | undefined`).block(() => {
        writer.writeLine('const b = input.bytes')
        writer.writeLine(`let found: ${shape} | undefined`)
        writer.writeLine('let p = at')
        writer.write('while (p < end) ').block(() => {
          const behind = new Layout(scope, writer, 'end').nodes(struct.body.nodes, position('p'))
          const stop = map.duplicates === 'last' ? '' : ' && found === undefined'
          writer.write(`if (${keyTest(scope, key, entry, map.anyCase)}${stop}) `).block(() => {
            writer.writeLine(`found = ${parsed(scope, value, entry.type)}`)
          })
          writer.writeLine(`p = ${endText(behind)}`)
        })
        writer.writeLine('return found')
      })
      writer.blankLine()
    },
  )
}

function keyTest(scope: DecodeScope, key: Field, entry: Entry, anyCase: boolean): string {
  const slot = scope.slot(key)
  if (typeof entry.key === 'bigint') {
    const code = scope.valueOf(key)
    return `${code.text} === ${code.form === 'bigint' ? `${entry.key}n` : entry.key}`
  }
  const name = scope.constant(
    `KEY_${entry.name}`,
    `Uint8Array.of(${[...entry.key].map(byte => `0x${byte.toString(16).padStart(2, '0')}`).join(', ')})`,
  )
  return `${scope.use(anyCase ? 'bytesAreInAnyCase' : 'bytesAre')}(b, ${byteText(slot.contentStart)}, ${endText(slot.contentEnd)}, ${name})`
}

/** The value with the type of the entry, which it must fill; undefined where it does not. */
function parsed(scope: DecodeScope, value: Field, type: Type): string {
  const { unit, protocol } = scope
  const slot = scope.slot(value)
  const held = coreType(value.type).kind
  if (held !== 'bytes' && held !== 'text') return plainText(scope, value.type, slot, 'false', value.number)
  const [from, to] = [byteText(slot.contentStart), endText(slot.contentEnd)]
  const core = type.kind === 'region' && type.extent.by === 'rest' ? type.of : type
  if (core.kind === 'number') {
    const { low, high } = intBounds(protocol, core)
    const name = `parse${core.base === 10 ? 'Decimal' : 'Hexadecimal'}${isNarrow(protocol, core) ? '' : 'Big'}`
    const limits = isNarrow(protocol, core) ? `${low}, ${high}` : `${low}n, ${high}n`
    return `${unit.use(name)}(b, ${from}, ${to}, ${core.base === 10 ? `${core.of.signed}, ` : ''}${core.lenient}, ${limits})`
  }
  if (core.kind === 'bytes') return `b.subarray(${from}, ${to})`
  if (core.kind === 'text') {
    if (core.encoding === 'latin1') return `${unit.use('readLatin1')}(b, ${from}, ${to})`
    return `${unit.use(core.encoding === 'utf8' ? 'readUtf8' : 'readAscii')}(b, ${from}, ${to})`
  }
  const bits = fixedBits(protocol, core)
  if (core.kind === 'int' && bits !== undefined) {
    const place = {
      start: slot.contentStart,
      end: slot.contentEnd,
      contentStart: slot.contentStart,
      contentEnd: slot.contentEnd,
    }
    return `${to} - (${from}) === ${bits / 8} ? ${rawCode(scope, core, place).text} : undefined`
  }
  const check = checkFunction(unit, core).call(scope, 'from', 'to', quote(value.name))
  const read = readFunction(unit, core).call(scope, 'from', 'to', 'false')
  return `${unit.use('attempt')}(input, ${from}, ${to}, (from, to) => ${check}, (from, to) => ${read})`
}
