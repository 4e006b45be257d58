// Addresses on the command line: `[tcp|tls|udp://]HOST[:PORT]`. What is left out comes from the schema's transports.

import { usage } from '../failure.ts'

export interface TransportChoice {
  readonly kind: string
  readonly port?: number | undefined
}

export interface Target {
  readonly transport: string
  /** Without the brackets of an IPv6 address. */
  readonly host: string
  readonly port: number
}

/**
 * Reads an address. Without a scheme the first of `transports` is meant, without a port that transport's.
 * `fallbackPort` is used where neither names one (0 = any free port, for listening).
 */
export function parseTarget(text: string, transports: readonly TransportChoice[], fallbackPort?: number): Target {
  const match = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/.exec(text)!
  const transport = chooseTransport(match[1], transports)
  const { host, port } = splitHost(match[2]!, text)
  const chosen = port ?? transport.port ?? fallbackPort
  if (chosen === undefined) throw usage(`"${text}" names no port, and the schema has none for ${transport.kind}`)
  return { transport: transport.kind, host, port: chosen }
}

/** `udp://127.0.0.1:9000`, an IPv6 host in brackets. */
export function formatTarget({ transport, host, port }: Target): string {
  return `${transport}://${hostPort(host, port)}`
}

export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function chooseTransport(scheme: string | undefined, transports: readonly TransportChoice[]): TransportChoice {
  const first = transports[0]
  if (first === undefined) throw usage('the schema has no transports')
  if (scheme === undefined) return first
  const found = transports.find(t => t.kind === scheme)
  if (found) return found
  throw usage(`the schema has no transport "${scheme}"; there is ${transports.map(t => t.kind).join(', ')}`)
}

function splitHost(address: string, text: string): { host: string; port: number | undefined } {
  const bracketed = /^\[([0-9a-fA-F:.%\w]+)\](?::(\d+))?$/.exec(address)
  const plain = /^([^\s:/@?#[\]]*)(?::(\d+))?$/.exec(address)
  const match = bracketed ?? plain
  if (!match) {
    // More than one colon: an IPv6 address without a port.
    if (/^[0-9a-fA-F:.]+$/.test(address) && address.includes('::')) return { host: address, port: undefined }
    throw usage(`"${text}" is not an address: write [tcp://]HOST:PORT, an IPv6 host in brackets`)
  }
  const port = match[2] === undefined ? undefined : Number(match[2])
  if (port !== undefined && port > 65_535) throw usage(`"${text}": a port is at most 65535`)
  if (match[1] === '' && port === undefined) throw usage('an address is missing: write [tcp://]HOST:PORT')
  return { host: match[1] || '127.0.0.1', port }
}
