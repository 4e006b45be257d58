// Every error of a node, in one table. The codes are API: they never change, texts may. Whoever wants to know why an
// operation failed looks at `code`; that the node is going away for good is a class of its own.

const TEXTS = {
  AddrInUse: 'a node does not connect to itself',
  AddrNotAvailable: 'the node does not listen',
  AlreadyExists: 'there is a connection to this address already; one that is going away counts until it is gone',
  BrokenPipe: 'the connection takes nothing more',
  ConnectFailed: 'nobody answers there',
  Dropped: 'the connection ended before the outcome was known',
  HandshakeFailed: 'the handshake failed',
  InvalidData: 'the peer sent something that is no message',
  InvalidInput: 'the value makes no sense here',
  NotConnected: 'there is no connection to this address',
  QuotaExceeded: 'a limit is reached',
  ShuttingDown: 'the node is shutting down, for good',
  TimedOut: 'it took too long',
  Unsupported: 'the hook that this needs is not enabled',
} as const

export type NodeErrorCode = keyof typeof TEXTS

export class NodeError extends Error {
  override readonly name: string = 'NodeError'
  readonly code: NodeErrorCode

  constructor(code: NodeErrorCode, message: string = TEXTS[code], options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The node is shutting down or has: permanent, trying again is no use. */
export class ShuttingDown extends NodeError {
  override readonly name = 'ShuttingDown'

  constructor() {
    super('ShuttingDown')
  }
}

export function isNodeError(error: unknown, code?: NodeErrorCode): error is NodeError {
  return error instanceof NodeError && (code === undefined || error.code === code)
}

/** What a hook threw, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
