// Sizes and values that can never be right: a region that its content cannot fill, a bound that no value meets, a
// default outside its range, and a length that measures nothing.

import type { Path } from '../load/document.ts'
import type { Body, Expr, Field, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { measureType } from './measure.ts'
import { type Check, isMap, type Plain, type Subject, section } from './subject.ts'
import { expressionsOf, partsOf } from './walk.ts'

export const sizes: Check = subject => {
  for (const { body, path, own } of written(subject)) {
    for (const field of fieldsOf(body.nodes)) {
      if (!(field.name in own)) continue
      const at = [...path, field.name]
      possible(subject, at, field.type)
      bounded(subject, at, field)
      if (LENGTH.test(field.name)) measures(subject, at, field, body)
    }
  }
}

/** Bodies with the map in which their own fields are written. */
function written(subject: Subject): { body: Body; path: Path; own: Plain }[] {
  const { protocol } = subject
  const found: { body: Body; path: Path; own: Plain }[] = []
  const add = (body: Body, path: readonly string[]): void => {
    const long = section(subject, ...path, 'fields')
    const isLong = isMap(section(subject, ...path).fields)
    if (isLong) found.push({ body, path: [...path, 'fields'], own: long })
    else if (path[0] !== 'frames' && path[0] !== 'unions') found.push({ body, path, own: section(subject, ...path) })
  }
  for (const [name, struct] of protocol.structs) add(struct.body, ['structs', name])
  for (const [name, union] of protocol.unions) {
    for (const variant of union.variants) add(variant.body, ['unions', name, 'variants', variant.name])
  }
  for (const [name, frame] of protocol.frames) add(frame.body, ['frames', name])
  if (protocol.envelope) add(protocol.envelope, ['envelope'])
  return found
}

/** A region of a fixed size must be one that its content can have. */
function possible(subject: Subject, path: Path, type: Type): void {
  const { protocol } = subject
  if (type.kind === 'region' && type.extent.by === 'size') {
    const size = constant(type.extent.size)
    const inside = measureType(type.of, protocol)
    const bits = size === undefined ? undefined : Number(size) * 8
    if (bits !== undefined && inside.min > bits)
      wrong(subject, path, `the content takes at least ${inside.min / 8} bytes, the region has ${size}`)
    else if (bits !== undefined && inside.max < bits) {
      wrong(
        subject,
        path,
        `the content takes at most ${inside.max / 8} bytes and never fills ${size}`,
        'put padding behind it: _pad: bytes',
      )
    }
  }
  if (type.kind === 'region' || type.kind === 'delimited' || type.kind === 'list' || type.kind === 'at')
    possible(subject, path, type.of)
}

/** `range` and `max` must leave something, and a default must be within. */
function bounded(subject: Subject, path: Path, field: Field): void {
  const given = field.fallback ?? field.value
  const value = given && constant(given)
  const { range } = field
  if (range && value !== undefined && (value < range.min || value > range.max)) {
    wrong(subject, path, `${value} is outside the range ${range.min}..${range.max} of ${field.name}`)
  }
  const most = field.max && constant(field.max)
  const size = most === undefined || field.bits === undefined ? undefined : field.bits / 8
  if (size !== undefined && field.type.kind === 'region' && BigInt(size) > most!) {
    wrong(subject, path, `${field.name} always has ${size} bytes, max allows ${most}`)
  }
}

/** A number that is called a length but is neither a size of anything nor computed. */
function measures(subject: Subject, path: Path, field: Field, body: Body): void {
  const inner = field.type.kind
  if (inner !== 'int' && inner !== 'varint') return
  if (field.value ?? field.fallback ?? field.derives ?? field.with ?? field.from ?? field.match) return
  const bodies = [body, ...[...subject.protocol.frames.values()].map(frame => frame.body)]
  const read = bodies
    .flatMap(expressionsOf)
    .flatMap(partsOf)
    .some(part => uses(part, field.name))
  const within = section(subject, 'frames')
  const fixed = Object.values(within).some(frame => isMap(frame) && isMap(frame.with) && field.name in frame.with)
  if (read || fixed) return
  subject.document.report(path, {
    code: 'unused',
    severity: 'warning',
    on: 'key',
    message: `${field.name} measures nothing`,
    hint: `use it, as in data: bytes(${field.name}), or compute it: = size(..)`,
  })
}

function uses(part: Expr, name: string): boolean {
  return (part.is === 'field' || part.is === 'parent') && part.name === name
}

function constant(expr: Expr): bigint | undefined {
  if (expr.is === 'int') return expr.value
  const value = expr.is === 'negate' ? constant(expr.of) : undefined
  return value === undefined ? undefined : -value
}

function wrong(subject: Subject, path: Path, message: string, hint?: string): void {
  subject.document.report(path, { code: 'range', message, hint })
}

const LENGTH = /^(len|length|\w+_len|\w+_length)$/
