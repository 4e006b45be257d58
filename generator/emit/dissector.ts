// `dissector.lua`: a Wireshark dissector for a protocol. Fields one can filter by, enums and bits by name, checksums
// compared, streams put together again, a tree item for each frame; what is sealed stays bytes. Put the file into
// Wireshark's plugin folder, or run `tshark -X lua_script:dissector.lua`.

import type { Body, Node, Protocol, Variant } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'
import { bodyLines, definition, indent, pseudoField, type RecordContext, valueLines } from './dissector/body.ts'
import { choice, directions } from './dissector/choice.ts'
import { luaText } from './dissector/expression.ts'
import { ProtoFields } from './dissector/fields.ts'
import { FRAMES } from './dissector/frames.ts'
import { PRELUDE } from './dissector/prelude.ts'
import { extras, registration } from './dissector/registration.ts'
import { generatedBy } from './header.ts'

export function emitDissector(protocol: Protocol, behaviour: Behaviour): string {
  const fields = new ProtoFields(protocol)
  const context = (record: string): RecordContext => ({ protocol, fields, record })
  const records = [
    ...[...protocol.structs.values()].flatMap(one =>
      definition(`RECORD.${one.name}`, bodyLines(one.body, context(one.name))),
    ),
    ...[...protocol.unions.values()].flatMap(one => union(one.name, context(one.name), protocol)),
    ...[...protocol.frames.values()].flatMap(one =>
      definition(`FRAME.${one.name}`, bodyLines(one.body, context(one.name))),
    ),
    ...(protocol.envelope ? definition('ENVELOPE', envelopeLines(protocol.envelope, context('Envelope'))) : []),
  ]
  const lines = [
    ...generatedBy(protocol).map(line => `-- ${line}`),
    '',
    ...protocolLines(protocol),
    'local F, EXTRA, FRAME, RECORD, UNION = {}, {}, {}, {}, {}',
    'local EXPERT, ENVELOPE, choose, toward_server',
    '',
    ...PRELUDE.trimEnd().split('\n'),
    '',
    ...FRAMES.trimEnd().split('\n'),
    '',
    ...fields.lines(),
    ...extras(),
    '',
    ...records,
    ...directions(behaviour.transports),
    ...choice(protocol, context('Envelope')),
    ...registration(protocol, behaviour.transports),
  ]
  return `${lines.join('\n')}\n`
}

/** Wireshark has protocols of its own: one of the same name keeps it, and ours is called `NAME_schema`. */
function protocolLines(protocol: Protocol): string[] {
  const name = protocol.name.replaceAll('-', '_')
  return [
    `local NAME = ${luaText(name)}`,
    `local ok, PROTOCOL = pcall(Proto, NAME, ${luaText(title(protocol))})`,
    'if not ok then',
    '  NAME = NAME .. "_schema"',
    `  PROTOCOL = Proto(NAME, ${luaText(`${title(protocol)} (schema)`)})`,
    'end',
  ]
}

function title(protocol: Protocol): string {
  return protocol.name.toUpperCase()
}

/** The envelope alone, up to where the frame's own fields stand: shown when no frame is known. */
function envelopeLines(envelope: Body, context: RecordContext): string[] {
  const front = before(envelope.nodes, node => node.kind === 'group' && node.opaque === true)
  return [...bodyLines({ ...envelope, nodes: front }, context), 'if not c.open then bytes(c, EXTRA.body) end']
}

function before(nodes: readonly Node[], stop: (node: Node) => boolean): Node[] {
  const end = nodes.findIndex(stop)
  return nodes.slice(0, end < 0 ? nodes.length : end)
}

function union(name: string, context: RecordContext, protocol: Protocol): string[] {
  const one = protocol.unions.get(name)!
  const read = one.tag ? valueLines(one.tag, pseudoField('tag', one.tag), context, 'tag') : []
  const tests = one.variants.map(variant => [condition(variant), variantLines(variant, context)] as const)
  const cases = tests.flatMap(([test, lines], at) => [`${at === 0 ? 'if' : 'elseif'} ${test} then`, ...indent(lines)])
  return definition(
    `UNION.${name}`,
    [...read, ...cases, 'else', '  error({ problem = "unknown variant", at = c.at })', 'end'],
    'c, v, tag',
  )
}

function condition(variant: Variant): string {
  return variant.other ? 'true' : variant.ids.map(id => `tag == ${id}`).join(' or ')
}

function variantLines(variant: Variant, context: RecordContext): string[] {
  const named = { ...context, record: variant.name }
  const label = `if c.tree then c.tree:append_text(${luaText(`, ${variant.name}`)}) end`
  if (!variant.value) return [label, ...bodyLines(variant.body, named)]
  return [label, ...valueLines(variant.value, pseudoField('value', variant.value), named, 'v.value')]
}
