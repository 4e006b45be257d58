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
    const [field = ''] = error.field.split('.')
    const next = tried.get(field) ?? 0
    if (field in given || next >= LEAST.length) return undefined
    // A rule about the whole frame says no field: what has been empty so far gets something.
    if (field === '') {
      const empty = [...tried].find(([name]) => (value[name] as { length?: number } | undefined)?.length === 0)
      if (empty === undefined) return undefined
      value[empty[0]] = typeof value[empty[0]] === 'string' ? ' ' : new Uint8Array(1)
      continue
    }
    value[field] = LEAST[next]
    tried.set(field, next + 1)
  }
  return undefined
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

const LEAST: readonly unknown[] = [0, '', new Uint8Array(0), false, []]
const MOST_TURNS = 64
/** Written only to see whether it can be. */
const SCRATCH = new Uint8Array(65_536)
