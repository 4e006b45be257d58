// The contract between loading and model building: one schema as plain data, imports merged and the profile applied,
// that still knows where each of its parts was written (docs/language, "File" and "Profiles").

import type { Span } from '../language/ast.ts'
import type { Place } from '../model/model.ts'

/** Keys and list indexes from the top of the merged document: `['frames', 'Data', 'fields', 'payload']`. */
export type Path = readonly (string | number)[]

/** One mistake, as the code that found it reports it. The document adds where it is. */
export interface Problem {
  /** Kind of mistake: syntax, reference, duplicate, order, type, alignment, rest, ... */
  readonly code: string
  /** A sentence without a full stop. */
  readonly message: string
  /** What to write instead. */
  readonly hint?: string | undefined
  /** Default error. */
  readonly severity?: 'error' | 'warning' | undefined
  /** Whether the key or the value at the path is wrong. Default value. */
  readonly on?: 'key' | 'value' | undefined
  /** Part of the scalar's text that is wrong; offsets into the string as the parsers saw it. */
  readonly span?: Span | undefined
}

/** A problem with its place, as it is printed. */
export interface Diagnostic extends Place {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  readonly severity: 'error' | 'warning'
  /** Columns that the caret underlines; at least 1. */
  readonly width: number
}

export interface SchemaDocument {
  /** The file that was asked for. */
  readonly file: string
  /** Imports merged and the profile applied, as plain data. `profiles` and `examples` are those of the asked file. */
  readonly data: Readonly<Record<string, unknown>>
  /** Name of the profile that was applied. */
  readonly profile?: string | undefined
  /** Where the thing at `path` was written: in the asked file, an imported one, or the profile's section. A path that is
   * not there gives the place of its closest ancestor. */
  place(path: Path, on?: 'key' | 'value'): Place
  /** Byte order of numbers without `le` or `be` in the file where the thing at `path` was written: an imported file keeps
   * its own. Absent: `data.endian` holds everywhere. */
  endian?(path: Path): 'big' | 'little'
  /** As `endian`, for bit fields. */
  bitOrder?(path: Path): 'msb' | 'lsb'
  /** Notes a mistake at `path`. Never throws. */
  report(path: Path, problem: Problem): void
}
