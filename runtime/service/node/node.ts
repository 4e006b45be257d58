// A node: one listener, any number of connections in both directions, five hooks, and hard limits. It does nothing that was not
// asked for, never throws out of a hook, and is there until `shutDown`.

import { setMaxListeners } from 'node:events'
import { isPeerError } from '../../core/errors.ts'
import type { Meter } from '../../core/meter.ts'
import { type Network, tcpNetwork } from '../../drivers/network.ts'
import { addressOf, type Connected, type Endpoint, isAddress } from '../../drivers/transport.ts'
import { NodeConnection } from './connection.ts'
import { asError, isNodeError, NodeError, ShuttingDown } from './errors.ts'
import type { DisconnectOrigin, Handshake, Hooks, OnConnect, OnDisconnect, Reading, Writing } from './hooks.ts'
import { Lifetimes, type LifetimesHost } from './lifetimes.ts'
import { endpoint, Listening, type ListeningHost } from './listening.ts'
import { type NodeOptions, type NodeSettings, nodeSettings } from './settings.ts'
import { abandon, complete, establish, type SetupHost } from './setup.ts'
import { Heuristics, Traffic } from './stats.ts'
import { NodeTable, type Place } from './table.ts'
import { bounded, linkedSignals, Tasks } from './tasks.ts'

/** Something that a hook, or a peer, did and nobody else is told. */
export interface Fault {
  readonly address: string
  readonly hook: 'Handshake' | 'Reading' | 'Writing' | 'OnConnect' | 'OnDisconnect'
  readonly error: Error
}

export interface NodeExtras {
  /** Default: TCP. */
  readonly network?: Network | undefined
  /** Defaults below `options`; those of a schema, say. */
  readonly defaults?: NodeSettings | undefined
  /** Counts for the metrics of a schema (runtime/metrics). */
  readonly meter?: Meter | undefined
  /** Told of faults, for logs. Must not throw. */
  readonly report?: ((fault: Fault) => void) | undefined
}

export interface ConnectOptions {
  /** Own address and port. */
  readonly source?: { readonly host?: string | undefined; readonly port?: number | undefined } | undefined
  readonly signal?: AbortSignal | undefined
}

/** `In` is what the decoder makes of bytes, `Out` what the encoder takes. */
export class Node<In = Uint8Array, Out = In> implements SetupHost<In, Out>, ListeningHost, LifetimesHost<In, Out> {
  readonly settings: NodeSettings
  readonly network: Network
  readonly heuristics: Heuristics
  readonly meter: Meter | undefined
  readonly enabled: Hooks<In, Out> = {
    handshake: undefined,
    reading: undefined,
    writing: undefined,
    onConnect: undefined,
    onDisconnect: undefined,
  }
  readonly table: NodeTable<NodeConnection<In, Out>>
  readonly sendable: Map<string, NodeConnection<In, Out>> = new Map()
  readonly memory: { held: number; readonly most: number }
  isShuttingDown = false
  readonly #report: (fault: Fault) => void
  /** Of connections that are over. */
  readonly past: Traffic = new Traffic()
  readonly #lifetimes: Lifetimes<In, Out>
  readonly #setups = new Tasks()
  /** Fires when setups have to end. */
  readonly #end = new AbortController()
  readonly #listening: Listening
  #dirty: NodeConnection<In, Out>[] = []
  readonly #flush: () => void = () => this.#flushAll()

  /** Throws NodeError InvalidInput for a limit of 0. */
  constructor(options: NodeOptions = {}, extras: NodeExtras = {}) {
    this.settings = nodeSettings(options, extras.defaults)
    this.network = extras.network ?? tcpNetwork
    this.meter = extras.meter
    this.heuristics = new Heuristics(extras.meter)
    extras.meter?.gauge('connections', () => this.connectedCount)
    extras.meter?.gauge('handshakes', () => this.connectingCount)
    this.#report = extras.report ?? (() => {})
    this.memory = { held: 0, most: this.settings.limits.memory }
    this.table = new NodeTable(this.settings.limits)
    this.#listening = new Listening(this)
    this.#lifetimes = new Lifetimes(this)
    // One listener for each connection being set up.
    setMaxListeners(0, this.#end.signal)
  }

  get name(): string {
    return this.settings.name
  }

  get hooks(): NodeSettings['hooks'] {
    return this.settings.hooks
  }

  // ----------------------------------------------------------------------------------------------- hooks

  enableHandshake(hook: Handshake): this {
    return this.#enable('handshake', hook)
  }

  enableReading(hook: Reading<In, Out>): this {
    return this.#enable('reading', hook)
  }

  enableWriting(hook: Writing<Out>): this {
    return this.#enable('writing', hook)
  }

  enableOnConnect(hook: OnConnect<In, Out>): this {
    return this.#enable('onConnect', hook)
  }

  enableOnDisconnect(hook: OnDisconnect<In, Out>): this {
    return this.#enable('onDisconnect', hook)
  }

  #enable<K extends keyof Hooks<In, Out>>(name: K, hook: Hooks<In, Out>[K]): this {
    if (this.isShuttingDown) return this
    if (this.enabled[name] !== undefined) throw new TypeError(`the hook ${name} is enabled already`)
    this.enabled[name] = hook
    return this
  }

  // -------------------------------------------------------------------------------------------- listening

  /** Starts to listen and settles with the address, or stops and settles with undefined. Accepted connections live on. */
  toggleListener(): Promise<string | undefined> {
    return this.#listening.toggle()
  }

  /** `host:port`. Throws NodeError AddrNotAvailable when the node does not listen. */
  get listeningAddress(): string {
    return this.#listening.address
  }

  get isListening(): boolean {
    return this.#listening.isOn
  }

  /** A connection was accepted, and has its place. */
  setUp(connected: Connected, place: Place): void {
    const connection = new NodeConnection<In, Out>(this, connected, place)
    if (this.enabled.handshake === undefined) {
      try {
        complete(this, connection)
      } catch (error) {
        abandon(this, connection, asError(error))
        this.fault(connection.address, 'Handshake', error)
      }
      return
    }
    const setup = establish(this, connection, this.#end.signal).catch(error =>
      this.fault(connection.address, 'Handshake', error),
    )
    this.#setups.add(setup.then(() => this.#listening.next()))
  }

  // -------------------------------------------------------------------------------------------- connecting

  /**
   * Connects. Settles when the connection is registered and OnConnect is scheduled. Rejects with NodeError ShuttingDown, AddrInUse
   * (itself), AlreadyExists, QuotaExceeded, TimedOut, ConnectFailed, with what Handshake threw, or the reason of the signal.
   */
  async connect(address: string, options: ConnectOptions = {}): Promise<NodeConnection<In, Out>> {
    if (this.isShuttingDown) throw new ShuttingDown()
    const to = endpoint(address)
    if (!isAddress(to.host)) to.host = await this.network.resolve(to.host)
    const name = addressOf(to.host, to.port)
    if (this.settings.selfConnect === 'refuse' && this.#listening.isOwn(to)) throw new NodeError('AddrInUse')
    const place = this.#reserve(name)
    const { signal, source } = options
    const linked = signal && linkedSignals(signal, this.#end.signal)
    try {
      return await this.#dial(to, place, source, linked?.signal ?? this.#end.signal)
    } finally {
      linked?.unlink()
      this.#listening.next()
    }
  }

  async #dial(
    to: Endpoint,
    place: Place,
    source: ConnectOptions['source'],
    signal: AbortSignal,
  ): Promise<NodeConnection<In, Out>> {
    let connection: NodeConnection<In, Out>
    try {
      const { connectTimeout, nodelay, hooks } = this.settings
      const connected = await this.network.dial(to, {
        timeout: connectTimeout,
        nodelay,
        buffer: hooks.reading.buffer,
        source,
        signal,
      })
      connection = new NodeConnection<In, Out>(this, connected, place)
    } catch (error) {
      this.table.release(place)
      if (this.isShuttingDown) throw new ShuttingDown()
      throw dialError(error)
    }
    if (this.enabled.handshake === undefined) {
      try {
        complete(this, connection)
      } catch (error) {
        abandon(this, connection, asError(error))
        throw error
      }
      return connection
    }
    const setup = establish(this, connection, signal)
    this.#setups.add(setup)
    await setup
    return connection
  }

  #reserve(address: string): Place {
    try {
      return this.table.reserve(address, 'initiator')
    } catch (error) {
      if (isNodeError(error, 'QuotaExceeded') && !this.table.hasSetup('initiator'))
        this.heuristics.count('connectBudgetRejections')
      throw error
    }
  }

  // ------------------------------------------------------------------------------------------------ views

  /** Addresses of registered connections. */
  get connectedAddresses(): string[] {
    return [...this.table.open.keys()]
  }

  get connections(): NodeConnection<In, Out>[] {
    return [...this.table.open.values()]
  }

  get connectedCount(): number {
    return this.table.open.size
  }

  get connectingCount(): number {
    return this.table.connecting
  }

  isConnected(address: string): boolean {
    return this.table.open.has(address)
  }

  isConnecting(address: string): boolean {
    return this.table.isConnecting(address)
  }

  /** The registered connection with this peer. */
  connection(address: string): NodeConnection<In, Out> | undefined {
    return this.table.open.get(address)
  }

  /** Of all connections, those that are over included. */
  get stats(): Traffic {
    const sum = new Traffic().add(this.past)
    for (const connection of this.table.open.values()) sum.add(connection.traffic)
    return sum
  }

  // ---------------------------------------------------------------------------------------------- sending

  /** `NodeConnection.unicast`, by address. */
  unicast(address: string, message: Out): Promise<void> {
    return this.#to(address).unicast(message)
  }

  unicastFast(address: string, message: Out): void {
    this.#to(address).unicastFast(message)
  }

  send(address: string, message: Out): Promise<void> {
    return this.#to(address).send(message)
  }

  /**
   * To every connection that has room; the others are skipped. Returns how many took it. Throws NodeError Unsupported, and
   * InvalidInput for a message that is too large.
   */
  broadcast(message: Out): number {
    if (this.enabled.writing === undefined) throw new NodeError('Unsupported', 'Writing is not enabled')
    let count = 0
    for (const connection of this.sendable.values()) {
      try {
        connection.unicastFast(message)
        count++
      } catch (error) {
        if (isNodeError(error, 'InvalidInput')) throw error
      }
    }
    return count
  }

  #to(address: string): NodeConnection<In, Out> {
    const connection = this.sendable.get(address)
    if (connection !== undefined) return connection
    if (this.enabled.writing === undefined) throw new NodeError('Unsupported', 'Writing is not enabled')
    throw new NodeError('NotConnected', `there is no connection with ${address}`)
  }

  // ------------------------------------------------------------------------------------------------- ends

  /**
   * Ends a connection: OnDisconnect runs, then it is removed. True when it is gone; false at once when there is none, or somebody
   * else ends it already. `signal`: removes it at once, whatever OnDisconnect does.
   */
  disconnectFrom(address: string, signal?: AbortSignal): Promise<boolean> {
    const connection = this.table.open.get(address)
    return connection === undefined ? Promise.resolve(false) : this.disconnect(connection, signal)
  }

  disconnect(connection: NodeConnection<In, Out>, signal?: AbortSignal): Promise<boolean> {
    return this.#lifetimes.end(connection, 'User', undefined, signal)
  }

  /**
   * Permanent; the second call waits for the first. Takes no more connections, ends those there are (OnDisconnect runs), and waits for
   * hooks, at most `shutdownTimeout`. Not to be awaited inside a hook. `signal`: stops waiting, removes everything at once.
   */
  async shutDown(signal?: AbortSignal): Promise<void> {
    this.isShuttingDown = true
    this.#end.abort(new ShuttingDown())
    await this.#listening.end()
    const own = new AbortController()
    setMaxListeners(0, own.signal)
    const onAbort = (): void => {
      own.abort(signal?.reason)
      this.#lifetimes.abandon(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    try {
      await this.#lifetimes.endAll(own.signal)
      await bounded(this.network, this.settings.shutdownTimeout, own.signal, () =>
        Promise.all([this.#setups.idle(), this.#lifetimes.idle()]),
      ).catch(error => this.#lifetimes.abandon(error))
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.throwIfAborted()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutDown()
  }

  // -------------------------------------------------------------------------------------- for connections

  message(message: In, from: NodeConnection<In, Out>): unknown {
    return (this.enabled.reading as Reading<In, Out>).message(message, from)
  }

  soon(connection: NodeConnection<In, Out>): void {
    if (this.#dirty.push(connection) === 1) this.network.soon(this.#flush)
  }

  #flushAll(): void {
    const dirty = this.#dirty
    this.#dirty = []
    for (const connection of dirty) connection.flush()
  }

  ended(connection: NodeConnection<In, Out>, origin: DisconnectOrigin, cause: Error | undefined): void {
    if (cause !== undefined && !connection.isClaimed)
      this.fault(connection.address, origin === 'Writing' ? 'Writing' : 'Reading', cause)
    void this.#lifetimes.end(connection, origin, cause, undefined)
  }

  registered(connection: NodeConnection<In, Out>): void {
    this.#lifetimes.begin(connection)
  }

  removed(): void {
    this.#listening.next()
  }

  fault(address: string, hook: Fault['hook'], error: unknown): void {
    this.#report({ address, hook, error: asError(error) })
  }
}

function dialError(error: unknown): unknown {
  if (!isPeerError(error)) return error
  const code =
    error.code === 'Timeout' ? 'TimedOut' : error.code === 'HandshakeFailed' ? 'HandshakeFailed' : 'ConnectFailed'
  return new NodeError(code, error.message, { cause: error })
}
