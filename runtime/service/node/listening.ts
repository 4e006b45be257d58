// The listener of a node, and the connections that it accepted and that wait for a setup.

import { isLocalError } from '../../core/errors.ts'
import type { Network } from '../../drivers/network.ts'
import { addressOf, type Connected, type Endpoint, type Listener } from '../../drivers/transport.ts'
import { NodeError, ShuttingDown } from './errors.ts'
import type { NodeSettings } from './settings.ts'
import type { Heuristics } from './stats.ts'
import type { NodeTable, Place } from './table.ts'

/** What it needs of its node. */
export interface ListeningHost {
  readonly network: Network
  readonly settings: NodeSettings
  readonly heuristics: Heuristics
  readonly isShuttingDown: boolean
  readonly table: Pick<NodeTable<unknown>, 'hasSetup' | 'reserve' | 'release'>
  /** A connection has a place, and gets its setup. */
  setUp(connected: Connected, place: Place): void
  fault(address: string, hook: 'Handshake', error: unknown): void
}

export class Listening {
  readonly #host: ListeningHost
  /** Accepted, and waiting for a setup. */
  readonly #backlog: Connected[] = []
  /** Places of connections in a handshake of the transport. */
  readonly #begun = new Map<string, Place>()
  #listener: Listener | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(host: ListeningHost) {
    this.#host = host
  }

  get isOn(): boolean {
    return this.#listener !== undefined
  }

  /** `host:port`. Throws NodeError AddrNotAvailable when off. */
  get address(): string {
    if (this.#listener === undefined) throw new NodeError('AddrNotAvailable')
    return addressOf(this.#listener.host, this.#listener.port)
  }

  /** One turn after the other: on, off, on. */
  toggle(): Promise<string | undefined> {
    const turn = this.#turn.then(() => (this.isOn ? this.#off() : this.#on()))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** Off, for good. */
  async end(): Promise<void> {
    await this.#turn
    await this.#off()
  }

  /** Best effort: another address of this host does lead here. */
  isOwn({ host, port }: Endpoint): boolean {
    if (this.#listener === undefined || port !== this.#listener.port) return false
    const own = this.#listener.host
    if (host === own) return true
    return (own === '0.0.0.0' || own === '::') && (host === '::1' || host.startsWith('127.'))
  }

  /** A setup is over: those that wait have their turn. */
  next(): void {
    while (this.#backlog.length > 0 && !this.#host.isShuttingDown && this.#host.table.hasSetup('responder'))
      this.#admit(this.#backlog.shift() as Connected)
  }

  async #on(): Promise<string> {
    if (this.#host.isShuttingDown) throw new ShuttingDown()
    const { listener, backlog, reusePort, nodelay, hooks } = this.#host.settings
    if (listener === 'none') throw new NodeError('AddrNotAvailable', 'the node has no address to listen on')
    if (reusePort && !REUSE_PORT) throw new NodeError('Unsupported', 'this version of Node cannot share a port')
    const options = { backlog, reusePort, nodelay, buffer: hooks.reading.buffer }
    let opened: Listener
    try {
      opened = await this.#host.network.listen(endpoint(listener), options, {
        accept: connected => this.#accept(connected),
        begin: address => this.#begin(address),
        failed: (address, reason) => this.#handshakeFailed(address, reason),
        error: error => this.#failed(error),
      })
    } catch (error) {
      throw isLocalError(error) ? new NodeError('AddrNotAvailable', error.message, { cause: error }) : error
    }
    if (this.#host.isShuttingDown) {
      await opened.close()
      throw new ShuttingDown()
    }
    this.#listener = opened
    return this.address
  }

  async #off(): Promise<undefined> {
    const listener = this.#listener
    this.#listener = undefined
    for (const connected of this.#backlog.splice(0)) connected.refuse()
    await listener?.close()
    return undefined
  }

  #accept(connected: Connected): void {
    if (this.#host.isShuttingDown) connected.refuse()
    else if (this.#begun.has(connected.address) || this.#host.table.hasSetup('responder')) this.#admit(connected)
    // Surplus connections wait unread, as they would in the queue of the operating system.
    else if (this.#backlog.length < this.#host.settings.backlog) this.#backlog.push(connected)
    else this.#reject(connected)
  }

  #admit(connected: Connected): void {
    const { address } = connected
    const place = this.#begun.get(address) ?? this.#reserve(address)
    this.#begun.delete(address)
    if (place === undefined) this.#reject(connected)
    else this.#host.setUp(connected, place)
  }

  /** Closes a connection before any hook hears of it. */
  #reject(connected: Connected): void {
    this.#host.heuristics.count('inboundConnectionsRejected')
    connected.refuse()
  }

  #begin(address: string): boolean {
    const place = this.#host.isShuttingDown ? undefined : this.#reserve(address)
    if (place === undefined) this.#host.heuristics.count('inboundConnectionsRejected')
    else this.#begun.set(address, place)
    return place !== undefined
  }

  #handshakeFailed(address: string, reason: string): void {
    const place = this.#begun.get(address)
    this.#begun.delete(address)
    if (place !== undefined) this.#host.table.release(place)
    this.#host.fault(address, 'Handshake', new NodeError('HandshakeFailed', reason))
    this.next()
  }

  #reserve(address: string): Place | undefined {
    try {
      return this.#host.table.reserve(address, 'responder')
    } catch {
      return undefined
    }
  }

  #failed(error: Error): void {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ECONNABORTED' && code !== 'ECONNRESET') this.#host.heuristics.count('acceptErrors')
  }
}

/** Throws NodeError InvalidInput. */
export function endpoint(address: string): { host: string; port: number } {
  const match = (address.startsWith('[') ? BRACKETED : PLAIN).exec(address)
  const port = Number(match?.[2])
  if (match === null || port > 65_535)
    throw new NodeError('InvalidInput', `"${address}" is no address: write HOST:PORT, an IPv6 host in brackets`)
  return { host: match[1] as string, port }
}

const BRACKETED = /^\[([^\]]+)\]:(\d{1,5})$/
const PLAIN = /^([^:/\s]+):(\d{1,5})$/
/** SO_REUSEPORT came with Node 23.1. */
const REUSE_PORT = Number(process.versions.node.split('.')[0]) > 22
