// How a decoder stops: a fault (the bytes are wrong) or a need for more bytes. Both are thrown inside the interpreter
// and turned into `failure` and `needs` at its edge.

/** The end of some bytes that a node must fit into. Compared by identity: `else` spares faults of the node's own region. */
export interface Region {
  /** Byte behind the region, from the start of the frame; Infinity on a stream outside any region. */
  readonly end: number
}

export class Fault {
  code: string
  readonly offset: number
  /** Names from the outermost record inwards; filled in on the way out. */
  readonly path: string[] = []
  /** The region that ran out of bytes, where that is what went wrong. */
  readonly ranOut: Region | undefined
  /** The code was put there by `else`, so `covers` leaves it alone. */
  named = false
  /** The record in which it was raised on behalf of another field: that field neither names nor replaces it. */
  foreignTo: object | undefined

  constructor(code: string, offset: number, ranOut?: Region) {
    this.code = code
    this.offset = offset
    this.ranOut = ranOut
  }
}

/** A read wanted bytes up to `upTo`, counted from the start of the frame. */
export class NeedBytes {
  readonly upTo: number

  constructor(upTo: number) {
    this.upTo = upTo
  }
}

/** An expression that has no value: division by zero, an absent field, a number out of bounds. */
export class Unevaluable {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** Runs `step` as part of the field `name`: extends the path, and applies its `else` where `replaces` agrees. */
export function within<T>(
  name: string | undefined,
  error: string | undefined,
  replaces: (fault: Fault) => boolean,
  step: () => T,
): T {
  try {
    return step()
  } catch (thrown) {
    if (thrown instanceof Fault) {
      if (name !== undefined) thrown.path.unshift(name)
      if (error !== undefined && replaces(thrown)) {
        thrown.code = error
        thrown.named = true
      }
    }
    throw thrown
  }
}
