// The lives of registered connections: OnConnect in a task of its own, one end for each whatever number of causes compete, OnDisconnect
// before it, and everything that has to be waited for when the node goes.

import { setMaxListeners } from 'node:events'
import type { Meter } from '../../core/meter.ts'
import type { Network } from '../../drivers/network.ts'
import type { NodeConnection } from './connection.ts'
import { asError, NodeError } from './errors.ts'
import type { DisconnectOrigin, Hooks } from './hooks.ts'
import type { HookSettings } from './settings.ts'
import type { Traffic } from './stats.ts'
import type { NodeTable } from './table.ts'
import { bounded, linkedSignals, Tasks } from './tasks.ts'

/** What it needs of its node. */
export interface LifetimesHost<In, Out> {
  readonly network: Network
  readonly hooks: HookSettings
  readonly enabled: Hooks<In, Out>
  readonly table: NodeTable<NodeConnection<In, Out>>
  readonly sendable: Map<string, NodeConnection<In, Out>>
  /** Of connections that are over. */
  readonly past: Traffic
  readonly meter: Meter | undefined
  /** A connection is removed, so there is room for another. */
  removed(): void
  fault(address: string, hook: 'OnConnect' | 'OnDisconnect', error: unknown): void
}

export class Lifetimes<In, Out> {
  readonly #host: LifetimesHost<In, Out>
  /** Hooks under way. */
  readonly #tasks = new Tasks()
  /** Fires when hooks have to end. */
  readonly #abort = new AbortController()
  /** Of OnConnect hooks that run to their end. */
  readonly #pinned = new Set<AbortController>()
  readonly #onEmpty: (() => void)[] = []

  constructor(host: LifetimesHost<In, Out>) {
    this.#host = host
    // One listener for each hook under way.
    setMaxListeners(0, this.#abort.signal)
  }

  /** The connection is registered. */
  begin(connection: NodeConnection<In, Out>): void {
    this.#host.meter?.count('open')
    const hook = this.#host.enabled.onConnect
    if (hook === undefined) return
    const { abortable } = this.#host.hooks.onConnect
    const controller = new AbortController()
    connection.abort = controller
    if (!abortable) this.#pinned.add(controller)
    const run = async (): Promise<void> => {
      await undefined
      if (abortable && connection.isGone) return
      try {
        await hook(connection, controller.signal)
      } catch (error) {
        this.#host.fault(connection.address, 'OnConnect', error)
        void this.end(connection, 'OnConnectAbort', asError(error), undefined)
      }
      this.#pinned.delete(controller)
    }
    const task = run()
    // An abortable hook of a connection that is gone is nobody's business any more.
    this.#tasks.add(abortable ? Promise.race([task, aborted(controller.signal)]) : task)
  }

  /** The first to claim a connection ends it; true when it is gone. Anybody else learns false at once. */
  end(
    connection: NodeConnection<In, Out>,
    origin: DisconnectOrigin,
    cause: Error | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (connection.isClaimed) return NO
    connection.isClaimed = true
    this.#host.meter?.count('close', origin)
    const { enabled, hooks, network } = this.#host
    const hook = enabled.onDisconnect
    if (hook === undefined) {
      this.#remove(connection, cause)
      return YES
    }
    const linked = linkedSignals(signal, this.#abort.signal)
    const run = bounded(network, hooks.onDisconnect.timeout, linked.signal, own => hook(connection, origin, own))
      .catch(error => this.#host.fault(connection.address, 'OnDisconnect', error))
      .then(() => {
        linked.unlink()
        this.#remove(connection, cause)
        return true
      })
    this.#tasks.add(run)
    return run
  }

  /** Ends all, and settles when none is left. */
  endAll(signal: AbortSignal): Promise<void> {
    for (const connection of [...this.#host.table.open.values()])
      void this.end(connection, 'Shutdown', undefined, signal)
    if (this.#host.table.open.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#onEmpty.push(resolve))
  }

  /** Settles when no hook is under way. */
  idle(): Promise<void> {
    return this.#tasks.idle()
  }

  /** Nobody waits for hooks any longer. */
  abandon(reason: unknown): void {
    this.#abort.abort(reason)
    for (const controller of this.#pinned) controller.abort(reason)
  }

  #remove(connection: NodeConnection<In, Out>, cause: Error | undefined): void {
    const { sendable, table, past, hooks } = this.#host
    const { address } = connection
    if (sendable.get(address) === connection) sendable.delete(address)
    table.release(connection.seat)
    connection.close(cause)
    past.add(connection.traffic)
    if (hooks.onConnect.abortable) connection.abort?.abort(new NodeError('Dropped'))
    this.#host.removed()
    if (table.open.size === 0) for (const settle of this.#onEmpty.splice(0)) settle()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}

const YES = Promise.resolve(true)
const NO = Promise.resolve(false)
