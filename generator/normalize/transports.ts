// `transports` (docs/language, "Transports and framing"): how frames sit on each transport, and its socket options.

import type { Size } from '../../runtime/core/protocol.ts'
import type { Type } from '../model/model.ts'
import type { FramingData, Transport } from './behaviour.ts'
import type { Expressions } from './expressions.ts'
import type { Section } from './section.ts'

export function normalizeTransports(section: Section, expressions: Expressions): Transport[] {
  return section.keys().flatMap(kind => {
    if (kind === 'tcp' || kind === 'tls' || kind === 'udp') return [transport(kind, section.section(kind), expressions)]
    section.wrong(kind, `unknown transport ${kind}`, { on: 'key', code: 'reference', hint: 'tcp, tls or udp' })
    return []
  })
}

function transport(kind: Transport['kind'], section: Section, expressions: Expressions): Transport {
  const defaults = kind === 'udp' ? DATAGRAM : STREAM
  const use = section.word('use', ['session', 'handshake'], defaults.use)
  const framed = framing(section, defaults.framing, expressions)
  const size = maxFrame(section, kind !== 'udp' && use === 'session', defaults.maxFrame)
  return {
    kind,
    use,
    framing: framed,
    maxFrame: typeof size === 'number' ? Math.min(size, capacity(framed)) : size,
    maxSend: section.size('max_send', undefined),
    maxReceive: section.size('max_receive', undefined),
    trailing: section.word('trailing', ['reject', 'ignore'], defaults.trailing),
    port: section.count('port', undefined),
    nodelay: section.flag('nodelay', defaults.nodelay),
    backlog: section.count('backlog', undefined),
    reusePort: section.flag('reuse_port', defaults.reusePort),
    connectTimeout: section.duration('connect_timeout', defaults.connectTimeout),
    tos: section.count('tos', undefined),
    buffers: section.size('buffers', undefined),
    mtu: section.count('mtu', undefined),
  }
}

/** Mandatory for a session on a stream, where nothing else bounds what a peer may make us wait for. */
function maxFrame(section: Section, mandatory: boolean, fallback: number): Size {
  const raw = section.raw('max_frame')
  if (raw === undefined && mandatory) {
    section.wrong('max_frame', 'a stream needs max_frame', { code: 'unbounded', hint: 'max_frame: 1MiB' })
  }
  if (typeof raw === 'string' && raw.startsWith('param.')) return { param: raw.slice('param.'.length) }
  return section.size('max_frame', fallback)
}

export function framing(section: Section, fallback: 'datagram' | 'self', expressions: Expressions): FramingData {
  const text = section.text('framing', fallback)
  switch (text) {
    case 'datagram':
    case 'packed':
    case 'self':
    case 'raw':
      return { kind: text }
  }
  const [, name, argument = ''] = /^(prefix|delimiter|fixed)\((.*)\)$/.exec(text) ?? []
  if (name === 'prefix') return prefix(section, argument, expressions) ?? { kind: fallback }
  if (name === 'delimiter') return delimiter(section, argument) ?? { kind: fallback }
  if (name === 'fixed' && /^\d+$/.test(argument) && argument !== '0') return { kind: 'fixed', size: Number(argument) }
  section.wrong('framing', `unknown framing ${text}`, {
    hint: 'datagram, packed, self, raw, prefix(u32), delimiter("\\n") or fixed(64)',
  })
  return { kind: fallback }
}

function prefix(section: Section, text: string, expressions: Expressions): FramingData | undefined {
  const type = expressions.type(text, [...section.path, 'framing'])
  if (!type) return undefined
  if (isPrefix(type)) return { kind: 'prefix', type, text }
  section.wrong('framing', `a length prefix is an unsigned integer of whole bytes or a varint, not ${text}`)
  return undefined
}

function isPrefix(type: Type): boolean {
  if (type.kind === 'varint') return type.coding === 'leb128' || type.coding === 'quic'
  return type.kind === 'int' && !type.signed && type.bits % 8 === 0 && type.bits <= 48
}

/** The largest frame that the framing can say. */
function capacity(framing: FramingData): number {
  if (framing.kind === 'fixed') return framing.size
  if (framing.kind !== 'prefix') return Number.POSITIVE_INFINITY
  const { type } = framing
  if (type.kind === 'int') return 2 ** type.bits - 1
  return type.kind === 'varint' ? 2 ** (type.coding === 'quic' ? 8 * type.max - 2 : 7 * type.max) - 1 : 0
}

function delimiter(section: Section, text: string): FramingData | undefined {
  const bytes = delimiterBytes(text)
  if (bytes && bytes.length > 0) return { kind: 'delimiter', delimiter: bytes }
  section.wrong('framing', `a delimiter is a text in double quotes or a byte, not ${text}`, {
    hint: 'delimiter("\\r\\n") or delimiter(0x00)',
  })
  return undefined
}

function delimiterBytes(text: string): Uint8Array | undefined {
  if (/^(0x[0-9a-f]{1,2}|\d{1,3})$/i.test(text)) return Number(text) < 256 ? Uint8Array.of(Number(text)) : undefined
  if (!/^".*"$/.test(text)) return undefined
  const unescaped = text
    .slice(1, -1)
    .replaceAll(/\\(x[0-9a-f]{2}|.)/gi, (_, code: string) => ESCAPES[code] ?? hexByte(code))
  return new TextEncoder().encode(unescaped)
}

function hexByte(code: string): string {
  return code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : code
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' }

/** Milliseconds and bytes. */
const COMMON = {
  use: 'session',
  trailing: 'reject',
  nodelay: true,
  reusePort: false,
  connectTimeout: 10_000,
  maxFrame: 64 * 1024,
} as const
const DATAGRAM = { ...COMMON, framing: 'datagram' } as const
const STREAM = { ...COMMON, framing: 'self' } as const
