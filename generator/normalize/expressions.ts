// What the sections need of the expression language: a text becomes a resolved expression over a decoded frame or over
// an event, or a problem at its path. Implemented by resolve.ts with the model's resolver.

import type { Path } from '../load/document.ts'
import type { Expr, Frame, Type } from '../model/model.ts'

export interface Expressions {
  /** A value over the fields of a decoded frame. `count(Frame)` counts frames received in the state. */
  inFrame(text: unknown, frame: Frame, at: Path): Expr | undefined
  /** A condition of a metric: knows `code` and `size`. */
  inEvent(text: unknown, at: Path): Expr | undefined
  /** A type that stands alone, as in `prefix(u32be)`. */
  type(text: string, at: Path): Type | undefined
}
