// `handshake.noise` with its keys, prologue, payloads and places of messages (docs/language, "Noise, steps, cookies").

import type { ByRole } from '../../runtime/core/handshake-descriptor.ts'
import type { Expr, Protocol } from '../model/model.ts'
import type { FrameField } from './handshake.ts'
import { keyExpression, keyParts } from './key-expressions.ts'
import { framePath } from './path.ts'
import { isMap, type Section } from './section.ts'

export interface NoiseData {
  readonly suite: string
  readonly prologue: Expr | undefined
  readonly static: Expr | 'generate' | undefined
  readonly remote: ByRole<Expr>
  readonly accept: ByRole<Expr>
  readonly psk: Expr | undefined
  readonly messages: readonly FrameField[]
  readonly payloads: readonly { readonly message: number; readonly struct: string }[]
  readonly newer: string | undefined
  readonly fallback: string | undefined
}

export function normalizeNoise(section: Section, protocol: Protocol): NoiseData {
  const value = (key: string, text: unknown, role?: string): Expr | undefined => {
    const at = [...section.path, key, ...(role === undefined ? [] : [role])]
    return keyExpression(protocol, text, {}, at, section.report)
  }
  const byRole = (key: string): ByRole<Expr> => {
    const raw = section.raw(key)
    const entries = isMap(raw) ? Object.entries(raw) : raw === undefined ? [] : [['', raw] as const]
    const read = entries.flatMap(([role, text]) => {
      if (text === 'any') return []
      const expr = value(key, text, role === '' ? undefined : role)
      return expr ? [[role, expr] as const] : []
    })
    return Object.fromEntries(read)
  }
  const own = section.raw('static')
  const parts = section.list('prologue')
  return {
    suite: section.text('noise', ''),
    prologue:
      parts.length === 0 ? undefined : keyParts(protocol, parts, {}, [...section.path, 'prologue'], section.report),
    static: own === undefined || own === 'generate' ? own : value('static', own),
    remote: byRole('remote'),
    accept: byRole('accept'),
    psk: section.has('psk') ? value('psk', section.raw('psk')) : undefined,
    messages: section.list('messages').flatMap((text, index) => {
      const field = framePath(protocol, text, [], [...section.path, 'messages', index], section.report)
      return field ? [{ frame: text.split('.')[0]!, field }] : []
    }),
    payloads: Object.entries(isMap(section.raw('payloads')) ? (section.raw('payloads') as object) : {})
      .filter(([, name]) => protocol.structs.has(String(name)))
      .map(([message, name]) => ({ message: Number(message), struct: String(name) })),
    newer: section.text('newer', undefined),
    fallback: section.text('fallback', undefined),
  }
}
