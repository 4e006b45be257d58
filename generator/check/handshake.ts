// Handshakes by explicit steps, their key schedule, ids and cookies (docs/language, "Noise, steps, cookies"): frames and
// fields that exist, keys used after they were made, and a cookie where a server would answer anybody.

import type { Path } from '../load/document.ts'
import { fieldsOf } from '../model/walk.ts'
import { fieldAt } from './noise.ts'
import { type Check, isMap, listOf, type Subject, section } from './subject.ts'
import { readExpr, syntaxParts } from './texts.ts'

export const handshake: Check = subject => {
  steps(subject)
  schedule(subject)
  ids(subject)
  cookie(subject)
  parts(subject)
}

function steps(subject: Subject): void {
  const raw = section(subject, 'handshake').steps
  const { protocol } = subject
  for (const [index, step] of (Array.isArray(raw) ? raw : []).entries()) {
    if (!isMap(step)) continue
    for (const [role, name] of Object.entries(step)) {
      if (role === 'with' || role === 'times') continue
      const path = ['handshake', 'steps', index, role]
      if (!protocol.roles.has(role) && !SIDES.includes(role)) {
        const hint = `roles are ${[...protocol.roles.keys()].join(', ')}; where they are equal: dialer, acceptor, both`
        subject.document.report(path, { code: 'reference', on: 'key', message: `there is no role ${role}`, hint })
      }
      const frame = protocol.frames.get(String(name))
      if (!frame) subject.document.report(path, { code: 'reference', message: `there is no frame ${name}` })
      else if (protocol.roles.has(role) && frame.dirs.length > 0 && !frame.dirs.some(dir => dir.sender === role)) {
        subject.document.report(path, {
          code: 'handshake',
          message: `${name} does not travel from ${role}`,
          hint: `its dir is ${frame.dirs.map(dir => `${dir.sender}>${dir.receiver}`).join(', ')}`,
        })
      }
      for (const [field, value] of Object.entries(isMap(step.with) ? step.with : {})) {
        const at = ['handshake', 'steps', index, 'with', field]
        readExpr(subject, at, value)
        if (!frame || fieldsOf(frame.body.nodes).some(one => one.name === field)) continue
        subject.document.report(at, { code: 'reference', on: 'key', message: `${name} has no field ${field}` })
      }
    }
  }
}

/** Keys are made from top to bottom, so one may use only those above it. */
function schedule(subject: Subject): void {
  const keys = section(subject, 'handshake', 'keys')
  const secrets = section(subject, 'handshake', 'secrets')
  const names = Object.keys(keys)
  for (const [index, name] of names.entries()) {
    const path = ['handshake', 'keys', name]
    const expr = readExpr(subject, path, keys[name])
    for (const part of expr ? syntaxParts(expr) : []) {
      const used =
        part.is === 'name'
          ? part.name
          : part.is === 'member' && part.of.is === 'name' && part.of.name === 'key'
            ? part.name
            : undefined
      const at = used === undefined ? -1 : names.indexOf(used)
      if (at >= index) {
        subject.document.report(path, {
          code: 'order',
          message: at === index ? `${used} is made from itself` : `${used} is made only below`,
          hint: 'keys are made from top to bottom',
          span: part,
        })
      }
      const owner = part.is === 'member' && part.of.is === 'name' ? part.of.name : undefined
      if (part.is !== 'member' || owner === undefined || !subject.protocol.roles.has(owner) || part.name in secrets)
        continue
      subject.document.report(path, {
        code: 'reference',
        message: `there is no secret ${part.name}`,
        hint: `handshake: { secrets: { ${part.name}: x25519 } }`,
        span: part,
      })
    }
  }
}

function ids(subject: Subject): void {
  const raw = section(subject, 'handshake', 'ids')
  if (typeof raw.field === 'string') {
    const field = raw.field.split('.')[0]!
    const known = [...subject.protocol.frames.values()].some(frame =>
      fieldsOf(frame.body.nodes).some(one => one.name === field),
    )
    if (!known)
      subject.document.report(['handshake', 'ids', 'field'], {
        code: 'reference',
        message: `no frame has a field ${field}`,
      })
  }
  for (const [index, place] of listOf(raw.offer).entries())
    placeExists(subject, ['handshake', 'ids', 'offer', index], place)
}

/** `Frame.field`, or a field of a payload's struct. */
function placeExists(subject: Subject, path: Path, text: string): void {
  const [name = '', field = ''] = text.split('.')
  const struct = subject.protocol.structs.get(name)
  if (struct && fieldsOf(struct.body.nodes).some(one => one.name === field)) return
  fieldAt(subject, path, text)
}

function cookie(subject: Subject): void {
  const raw = section(subject, 'handshake')
  const datagrams = subject.behaviour.transports.some(transport => transport.kind === 'udp')
  const open = raw.noise !== undefined || (raw.steps !== undefined && raw.tls === undefined)
  if (raw.cookie === undefined && open && datagrams) {
    subject.document.report(['handshake'], {
      code: 'cookie',
      severity: 'warning',
      on: 'key',
      message: 'without a cookie anybody makes the server work and answer to a forged address',
      hint: 'cookie: { challenge: Retry.cookie, echo: Init.cookie, over: [ peer.address, peer.port ] }, or import std/packet',
    })
  }
  const own = isMap(raw.cookie) ? raw.cookie : {}
  for (const key of ['challenge', 'echo', 'proof']) {
    const path = own[key]
    if (typeof path === 'string') fieldAt(subject, ['handshake', 'cookie', key], path)
  }
  if (raw.cookie !== undefined && own.echo === undefined && own.proof === undefined) {
    subject.document.report(['handshake', 'cookie'], {
      code: 'cookie',
      on: 'key',
      message: 'the client has no field in which it returns the cookie',
      hint: 'echo: Init.cookie',
    })
  }
}

/** Expressions of the handshake that no codec reads. */
function parts(subject: Subject): void {
  const raw = section(subject, 'handshake')
  for (const [index, part] of listOf(raw.prologue).entries()) readExpr(subject, ['handshake', 'prologue', index], part)
  const over = isMap(raw.cookie) ? listOf(raw.cookie.over) : []
  for (const [index, part] of over.entries()) readExpr(subject, ['handshake', 'cookie', 'over', index], part)
  for (const key of ['static', 'psk', 'remote', 'accept']) {
    const value = raw[key]
    if (isMap(value)) rolesExist(subject, ['handshake', key], Object.keys(value))
    for (const [path, text] of isMap(value) ? Object.entries(value) : [['', value] as const]) {
      const at = ['handshake', key, ...(path === '' ? [] : [path])]
      if (text !== 'generate' && text !== 'any') paramExists(subject, at, text)
    }
  }
}

function rolesExist(subject: Subject, path: Path, roles: readonly string[]): void {
  for (const role of roles.filter(one => !subject.protocol.roles.has(one))) {
    const hint = `roles are ${[...subject.protocol.roles.keys()].join(', ')}`
    subject.document.report([...path, role], {
      code: 'reference',
      on: 'key',
      message: `there is no role ${role}`,
      hint,
    })
  }
}

function paramExists(subject: Subject, path: Path, text: unknown): void {
  if (!readExpr(subject, path, text)) return
  const name = /^param\.(\w+)$/.exec(String(text))?.[1]
  if (name === undefined || subject.protocol.params.has(name)) return
  subject.document.report(path, {
    code: 'reference',
    message: `there is no param ${name}`,
    hint: `params: { ${name}: { type: bytes(32) } }`,
  })
}

const SIDES: readonly string[] = ['dialer', 'acceptor', 'both']
