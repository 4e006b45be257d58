// A Noise handshake against its pattern (docs/language, "Noise, steps, cookies"; Noise rev 34, sections 7 and 9): as
// many messages as the pattern has, each in its direction, and every key that the pattern needs.

import { type Pattern, parseProtocolName } from '../../runtime/crypto/noise/pattern.ts'
import type { Frame } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Check, isMap, listOf, type Plain, type Subject, section } from './subject.ts'

export const noise: Check = subject => {
  const raw = section(subject, 'handshake')
  if (typeof raw.noise !== 'string') return
  const pattern = patternOf(raw.noise)
  if (typeof pattern === 'string') {
    subject.document.report(['handshake', 'noise'], { code: 'handshake', message: pattern })
    return
  }
  messages(subject, pattern)
  payloads(subject, pattern)
  keys(subject, pattern)
  fallback(subject, pattern, raw)
  newer(subject, raw)
}

/** The pattern of a Noise name, or what is wrong with it. */
export function patternOf(name: string): Pattern | string {
  try {
    return parseProtocolName(name).pattern
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function messages(subject: Subject, pattern: Pattern): void {
  const paths = listOf(section(subject, 'handshake').messages)
  if (paths.length === 0) return
  if (paths.length < pattern.messages.length) {
    subject.document.report(['handshake', 'messages'], {
      code: 'handshake',
      on: 'key',
      message: `${pattern.name} has ${pattern.messages.length} messages, here are fields for ${paths.length}`,
      hint: 'name a field of a frame for each',
    })
  }
  for (const [index, path] of paths.entries()) {
    const frame = fieldAt(subject, ['handshake', 'messages', index], path)
    if (!frame || index >= pattern.messages.length) continue
    const first = pattern.responderFirst ? 1 : 0
    direction(subject, frame, index, (index + first) % 2 === 0)
  }
}

/** Another suite for when the first message does not open: it goes on with the key in front of that message. */
function fallback(subject: Subject, first: Pattern, raw: Plain): void {
  if (typeof raw.fallback !== 'string') return
  const path = ['handshake', 'fallback']
  const wrong = (message: string, hint?: string): void =>
    subject.document.report(path, { code: 'handshake', message, ...(hint !== undefined && { hint }) })
  const pattern = patternOf(raw.fallback)
  if (typeof pattern === 'string') return wrong(pattern)
  const { initiatorPre, responderFirst, name, messages: left } = pattern
  if (!responderFirst || initiatorPre.join() !== 'e')
    return wrong(`${name} does not go on where a first message failed`, 'Noise_XXfallback_..')
  if (first.messages[0]?.includes('e') !== true || first.responderFirst || first.messages[0]?.[0] === 'psk')
    return wrong(`the first message of ${first.name} does not begin with a key to go on with`)
  const paths = listOf(raw.messages)
  if (paths.length > 0 && paths.length < left.length + 1)
    return wrong(`${name} goes on with ${left.length} messages, and there are fields for ${paths.length - 1}`)
  for (let index = first.messages.length; index <= left.length; index++) {
    const path = paths[index]
    const frame = path === undefined ? undefined : fieldAt(subject, ['handshake', 'messages', index], path)
    if (frame) direction(subject, frame, index, index % 2 === 0)
  }
}

/** A field of a payload that must grow. */
function newer(subject: Subject, raw: Plain): void {
  if (typeof raw.newer !== 'string') return
  const [struct = '', field = ''] = raw.newer.split('.')
  const payloads = Object.values(section(subject, 'handshake', 'payloads'))
  const nodes = subject.protocol.structs.get(struct)?.body.nodes
  if (nodes && payloads.includes(struct) && fieldsOf(nodes).some(one => one.name === field)) return
  const message = nodes
    ? payloads.includes(struct)
      ? `${struct} has no field ${field}`
      : `${struct} is no payload of this handshake`
    : `there is no struct ${struct}`
  subject.document.report(['handshake', 'newer'], { code: 'reference', message, hint: 'written as Struct.field' })
}

/** Odd messages come from the side that dials. */
function direction(subject: Subject, frame: Frame, index: number, dialer: boolean): void {
  const { roles } = subject.protocol
  const wrong = frame.dirs.find(dir => roles.get(dir.sender)?.transport === (dialer ? 'accepts' : 'dials'))
  if (!wrong) return
  subject.document.report(['handshake', 'messages', index], {
    code: 'handshake',
    message: `message ${index + 1} comes from the side that ${dialer ? 'dials' : 'accepts'}, but ${frame.name} travels ${wrong.sender}>${wrong.receiver}`,
    hint: `change the \`dir\` of ${frame.name}, or the order`,
  })
}

/** Reports a `Frame.field` that is not there. */
export function fieldAt(subject: Subject, path: readonly (string | number)[], text: string): Frame | undefined {
  const [name = '', field = ''] = text.split('.')
  const frame = subject.protocol.frames.get(name)
  if (frame && fieldsOf(frame.body.nodes).some(one => one.name === field)) return frame
  const message = frame ? `${name} has no field ${field}` : `there is no frame ${name}`
  subject.document.report(path, { code: 'reference', message, hint: 'written as Frame.field' })
  return undefined
}

function payloads(subject: Subject, pattern: Pattern): void {
  for (const [number, name] of Object.entries(section(subject, 'handshake', 'payloads'))) {
    const path = ['handshake', 'payloads', number]
    if (Number(number) > Math.max(pattern.messages.length, fallenBack(subject))) {
      const message = `${pattern.name} has only ${pattern.messages.length} messages`
      subject.document.report(path, { code: 'handshake', on: 'key', message })
    }
    if (subject.protocol.structs.has(String(name))) continue
    subject.document.report(path, { code: 'reference', message: `there is no struct ${name}` })
  }
}

/** Messages of a handshake that falls back, the one that did not open included. */
function fallenBack(subject: Subject): number {
  const { fallback: name } = section(subject, 'handshake')
  const pattern = typeof name === 'string' ? patternOf(name) : undefined
  return pattern === undefined || typeof pattern === 'string' ? 0 : pattern.messages.length + 1
}

function keys(subject: Subject, pattern: Pattern): void {
  const raw = section(subject, 'handshake')
  const initiator = pattern.messages.filter((_, index) => index % 2 === (pattern.responderFirst ? 1 : 0)).flat()
  const responder = pattern.messages.filter((_, index) => index % 2 === (pattern.responderFirst ? 0 : 1)).flat()
  const own = [...initiator, ...responder, ...pattern.initiatorPre, ...pattern.responderPre].includes('s')
  if (own && raw.static === undefined) {
    need(
      subject,
      'static',
      `${pattern.name} needs a static key of our own`,
      'static: param.static_key, or static: generate',
    )
  }
  if (pattern.responderPre.includes('s') && !given(subject, raw.remote, 'dials')) {
    need(
      subject,
      'remote',
      `in ${pattern.name} the side that dials knows the other's static key beforehand`,
      'remote: param.server_key',
    )
  }
  if (
    pattern.initiatorPre.includes('s') &&
    !given(subject, raw.remote, 'accepts') &&
    !given(subject, raw.accept, 'accepts')
  ) {
    need(
      subject,
      'accept',
      `in ${pattern.name} the side that accepts knows the other's static key beforehand`,
      'accept: { server: param.client_keys }',
    )
  }
  if (pattern.psks > 0 && raw.psk === undefined)
    need(subject, 'psk', `${pattern.name} with psk needs a pre-shared key`, 'psk: param.psk')
  if (pattern.psks === 0 && raw.psk !== undefined) {
    subject.document.report(['handshake', 'psk'], {
      code: 'handshake',
      on: 'key',
      message: 'this pattern uses no pre-shared key',
      hint: `Noise_${pattern.name}psk${pattern.messages.length}_..`,
    })
  }
}

/** Whether an expression, or the entry of a role map for a role of this kind, is given. */
function given(subject: Subject, value: unknown, transport: 'dials' | 'accepts'): boolean {
  if (!isMap(value)) return value !== undefined
  return Object.keys(value).some(role =>
    [transport, 'both'].includes(subject.protocol.roles.get(role)?.transport ?? ''),
  )
}

function need(subject: Subject, key: string, message: string, hint: string): void {
  subject.document.report(['handshake', 'noise'], { code: 'handshake', message: `${message}: ${key} is missing`, hint })
}
