// How a seal lives on (docs/language, "Seal"): rekeying that both sides can follow, addresses followed only with proof,
// and nothing accepted twice.

import type { Seal } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { drawn, fieldsNamed, sealedFrames } from './nonce.ts'
import { type Check, isMap, listOf, type Plain, reportUnlessInsecure, type Subject, section } from './subject.ts'

export const rekey: Check = subject => {
  for (const seal of subject.protocol.seals.values()) {
    const raw = section(subject, 'seal', seal.name)
    signalled(subject, seal, raw)
    named(subject, seal, raw)
    rebinding(subject, seal, raw)
    if (raw.repeats === 'accepted') {
      reportUnlessInsecure(subject, ['seal', seal.name, 'repeats'], {
        code: 'rekey',
        message: 'equal nonces give the key away',
        hint: 'repeats: refused',
      })
    }
    if (isMap(raw.replay) && raw.replay.wraps === true) {
      reportUnlessInsecure(subject, ['seal', seal.name, 'replay', 'wraps'], {
        code: 'rekey',
        message: 'after the last number all old packets open once more',
        hint: 'leave it out: a narrow counter is widened',
      })
    }
  }
}

/** Datagrams are lost and reordered, so a new key is told in each packet; on a stream both sides can only count. */
function signalled(subject: Subject, seal: Seal, raw: Plain): void {
  if (sealedFrames(subject, seal).length === 0) return
  const rule = isMap(raw.rekey) ? raw.rekey : undefined
  const off = raw.rekey === 'never' || (rule?.packets === 'never' && (rule.age === undefined || rule.age === 'never'))
  const path = ['seal', seal.name, raw.rekey === undefined ? 'aead' : 'rekey']
  const session = subject.behaviour.transports.filter(transport => transport.use === 'session')
  const told =
    rule?.renew !== undefined || rule?.by === 'handshake' || (rule?.phase !== undefined && rule.seen !== undefined)
  if (session.some(transport => transport.kind === 'udp') && !off && !told) {
    reportUnlessInsecure(subject, path, {
      code: 'rekey',
      message: 'a receiver of datagrams cannot know which key a packet is under',
      hint: 'rekey: { by: ratchet, phase: FIELD, seen: FIELD, .. }, or rekey: never',
    })
  }
  const aged = rule?.age !== undefined && rule.age !== 'never' && rule.renew === undefined
  if (session.some(transport => transport.kind !== 'udp') && aged) {
    subject.document.report(['seal', seal.name, 'rekey', 'age'], {
      code: 'rekey',
      message: 'on a stream the two sides would change keys at different frames',
      hint: 'age: never, or renew: [ clear fields ]',
    })
  }
  if (rule?.by === 'ratchet' && rule.derive === undefined) {
    subject.document.report(['seal', seal.name, 'rekey', 'by'], {
      code: 'rekey',
      message: 'nothing says how the next key is made',
      hint: `derive: [ 'hkdf_sha256(key.old, "", "${subject.protocol.name} rekey", 32)' ]`,
    })
  }
}

function named(subject: Subject, seal: Seal, raw: Plain): void {
  const rule = isMap(raw.rekey) ? raw.rekey : {}
  const used = sealedFrames(subject, seal).length > 0
  for (const key of used ? ['phase', 'seen'] : []) {
    const field = rule[key]
    if (typeof field === 'string' && fieldsNamed(subject, seal, field).length === 0) {
      missing(subject, ['seal', seal.name, 'rekey', key], `there is no field ${field}`)
    }
  }
  const clear = new Set(fieldsOf(seal.clear).map(field => field.name))
  for (const [index, field] of listOf(rule.renew).entries()) {
    if (!clear.has(field))
      missing(
        subject,
        ['seal', seal.name, 'rekey', 'renew', index],
        `${field} is not among the clear fields of this seal`,
      )
  }
  for (const [index, frame] of (isMap(raw.replay) ? listOf(raw.replay.only) : []).entries()) {
    if (!subject.protocol.frames.has(frame))
      missing(subject, ['seal', seal.name, 'replay', 'only', index], `there is no frame ${frame}`)
  }
}

function rebinding(subject: Subject, seal: Seal, raw: Plain): void {
  if (raw.rebind === 'authenticated') {
    reportUnlessInsecure(subject, ['seal', seal.name, 'rebind'], {
      code: 'rekey',
      message: 'a copied packet from another address would take the connection with it',
      hint: 'rebind: validated',
    })
  }
  if (raw.rebind === 'validated' && raw.probe === undefined) {
    subject.document.report(['seal', seal.name, 'rebind'], {
      code: 'rekey',
      message: 'nothing proves that the peer receives at its new address',
      hint: 'probe: Ping.token',
    })
  }
  if (typeof raw.probe !== 'string') return
  const path = ['seal', seal.name, 'probe']
  const [name = '', field = ''] = raw.probe.split('.')
  const frame = subject.protocol.frames.get(name)
  const found = frame && fieldsOf(frame.body.nodes).find(one => one.name === field)
  if (!found) {
    missing(subject, path, frame ? `${name} has no field ${field}` : `there is no frame ${name}`)
    return
  }
  if (!drawn(found)) {
    subject.document.report(path, {
      code: 'rekey',
      message: `${raw.probe} is not random: whoever guesses it has proved nothing`,
      hint: `${field}: u64 ?= random(8)`,
    })
  }
  const answered = subject.behaviour.replies.some(
    reply =>
      reply.to.includes(name) &&
      reply.with.length > 0 &&
      typeof reply.by === 'object' &&
      reply.by.request.text.endsWith(field),
  )
  if (answered) return
  subject.document.report(path, {
    code: 'rekey',
    message: `no reply returns ${raw.probe}`,
    hint: `replies: { probe: { to: ${name}, with: FRAME, by: ${field}, auto: before-delivery } }`,
  })
}

function missing(subject: Subject, path: readonly (string | number)[], message: string): void {
  subject.document.report(path, { code: 'reference', message })
}
