// Every way a command can end badly, as one error class. oclif reads `exitCode` with --json and `oclif.exit` without;
// this class sets both, so that a script sees the same code either way.

import { Errors } from '@oclif/core'

/** Exit codes, a contract: scripts depend on them. */
export const EXIT = {
  bug: 1,
  usage: 2,
  invalid: 65,
  missing: 66,
  unreachable: 69,
  timeout: 75,
  protocol: 76,
  authentication: 77,
  findings: 100,
  interrupted: 130,
} as const

export type Exit = keyof typeof EXIT

/** Something the user (or a peer) did, said in one sentence. Never shown with a stack trace. */
export class Failure extends Errors.CLIError {
  readonly exitCode: number
  readonly reason: string
  /** Further keys of `error` in --json: offset, field, file, line... */
  readonly details: Readonly<Record<string, unknown>>
  /** What a person reads instead of `proto: message`, where that is more than a sentence. */
  readonly report: string | undefined

  constructor(
    exit: Exit,
    reason: string,
    message: string,
    more: { details?: Readonly<Record<string, unknown>>; report?: string } = {},
  ) {
    super(message, { exit: EXIT[exit], code: reason })
    this.exitCode = EXIT[exit]
    this.reason = reason
    this.details = more.details ?? {}
    this.report = more.report
  }

  toJSON(): { error: Record<string, unknown> } {
    return { error: { code: this.reason, message: this.message, ...this.details } }
  }
}

/** A wrong command line: unknown flag, missing argument, unreadable number. */
export const usage = (message: string): Failure => new Failure('usage', 'Usage', message)

/** A value that the schema or the option does not take. */
export const invalid = (message: string, details?: Record<string, unknown>): Failure =>
  new Failure('invalid', 'InvalidValue', message, details ? { details } : {})

/** A file, schema or input that is not there. */
export const missing = (message: string): Failure => new Failure('missing', 'NoInput', message)

/** Turns whatever was thrown into a Failure, or undefined when it is a bug of ours. */
export function asFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error
  if (!(error instanceof Error)) return undefined
  if (error instanceof Errors.CLIError) return usage(oneMessage(error.message))
  return fromLayers(error) ?? fromSystem(error)
}

/** Errors of the operating system that a user can do something about. */
function fromSystem(error: Error): Failure | undefined {
  const { code, path, address, port, hostname } = error as NodeJS.ErrnoException & {
    address?: string
    port?: number
    hostname?: string
  }
  if (code === undefined) return undefined
  const where = address === undefined ? (hostname ?? '') : port === undefined ? address : `${address}:${port}`
  const known = SYSTEM[code]
  if (known === undefined) return undefined
  const [exit, reason, text] = known
  return new Failure(exit, reason, `${path ?? where}${path || where ? ': ' : ''}${text}`)
}

/** Errors of our own layers, recognised by name: their modules are heavy, and need not be loaded for this. */
function fromLayers(error: Error): Failure | undefined {
  const {
    code = 'Error',
    field,
    path,
    offset,
  } = error as Error &
    Record<'code' | 'field' | 'path', string | undefined> & {
      offset?: number
    }
  const place = field || path
  const details = { ...(place ? { field: place } : {}), ...(offset === undefined ? {} : { offset }) }
  switch (error.name) {
    case 'EncodeError':
    case 'ValueError':
      return new Failure('invalid', code, error.message, { details })
    case 'LocalError':
      return local(code, error)
    case 'PeerError':
      return new Failure(PEER[code] ?? 'protocol', code, error.message, { details })
    default:
      return undefined
  }
}

/** Misuse of the API, with what the command line calls it. */
function local(code: string, error: Error): Failure {
  const message = MISSING.includes(code) ? `${error.message}; params are given with --set NAME=VALUE` : error.message
  const exit = localExit(code, error.cause)
  if (code !== 'Authentication') return new Failure(exit, code, message)
  return new Failure(exit, 'authentication', message, { report: `error[authentication] ${message}` })
}

/** An address that cannot be used because of the machine is no mistake in the command line. */
function localExit(code: string, cause: unknown): Exit {
  const system = (cause as { code?: string } | undefined)?.code
  return (system === undefined ? undefined : SYSTEM[system]?.[0]) ?? LOCAL[code] ?? 'invalid'
}

/** oclif wraps messages in hints of its own; ours are added where the message is printed. */
function oneMessage(text: string): string {
  return text
    .replace(/\n*See more help with --help/g, '')
    .replace(/^Parsing --(\S+)\s+/, '--$1: ')
    .replace(/^Nonexistent flags?: /, 'unknown flag ')
    .replace(/^Unexpected arguments?: /, 'unexpected argument ')
    .replace(/^Missing \d+ required args?:\n/, 'missing argument ')
    .replace(/\s*\n\s*/g, ', ')
    .replace(/ {2,}/g, ': ')
    .trim()
}

const SYSTEM: Record<string, readonly [Exit, string, string]> = {
  ENOENT: ['missing', 'NoInput', 'no such file'],
  ENOTDIR: ['missing', 'NoInput', 'no such file'],
  EISDIR: ['missing', 'NoInput', 'is a directory'],
  EACCES: ['missing', 'NoInput', 'permission denied'],
  EPERM: ['missing', 'NoInput', 'not permitted'],
  EADDRINUSE: ['unreachable', 'AddressInUse', 'address already in use'],
  EADDRNOTAVAIL: ['unreachable', 'AddressNotAvailable', 'this machine does not have that address'],
  ECONNREFUSED: ['unreachable', 'Unreachable', 'connection refused'],
  ECONNRESET: ['unreachable', 'Unreachable', 'connection reset by the peer'],
  EHOSTUNREACH: ['unreachable', 'Unreachable', 'host unreachable'],
  ENETUNREACH: ['unreachable', 'Unreachable', 'network unreachable'],
  ENOTFOUND: ['unreachable', 'Unreachable', 'host not found'],
  EAI_AGAIN: ['unreachable', 'Unreachable', 'host name could not be resolved'],
  ETIMEDOUT: ['timeout', 'Timeout', 'timed out'],
}

/** Misuse that is a wrong command line; all else is a value that does not fit. */
const LOCAL: Record<string, Exit> = {
  MissingParam: 'usage',
  BadTarget: 'usage',
  BadRole: 'usage',
  BadOption: 'usage',
  UnknownFrame: 'usage',
  HandlerFailed: 'bug',
}

const MISSING: readonly string[] = ['MissingParam', 'Authentication']

/** What the network did; all else is a peer that broke the protocol. */
const PEER: Record<string, Exit> = {
  Timeout: 'timeout',
  Unreachable: 'unreachable',
  Closed: 'unreachable',
  Reset: 'unreachable',
  Aborted: 'interrupted',
  HandshakeFailed: 'authentication',
  Denied: 'authentication',
  Refused: 'unreachable',
  OpenFailed: 'authentication',
}
