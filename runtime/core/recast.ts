// Received frames that are sent or built again: a copy of a decoded frame holds lengths and checksums that the encoder
// writes by itself and would refuse in a frame that has changed. And values that carry what the runtime owns.

import { type Codec, EncodeError, type Reader } from '../wire/codec.ts'
import type { Accessor } from './protocol.ts'

export type Plain = Record<string, unknown>

/**
 * What the encoder needs to make this frame again: its copy less every field that comes out the same without being
 * given. `codec` must not be the one that the frame is borrowed from.
 */
export function inputOf(frame: Reader, codec: Codec): Plain {
  const whole = frame.toObject()
  const input = { ...whole }
  for (const name of Object.keys(whole)) {
    const { [name]: value, ...rest } = input
    const again = roundTrip(codec, frame.frameName, rest)
    if (again === undefined || !isEqual(again.toObject()[name], value)) continue
    delete input[name]
  }
  return input
}

/** Encodes and decodes; undefined where the value is not enough to make a frame of. */
export function roundTrip(codec: Codec, frame: string, value: object): Reader | undefined {
  try {
    const bytes = new Uint8Array(codec.sizeOf(frame, value))
    const end = codec.encode(frame, value, bytes, 0)
    return codec.decode(bytes, 0, end, { whole: true, frame })
  } catch (error) {
    if (error instanceof EncodeError) return undefined
    throw error
  }
}

/**
 * An object with these fields, all undefined. Made by JSON.parse, so that V8 keeps it and its copies as records: values
 * that got their fields one by one become dictionaries, and encoding them takes six times as long.
 */
export function blank(fields: Plain): Plain {
  const made = JSON.parse(JSON.stringify(Object.fromEntries(Object.keys(fields).map(name => [name, 0])))) as Plain
  for (const name of Object.keys(made)) made[name] = undefined
  return made
}

/** Takes out what an accessor writes: the entry of a list, or the field that holds it. */
export function remove(value: Plain, accessor: Accessor, current: unknown): void {
  const [top = ''] = accessor.path.split('.')
  const before = value[top]
  if (!Array.isArray(before)) {
    delete value[top]
    return
  }
  const probe: Plain = { ...value }
  accessor.set(probe, current)
  const after = probe[top] as unknown[]
  value[top] = before.filter((entry, at) => after[at] === entry)
}

/** Whether a value about to be sent has this bit set. */
export function isSet(value: Plain, bit: Accessor): boolean {
  const path = bit.path.split('.')
  if (value[path[0] ?? ''] === undefined) return false
  const probe: Plain = { ...value }
  bit.set(probe, true)
  let given: unknown = value
  let wanted: unknown = probe
  for (const name of path) {
    if (Array.isArray(given)) return given.includes(name)
    if (typeof given !== 'object' || given === null) break
    given = (given as Plain)[name]
    wanted = (wanted as Plain)[name]
  }
  return given === wanted
}

export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a instanceof Uint8Array && b instanceof Uint8Array)
    return a.length === b.length && a.every((byte, at) => byte === b[at])
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(key => isEqual((a as Plain)[key], (b as Plain)[key]))
}
