// Which frame the bytes are: `choose(c)` of a dissector reads the envelope as far as ids and matches need it. Direction is
// told by the server's port; states are not known, so frames that differ only by them stay undecided.

import type { Field, Frame, Literal, Node, Protocol } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import type { Transport } from '../../normalize/behaviour.ts'
import { innerType } from '../../normalize/path.ts'
import { bodyLines, definition, type RecordContext } from './body.ts'
import { luaName, luaText } from './expression.ts'

/** `choose(c)` reads the envelope as far as ids and matches need it and returns the name of the one frame that fits. */
export function choice(protocol: Protocol, context: RecordContext): string[] {
  const all = [...protocol.frames.values()]
  const inside = all.filter(frame => !frame.bare)
  const frames = inside.length > 0 ? inside : all
  const bare = all.filter(frame => frame.bare)
  const needed = new Set(frames.flatMap(frame => frame.match.map(match => match.path[0]!)))
  const id = protocol.envelope && fieldsOf(protocol.envelope.nodes).find(field => field.isId)
  if (id && frames.some(frame => frame.ids.length > 0)) needed.add(id.name)
  const front = protocol.envelope ? upTo(protocol.envelope.nodes, new Set(needed)) : []
  const fits = frames.map(
    frame => `if ${fitting(frame, id, protocol)} then found[#found + 1] = ${luaText(frame.name)} end`,
  )
  const others = frames
    .filter(frame => frame.matchElse)
    .map(frame => `if #found == 0 and ${direction(frame, protocol)} then found[1] = ${luaText(frame.name)} end`)
  const body = [
    ...(front
      ? ['local v = c.v', ...bodyLines({ nodes: front, validate: [], check: [], usesParent: false }, context)]
      : ['if true then return nil end']),
    'local found, bare = {}, {}',
    ...fits.filter((_, at) => !frames[at]!.matchElse),
    ...others,
    // Handshake frames without envelope: taken where nothing else fits and there is only one.
    ...(inside.length > 0
      ? bare.map(
          frame => `if #found == 0 and ${direction(frame, protocol)} then bare[#bare + 1] = ${luaText(frame.name)} end`,
        )
      : []),
    'if #found == 0 and #bare == 1 then return bare[1] end',
    'if #found == 1 then return found[1] end',
    'if #found == 0 then error({ problem = "no frame fits", at = c.at }) end',
    'unknown("which of " .. table.concat(found, ", ") .. " it is")',
  ]
  return definition('choose', body, 'c')
}

/** Nodes up to the last one needed; undefined when a needed one is sealed. */
function upTo(nodes: readonly Node[], needed: Set<string>): Node[] | undefined {
  const front: Node[] = []
  for (const node of nodes) {
    if (needed.size === 0) return front
    const names = node.kind === 'field' ? [node.name] : fieldsOf([node]).map(one => one.name)
    if (node.kind === 'group' && node.seal && names.some(name => needed.has(name))) return undefined
    for (const name of names) needed.delete(name)
    front.push(node)
  }
  return needed.size === 0 ? front : undefined
}

function fitting(frame: Frame, id: Field | undefined, protocol: Protocol): string {
  const tests = [direction(frame, protocol)]
  if (id && frame.ids.length > 0)
    tests.push(`(${frame.ids.map(one => `v.${luaName(id.name)} == ${one}`).join(' or ')})`)
  for (const match of frame.match)
    tests.push(`(${match.values.map(value => matches(frame, match.path, value, protocol)).join(' or ')})`)
  return tests.filter(test => test !== 'true').join(' and ') || 'true'
}

function matches(frame: Frame, path: readonly string[], value: Literal, protocol: Protocol): string {
  const field = fieldsOf(frame.body.nodes).find(one => one.name === path[0])
  const type = field && innerType(field.type)
  const name = `v.${luaName(path[0]!)}`
  if (path.length > 1 && type?.kind === 'bitset') {
    const bit = protocol.bitsets.get(type.name)!.bits.find(one => one.name === path[1])!
    return `has_bit(${name}, ${bit.bit}) == ${value}`
  }
  if (type?.kind === 'enum' && typeof value === 'string') {
    return `${name} == ${protocol.enums.get(type.name)!.values.find(one => one.name === value)?.value ?? -1}`
  }
  return `${name} == ${typeof value === 'string' ? luaText(value) : value}`
}

/** By the port: who dials sends toward the server's. */
function direction(frame: Frame, protocol: Protocol): string {
  if (frame.dirs.length === 0) return 'true'
  const up = frame.dirs.map(dir => protocol.roles.get(dir.sender)?.transport)
  const ways = new Set(up.map(transport => (transport === 'both' ? 'any' : transport === 'accepts' ? 'down' : 'up')))
  if (ways.has('any') || ways.size > 1) return 'true'
  return ways.has('up') ? 'c.up ~= false' : 'c.up ~= true'
}

/** true: toward the server; false: from it; nil: neither port is known. */
export function directions(transports: readonly Transport[]): string[] {
  const ports = [...new Set(transports.flatMap(one => (one.port === undefined ? [] : [one.port])))]
  return [
    `local PORTS = { ${ports.map(port => `[${port}] = true`).join(', ')} }`,
    ...definition(
      'toward_server',
      ['if PORTS[pinfo.dst_port] then return true end', 'if PORTS[pinfo.src_port] then return false end', 'return nil'],
      'pinfo',
    ),
  ]
}
