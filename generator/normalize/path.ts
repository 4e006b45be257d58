// Paths such as `token`, `headers.msg_id`, `flags.req_ack`, `piece.index` or `Data.message`: found in the frames that
// have them, as expressions over a decoded frame.

import type { Path } from '../load/document.ts'
import type { Expr, Field, Frame, Protocol, Type, ValueType } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import type { FramePath } from './behaviour.ts'
import type { Report } from './section.ts'

/**
 * Finds `text` in each of `frames`; `Frame.path` names one frame. In none of them: a `reference` problem at `at`, and
 * undefined. `all`: it must be in every frame.
 */
export function framePath(
  protocol: Protocol,
  text: string,
  frames: readonly string[],
  at: Path,
  report: Report,
  all = false,
): FramePath | undefined {
  const parts = text.split('.')
  const named = protocol.frames.has(parts[0]!)
  const path = named ? parts.slice(1) : parts
  const candidates = named ? parts.slice(0, 1) : frames
  const found = candidates.flatMap(name => {
    const frame = protocol.frames.get(name)
    const expr = frame && pathInFrame(protocol, frame, path)
    return expr ? [{ frame: name, expr }] : []
  })
  const missing = candidates.filter(name => !found.some(one => one.frame === name))
  if (found.length > 0 && !(all && missing.length > 0)) return { text, frames: found }
  const where = missing.length === 1 ? `frame ${missing[0]} has` : `none of ${missing.join(', ')} has`
  report(at, { code: 'reference', message: candidates.length === 0 ? `no frame has ${text}` : `${where} ${text}` })
  return undefined
}

/** The path as an expression in the scope of the frame; undefined where the frame has no such value. */
export function pathInFrame(protocol: Protocol, frame: Frame, path: readonly string[]): Expr | undefined {
  const field = fieldsOf(frame.body.nodes).find(one => one.name === path[0])
  if (!field) return undefined
  const span = { start: 0, end: path.join('.').length }
  let expr: Expr = { ...span, is: 'field', name: field.name, type: valueType(field.type) }
  let type = field.type
  for (const [depth, name] of path.slice(1).entries()) {
    const step = stepInto(protocol, type, name, depth === 0 ? field : undefined)
    if (!step) return undefined
    const value: ValueType = step.type ? valueType(step.type) : { kind: 'bool' }
    expr = { ...span, is: 'member', of: expr, name, type: value, ...(step.entry ? { entry: true } : {}) }
    if (!step.type) return depth === path.length - 2 ? expr : undefined
    type = step.type
  }
  return expr
}

/** The type behind regions and delimiters. */
export function innerType(type: Type): Type {
  return type.kind === 'region' || type.kind === 'delimited' || type.kind === 'at' ? innerType(type.of) : type
}

/** The static type of a value of this type. */
export function valueType(type: Type): ValueType {
  const inner = innerType(type)
  switch (inner.kind) {
    case 'float':
      return { kind: 'float' }
    case 'bool':
    case 'bit':
      return { kind: 'bool' }
    case 'bytes':
      return { kind: 'bytes' }
    case 'text':
      return { kind: 'text' }
    case 'list':
      return { kind: 'list', of: valueType(inner.of) }
    case 'enum':
    case 'bitset':
    case 'struct':
    case 'union':
      return { kind: inner.kind, name: inner.name }
    case 'align':
      return { kind: 'none' }
    default:
      return { kind: 'int' }
  }
}

interface Step {
  /** Undefined: a bit. */
  readonly type: Type | undefined
  readonly entry: boolean
}

function stepInto(protocol: Protocol, type: Type, name: string, field: Field | undefined): Step | undefined {
  const entry = field?.map?.entries.find(one => one.name === name)
  if (entry) return { type: entry.type, entry: true }
  const inner = innerType(type)
  if (inner.kind === 'bitset') {
    const bit = protocol.bitsets.get(inner.name)?.bits.some(one => one.name === name)
    return bit ? { type: undefined, entry: false } : undefined
  }
  if (inner.kind !== 'struct') return undefined
  const body = protocol.structs.get(inner.name)?.body
  const member = body && fieldsOf(body.nodes).find(one => one.name === name)
  return member && { type: member.type, entry: false }
}
