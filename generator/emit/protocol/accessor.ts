// Accessors: code that reads a path out of a decoded frame of any kind that has it, and code that puts a value there in
// a plain value about to be encoded.

import type { Expr, Field, Protocol, Type } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import type { FramePath, FrameTest } from '../../normalize/behaviour.ts'
import { innerType } from '../../normalize/path.ts'
import { quote } from '../naming.ts'
import { literal } from './literal.ts'
import { overReader } from './reach.ts'
import type { DescriptorUnit } from './unit.ts'

/** The text of an accessor. */
export function accessorText(path: FramePath, protocol: Protocol, unit: DescriptorUnit): string {
  const index = (frame: string): number => protocol.frames.get(frame)!.index
  const frames = [...path.frames].sort((a, b) => index(a.frame) - index(b.frame))
  const [first] = frames
  return [
    '{',
    `  path: ${quote(path.text)},`,
    `  get: ${indented(byFrame(frames, 'undefined', protocol, unit))},`,
    `  set: ${indented(setter(first!.frame, first!.expr, protocol, unit))},`,
    '}',
  ].join('\n')
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ')
}

/** A condition on frames: false for those that it says nothing about. */
export function frameTest(test: FrameTest, protocol: Protocol, unit: DescriptorUnit): string {
  return byFrame(test.frames, 'false', protocol, unit)
}

/** `frame => ..` by the kind of frame; `otherwise` for kinds not listed. */
function byFrame(frames: FramePath['frames'], otherwise: string, protocol: Protocol, unit: DescriptorUnit): string {
  const cases = frames.map(({ frame, expr }) => {
    const { text, fails } = overReader(expr, frame, protocol, unit)
    const value = fails ? `${unit.use('valueOr')}(${otherwise}, () => ${text})` : text
    return { index: protocol.frames.get(frame)!.index, value }
  })
  const [only] = cases
  if (cases.length === 1 && only) return `frame => (frame.frameIndex === ${only.index} ? ${only.value} : ${otherwise})`
  return [
    'frame => {',
    '  switch (frame.frameIndex) {',
    ...cases.flatMap(one => [`    case ${one.index}:`, `      return ${one.value}`]),
    '    default:',
    `      return ${otherwise}`,
    '  }',
    '}',
  ].join('\n')
}

/** `(value, to) => { .. }` for a path of one frame; it is the same in all frames that share the path. */
function setter(frame: string, expr: Expr, protocol: Protocol, unit: DescriptorUnit): string {
  const { body } = protocol.frames.get(frame)!
  const steps = stepsOf(expr)
  const field = fieldsOf(body.nodes).find(one => one.name === steps[0])!
  const lines = assign('value', steps, field, field.type, protocol, unit)
  return ['(value, to) => {', ...lines.map(line => `  ${line}`), '}'].join('\n')
}

function stepsOf(expr: Expr): string[] {
  if (expr.is === 'field') return [expr.name]
  if (expr.is === 'member') return [...stepsOf(expr.of), expr.name]
  throw new Error('a path is a field or a member of one')
}

function assign(
  target: string,
  steps: readonly string[],
  field: Field,
  type: Type,
  protocol: Protocol,
  unit: DescriptorUnit,
): string[] {
  const [name, next, ...rest] = steps as [string, ...string[]]
  if (next === undefined) return [`${target}[${quote(name)}] = to`]
  const entry = field.map?.entries.find(one => one.name === next)
  if (entry && field.map) return [setEntry(target, field, entry, protocol, unit)]
  const inner = innerType(type)
  if (inner.kind === 'bitset') {
    return [
      `${target}[${quote(name)}] = ${unit.use('withBit')}(${target}[${quote(name)}], ${unit.use(`type:${inner.name}`)}, ${quote(next)}, to)`,
    ]
  }
  const struct = inner.kind === 'struct' ? protocol.structs.get(inner.name) : undefined
  const member = struct && fieldsOf(struct.body.nodes).find(one => one.name === next)
  if (!member) throw new Error(`${steps.join('.')} cannot be set`)
  return assign(
    `${unit.use('inside')}(${target}, ${quote(name)})`,
    [next, ...rest],
    member,
    member.type,
    protocol,
    unit,
  )
}

/** The entry's value in the coding that the list's value field has on the wire. */
function setEntry(
  target: string,
  field: Field,
  entry: NonNullable<Field['map']>['entries'][number],
  protocol: Protocol,
  unit: DescriptorUnit,
): string {
  const map = field.map!
  const list = innerType(field.type)
  const item = list.kind === 'list' ? innerType(list.of) : undefined
  const struct = item?.kind === 'struct' ? protocol.structs.get(item.name) : undefined
  const coreOf = (name: string): Type | undefined => {
    const found = struct && fieldsOf(struct.body.nodes).find(one => one.name === name)
    return found && innerType(found.type)
  }
  const key =
    coreOf(map.key)?.kind === 'text' && entry.key instanceof Uint8Array
      ? quote(new TextDecoder().decode(entry.key))
      : literalKey(entry.key, unit)
  const value = coded(innerType(entry.type), coreOf(map.value), unit)
  const names = `{ key: ${quote(map.key)}, value: ${quote(map.value)} }`
  return `${unit.use('setEntry')}(${target}, ${quote(field.name)}, ${names}, ${key}, ${value})`
}

function literalKey(key: Uint8Array | bigint, unit: DescriptorUnit): string {
  if (typeof key === 'bigint') return key <= BigInt(Number.MAX_SAFE_INTEGER) ? String(key) : `${key}n`
  const name = key.every(byte => byte > 0x20 && byte < 0x7f) ? String.fromCharCode(...key) : 'key'
  return unit.constant(name, literal(key))
}

function coded(type: Type, carrier: Type | undefined, unit: DescriptorUnit): string {
  const asText = carrier?.kind === 'text'
  switch (type.kind) {
    case 'number':
      return asText ? `String(to)` : `${unit.use('digits')}(to, ${type.base})`
    case 'int':
      return carrier?.kind === 'bytes'
        ? `${unit.use('numberBytes')}(to as number | bigint, ${Math.ceil(type.bits / 8)}, ${type.little})`
        : 'to'
    case 'text':
      return carrier?.kind === 'bytes' ? `${unit.use('utf8')}(String(to))` : 'to'
    default:
      return 'to'
  }
}
