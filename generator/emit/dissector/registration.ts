// Where a dissector is called: ports of each transport, Decode As where there is none, and a heuristic where every
// datagram begins with the same bytes.

import type { Protocol, Type } from '../../model/model.ts'
import type { FramingData, Transport } from '../../normalize/behaviour.ts'
import { block, definition } from './body.ts'
import { luaExpr, luaString } from './expression.ts'

export function extras(): string[] {
  return [
    `EXTRA.checksum = ProtoField.bool(NAME .. ".checksum_right", "checksum right")`,
    `EXTRA.opaque = ProtoField.bytes(NAME .. ".opaque", "bytes")`,
    `EXTRA.body = ProtoField.bytes(NAME .. ".body", "body")`,
    `EXPERT = ProtoExpert.new(NAME .. ".malformed", "malformed", expert.group.MALFORMED, expert.severity.ERROR)`,
    'local all = {}',
    'for _, field in pairs(F) do all[#all + 1] = field end',
    'for _, field in pairs(EXTRA) do all[#all + 1] = field end',
    'PROTOCOL.fields = all',
    'PROTOCOL.experts = { EXPERT }',
  ]
}

export function registration(protocol: Protocol, transports: readonly Transport[]): string[] {
  const streams = transports.filter(one => one.kind !== 'udp')
  const datagrams = transports.filter(one => one.kind === 'udp')
  const onStream = streams[0] ? streamCall(streams[0].framing) : 'return 0'
  const onDatagram = `return datagram(tvb, pinfo, tree, ${datagrams[0]?.framing.kind === 'packed'})`
  const body = streams[0]
    ? [
        'if pinfo.can_desegment and pinfo.can_desegment > 0 then',
        `  ${onStream}`,
        'end',
        datagrams[0] ? onDatagram : onStream,
      ]
    : [onDatagram]
  return [
    ...definition('PROTOCOL.dissector', body, 'tvb, pinfo, tree'),
    'local function table_of(name)',
    '  local ok, found = pcall(DissectorTable.get, name)',
    '  return ok and found or nil',
    'end',
    '',
    ...transports.flatMap(one => [`local ${one.kind}_ports = table_of("${one.kind}.port")`, ...ports(one)]),
    ...heuristics(protocol, datagrams.length > 0),
  ]
}

function ports(transport: Transport): string[] {
  const add = transport.port === undefined ? 'add_for_decode_as(PROTOCOL)' : `add(${transport.port}, PROTOCOL)`
  return [`if ${transport.kind}_ports then ${transport.kind}_ports:${add} end`]
}

function streamCall(framing: FramingData): string {
  const call = (kind: string, argument = 'nil'): string => `return stream(tvb, pinfo, tree, "${kind}", ${argument})`
  switch (framing.kind) {
    case 'fixed':
      return call('fixed', String(framing.size))
    case 'delimiter':
      return call('delimiter', luaString(framing.delimiter))
    case 'prefix':
      return call('prefix', `function(c) return ${lengthReader(framing.type)} end`)
    case 'raw':
      return call('raw')
    default:
      return call('self')
  }
}

function lengthReader(type: Type): string {
  if (type.kind === 'varint') return `quietly(c, varint, "${type.coding}", ${type.max})`
  return type.kind === 'int' ? `quietly(c, uint, ${type.bits}, ${type.little})` : 'unknown("a prefix of this type")'
}

/** A constant at the start of every datagram tells the protocol on any port. */
function heuristics(protocol: Protocol, onDatagrams: boolean): string[] {
  const [first] = protocol.envelope?.nodes ?? []
  if (!onDatagrams || first?.kind !== 'field' || (first.value?.is !== 'bytes' && first.value?.is !== 'text')) return []
  const constant = luaExpr(first.value, { protocol, fields: new Map() })
  const size =
    first.value.is === 'bytes' ? first.value.value.length : new TextEncoder().encode(first.value.value).length
  if (size < 2) return []
  return [
    ...block(
      undefined,
      [
        `if tvb:len() < ${size} or tvb:range(0, ${size}):raw() ~= ${constant} then return false end`,
        'datagram(tvb, pinfo, tree, false)',
        'return true',
      ],
      'PROTOCOL:register_heuristic("udp", function(tvb, pinfo, tree)',
    ).map(line => (line === 'end' ? 'end)' : line)),
  ]
}
