// One connection of a node, from the socket to its end: both halves, the timer, and who claimed the end of it. It is also what
// hooks are given to speak to the peer.

import type { PeerError } from '../../core/errors.ts'
import type { Secured } from '../../core/handshake-stream.ts'
import { NEVER } from '../../core/machine.ts'
import type { Meter } from '../../core/meter.ts'
import type { Woken } from '../../drivers/loop.ts'
import type { Network } from '../../drivers/network.ts'
import type { PortEvents, StreamPort } from '../../drivers/stream-link.ts'
import type { Connected } from '../../drivers/transport.ts'
import { type Agreed, type ConnectionSide, type Decoder, type Encoder, otherSide } from './codec.ts'
import { asError, NodeError } from './errors.ts'
import { HandshakeStream } from './handshake-stream.ts'
import type { DisconnectOrigin } from './hooks.ts'
import { Inbound, type InboundHost } from './inbound.ts'
import { Outbound, type OutboundHost } from './outbound.ts'
import type { HookSettings } from './settings.ts'
import { type Heuristics, Traffic } from './stats.ts'
import type { Place } from './table.ts'

/** What a connection needs of its node. */
export interface ConnectionHost<In, Out> {
  readonly name: string
  readonly network: Network
  readonly hooks: HookSettings
  readonly heuristics: Heuristics
  readonly memory: { held: number; readonly most: number }
  readonly meter: Meter | undefined
  message(message: In, from: NodeConnection<In, Out>): unknown
  /** Flushes this connection when the turn of the program is over. */
  soon(connection: NodeConnection<In, Out>): void
  /** The connection cannot go on. */
  ended(connection: NodeConnection<In, Out>, origin: DisconnectOrigin, cause: Error | undefined): void
  disconnect(connection: NodeConnection<In, Out>, signal: AbortSignal | undefined): Promise<boolean>
}

export class NodeConnection<In = unknown, Out = unknown>
  implements PortEvents, Woken, InboundHost<In>, OutboundHost, Agreed
{
  /** Of the timer. */
  at: number = NEVER
  place = -1
  /** `host:port` of the peer, as this node sees it. */
  readonly address: string
  /** The peer's side: the initiator dialled. */
  readonly side: ConnectionSide
  readonly traffic: Traffic = new Traffic()
  /** When it was registered, on the node's clock. */
  created = 0
  /** Whatever the application keeps with it. */
  context: unknown = undefined
  /** What the handshake of a schema ended with: the peer's static key and payloads, frames that went by, a hash for channel binding. */
  secured: Secured | undefined = undefined
  /** Why it ended, once it has. */
  cause: Error | undefined
  readonly port: StreamPort
  readonly seat: Place
  /** Somebody is ending it. */
  isClaimed = false
  /** It is registered no more. */
  isGone = false
  isSoon = false
  /** The transport is gone. */
  isLost = false
  /** Aborts OnConnect. */
  abort: AbortController | undefined
  readonly #host: ConnectionHost<In, Out>
  readonly #connected: Connected
  #handshake: HandshakeStream | undefined
  #inbound: Inbound<In> | undefined
  #outbound: Outbound<Out> | undefined
  #isPaused = false
  /** Writes of the handshake that the transport has still to report. */
  #foreign = 0
  #onLost: ((cause: NodeError) => void) | undefined
  /** Since when a whole message is waited for. */
  #waitsSince = 0

  constructor(host: ConnectionHost<In, Out>, connected: Connected, seat: Place) {
    this.#host = host
    this.#connected = connected
    this.address = connected.address
    this.side = otherSide(seat.side)
    this.seat = seat
    this.port = connected.port(this)
  }

  get nodeName(): string {
    return this.#host.name
  }

  get ownSide(): ConnectionSide {
    return this.seat.side
  }

  // -------------------------------------------------------------------------------------- for applications

  /**
   * Sends a message. The promise settles when its batch was handed to the operating system (not: to the peer); it rejects with
   * NodeError TimedOut or BrokenPipe when that failed, and Dropped when the connection went before. Throws Unsupported,
   * NotConnected, QuotaExceeded (too much waits), InvalidInput (too large).
   */
  unicast(message: Out): Promise<void> {
    const outbound = this.#writable()
    outbound.post(message)
    return outbound.delivery()
  }

  /** As `unicast`, for those who do not ask what became of it. */
  unicastFast(message: Out): void {
    this.#writable().post(message)
  }

  /** Sends a message, and waits for room where `unicast` throws QuotaExceeded. Settles when it was taken. */
  async send(message: Out): Promise<void> {
    while (!this.#writable().hasRoom) await this.#writable().room()
    this.#writable().post(message)
  }

  /** Whether `unicast` would find room. */
  get hasRoom(): boolean {
    return this.#outbound?.hasRoom ?? false
  }

  /** Ends it. False when somebody else does already. `signal` cuts OnDisconnect short. */
  disconnect(signal?: AbortSignal): Promise<boolean> {
    return this.#host.disconnect(this, signal)
  }

  #writable(): Outbound<Out> {
    if (this.isGone) throw new NodeError('NotConnected', `there is no connection with ${this.address} any more`)
    if (this.#outbound === undefined) throw new NodeError('Unsupported', 'Writing is not enabled')
    return this.#outbound
  }

  // ------------------------------------------------------------------------------------------- for the node

  /** Rejects when the transport goes before the setup is done. */
  whenLost(): Promise<never> {
    const lost = new Promise<never>((_, reject) => {
      this.#onLost = reject
    })
    lost.catch(() => {})
    return lost
  }

  /** The stream for a Handshake hook. */
  handshake(): HandshakeStream {
    this.#handshake = new HandshakeStream(this, this.port, () => this.#connected.start())
    return this.#handshake
  }

  /** Makes it sendable. */
  write(encoder: Encoder<Out>): void {
    this.#outbound = new Outbound(this, encoder, this.#host.hooks.writing)
  }

  /** Messages can be read; none are before `open`. */
  read(decoder: Decoder<In>): void {
    this.#inbound = new Inbound(this, decoder, this.#host.hooks.reading)
  }

  /** Registered: opens the gate of the reader. */
  open(): void {
    const before = this.#handshake?.leave()
    this.#handshake = undefined
    this.#onLost = undefined
    this.#foreign = before?.writes ?? 0
    if (this.#inbound === undefined) return
    this.#waitsSince = this.#host.network.now()
    const { idle } = this.#host.hooks.reading
    if (idle > 0) this.due(this.#waitsSince + idle)
    if (before !== undefined && before.rest.length > 0) this.#inbound.receive(before.rest)
    if (this.isGone) return
    if (before?.isEnded) this.#inbound.end()
    else if (this.#inbound.isStopped) this.#isPaused = true
    if (before?.isStarted) {
      if (before.isPaused && !this.#isPaused) this.port.resume()
      else if (!before.isPaused && this.#isPaused) this.port.pause()
    } else if (!this.#isPaused) this.#connected.start()
  }

  flush(): void {
    this.isSoon = false
    this.#outbound?.flush()
  }

  /** The end of it: both halves closed, nothing handed out any more. */
  close(cause: Error | undefined): void {
    if (this.isGone) return
    // What was sent in this turn still leaves where it can.
    this.#outbound?.flush()
    this.isGone = true
    this.cause = cause
    this.#host.network.disarm(this)
    this.#outbound?.stop(undefined)
    this.#inbound?.stop()
    if (this.#handshake !== undefined) this.#handshake.fail(new NodeError('Dropped'))
    // Where no codec has taken them over.
    this.secured?.noise?.send.fill(0)
    this.secured?.noise?.receive.fill(0)
    if (!this.isLost) this.port.destroy()
  }

  // -------------------------------------------------------------------------------------------- PortEvents

  data(chunk: Uint8Array): boolean {
    if (this.#handshake !== undefined) {
      this.#handshake.received(chunk)
      return false
    }
    const inbound = this.#inbound
    if (inbound === undefined || this.isGone) return false
    const before = this.traffic.messagesReceived
    const kept = inbound.receive(chunk)
    if (this.traffic.messagesReceived !== before) this.#waitsSince = this.#host.network.now()
    if (inbound.isStopped && !this.#isPaused && !this.isGone) {
      this.#isPaused = true
      this.port.pause()
    }
    return kept
  }

  written(): void {
    if (this.#handshake !== undefined) this.#handshake.written()
    else if (this.#foreign > 0) this.#foreign--
    else this.#outbound?.written()
  }

  ended(): void {
    if (this.#handshake !== undefined)
      this.#handshake.end(new NodeError('HandshakeFailed', 'the peer ended the connection inside the handshake'))
    else if (!this.isGone) this.#inbound?.end()
  }

  closed(reason: string, error?: PeerError): void {
    this.isLost = true
    if (this.isGone) return
    const cause = new NodeError('BrokenPipe', `the connection was lost: ${error?.message ?? reason}`, { cause: error })
    this.#handshake?.fail(cause)
    if (!this.seat.isOpen) {
      // During the setup that is a failed attempt, and nothing else.
      this.cause = cause
      this.#onLost?.(cause)
      return
    }
    const wasWriting = reason === 'EPIPE' || this.#inbound === undefined
    this.#outbound?.stop(cause)
    this.#host.ended(this, wasWriting ? 'Writing' : 'Reading', cause)
  }

  // ------------------------------------------------------------------------------------- InboundHost, OutboundHost

  message(message: In): unknown {
    return this.#host.message(message, this)
  }

  get isMetered(): boolean {
    return this.#host.meter !== undefined
  }

  metered(message: In, size: number): void {
    this.#host.meter?.received((message as { frameIndex?: number }).frameIndex ?? 0, size)
  }

  failed(error: unknown): void {
    this.#host.ended(this, 'Reading', asError(error))
  }

  finished(): void {
    this.#host.ended(this, 'Reading', undefined)
  }

  dropped(): void {
    this.#host.heuristics.count('messagesDropped')
  }

  resumed(): void {
    this.#waitsSince = this.#host.network.now()
    if (!this.#isPaused) return
    this.#isPaused = false
    if (!this.isLost) this.port.resume()
  }

  charge(bytes: number): boolean {
    const { memory } = this.#host
    memory.held += bytes
    return bytes < 0 || memory.held <= memory.most
  }

  now(): number {
    return this.#host.network.now()
  }

  soon(): void {
    if (this.isSoon) return
    this.isSoon = true
    this.#host.soon(this)
  }

  due(at: number): void {
    this.#host.network.arm(this, at)
  }

  unwritable(error: NodeError): void {
    this.#outbound?.stop(error)
    this.#host.ended(this, 'Writing', error)
  }

  /** The timer. */
  wake(): void {
    if (this.isGone) return
    const { network, hooks, heuristics } = this.#host
    const now = network.now()
    const deadline = this.#outbound?.deadline ?? Infinity
    if (now >= deadline) {
      heuristics.count('writeTimeouts')
      const error = new NodeError('TimedOut', `a batch did not leave within ${hooks.writing.timeout} ms`)
      this.#outbound?.stop(error)
      this.#host.ended(this, 'Writing', error)
      return
    }
    const { idle } = hooks.reading
    let next = deadline
    if (this.#inbound !== undefined && idle > 0) {
      // Whoever is not read cannot be late.
      if (this.#isPaused) this.#waitsSince = now
      if (now >= this.#waitsSince + idle) {
        heuristics.count('idleTimeouts')
        this.#host.ended(this, 'Reading', new NodeError('TimedOut', `no whole message came within ${idle} ms`))
        return
      }
      next = Math.min(next, this.#waitsSince + idle)
      if (now - this.#waitsSince > idle / 2) this.#shrink()
    }
    network.arm(this, next)
  }

  /** Lets go of memory that only a burst needed. */
  #shrink(): void {
    this.#outbound?.shrink()
    this.#inbound?.shrink()
  }
}
