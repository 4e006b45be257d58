// `host:port` as the runtime writes addresses, an IPv6 host in brackets.

import type { Address } from './machine.ts'

/** As it stands: an IPv4-mapped IPv6 host stays one. */
export function joinAddress(host: string, port: number): Address {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** The host without brackets. The port is NaN where there is no number. */
export function splitAddress(address: Address): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}
