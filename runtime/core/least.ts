// The least value that makes a frame: what the engine sends by itself (goodbyes, probes) has fields that nobody gave.

import { type Codec, EncodeError } from '../wire/codec.ts'
import type { Plain } from './recast.ts'

/** `given` and zeros, nothing, empty text in each field that has no value by itself. Undefined where that is not enough. */
export function leastValue(codec: Codec, frame: string, given: Plain = {}): Plain | undefined {
  const value: Plain = { ...given }
  const tried = new Map<string, number>()
  for (let turn = 0; turn < MOST_TURNS; turn++) {
    const error = refusal(codec, frame, value)
    if (error === undefined) return value
    const { field } = error
    const next = tried.get(field) ?? 0
    if (field in given || next >= LEAST.length) return undefined
    if (field !== '') put(value, field, LEAST[next]?.())
    else if (!fillOne(value)) return undefined
    tried.set(field, next + 1)
  }
  return undefined
}

/** A rule about the whole frame says no field: what has been empty so far gets something. */
function fillOne(value: Plain): boolean {
  for (const [name, held] of Object.entries(value)) {
    if (held === '') value[name] = ' '
    else if (held instanceof Uint8Array && held.length === 0) value[name] = new Uint8Array(1)
    else continue
    return true
  }
  return false
}

/** Sets `at.x` in a value whose `at` may be there already. */
function put(value: Plain, path: string, to: unknown): void {
  const names = path.split('.')
  const last = names.pop() as string
  let inner = value
  for (const name of names) {
    if (typeof inner[name] !== 'object' || inner[name] === null) inner[name] = {}
    inner = inner[name] as Plain
  }
  inner[last] = to
}

/** Why a value makes no frame. */
export function refusal(codec: Codec, frame: string, value: Plain): EncodeError | undefined {
  try {
    codec.encode(frame, value, SCRATCH, 0)
    return undefined
  } catch (error) {
    if (error instanceof EncodeError) return error
    throw error
  }
}

const LEAST: readonly (() => unknown)[] = [
  () => 0,
  () => 1,
  () => '',
  () => new Uint8Array(0),
  () => false,
  () => [],
  () => ({}),
]
const MOST_TURNS = 256
/** Written only to see whether it can be. */
const SCRATCH = new Uint8Array(65_536)
