// Every error of the runtime, in two tables. The codes are API: they never change, texts may.
// A PeerError is a value: what the other side, the network or time did. It is handed to sinks, counted, and becomes the
// reason of a rejected promise. A LocalError is thrown at once: a call that makes no sense, with what to do instead.

import { BUILT_IN_ERRORS, type Malformed } from '../wire/codec.ts'

/** Misuse by the caller. */
const LOCAL = {
  NotBuilt: 'the schema asks for something that no engine runs yet',
  MissingParam: 'a param has no value',
  BadParam: 'a param has a value that the schema does not allow',
  BadTarget: 'the address cannot be used',
  BadRole: 'the role does not fit',
  Authentication: 'the keys are missing that the peer is known by',
  BadOption: 'an option has a value that makes no sense',
  UnknownFrame: 'there is no such frame',
  WrongDirection: 'this role may not send this frame',
  WrongState: 'this frame may not be sent in the present state',
  NotARequest: 'nothing answers this frame',
  TooLarge: 'the frame is larger than the transport allows',
  HandlerFailed: 'a handler threw an error',
} as const

/** What peers and networks do, beside the errors of codecs (BUILT_IN_ERRORS) and those that a schema declares. */
const PEER = {
  Timeout: 'nothing came in time',
  LimitExceeded: 'a bound was exceeded',
  WrongState: 'the frame is not allowed in this state or direction',
  HandshakeFailed: 'the handshake failed',
  Denied: 'the other side does not let this one in',
  Refused: 'the other side refused',
  Unreachable: 'nobody answers there',
  Closed: 'the connection is closed',
  Cut: 'the connection ended inside a frame or without a goodbye',
  Reset: 'the connection was reset',
} as const

export type LocalCode = keyof typeof LOCAL
export type PeerCode = keyof typeof PEER

/** Misuse by the caller: thrown where it happens. */
export class LocalError extends Error {
  override readonly name = 'LocalError'
  readonly code: LocalCode

  constructor(code: LocalCode, message: string = LOCAL[code], options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export interface PeerErrorDetails {
  /** Name of the frame, where one was recognised. */
  readonly frame?: string | undefined
  /** Path of the field, and its offset in bytes from the start of the frame. */
  readonly field?: string | undefined
  readonly offset?: number | undefined
  /** Whether it ends the connection. */
  readonly fatal?: boolean | undefined
}

/**
 * What the other side did. It is an `Error` for whoever catches it, but made without a stack trace: that would cost
 * more than the rest of a refused frame, and would show only the runtime.
 */
export class PeerError implements Error {
  readonly name = 'PeerError'
  readonly code: string
  readonly message: string
  readonly frame: string | undefined
  readonly field: string | undefined
  readonly offset: number | undefined
  readonly fatal: boolean

  constructor(code: string, message: string, details: PeerErrorDetails = {}) {
    this.code = code
    this.message = message
    this.frame = details.frame
    this.field = details.field
    this.offset = details.offset
    this.fatal = details.fatal ?? false
  }

  get stack(): string {
    return `${this.name} [${this.code}]: ${this.message}`
  }

  toString(): string {
    return this.stack
  }
}
Object.setPrototypeOf(PeerError.prototype, Error.prototype)

/** An error from the table. */
export function peerError(code: PeerCode, message: string = PEER[code], details?: PeerErrorDetails): PeerError {
  return new PeerError(code, message, details)
}

/** What a codec refused, in the words of the schema. */
export function refused(failure: Malformed, texts: ErrorTexts, fatal: boolean): PeerError {
  const { code, field, offset } = failure
  const text = texts[code]?.text ?? sentence(code)
  const place = field === '' ? '' : ` in ${field}`
  return new PeerError(code, `${text}${place} at byte ${offset}`, { field, offset, fatal })
}

/** The error under the name that the schema gives it (`errors.NAME.covers`). */
export function named(error: PeerError, covers: Readonly<Record<string, string>> | undefined): PeerError {
  const code = covers?.[error.code]
  return code === undefined ? error : new PeerError(code, error.message, error)
}

export type ErrorTexts = Readonly<Record<string, { readonly text: string; readonly fatal: boolean | undefined }>>

export function isPeerError(error: unknown): error is PeerError {
  return error instanceof Error && error.name === 'PeerError'
}

export function isLocalError(error: unknown): error is LocalError {
  return error instanceof Error && error.name === 'LocalError'
}

/** `TrailingBytes` -> `trailing bytes`. */
function sentence(code: string): string {
  return BUILT_IN_ERRORS.includes(code) ? code.replaceAll(/\B[A-Z]/g, letter => ` ${letter}`).toLowerCase() : code
}
