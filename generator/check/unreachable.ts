// A frame that no bytes can ever select: its id or a `match` value does not fit the envelope's field, contradicts a
// constant there, nothing is left for `match: else`, or it is bare where frames with an envelope come first.

import type { Field, Frame, Literal, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Check, directionsMeet, type Subject, section } from './subject.ts'

export const unreachable: Check = subject => {
  const frames = [...subject.protocol.frames.values()]
  for (const frame of frames) {
    idsFit(subject, frame)
    matchFits(subject, frame)
    if (frame.matchElse) somethingIsLeft(subject, frame, frames)
    if (frame.bare) bareIsMet(subject, frame, frames)
  }
}

function idsFit(subject: Subject, frame: Frame): void {
  const id = fieldsOf(frame.body.nodes).find(field => field.isId)
  for (const value of id ? frame.ids : []) {
    const why = unfit(subject.protocol, id!, value)
    if (why) never(subject, frame, ['frames', frame.name, 'id'], `the id ${value} ${why}`)
  }
}

function matchFits(subject: Subject, frame: Frame): void {
  for (const { path, values } of frame.match) {
    const field = fieldsOf(frame.body.nodes).find(one => one.name === path[0])
    if (!field || path.length > 1) continue
    for (const value of values) {
      const why = unfit(subject.protocol, field, value)
      if (why) never(subject, frame, ['frames', frame.name, 'match', path.join('.')], `the value ${value} ${why}`)
    }
  }
}

/** Why a field never has this value; undefined when it can. */
function unfit(protocol: Protocol, field: Field, value: Literal): string | undefined {
  if (typeof value !== 'bigint') return undefined
  const range = rangeOf(protocol, field.type)
  if (range && (value < range.min || value > range.max))
    return `does not fit ${field.name} (${range.min}..${range.max})`
  if (field.range && (value < field.range.min || value > field.range.max)) {
    return `is outside the range of ${field.name} (${field.range.min}..${field.range.max})`
  }
  const fixed = field.value?.is === 'int' || field.value?.is === 'enumValue' ? field.value.value : undefined
  if (fixed !== undefined && fixed !== value) return `contradicts ${field.name}, which is always ${fixed}`
  const known = field.type.kind === 'enum' ? protocol.enums.get(field.type.name) : undefined
  if (known && known.unknown !== 'keep' && !known.values.some(one => one.value === value))
    return `is not in ${known.name}`
  return undefined
}

function somethingIsLeft(subject: Subject, frame: Frame, frames: readonly Frame[]): void {
  const id = fieldsOf(frame.body.nodes).find(field => field.isId)
  const range = id && rangeOf(subject.protocol, id.type)
  if (!range || range.max - range.min > 255n) return
  const plain = frames.filter(other => other !== frame && !other.bare && other.match.length === 0)
  const everywhere = plain.filter(other => other.dirs.length === 0 && other.states.length === 0)
  const taken = new Set(everywhere.flatMap(other => other.ids))
  for (let value = range.min; value <= range.max; value++) if (!taken.has(value)) return
  never(subject, frame, ['frames', frame.name, 'match'], `the other frames take every id`)
}

/** Bare frames are chosen only where no frame with the envelope could come, or by a handshake that awaits them. */
function bareIsMet(subject: Subject, frame: Frame, frames: readonly Frame[]): void {
  if (subject.behaviour.handshake?.frames.includes(frame.name)) return
  const wrapped = frames.filter(other => !other.bare)
  if (wrapped.length === 0) return
  const states = frame.states.length > 0 ? frame.states : Object.keys(section(subject, 'states'))
  const alone = states.some(
    state =>
      !wrapped.some(
        other =>
          (other.states.length === 0 || other.states.includes(state)) &&
          directionsMeet(subject.protocol, other.dirs, frame.dirs),
      ),
  )
  if (alone) return
  never(
    subject,
    frame,
    ['frames', frame.name],
    `${frame.name} is bare, but frames with an envelope may come at the same time`,
    'give it a `state` of its own and the others theirs',
  )
}

function never(subject: Subject, frame: Frame, path: readonly string[], why: string, hint?: string): void {
  const whole = path.length === 2
  subject.document.report(path, {
    code: 'unreachable',
    message: whole ? why : `${frame.name} can never be selected: ${why}`,
    hint,
    ...(whole ? { on: 'key' as const } : {}),
  })
}

/** Numbers that a type of at most 64 bits can hold. */
export function rangeOf(protocol: Protocol, type: Type): { min: bigint; max: bigint } | undefined {
  if (type.kind === 'enum') return rangeOf(protocol, protocol.enums.get(type.name)?.type ?? { kind: 'bytes' })
  if (type.kind === 'bitset') return rangeOf(protocol, protocol.bitsets.get(type.name)?.type ?? { kind: 'bytes' })
  if (type.kind === 'number') return rangeOf(protocol, type.of)
  if (type.kind === 'varint' && type.coding === 'quic') return { min: 0n, max: (1n << 62n) - 1n }
  if (type.kind === 'varint' && (type.coding === 'leb128' || type.coding === 'vlq'))
    return { min: 0n, max: (1n << BigInt(Math.min(64, 7 * type.max))) - 1n }
  if (type.kind !== 'int') return undefined
  const bits = BigInt(type.bits)
  return type.signed
    ? { min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }
    : { min: 0n, max: (1n << bits) - 1n }
}
