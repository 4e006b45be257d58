// `handshake` (docs/language, "Handshake"): so far TLS. Every other key is listed as unbuilt, so that a program refuses
// to run a handshake it would not perform.

import type { ParamOr, TlsDescriptor } from '../../runtime/core/protocol.ts'
import type { Protocol } from '../model/model.ts'
import type { Handshake } from './behaviour.ts'
import { isMap, type Section } from './section.ts'

export function normalizeHandshake(section: Section, protocol: Protocol): Handshake | undefined {
  const keys = section.keys()
  if (keys.length === 0) return undefined
  return {
    transport: section.text('transport', undefined),
    tls: section.has('tls') ? tls(section.section('tls')) : undefined,
    timeout: section.duration('timeout', DEFAULTS.timeout),
    unbuilt: keys.filter(key => !BUILT.includes(key)),
    frames: handshakeFrames(section, protocol),
  }
}

function tls(section: Section): TlsDescriptor {
  const versions = section.has('versions') ? section.list('versions') : DEFAULTS.versions
  return {
    versions: versions.filter(version => version === '1.2' || version === '1.3'),
    alpn: section.list('alpn'),
    serverName: paramOr(section, 'server_name'),
    verify: paramOr(section, 'verify') ?? { value: DEFAULTS.verify },
    certificate: paramOr(section, 'certificate'),
    key: paramOr(section, 'key'),
    clientCertificate: paramOr(section, 'client_certificate'),
    tickets: section.word('tickets', ['use', 'ignore'], DEFAULTS.tickets),
  }
}

function paramOr(section: Section, key: string): ParamOr<string> | undefined {
  const text = section.text(key, undefined)
  if (text === undefined) return undefined
  return text.startsWith('param.') ? { param: text.slice('param.'.length) } : { value: text }
}

/** Frames named in `steps`, `messages` and `cookie`. */
function handshakeFrames(section: Section, protocol: Protocol): string[] {
  const steps = section.raw('steps')
  const stepped = Array.isArray(steps) ? steps.filter(isMap).flatMap(step => Object.values(step)) : []
  const cookie = section.section('cookie')
  const paths = [...section.list('messages'), ...['challenge', 'echo', 'proof'].map(key => cookie.text(key, ''))]
  const names = new Set([...stepped, ...paths.map(path => path.split('.')[0])])
  return [...protocol.frames.keys()].filter(name => names.has(name))
}

const BUILT: readonly string[] = ['transport', 'tls', 'timeout']

/** Milliseconds. */
const DEFAULTS = { timeout: 10_000, versions: ['1.3'], verify: 'system', tickets: 'ignore' } as const
