// What a node and its connections count. Messages are whole ones, bytes include framing; nothing is ever taken away.

import { type Meter, type MeterEvent, NO_METER } from '../../core/meter.ts'

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
export class Heuristics {
  /** Dials that found no free setup. */
  connectBudgetRejections = 0
  /** Accepted connections that were closed again before any hook heard of them. */
  inboundConnectionsRejected = 0
  acceptErrors = 0
  handshakeTimeouts = 0
  idleTimeouts = 0
  writeTimeouts = 0
  /** Messages dropped because a queue was full, where reading has no backpressure. */
  messagesDropped = 0
  readonly #meter: Meter

  constructor(meter: Meter = NO_METER) {
    this.#meter = meter
  }

  count(what: HeuristicName): void {
    this[what]++
    this.#meter.count(EVENTS[what])
  }
}

type HeuristicName =
  | 'connectBudgetRejections'
  | 'inboundConnectionsRejected'
  | 'acceptErrors'
  | 'handshakeTimeouts'
  | 'idleTimeouts'
  | 'writeTimeouts'
  | 'messagesDropped'

/** Under which event the metrics of a schema know it. */
const EVENTS: Readonly<Record<HeuristicName, MeterEvent>> = {
  connectBudgetRejections: 'limit.dial',
  inboundConnectionsRejected: 'limit.accept',
  acceptErrors: 'accept.error',
  handshakeTimeouts: 'handshake.timeout',
  idleTimeouts: 'idle.timeout',
  writeTimeouts: 'write.timeout',
  messagesDropped: 'limit.queue',
}
