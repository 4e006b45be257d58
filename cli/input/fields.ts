// The fields of a frame from the command line: `--data` first, NAME=VALUE over it.

import { readFileSync } from 'node:fs'
import { fromAssignments } from '../../generator/interpret/assignments.ts'
import type { Protocol } from '../../generator/model/model.ts'
import { invalid, missing, usage } from '../failure.ts'

/** The plain value that a codec encodes. What does not fit is an invalid value (65), a missing file missing input (66). */
export function readFields(
  protocol: Protocol,
  frame: string,
  assignments: readonly string[],
  data: unknown,
): Record<string, unknown> {
  const stray = assignments.find(text => !/^[^=]+=/.test(text))
  if (stray !== undefined) throw usage(`"${stray}" is neither NAME=VALUE nor a flag`)
  if (data !== undefined && !isRecord(data)) throw invalid('--data is a JSON object with the fields of the frame')
  return fromAssignments(protocol, frame, assignments, readFile, data ?? {})
}

function readFile(path: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EISDIR') throw missing(`${path} is a directory`)
    throw error
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
