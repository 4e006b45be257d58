// What a seal's key, nonce and additional data must be (docs/language, "Seal"): a nonce of the right length that never
// repeats under one key, a packet counter that is not a channel's number, and every clear field authenticated.

import type { Expr, Field, Frame, Group, Seal } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Check, isMap, reportUnlessInsecure, type Subject, section } from './subject.ts'
import { namesIn, readExpr } from './texts.ts'
import { groupsOf, partsOf } from './walk.ts'

export const nonce: Check = subject => {
  for (const seal of subject.protocol.seals.values()) {
    length(subject, seal)
    unique(subject, seal)
    counter(subject, seal)
    covered(subject, seal)
    keys(subject, seal)
  }
}

function length(subject: Subject, seal: Seal): void {
  const widths = seal.nonce.map(part => widthOf(subject, seal, part))
  if (widths.includes(undefined)) return
  const given = (widths as number[]).reduce((total, width) => total + width, 0)
  const needed = NONCE_BYTES[seal.aead]
  if (given === needed) return
  const written = section(subject, 'seal', seal.name).nonce !== undefined
  subject.document.report(['seal', seal.name, written ? 'nonce' : 'aead'], {
    code: 'nonce',
    message: `the nonce has ${given} bytes, ${seal.aead} needs ${needed}`,
    hint:
      given < needed ? `put zeros(${needed - given}) in front` : 'u32(counter) takes four bytes, `counter` alone eight',
  })
}

function unique(subject: Subject, seal: Seal): void {
  const raw = section(subject, 'seal', seal.name)
  if (raw.once === true) return
  const parts = seal.nonce.flatMap(partsOf)
  const field = counterField(raw)
  const counted = parts.some(
    part => (part.is === 'special' && part.name === 'counter') || (part.is === 'field' && part.name === field),
  )
  if (counted) return
  const random = parts.some(
    part => isRandom(part) || (part.is === 'field' && fieldsNamed(subject, seal, part.name).some(drawn)),
  )
  if (!random) {
    subject.document.report(['seal', seal.name, 'nonce'], {
      code: 'nonce',
      message: 'nothing in this nonce changes from packet to packet',
      hint: 'nonce: [ u32(0), counter ]',
    })
  } else if (raw.rekey === 'never' || (isMap(raw.rekey) && raw.rekey.packets === 'never')) {
    reportUnlessInsecure(subject, ['seal', seal.name, 'rekey'], {
      code: 'nonce',
      message: 'random nonces repeat after enough packets, and this key is never changed',
      hint: 'rekey: { packets: 2^20, .. }, or a counter in the nonce',
    })
  }
}

function counter(subject: Subject, seal: Seal): void {
  const raw = section(subject, 'seal', seal.name)
  const field = counterField(raw)
  if (field === undefined) return
  const path = ['seal', seal.name, 'counter', ...(isMap(raw.counter) ? ['field'] : [])]
  const found = fieldsNamed(subject, seal, field)
  const users = sealedFrames(subject, seal)
  if (found.length === 0 && users.length > 0) {
    subject.document.report(path, {
      code: 'reference',
      message: `there is no field ${field} in front of the sealed bytes`,
      hint: 'the packet number travels in a field of the envelope or of `clear`',
    })
  }
  const numbered = section(subject, 'channel_header').seq
  if (typeof numbered === 'string' && numbered.split('.').at(-1) === field) {
    reportUnlessInsecure(subject, path, {
      code: 'nonce',
      message: `${field} numbers messages too: a retransmission would repeat the nonce`,
      hint: 'give the packet number a field of its own',
    })
  }
}

/** Every field in front of the sealed bytes stands in the additional data, or whole in the nonce. */
function covered(subject: Subject, seal: Seal): void {
  const written = section(subject, 'seal', seal.name).aad !== undefined
  const path = ['seal', seal.name, written ? 'aad' : 'aead']
  const reported = new Set<string>()
  for (const frame of sealedFrames(subject, seal)) {
    const group = groupsOf(frame.body.nodes).find(one => one.seal === seal.name)!
    const inside = new Set(fieldsOf(group.nodes).map(field => field.name))
    const order = fieldsOf(frame.body.nodes).filter(field => !field.from)
    const held = heldBy(seal, order)
    const sealed = [...held].find(name => inside.has(name))
    if (sealed !== undefined && !reported.has(sealed)) {
      reported.add(sealed)
      subject.document.report(path, {
        code: 'nonce',
        message: `${sealed} is sealed itself and cannot be additional data`,
        hint: 'the range ends in front of the sealed bytes',
      })
    }
    const first = order.findIndex(field => inside.has(field.name))
    const clear = first < 0 ? order : order.slice(0, first)
    const open = clear.find(field => !inside.has(field.name) && !held.has(field.name) && !inNonce(seal, field))
    if (!open || reported.has(open.name)) continue
    reported.add(open.name)
    reportUnlessInsecure(subject, path, {
      code: 'nonce',
      message: `${open.name} is neither sealed nor authenticated: anyone on the way can change it`,
      hint: `aad: ${clear[0]!.name}..${clear.at(-1)!.name}`,
    })
  }
}

/** Names of the fields that the additional data holds. */
function heldBy(seal: Seal, order: readonly Field[]): Set<string> {
  const held = new Set<string>()
  for (const part of seal.aad.flatMap(partsOf)) {
    if (part.is === 'field') held.add(part.name)
    if (part.is !== 'range') continue
    const at = (name: string | undefined, otherwise: number): number => {
      const index = order.findIndex(field => field.name === name)
      return index < 0 ? otherwise : index
    }
    const from = at(part.from?.field, 0)
    const to = at(part.to?.field, -1)
    for (const field of order.slice(from, to + 1)) held.add(field.name)
  }
  return held
}

function inNonce(seal: Seal, field: Field): boolean {
  return seal.nonce.some(part => part.is === 'field' && part.name === field.name)
}

function keys(subject: Subject, seal: Seal): void {
  const { key } = section(subject, 'seal', seal.name)
  const path = ['seal', seal.name, 'key']
  const schedule = section(subject, 'handshake', 'keys')
  const known = [...Object.keys(schedule), 'old']
  const texts: [string[], unknown][] = isMap(key)
    ? Object.entries(key).map(([role, text]) => [[...path, role], text])
    : [[path, key]]
  for (const role of isMap(key) ? Object.keys(key) : []) {
    if (subject.protocol.roles.has(role)) continue
    subject.document.report([...path, role], {
      code: 'reference',
      on: 'key',
      message: `there is no role ${role}`,
      hint: `roles are ${[...subject.protocol.roles.keys()].join(', ')}`,
    })
  }
  for (const [at, text] of texts) {
    if (text === 'handshake' || !readExpr(subject, at, text)) continue
    const missing = namesIn(text, 'key').find(name => !known.includes(name))
    if (missing === undefined) continue
    subject.document.report(at, {
      code: 'reference',
      message: `there is no key ${missing}`,
      hint:
        known.length > 1 ? `handshake.keys has ${Object.keys(schedule).join(', ')}` : 'keys are made in handshake.keys',
    })
  }
}

/** Frames with a group under this seal. */
export function sealedFrames(subject: Subject, seal: Seal): Frame[] {
  const uses = (group: Group): boolean => group.seal === seal.name
  return [...subject.protocol.frames.values()].filter(frame => groupsOf(frame.body.nodes).some(uses))
}

/** Fields of this name in the seal's clear part and in the frames that use it. */
export function fieldsNamed(subject: Subject, seal: Seal, name: string): Field[] {
  const frames = sealedFrames(subject, seal).flatMap(frame => fieldsOf(frame.body.nodes))
  return [...fieldsOf(seal.clear), ...frames].filter(field => field.name === name)
}

export function drawn(field: Field): boolean {
  return field.fallback !== undefined && isRandom(field.fallback)
}

function isRandom(expr: Expr): boolean {
  return expr.is === 'call' && expr.name === 'random'
}

function counterField(raw: Readonly<Record<string, unknown>>): string | undefined {
  const written = isMap(raw.counter) ? raw.counter.field : raw.counter
  return typeof written === 'string' ? written : undefined
}

/** Bytes of a part of the nonce; undefined where they are not fixed. */
function widthOf(subject: Subject, seal: Seal, part: Expr): number | undefined {
  switch (part.is) {
    case 'special':
      return part.name === 'counter' ? 8 : undefined
    case 'bytes':
      return part.value.length
    case 'text':
      return new TextEncoder().encode(part.value).length
    case 'field': {
      const bits = fieldsNamed(subject, seal, part.name)[0]?.bits
      return bits === undefined ? undefined : bits / 8
    }
    case 'call': {
      const number = /^[ui](\d+)(le|be)?$/.exec(part.name)
      if (number) return Number(number[1]) / 8
      const [count] = part.args
      return (part.name === 'random' || part.name === 'zeros') && count?.is === 'int' ? Number(count.value) : undefined
    }
    default:
      return undefined
  }
}

const NONCE_BYTES: Readonly<Record<Seal['aead'], number>> = {
  'aes-256-gcm': 12,
  'aes-128-gcm': 12,
  'chacha20-poly1305': 12,
  'xchacha20-poly1305': 24,
}
