// Accepted stream connections of one listener: admitted within the limits, driven, and counted.

import { peerError } from '../core/errors.ts'
import type { StreamLink } from '../drivers/stream-link.ts'
import type { Connected } from '../drivers/transport.ts'
import { ConnectionTable } from '../guard/connections.ts'
import { LivePeer } from './live-peer.ts'
import { drive, type Side } from './parts.ts'

/** A connection in the table: first its address alone (a TLS handshake), then its peer. */
interface Admitted {
  readonly address: string
  peer: LivePeer | undefined
}

export class StreamServer {
  readonly side: Side
  readonly #table: ConnectionTable<Admitted>
  readonly #handshakes = new Map<string, Admitted>()
  /** Accepted and not admitted yet, where surplus connections wait. */
  readonly #backlog: Connected[] = []
  /** Driven, and not open: in their handshake. */
  readonly #opening = new Set<LivePeer>()
  #isClosing = false

  constructor(side: Side) {
    this.side = side
    this.#table = new ConnectionTable(side.shared.plan.protocol.limits)
  }

  get handshakes(): number {
    return this.#table.handshakes
  }

  /** A handshake begins; false: there is no room for it. */
  begin(address: string): boolean {
    const admitted = this.#admit(address)
    if (admitted !== undefined) this.#handshakes.set(address, admitted)
    return admitted !== undefined
  }

  /** A handshake failed. */
  failed(address: string, reason: string): void {
    const admitted = this.#handshakes.get(address)
    this.#handshakes.delete(address)
    if (admitted !== undefined) this.#table.remove(admitted)
    const { meter, sink } = this.side.shared
    meter.count('error', 'HandshakeFailed')
    sink.stray?.(address, peerError('HandshakeFailed', reason))
  }

  /** A connection is there. */
  accept(connected: Connected): void {
    const { address } = connected
    const begun = this.#handshakes.get(address)
    this.#handshakes.delete(address)
    if (this.#isClosing) connected.refuse()
    else if (begun === undefined && this.#mustWait(address)) this.#backlog.push(connected)
    else this.#take(connected, begun ?? this.#admit(address))
  }

  /** Takes no more connections, and ends those there are. */
  async close(): Promise<void> {
    this.#isClosing = true
    for (const connected of this.#backlog.splice(0)) connected.refuse()
    const opening = [...this.#opening]
    for (const peer of opening) peer.abort('closed')
    await Promise.all(opening.map(peer => peer.closed))
    await Promise.all([...this.side.application.peers].map(peer => peer.close('closed')))
  }

  #take(connected: Connected, admitted: Admitted | undefined): void {
    if (admitted === undefined) {
      connected.refuse()
      return
    }
    const { peer } = drive(this.side, connected, (session, link: StreamLink) => new LivePeer(session, link))
    admitted.peer = peer
    this.#opening.add(peer)
    const begun = (): void => void this.#opening.delete(peer)
    void peer.opened.then(begun, begun)
    void peer.opened.then(
      () => this.#table.established(admitted),
      () => {},
    )
    void peer.closed.then(() => {
      this.#table.remove(admitted)
      this.#next()
    })
  }

  #admit(address: string): Admitted | undefined {
    const admitted: Admitted = { address, peer: undefined }
    const admission = this.#table.admit(address, admitted)
    const { meter } = this.side.shared
    if (admission.kind === 'refused') {
      meter.count(`limit.${admission.limit}`)
      return undefined
    }
    for (const evicted of admission.evicted) {
      meter.count('limit.connections')
      evicted.peer?.abort('limit', peerError('LimitExceeded', 'there were too many connections'))
    }
    return admitted
  }

  /** Surplus connections wait where the schema says so, as many as there may be connections. */
  #mustWait(address: string): boolean {
    const { limits } = this.side.shared.plan.protocol
    return limits.overLimit === 'wait' && this.#backlog.length < limits.connections && !this.#table.hasRoom(address)
  }

  #next(): void {
    const at = this.#backlog.findIndex(connected => this.#table.hasRoom(connected.address))
    if (at < 0) return
    const [connected] = this.#backlog.splice(at, 1)
    if (connected !== undefined) this.#take(connected, this.#admit(connected.address))
  }
}
