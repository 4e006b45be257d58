// The contract between codecs and everything that uses them. Generated codecs and the interpreter both implement it,
// so machines, the command line and the property tests can take either. Order of decoding: docs/adr/0002-decoding.md.

/**
 * Why bytes were refused. Thrown inside codecs only; `decode` hands it out as a value, because input from a peer never
 * throws. Not an `Error`: taking a stack trace would cost more than the rest of the frame.
 */
export class Malformed {
  /** Error name: a built-in one (BUILT_IN_ERRORS) or one the schema declares. */
  readonly code: string
  /** Offset in bytes from the start of the frame. */
  readonly offset: number
  /** Path of the field, `header.len` style; empty when the whole frame is meant. */
  readonly field: string
  /** Bytes of the frame that is refused: 0 when it was refused before its end was known. Set by `decode`. */
  consumed = 0

  constructor(code: string, offset: number, field: string) {
    this.code = code
    this.offset = offset
    this.field = field
  }
}

/** Misuse by the caller while encoding: a missing field, a value out of range. Carries the same codes as `Malformed`. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly code: string
  readonly field: string

  constructor(code: string, field: string, message: string) {
    super(message)
    this.code = code
    this.field = field
  }
}

/**
 * What a codec may know beyond the bytes. Owned by the session; a codec only reads it.
 * Absent `dir` or `state` means: any.
 */
export interface Context {
  /** Direction of the frame to decode, `sender>receiver`. */
  dir?: string | undefined
  state?: string | undefined
  param: Readonly<Record<string, unknown>>
  session: Readonly<Record<string, unknown>>
  key: Readonly<Record<string, unknown>>
  peer: Readonly<Record<string, unknown>>
  local: Readonly<Record<string, unknown>>
  /** `n` random bytes, for `random(n)`. */
  random: (n: number) => Uint8Array
  /** Unix milliseconds, for `now()`. */
  now: () => number
  /**
   * Opens sealed bytes in place. Returns the length of the plain text, which then begins at `start` (tag: append) or
   * `start + 16` (tag: prepend), -1 when it does not open, OPAQUE when this side has no key for that
   * seal, REPLAYED when it was here before.
   * Absent: no key at all, sealed bytes stay opaque.
   */
  open?: ((seal: string, bytes: Uint8Array, start: number, end: number, frame: SealedFrame) => number) | undefined
  /** Seals `bytes[start..end)` in place and returns the new end. Absent together with `plain`: refused. */
  seal?: ((seal: string, bytes: Uint8Array, start: number, end: number, frame: SealedFrame) => number) | undefined
  /** Treat sealed bytes as plain text without a tag: for tests and for `proto decode` of what is open already. */
  plain?: boolean | undefined
}

/** Returned by `Context.open`: this side has no key for the seal, the bytes are left as they are. */
export const OPAQUE = -2
/** Returned by `Context.open`: it opened, and was here before or is older than what was: the error Replayed. */
export const REPLAYED = -3

/** What a seal needs of the frame around it: the AAD range and the clear fields, by name. */
export interface SealedFrame {
  /** First byte of the frame in `bytes`. */
  readonly frameStart: number
  /** The AAD as offsets into `bytes` where the schema gives one range; both 0 for none. */
  readonly aadStart: number
  readonly aadEnd: number
  /** Value of a clear field. */
  readonly clear: (field: string) => unknown
}

/** A decoded frame: a flyweight over the bytes. Borrowed: valid until the codec decodes again or the bytes change. */
export interface Reader {
  readonly frameName: string
  /** Index in `Codec.frameNames`; what `dispatch` switches on. */
  readonly frameIndex: number
  readonly byteSource: Uint8Array
  /** First byte of the frame and the byte behind it, in `byteSource`. */
  readonly byteStart: number
  readonly byteEnd: number
  /** A plain copy that may be kept: the type of the same name in types.ts. */
  toObject(): Record<string, unknown>
}

/** How the end of a frame is known. */
export interface DecodeOptions {
  /** True: the frame is exactly `start..end` (datagram, prefix). False: it must find its own end (`self`). */
  readonly whole: boolean
  /** `trailing: ignore`: bytes behind a whole frame are not an error. */
  readonly ignoreTrailing?: boolean | undefined
  /** Largest frame in bytes; a larger one is TooLarge. */
  readonly maxFrame?: number | undefined
  /** Decode as this frame, whatever its id says: bare frames in handshakes, `--frame`. */
  readonly frame?: string | undefined
}

export interface Codec {
  readonly frameNames: readonly string[]
  context: Context
  /**
   * Decodes the frame that begins at `start`.
   * Returns a reader; or undefined, and then either `needs` > 0 (on `whole: false`: that many bytes, counted from
   * `start`, must be there before it can go on) or `failure` says what is wrong.
   */
  decode(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined
  readonly needs: number
  readonly failure: Malformed | undefined
  /** Bytes that `encode` will need at most. Throws EncodeError. */
  sizeOf(frame: string, value: object): number
  /** Writes the frame at `at` and returns the offset behind it. Throws EncodeError; RangeError when it does not fit. */
  encode(frame: string, value: object, into: Uint8Array, at: number): number
}

/** Built-in errors, which `errors.X.covers` may rename. */
export const BUILT_IN_ERRORS: readonly string[] = [
  'Truncated',
  'TrailingBytes',
  'TooLarge',
  'BadValue',
  'UnknownValue',
  'UnknownVariant',
  'UnknownFrame',
  'AmbiguousFrame',
  'OutOfRange',
  'BadText',
  'BadNumber',
  'BadBool',
  'BadReference',
  'Unterminated',
  'VarintTooLong',
  'TooMany',
  'SizeMismatch',
  'ConditionMismatch',
  'CheckFailed',
  'OpenFailed',
  'Replayed',
  'WrongState',
  'Timeout',
  'LimitExceeded',
  'HandshakeFailed',
  'MissingField',
  'BadType',
]
