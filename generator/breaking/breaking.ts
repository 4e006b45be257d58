// Compares two versions of a schema and tells what a peer of the older one would stumble over: bytes that mean something
// else, frames that are gone, values that are refused. What is only added is no finding where an old peer never meets it.

import type { Place, Protocol } from '../model/model.ts'
import { compareFrames } from './frames.ts'
import { compareSections } from './sections.ts'
import { compareTypes } from './types.ts'

/** What is broken: bytes on the wire, or the source of programs that use the generated code. */
export type Breaks = 'wire' | 'source'

export interface Finding {
  readonly breaks: Breaks
  /** Kind of change: removed, id, type, order, value, direction, size, ... */
  readonly code: string
  /** A sentence without a full stop, in terms of the new schema. */
  readonly message: string
  /** In the new schema; for what is gone, in the old one. */
  readonly place: Place
}

export type Note = (breaks: Breaks, code: string, place: Place, message: string) => void

/** All findings, in the order of the schema's sections. */
export function breaking(before: Protocol, after: Protocol): Finding[] {
  const findings: Finding[] = []
  const note: Note = (breaks, code, place, message) => void findings.push({ breaks, code, place, message })
  compareTypes(before, after, note)
  compareFrames(before, after, note)
  compareSections(before, after, note)
  return findings
}
