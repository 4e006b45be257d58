// Addresses: `tcp://host:port`, `tls://`, `udp://`, an IPv6 host in brackets. What is left out comes from the schema: its
// first transport, and that transport's port.

import { LocalError } from '../core/errors.ts'
import { handOverPlaces } from '../core/hand-over-places.ts'
import type { ProtocolDescriptor, TransportDescriptor } from '../core/protocol.ts'

export interface Target {
  readonly transport: TransportDescriptor
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

/** `fallback`: the host where none is written. Throws LocalError BadTarget. */
export function parseTarget(protocol: ProtocolDescriptor, text: string, fallback = '127.0.0.1'): Target {
  // A session that begins elsewhere is reached there.
  const places = handOverPlaces(protocol)
  const usable = protocol.transports.filter(one => (places === undefined ? one.use === 'session' : one === places.from))
  const names = usable.map(one => one.kind).join(', ')
  const [, scheme, rest = ''] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(text) ?? []
  const transport = scheme === undefined ? usable[0] : usable.find(one => one.kind === scheme)
  if (transport === undefined)
    throw new LocalError('BadTarget', `"${text}": ${protocol.name} has no transport "${scheme}"; there is ${names}`)
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(rest) ?? /^([^:/\s]*)(?::(\d+))?$/.exec(rest)
  if (match === null)
    throw new LocalError('BadTarget', `"${text}" is no address: write [tcp://]HOST:PORT, an IPv6 host in brackets`)
  const port = match[2] === undefined ? transport.port : Number(match[2])
  if (port === undefined)
    throw new LocalError('BadTarget', `"${text}" has no port, and the schema has none for ${transport.kind}`)
  if (port > 65_535) throw new LocalError('BadTarget', `"${text}": a port is at most 65535`)
  return { transport, host: match[1] || fallback, port }
}
