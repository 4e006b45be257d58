// `handshake` (docs/language, "Handshake"): TLS, Noise or explicit steps, the key schedule, ids, cookie, and what follows.

import type { ContinuationDescriptor, HandshakeScript } from '../../runtime/core/handshake-descriptor.ts'
import type { ParamOr, RetryDescriptor, TlsDescriptor } from '../../runtime/core/protocol.ts'
import type { BytePlace } from '../../runtime/core/seal-descriptor.ts'
import type { Path } from '../load/document.ts'
import type { Expr, Protocol, ValueType } from '../model/model.ts'
import { BYTES } from '../model/values.ts'
import type { FramePath, FramingData, Handshake } from './behaviour.ts'
import type { Expressions } from './expressions.ts'
import { fieldAt, type KeyNames, keyExpression, keyParts } from './key-expressions.ts'
import { type NoiseData, normalizeNoise } from './noise.ts'
import { framePath, valueType } from './path.ts'
import { clearPlace } from './places.ts'
import { isMap, type Section } from './section.ts'
import { framing } from './transports.ts'

/** A place in a frame of the handshake. */
export interface FrameField {
  readonly frame: string
  readonly field: FramePath
}

export interface StepData {
  readonly by: string
  readonly frame: string
  readonly times: number
  readonly with: readonly { readonly field: FramePath; readonly value: Expr; readonly type: ValueType }[]
  readonly teaches: readonly { readonly pair: string; readonly field: FramePath }[]
}

/** The script with expressions and paths where the descriptor has functions and accessors. */
export type ScriptData = Omit<
  HandshakeScript,
  'noise' | 'steps' | 'keys' | 'ids' | 'cookie' | 'continuation' | 'retry' | 'framing'
> & {
  readonly noise: NoiseData | undefined
  readonly steps: readonly StepData[]
  readonly keys: readonly { readonly name: string; readonly value: Expr }[]
  readonly ids:
    | {
        readonly field: FramePath
        readonly place: BytePlace
        readonly offer: readonly { readonly in: string; readonly isPayload: boolean; readonly field: string }[]
      }
    | undefined
  readonly cookie: CookieData | undefined
  readonly continuation: (Omit<ContinuationDescriptor, 'port'> & { readonly port: Expr | undefined }) | undefined
  readonly retry: RetryDescriptor | undefined
  readonly framing: FramingData | undefined
}

export interface CookieData {
  readonly challenge: FrameField
  readonly echo: FrameField | undefined
  readonly proof: FrameField | undefined
  readonly mac: 'hmac-sha256' | 'blake2s'
  readonly over: Expr
  readonly slot: number
  readonly rotate: number
  readonly when: 'always' | 'under_load'
}

export function normalizeHandshake(
  section: Section,
  protocol: Protocol,
  expressions: Expressions,
): Handshake | undefined {
  const keys = section.keys()
  if (keys.length === 0) return undefined
  const frames = handshakeFrames(section, protocol)
  return {
    transport: section.text('transport', undefined),
    tls: section.has('tls') ? tls(section.section('tls')) : undefined,
    timeout: section.duration('timeout', DEFAULTS.timeout),
    script: keys.some(key => SCRIPT.includes(key)) ? script(section, protocol, frames, expressions) : undefined,
    unbuilt: keys.filter(key => !BUILT.includes(key)),
    frames,
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

function script(section: Section, protocol: Protocol, frames: readonly string[], expressions: Expressions): ScriptData {
  const secrets = section.section('secrets').keys()
  const schedule = section.section('keys').keys()
  const names: KeyNames = { secrets: new Set(secrets) }
  return {
    noise: section.has('noise') ? normalizeNoise(section, protocol) : undefined,
    steps: steps(section, protocol, names),
    secrets,
    // That each uses only those above it is a check of its own (generator/check/handshake.ts).
    keys: schedule.flatMap(name => {
      const at: Path = [...section.path, 'keys', name]
      const known = { ...names, keys: schedule, expected: BYTES }
      const value = keyExpression(protocol, section.section('keys').raw(name), known, at, section.report)
      return value ? [{ name, value }] : []
    }),
    acceptZero: section.flag('accept_zero_dh', false),
    ids: section.has('ids') ? ids(section.section('ids'), protocol) : undefined,
    cookie: section.has('cookie') ? cookie(section.section('cookie'), protocol) : undefined,
    retry: retry(section),
    concurrent: section.count('concurrent', undefined),
    continuation: section.has('then') ? continuation(section.section('then'), protocol) : undefined,
    remainder: section.word('remainder', ['keep', 'drop', 'reject'], 'keep'),
    framing: section.has('framing') ? framing(section, 'self', expressions) : undefined,
    frames,
  }
}

function steps(section: Section, protocol: Protocol, names: KeyNames): StepData[] {
  const raw = section.raw('steps')
  return (Array.isArray(raw) ? raw : []).flatMap((step, index) => {
    if (!isMap(step)) return []
    const [[by, name] = ['', undefined]] = Object.entries(step).filter(([key]) => key !== 'with' && key !== 'times')
    const frame = String(name)
    if (!protocol.frames.has(frame)) return []
    const at: Path = [...section.path, 'steps', index]
    const given = Object.entries(isMap(step.with) ? step.with : {}).flatMap(([field, text]) => {
      const path: Path = [...at, 'with', field]
      const found = fieldAt(protocol, frame, [field])
      const target = found && framePath(protocol, `${frame}.${field}`, [], path, section.report)
      if (!target) return []
      const type = valueType(found.type)
      const expected = type.kind === 'enum' || type.kind === 'int' ? { expected: type } : {}
      const value = keyExpression(protocol, text, { ...names, drawn: true, ...expected }, path, section.report)
      return value ? [{ field: target, value, type }] : []
    })
    return [
      {
        by,
        frame,
        times: typeof step.times === 'number' ? step.times : 1,
        with: given,
        teaches: given.flatMap(({ field, value }) =>
          value.is === 'space' && protocol.roles.has(value.space)
            ? [{ pair: `${value.space}.${value.name}`, field }]
            : [],
        ),
      },
    ]
  })
}

function ids(section: Section, protocol: Protocol): ScriptData['ids'] {
  const text = section.text('field', '')
  const all = [...protocol.frames.keys()]
  const field = framePath(protocol, text, all, [...section.path, 'field'], section.report)
  const place = clearPlace(protocol, text)
  if (!field) return undefined
  if (!place) {
    section.wrong('field', `${text} does not stand at one place in front of the sealed bytes`)
    return undefined
  }
  const offer = section.list('offer').map(where => {
    const [name = '', member = ''] = where.split('.')
    return { in: name, isPayload: !protocol.frames.has(name), field: member }
  })
  return { field, place, offer }
}

function cookie(section: Section, protocol: Protocol): CookieData | undefined {
  const place = (key: string): FrameField | undefined => {
    const text = section.text(key, undefined)
    const field = text === undefined ? undefined : framePath(protocol, text, [], [...section.path, key], section.report)
    return field && { frame: String(text).split('.')[0]!, field }
  }
  const challenge = place('challenge')
  const over = keyParts(protocol, section.list('over'), {}, [...section.path, 'over'], section.report)
  if (!challenge || !over) return undefined
  return {
    challenge,
    echo: place('echo'),
    proof: place('proof'),
    mac: section.word('mac', ['hmac-sha256', 'blake2s'], 'hmac-sha256'),
    over,
    slot: section.duration('slot', DEFAULTS.slot),
    rotate: section.duration('rotate', DEFAULTS.rotate),
    when: section.word('when', ['always', 'under_load'], 'always'),
  }
}

function retry(section: Section): RetryDescriptor | undefined {
  if (section.raw('retry') === 'none') return undefined
  const own = section.section('retry')
  if (own.keys().length === 0) return undefined
  return { times: own.count('times', DEFAULTS.times), ...own.span('delay', DEFAULTS.delay) }
}

function continuation(section: Section, protocol: Protocol): NonNullable<ScriptData['continuation']> {
  const port = section.raw('port')
  return {
    close: section.text('close', undefined),
    continueOn: section.text('continue_on', undefined),
    port: port === undefined ? undefined : keyExpression(protocol, port, {}, [...section.path, 'port'], section.report),
    first: section.text('first', undefined),
    bindBy: section.word('bind_by', ['field', 'first-reply', 'open'], undefined),
    fallback: section.raw('fallback') === 'none' ? undefined : section.duration('fallback', undefined),
  }
}

function paramOr(section: Section, key: string): ParamOr<string> | undefined {
  const text = section.text(key, undefined)
  if (text === undefined) return undefined
  return text.startsWith('param.') ? { param: text.slice('param.'.length) } : { value: text }
}

/** Frames named in `steps`, `messages` and `cookie`. */
function handshakeFrames(section: Section, protocol: Protocol): string[] {
  const raw = section.raw('steps')
  const stepped = Array.isArray(raw) ? raw.filter(isMap).flatMap(step => Object.values(step)) : []
  const own = section.section('cookie')
  const paths = [...section.list('messages'), ...['challenge', 'echo', 'proof'].map(key => own.text(key, ''))]
  const names = new Set([...stepped, ...paths.map(path => path.split('.')[0])])
  return [...protocol.frames.keys()].filter(name => names.has(name))
}

const SCRIPT: readonly string[] = ['noise', 'steps', 'keys', 'ids', 'cookie', 'then']
const BUILT: readonly string[] = [
  ...[
    'transport',
    'tls',
    'timeout',
    ...SCRIPT,
    'prologue',
    'static',
    'remote',
    'accept',
    'psk',
    'messages',
    'payloads',
  ],
  ...['newer', 'fallback', 'secrets', 'accept_zero_dh', 'retry', 'concurrent', 'remainder', 'framing'],
]

/** Milliseconds. */
const DEFAULTS = {
  timeout: 10_000,
  versions: ['1.3'],
  verify: 'system',
  tickets: 'ignore',
  slot: 10_000,
  rotate: 120_000,
  times: 16,
  delay: { from: 100, to: 1000 },
} as const
