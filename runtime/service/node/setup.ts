// From a socket to a registered connection, strictly in this order: Handshake, the decoder, the encoder, registration, the first read,
// OnConnect. Whatever fails gives the place back, and no other hook hears of it.

import type { ConnectionHost, NodeConnection } from './connection.ts'
import { asError, isNodeError, NodeError, ShuttingDown } from './errors.ts'
import type { Hooks } from './hooks.ts'
import type { NodeTable } from './table.ts'
import { bounded } from './tasks.ts'

/** What a setup needs of its node, beside what the connection does. */
export interface SetupHost<In, Out> extends ConnectionHost<In, Out> {
  readonly enabled: Hooks<In, Out>
  readonly table: NodeTable<NodeConnection<In, Out>>
  /** Connections that can be sent on, by address. */
  readonly sendable: Map<string, NodeConnection<In, Out>>
  readonly isShuttingDown: boolean
  registered(connection: NodeConnection<In, Out>): void
}

/** Runs the setup. Rejects with why it failed; the connection is closed then and its place free. */
export async function establish<In, Out>(
  host: SetupHost<In, Out>,
  connection: NodeConnection<In, Out>,
  signal: AbortSignal,
): Promise<void> {
  const { handshake } = host.enabled
  try {
    if (handshake !== undefined) {
      const stream = connection.handshake()
      const lost = connection.whenLost()
      await bounded(host.network, host.hooks.handshake.timeout, signal, own =>
        Promise.race([lost, handshake(stream, own)]),
      )
    }
    complete(host, connection)
  } catch (thrown) {
    if (isNodeError(thrown, 'TimedOut') && handshake !== undefined) host.heuristics.count('handshakeTimeouts')
    const error = host.isShuttingDown && !(thrown instanceof ShuttingDown) ? new ShuttingDown() : asError(thrown)
    abandon(host, connection, error)
    throw error
  }
}

/** Everything behind the handshake: nothing here waits. */
export function complete<In, Out>(host: SetupHost<In, Out>, connection: NodeConnection<In, Out>): void {
  const { reading, writing } = host.enabled
  const { address, ownSide } = connection
  if (reading !== undefined) connection.read(reading.codec(address, ownSide, connection))
  if (writing !== undefined) {
    connection.write(writing.codec(address, ownSide, connection))
    host.sendable.set(address, connection)
  }
  if (host.isShuttingDown) throw new ShuttingDown()
  if (connection.isLost) throw connection.cause ?? new NodeError('HandshakeFailed', 'the peer is gone')
  connection.created = host.network.now()
  host.table.register(connection.seat, connection)
  connection.open()
  host.registered(connection)
}

export function abandon<In, Out>(
  host: SetupHost<In, Out>,
  connection: NodeConnection<In, Out>,
  error: Error | undefined,
): void {
  connection.isClaimed = true
  if (host.sendable.get(connection.address) === connection) host.sendable.delete(connection.address)
  connection.close(error)
  host.table.release(connection.seat)
}
