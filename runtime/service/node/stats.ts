// What a node and its connections count. Messages are whole ones, bytes include framing; nothing is ever taken away.

/** Messages and bytes in both directions. Handshakes may add to them by hand. */
export class Traffic {
  messagesSent = 0
  bytesSent = 0
  messagesReceived = 0
  bytesReceived = 0

  add(other: Traffic): this {
    this.messagesSent += other.messagesSent
    this.bytesSent += other.bytesSent
    this.messagesReceived += other.messagesReceived
    this.bytesReceived += other.bytesReceived
    return this
  }
}

/** How often a node ran into its bounds. A shutdown is none. */
export interface Heuristics {
  /** Dials that found no free setup. */
  connectBudgetRejections: number
  /** Accepted connections that were closed again before any hook heard of them. */
  inboundConnectionsRejected: number
  acceptErrors: number
  handshakeTimeouts: number
  idleTimeouts: number
  writeTimeouts: number
  /** Messages dropped because a queue was full, where reading has no backpressure. */
  messagesDropped: number
}

export function noHeuristics(): Heuristics {
  return {
    connectBudgetRejections: 0,
    inboundConnectionsRejected: 0,
    acceptErrors: 0,
    handshakeTimeouts: 0,
    idleTimeouts: 0,
    writeTimeouts: 0,
    messagesDropped: 0,
  }
}
