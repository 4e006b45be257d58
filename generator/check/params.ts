// Params (docs/language, "Params and session values"): defaults that fit, secrets that are not in the schema for all to
// read, and no param that nothing reads.

import type { Param } from '../model/model.ts'
import { paramType } from '../normalize/params.ts'
import { type Check, reportUnlessInsecure, type Subject } from './subject.ts'

export const params: Check = subject => {
  for (const param of subject.protocol.params.values()) {
    word(subject, param)
    range(subject, param)
    secret(subject, param)
  }
  read(subject)
}

function word(subject: Subject, { name, type, fallback }: Param): void {
  if (!fallback || !('word' in fallback)) return
  const kind = paramType(type)
  const wrong =
    (fallback.word === 'target' && kind.kind !== 'text') ||
    (fallback.word === 'generate' && !(kind.kind === 'bytes' && kind.size !== undefined))
  if (!wrong) return
  subject.document.report(['params', name, 'default'], {
    code: 'param',
    message:
      fallback.word === 'target'
        ? 'only a text can be the host that is dialled'
        : 'only bytes of a known size can be generated',
    hint: fallback.word === 'target' ? 'type: string' : 'type: bytes(32)',
  })
}

function range(subject: Subject, { name, fallback, range: allowed }: Param): void {
  const parameter = subject.behaviour.params.find(one => one.name === name)
  if (!allowed || !fallback || !parameter?.fallback || !('value' in parameter.fallback)) return
  const { value } = parameter.fallback
  if (typeof value !== 'number' && typeof value !== 'bigint') return
  if (BigInt(value) >= allowed.min && BigInt(value) <= allowed.max) return
  subject.document.report(['params', name, 'default'], {
    code: 'range',
    message: `the default ${value} is outside the range ${allowed.min}..${allowed.max}`,
  })
}

function secret(subject: Subject, { name, secret: hidden, fallback }: Param): void {
  if (!hidden || !fallback || !('literal' in fallback) || isEmpty(fallback.literal)) return
  reportUnlessInsecure(subject, ['params', name, 'default'], {
    code: 'authentication',
    message: `a secret that stands in the schema is none: everybody knows the default of ${name}`,
    hint: 'remove the default, or use generate',
  })
}

/** An empty default says that there is no secret. */
function isEmpty(literal: unknown): boolean {
  return literal === '' || (literal instanceof Uint8Array && literal.length === 0)
}

/** A profile may leave things unread that the document reads. */
function read(subject: Subject): void {
  if (subject.protocol.profile !== undefined) return
  const text = JSON.stringify(subject.document.data)
  for (const { name } of subject.protocol.params.values()) {
    if (new RegExp(`param\\.${name}\\b`).test(text)) continue
    subject.document.report(['params', name], {
      code: 'unused',
      severity: 'warning',
      on: 'key',
      message: `nothing reads param.${name}`,
      hint: 'remove it, or use it',
    })
  }
}
