// Sections of a schema that no engine of the runtime runs, by name: they are refused when a protocol is served or dialled,
// so that nothing of a schema is ever silently ignored. An entry goes when its engine exists.

import { isChannelled } from './channel-plan.ts'
import { handOverPlaces, unbuiltHandOver } from './hand-over-places.ts'
import type { HandshakeScript } from './handshake-descriptor.ts'
import type { ChannelHeader, ProtocolDescriptor, TransportDescriptor } from './protocol.ts'
import type { SealDescriptor } from './seal-descriptor.ts'

/** Everything in the schema that no engine runs on this transport, as paths. */
export function unbuilt(protocol: ProtocolDescriptor, transport: TransportDescriptor): string[] {
  const { handshake, service, session, replies } = protocol
  const isStream = transport.kind !== 'udp'
  const found = (handshake?.unbuilt ?? []).map(key => `handshake.${key}`)
  const places = handOverPlaces(protocol)
  // The stage that hands keys out carries no frames of the session.
  if (places !== undefined && places.from === transport) return [...found, ...unbuiltHandOver(places)]
  found.push(...(isStream ? onStreams(protocol, transport) : onDatagrams(protocol, transport)))
  found.push(...channelParts(protocol, transport))
  if (!isStream && service?.relay !== undefined) found.push('service.relay')
  for (const kind of Object.keys(service ?? {})) if (!SERVICES.includes(kind)) found.push(`service.${kind}`)
  for (const value of session)
    if (value.lifetime !== Number.POSITIVE_INFINITY) found.push(`session.${value.name}.lifetime`)
  for (const reply of replies) if (reply.auto === 'idle') found.push(`replies.${reply.name}.auto: idle`)
  return found
}

/** Ids and cookies are for datagrams, which everybody can forge. */
function onStreams({ handshake, seals }: ProtocolDescriptor, transport: TransportDescriptor): string[] {
  const script = handshake?.script
  const found: string[] = []
  if (seals.filter(seal => seal.key === 'handshake').length > 1) found.push('seal: two with the keys of the handshake')
  if (script === undefined) return found
  const { noise, framing } = script
  if (script.continuation !== undefined) found.push('handshake.then')
  if (script.ids !== undefined) found.push('handshake.ids')
  if (script.cookie !== undefined) found.push('handshake.cookie')
  if (noise !== undefined && script.steps.length > 0) found.push('handshake.steps beside noise')
  if (noise?.newer !== undefined) found.push('handshake.newer')
  const isBare = ['self', 'raw'].includes((framing ?? transport.framing).kind)
  if (noise?.fallback !== undefined && isBare && noise.messages.length === 0)
    found.push('handshake.fallback without a framing')
  if (noise !== undefined && isBare && noise.messages.length === 0 && noise.payloads.length > 0)
    found.push('handshake.payloads without a framing')
  return found
}

function onDatagrams(protocol: ProtocolDescriptor, transport: TransportDescriptor): string[] {
  const { handshake, seals } = protocol
  const script = handshake?.script
  const places = handOverPlaces(protocol)
  if (handshake?.transport !== undefined && places?.to !== transport)
    return [...(script === undefined ? [] : [`handshake.${mainly(script)}`]), ...seals.map(one => `seal.${one.name}`)]
  const found: string[] = places === undefined ? [] : unbuiltHandOver(places)
  if (script !== undefined) {
    if (seals.length === 0) found.push(`handshake.${mainly(script)}`)
    if (script.noise !== undefined && script.noise.messages.length === 0) found.push('handshake.messages: raw')
    if (script.noise === undefined && script.steps.length === 0) found.push('handshake.ids')
    if (script.cookie?.proof !== undefined) found.push('handshake.cookie.proof')
  }
  for (const seal of seals)
    found.push(...(script === undefined ? [`seal.${seal.name}`] : sealParts(seal, seals.length > 1)))
  return found
}

function sealParts(seal: SealDescriptor, isOneOfSeveral: boolean): string[] {
  const at = `seal.${seal.name}`
  if (seal.layout === undefined || isOneOfSeveral) return [at]
  const found: string[] = []
  if (seal.keyedByClear || seal.clear.length > 0) found.push(`${at}.clear`)
  if (seal.pad !== undefined) found.push(`${at}.pad`)
  if (seal.once) found.push(`${at}.once`)
  if (seal.replay?.by === 'increasing') found.push(`${at}.replay: increasing`)
  if (seal.rekey.by === 'handshake') found.push(`${at}.rekey.by: handshake`)
  if (seal.rekey.renew.length > 0) found.push(`${at}.rekey.renew`)
  return found
}

function channelParts(protocol: ProtocolDescriptor, transport: TransportDescriptor): string[] {
  const { channels, channelHeader } = protocol
  const found: string[] = []
  const hasEngine = isChannelled({ isStream: transport.kind !== 'udp', protocol })
  for (const channel of channels) {
    const at = `channels.${channel.name}`
    const isPlain = channel.delivery === 'unreliable' || channel.delivery === 'transport'
    if (!isPlain && !hasEngine) found.push(`${at}.delivery: ${channel.delivery}`)
    if (transport.kind === 'udp' && channel.delivery !== 'transport') {
      if (channel.fec !== undefined && !hasEngine) found.push(`${at}.fec`)
      if (channel.coalesce !== undefined && !hasEngine) found.push(`${at}.coalesce`)
      if (channel.congestion === 'bbr') found.push(`${at}.congestion: bbr`)
      if (channel.pace !== undefined && !hasEngine) found.push(`${at}.pace`)
      if (channel.congestion !== 'none' && !hasEngine) found.push(`${at}.congestion`)
    }
    if (channel.orderBy !== undefined) found.push(`${at}.order_by`)
    if (typeof channel.priority !== 'number' && !hasEngine) found.push(`${at}.priority`)
  }
  const served: readonly string[] = hasEngine ? SERVED : []
  for (const role of HEADER_ROLES)
    if (channelHeader?.[role] !== undefined && !served.includes(role)) found.push(`channel_header.${role}`)
  return found
}

/** What a script is mainly made of, for messages. */
function mainly({ noise, steps, keys }: HandshakeScript): string {
  if (noise !== undefined) return 'noise'
  return steps.length > 0 ? 'steps' : keys.length > 0 ? 'keys' : 'ids'
}

// A node's bounds are for `Node` (runtime/service/node); serve and connect speak its frames, one session a connection.
const SERVICES: readonly string[] = ['echo', 'relay', 'node']
const SERVED: readonly string[] = [
  'seq',
  'ack',
  'ack_bits',
  'ack_flag',
  'reliable_flag',
  'parity',
  'parity_count',
  'parity_length',
  'bundle',
]
const HEADER_ROLES: readonly (keyof ChannelHeader & string)[] = [
  'seq',
  'ack',
  'ack_bits',
  'ack_flag',
  'message_id',
  'reliable_flag',
  'ping_flag',
  'close_flag',
]
