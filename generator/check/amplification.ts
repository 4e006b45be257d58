// On datagrams a server must not send more than it got before the client's address is proved (docs/language, "Noise,
// steps, cookies"): the challenge and the reply are no longer than the shortest message of the client they answer.

import type { Pattern, Token } from '../../runtime/crypto/noise/pattern.ts'
import type { Frame } from '../model/model.ts'
import { type Bounds, measure } from './measure.ts'
import { patternOf } from './noise.ts'
import { type Check, isMap, listOf, reportUnlessInsecure, type Subject, section } from './subject.ts'

export const amplification: Check = subject => {
  if (!subject.behaviour.transports.some(transport => transport.kind === 'udp')) return
  explicitSteps(subject)
  const raw = section(subject, 'handshake')
  const paths = listOf(raw.messages)
  const pattern = typeof raw.noise === 'string' ? patternOf(raw.noise) : undefined
  if (!pattern || typeof pattern === 'string' || pattern.responderFirst || paths.length === 0) return
  const sizes = noiseSizes(subject, pattern)
  const first = frameAt(subject, paths[0])
  if (!first || !sizes[0]) return
  const request = bytesOf(subject, first.frame, first.field, sizes[0]).min
  const challenge = isMap(raw.cookie) ? frameAt(subject, raw.cookie.challenge) : undefined
  if (challenge) {
    const { max } = bytesOf(subject, challenge.frame)
    if (max > request) report(subject, ['handshake', 'cookie', 'challenge'], challenge.frame, max, first.frame, request)
  }
  const reply = frameAt(subject, paths[1])
  const other = typeof raw.fallback === 'string' ? patternOf(raw.fallback) : undefined
  const fallen = other === undefined || typeof other === 'string' ? [] : noiseSizes(subject, other, 1)
  for (const size of [sizes[1], fallen[0]]) {
    if (!reply || !size) continue
    const { max } = bytesOf(subject, reply.frame, reply.field, size)
    if (max > request) report(subject, ['handshake', 'messages', 1], reply.frame, max, first.frame, request)
  }
}

/** Where steps run on datagrams, each answer of the accepting side is held against the message in front of it. */
function explicitSteps(subject: Subject): void {
  const { steps, tls, transport } = section(subject, 'handshake')
  if (!Array.isArray(steps) || tls !== undefined || (transport !== undefined && transport !== 'udp')) return
  let asked: Frame | undefined
  for (const [index, step] of steps.entries()) {
    const [role, name] =
      Object.entries(isMap(step) ? step : {}).find(([key]) => key !== 'with' && key !== 'times') ?? []
    const frame = subject.protocol.frames.get(String(name))
    if (role === undefined || !frame) continue
    const accepts = role === 'acceptor' || subject.protocol.roles.get(role)?.transport === 'accepts'
    if (!accepts) asked = frame
    else if (asked) {
      const { max } = bytesOf(subject, frame)
      const { min } = bytesOf(subject, asked)
      if (max > min) report(subject, ['handshake', 'steps', index, role], frame, max, asked, min)
    }
  }
}

function report(
  subject: Subject,
  path: readonly (string | number)[],
  answer: Frame,
  max: number,
  request: Frame,
  min: number,
): void {
  const size = Number.isFinite(max) ? `${max} bytes` : 'any number of bytes'
  reportUnlessInsecure(subject, path, {
    code: 'amplification',
    message: `${answer.name} may have ${size}, the ${request.name} it answers only ${min}: a forged address would get more than was sent`,
    hint: `pad ${request.name}: _pad: bytes = zeros(max(0, N - size(noise)))`,
  })
}

/** Bytes of a frame whose Noise field has this size. */
function bytesOf(subject: Subject, frame: Frame, field?: string, size?: Bounds): Bounds {
  const known = field !== undefined && size ? new Map([[field, size]]) : undefined
  const bits = measure(frame.body, subject.protocol, known)
  return { min: Math.ceil(bits.min / 8), max: Math.ceil(bits.max / 8) }
}

function frameAt(subject: Subject, path: unknown): { frame: Frame; field: string } | undefined {
  const [name = '', field = ''] = typeof path === 'string' ? path.split('.') : []
  const frame = subject.protocol.frames.get(name)
  return frame && { frame, field }
}

/** Bytes of each Noise message, `before` of another pattern having gone by: its keys, its payload and the tags behind them (Noise rev 34, section 5). */
function noiseSizes(subject: Subject, pattern: Pattern, before = 0): Bounds[] {
  const key = String(section(subject, 'handshake').noise).includes('_448_') ? 56 : 32
  const payloads = section(subject, 'handshake', 'payloads')
  let keyed = false
  return pattern.messages.map((tokens, index) => {
    let fixed = 0
    for (const token of tokens) {
      if (token === 'e') fixed += key
      if (token === 's') fixed += key + (keyed ? TAG : 0)
      keyed ||= MIXES.includes(token) || (token === 'e' && pattern.psks > 0)
    }
    const struct = subject.protocol.structs.get(String(payloads[String(index + 1 + before)] ?? ''))
    const payload = struct ? measure(struct.body, subject.protocol) : { min: 0, max: 0 }
    const tag = keyed ? TAG : 0
    return { min: fixed + payload.min / 8 + tag, max: fixed + payload.max / 8 + tag }
  })
}

const TAG = 16
/** Tokens after which the handshake encrypts. */
const MIXES: readonly Token[] = ['ee', 'es', 'se', 'ss', 'psk']
