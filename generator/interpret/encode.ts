// One call of encode or sizeOf.
import { type Context, EncodeError } from '../../runtime/wire/codec.ts'
import type { Frame, Protocol } from '../model/model.ts'
import { type Chunk, settle, writeChunk } from './chunk.ts'
import { integer } from './evaluate.ts'
import { Given } from './given-record.ts'

export function encodeFrame(
  protocol: Protocol,
  context: Context,
  name: string,
  value: object,
  into: Uint8Array,
  at: number,
): number {
  const frame = frameOf(protocol, name)
  const chunk = chunkOf(protocol, context, frame, value, false)
  const size = Math.ceil(chunk.bits / 8)
  if (at < 0 || at + size > into.length) {
    throw new RangeError(`${name} takes ${size} bytes at ${at}, there is room for ${Math.max(0, into.length - at)}`)
  }
  return writeChunk(chunk, into, at)
}

export function sizeOfFrame(protocol: Protocol, context: Context, name: string, value: object): number {
  // Nothing is drawn for a size: random bytes have the size they are asked for, whatever they are.
  const calm: Context = { ...context, random: n => new Uint8Array(n), now: () => 0 }
  return Math.ceil(chunkOf(protocol, calm, frameOf(protocol, name), value, true).bits / 8)
}

function chunkOf(protocol: Protocol, context: Context, frame: Frame, value: object, dry: boolean): Chunk {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new EncodeError('BadType', '', `the fields of ${frame.name} are an object`)
  }
  const values = value as Readonly<Record<string, unknown>>
  const record = new Given({ protocol, context, frame, dry }, frame.body, values, undefined, 0)
  const chunk = settle(record.encoded(() => 0))
  const scope = record.scope(undefined)
  const most = frame.max && record.guarded(scope, () => integer(frame.max!, scope))
  if (most !== undefined && BigInt(Math.ceil(chunk.bits / 8)) > most) {
    throw scope.refuse('TooLarge', `${frame.name} would take ${Math.ceil(chunk.bits / 8)} bytes, at most ${most}`)
  }
  return chunk
}

function frameOf(protocol: Protocol, name: string): Frame {
  const frame = protocol.frames.get(name)
  if (frame) return frame
  throw new Error(`${protocol.name} has no frame ${name}; it has ${[...protocol.frames.keys()].join(', ')}`)
}
