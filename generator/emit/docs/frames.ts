// The part of the docs about bytes: frames and their fields, and the types they use.

import type { Body, Field, Frame, Multimap, Protocol, Rule, Struct, Union } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import { bitsText, type Placed, placed, sizeText } from '../layout.ts'
import { bytesText, exprText, literalText, typeText } from '../notation.ts'
import { diagram } from './diagram.ts'
import { bullets, code, paragraph, section, table } from './markdown.ts'

export function frameSections(protocol: Protocol): string[] {
  const frames = [...protocol.frames.values()]
  return [
    ...section(
      2,
      'Frames',
      table(['frame', 'selected by', 'direction', 'states', 'channel', 'seal', 'bytes', ''], frames.map(row)),
    ),
    ...section(2, 'Envelope', protocol.envelope ? bodyText(protocol.envelope) : []),
    ...frames.flatMap(frame => section(3, frame.name, frameText(frame))),
  ]
}

export function typeSections(protocol: Protocol): string[] {
  const enums = [...protocol.enums.values()].flatMap(one => [
    ...section(3, one.name, [
      ...paragraph(one.doc),
      ...paragraph(
        `${code(typeText(one.type))}; any other number ${one.unknown === 'keep' ? 'is kept' : `is ${code(one.unknown)}`}.`,
      ),
      ...table(
        ['value', 'name'],
        one.values.map(value => [String(value.value), code(value.name)]),
      ),
    ]),
  ])
  const bitsets = [...protocol.bitsets.values()].flatMap(one => [
    ...section(3, one.name, [
      ...paragraph(one.doc),
      ...paragraph(`${code(typeText(one.type))}; undefined bits: ${code(one.undefined)}.`),
      ...table(
        ['bit', 'name'],
        one.bits.map(bit => [String(bit.bit), code(bit.name)]),
      ),
    ]),
  ])
  const structs = [...protocol.structs.values()].flatMap(structText)
  const unions = [...protocol.unions.values()].flatMap(unionText)
  return section(2, 'Types', [...enums, ...bitsets, ...structs, ...unions])
}

function row(frame: Frame): string[] {
  const bytes = frame.body.bits === undefined ? leastText(frame) : bitsText(frame.body.bits)
  return [
    `[${frame.name}](#${frame.name.toLowerCase()})`,
    selection(frame),
    frame.dirs.map(dir => `${dir.sender} → ${dir.receiver}`).join(', '),
    frame.states.join(', '),
    frame.channel ?? '',
    frame.seal ?? '',
    bytes,
    frame.doc ?? '',
  ]
}

function selection(frame: Frame): string {
  const ids = frame.ids.length > 0 ? [`id ${frame.ids.join(', ')}`] : []
  const matches = frame.match.map(match => `${match.path.join('.')} = ${match.values.map(literalText).join(' or ')}`)
  const bare = frame.bare ? ['no envelope'] : []
  return [...ids, ...matches, ...(frame.matchElse ? ['any other'] : []), ...bare].join(', ')
}

/** `12 +`: what every frame of this kind has at least. */
function leastText(frame: Frame): string {
  const least = placed(frame.body).reduce((sum, part) => sum + (part.onWire ? (part.bits ?? 0) : 0), 0)
  return `${Math.ceil(least / 8)} +`
}

function frameText(frame: Frame): string[] {
  const notes = [
    ...(frame.repeat > 1 ? [`Sent ${frame.repeat} times.`] : []),
    ...(frame.close
      ? [`Ends the connection ${frame.close === 'now' ? 'at once' : 'after what was queued is sent'}.`]
      : []),
    ...frame.learn.map(learn => `Teaches ${code(`session.${learn.name}`)} = ${code(exprText(learn.value))}.`),
    ...(frame.max ? [`At most ${code(exprText(frame.max))} bytes.`] : []),
  ]
  const own = hasOwn(frame) ? bodyText(frame.body) : paragraph('Nothing but the envelope.')
  return [...paragraph(frame.doc), ...bullets(notes), ...own]
}

/** Whether the frame says more than the envelope does. */
function hasOwn(frame: Frame): boolean {
  const fields = fieldsOf(frame.body.nodes)
  return (
    frame.bare ||
    frame.body.check.length > 0 ||
    fields.some(field => field.origin !== 'envelope' || field.with !== undefined)
  )
}

function structText(one: Struct): string[] {
  return section(3, one.name, [...paragraph(one.doc), ...bodyText(one.body)])
}

function unionText(one: Union): string[] {
  const tag = one.tag ? `The tag ${code(typeText(one.tag))} stands in front.` : 'The tag is passed in.'
  const rows = one.variants.map(variant => [
    variant.other ? 'other' : variant.ids.join(', '),
    code(variant.name),
    variant.value ? code(typeText(variant.value)) : '',
    variant.doc ?? '',
  ])
  return section(3, one.name, [
    ...paragraph(one.doc),
    ...paragraph(`${tag} Any other tag is ${code(one.error)}.`),
    ...table(['tag', 'variant', 'type', ''], rows),
    ...one.variants
      .filter(variant => !variant.value)
      .flatMap(variant => section(4, variant.name, bodyText(variant.body))),
  ])
}

function bodyText(body: Body): string[] {
  const parts = placed(body).filter(
    part => part.node.kind === 'field' || part.node.seal || part.node.extent || part.node.if,
  )
  const picture = diagram(body)
  return [
    ...(picture.length > 0 ? ['```text', ...picture, '```', ''] : []),
    ...table(['offset', 'bytes', 'field', 'type', ''], parts.map(fieldRow)),
    ...bullets([...orderText(body), ...body.check.map(ruleText)]),
  ]
}

function fieldRow(part: Placed): string[] {
  const name = `${'· '.repeat(part.depth)}${part.node.name}`
  if (part.node.kind === 'group') {
    const { opaque, seal: by } = part.node
    const seal = by ? `sealed with ${by}` : opaque ? 'the frame’s own fields' : 'group'
    return [
      offsetText(part.offset),
      sizeText(part),
      name,
      seal,
      part.node.if ? `if ${code(exprText(part.node.if))}` : '',
    ]
  }
  return [offsetText(part.offset), sizeText(part), name, code(typeText(part.node.type)), meaning(part.node)]
}

function offsetText(bits: number | undefined): string {
  if (bits === undefined) return ''
  return bits % 8 === 0 ? String(bits / 8) : `${Math.floor(bits / 8)}.${bits % 8}`
}

function meaning(field: Field): string {
  const notes = [
    field.doc,
    field.isId && 'the frame’s id',
    field.with && `= ${code(exprText(field.with.value))} here`,
    field.value && `= ${code(exprText(field.value))}`,
    field.match && `= ${code(field.match.map(literalText).join(' or '))}`,
    field.fallback && `default ${code(exprText(field.fallback))}`,
    field.from && `from ${code(exprText(field.from))}`,
    field.if && `if ${code(exprText(field.if))}`,
    ...(field.derives ?? []).map(one => `${one.how} of ${one.of}, computed`),
    field.range && `${field.range.min} to ${field.range.max}`,
    field.max && `at most ${code(exprText(field.max))}`,
    field.unit && `in ${field.scale === undefined ? '' : `${field.scale} `}${field.unit}`,
    field.time && `time: ${field.time}`,
    field.secret && 'secret',
    field.error && `else ${code(field.error)}`,
    field.map && mapText(field.map),
  ]
  return notes.filter(note => typeof note === 'string').join('; ')
}

function mapText(map: Multimap): string {
  const key = (value: Uint8Array | bigint): string => (typeof value === 'bigint' ? String(value) : bytesText(value))
  const known = map.entries.map(entry => `${code(entry.name)} = ${key(entry.key)} ${code(typeText(entry.type))}`)
  return [`looked up by ${map.key}`, ...known].join(', ')
}

function orderText(body: Body): string[] {
  return body.validate.length === 0 ? [] : [`Checked first, in this order: ${body.validate.map(code).join(', ')}.`]
}

function ruleText(rule: Rule): string {
  return `${code(exprText(rule.test))}, else ${code(rule.error)}.`
}
