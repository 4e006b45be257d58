// `HOST:PORT`, an IPv6 host in brackets.

import { usage } from '../failure.ts'

export interface HostPort {
  /** Without the brackets. */
  readonly host: string
  readonly port: number
}

/** Without a host 127.0.0.1 is meant. */
export function parseHostPort(text: string): HostPort {
  const match = /^\[([0-9a-fA-F:.%\w]+)\]:(\d{1,5})$/.exec(text) ?? /^([^\s:/@[\]]*):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match || port > 65_535) throw usage(`"${text}" is no address: write HOST:PORT, an IPv6 host in brackets`)
  return { host: match[1] || '127.0.0.1', port }
}

export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
