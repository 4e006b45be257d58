// What `send` does where the user did not say: which frame, and which field `--size` fills.

import type { Field, Frame, Protocol, Type } from '../../generator/model/model.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { fieldsOf } from '../describe/describe.ts'
import { usage } from '../failure.ts'

/** Frames that `role` may send, in the order of the schema. */
export function sendable({ frames, roles }: ProtocolDescriptor, role: string): string[] {
  const is = roles.find(({ name }) => name === role)?.is ?? [role]
  return frames
    .filter(({ dirs }) => dirs.length === 0 || dirs.some(dir => is.includes(dir.sender)))
    .map(({ name }) => name)
}

/** Frames that may arrive at `role`. */
export function receivable({ frames, roles }: ProtocolDescriptor, role: string): string[] {
  const is = roles.find(({ name }) => name === role)?.is ?? [role]
  return frames
    .filter(({ dirs }) => dirs.length === 0 || dirs.some(dir => is.includes(dir.receiver)))
    .map(({ name }) => name)
}

/**
 * The frame that is sent when none is named: the first on a channel, else the first that expects an answer, else the
 * first that is no answer itself.
 */
export function defaultFrame(protocol: ProtocolDescriptor, role: string): string {
  const names = sendable(protocol, role)
  const frames = protocol.frames.filter(({ name, bare }) => names.includes(name) && !bare)
  const asks = (name: string): boolean => protocol.replies.some(reply => reply.to.includes(name))
  const answers = (name: string): boolean => protocol.replies.some(reply => reply.with.includes(name))
  const chosen =
    frames.find(({ channel }) => channel !== undefined) ??
    frames.find(({ name }) => asks(name)) ??
    frames.find(({ name }) => !answers(name)) ??
    frames[0]
  if (!chosen)
    throw usage(`the role ${role} sends no frame of its own; name one of ${names.join(', ') || 'another role'}`)
  return chosen.name
}

/** A value for the roomiest bytes or text field of `frame`: `size` bytes of a pattern. */
export function fillField(protocol: Protocol, frame: Frame, size: number, given: object): Record<string, unknown> {
  const fields = fieldsOf(frame.body.nodes)
  const split = splitOf(protocol, frame)
  if (split !== undefined && !(split in given)) return { [split]: pattern(size) }
  const open = fields.filter(field => room(field.type, fields, field) > 0 && !(field.name in given) && isFree(field))
  const best = open.reduce<Field | undefined>(
    (best, field) => (best && room(best.type, fields, best) > room(field.type, fields, field) ? best : field),
    undefined,
  )
  if (!best) throw usage(`--size: ${protocol.name}.${frame.name} has no field of bytes or text that could be filled`)
  return { [best.name]: contentKind(best.type) === 'text' ? 'x'.repeat(size) : pattern(size) }
}

/** The field that a message is laid into, as many frames as it takes. */
function splitOf({ document }: Protocol, { channel }: Frame): string | undefined {
  const channels = document.channels as Readonly<Record<string, { split?: { cut?: string } } | undefined>> | undefined
  return channels?.[channel ?? '']?.split?.cut
}

/** Byte i is (31 i + 7) mod 256: any shift or loss shows. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = 31 * i + 7
  return bytes
}

function isFree(field: Field): boolean {
  return !field.value && !field.with && !field.derives && !field.from && !field.isId
}

function contentKind(type: Type): 'bytes' | 'text' | undefined {
  if (type.kind === 'region' || type.kind === 'delimited') return contentKind(type.of)
  return type.kind === 'bytes' || type.kind === 'text' ? type.kind : undefined
}

/** How much a field can hold, as bits of its length; 0 for a fixed size or another type. */
function room(type: Type, fields: readonly Field[], field: Field): number {
  if (contentKind(type) === undefined) return 0
  if (type.kind === 'delimited') return 32
  if (type.kind !== 'region') return 64
  const { extent } = type
  if (extent.by === 'rest') return 64
  if (extent.by === 'prefix') return bits(extent.type)
  const sizing = fields.find(({ derives }) => derives?.some(({ of }) => of === field.name))
  return sizing ? bits(sizing.type) : 0
}

function bits(type: Type): number {
  return type.kind === 'int' ? type.bits : type.kind === 'varint' ? 7 * type.max : 32
}
