// Nodes on a virtual network, with the hooks that tests want and a journal of what happened to them.
import {
  type DisconnectOrigin,
  type Fault,
  Node,
  type NodeConnection,
  type NodeOptions,
  prefixed,
} from '../../runtime/service/node/index.ts'
import { NodeNetwork } from '../../runtime/sim/index.ts'

export type Connection = NodeConnection<Uint8Array, Uint8Array>

export interface Journal {
  /** In the order in which it happened. */
  readonly events: string[]
  readonly connected: string[]
  readonly disconnected: { readonly address: string; readonly origin: DisconnectOrigin }[]
  readonly messages: Uint8Array[]
  readonly faults: Fault[]
}

export interface TestNode {
  readonly node: Node
  readonly journal: Journal
}

export function network(seed = 7): NodeNetwork {
  return new NodeNetwork({ seed })
}

export interface TestHooks {
  readonly reading?: false | ((message: Uint8Array, from: Connection) => unknown)
  readonly writing?: false
  readonly handshake?: Parameters<Node['enableHandshake']>[0]
  readonly onConnect?: false | ((connection: Connection, signal: AbortSignal) => Promise<void> | void)
  readonly onDisconnect?:
    | false
    | ((connection: Connection, origin: DisconnectOrigin, signal: AbortSignal) => Promise<void> | void)
}

/** A node with u16 frames and all hooks but Handshake, unless `hooks` says otherwise. Limits are wide. */
export function testNode(
  net: NodeNetwork,
  options: NodeOptions = {},
  hooks: TestHooks = {},
  host = '127.0.0.1',
): TestNode {
  const journal: Journal = { events: [], connected: [], disconnected: [], messages: [], faults: [] }
  const node: Node = new Node(
    { listener: `${host}:0`, ...options, limits: { connectionsPerAddress: 100, ...options.limits } },
    { network: net.at(host), report: fault => journal.faults.push(fault) },
  )
  const { decoder, encoder } = prefixed('u16be')
  if (hooks.handshake !== undefined) node.enableHandshake(hooks.handshake)
  if (hooks.reading !== false)
    node.enableReading({
      codec: decoder,
      message(message, from) {
        journal.messages.push(Uint8Array.from(message))
        journal.events.push(`message ${message.length}`)
        return hooks.reading === undefined || hooks.reading === false ? undefined : hooks.reading(message, from)
      },
    })
  if (hooks.writing !== false) node.enableWriting({ codec: encoder })
  if (hooks.onConnect !== false)
    node.enableOnConnect((connection, signal) => {
      journal.connected.push(connection.address)
      journal.events.push('connect')
      return hooks.onConnect === undefined || hooks.onConnect === false
        ? undefined
        : hooks.onConnect(connection, signal)
    })
  if (hooks.onDisconnect !== false)
    node.enableOnDisconnect((connection, origin, signal) => {
      journal.disconnected.push({ address: connection.address, origin })
      journal.events.push(`disconnect ${origin}`)
      return hooks.onDisconnect === undefined || hooks.onDisconnect === false
        ? undefined
        : hooks.onDisconnect(connection, origin, signal)
    })
  return { node, journal }
}

/** `from` connects to `to`, which listens. */
export async function link(net: NodeNetwork, from: Node, to: Node): Promise<Connection> {
  if (!to.isListening) await net.settled(to.toggleListener())
  const connection = await net.settled(from.connect(to.listeningAddress))
  await net.play(5)
  return connection
}

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const text = (message: Uint8Array): string => Buffer.from(message).toString()

/** The code with which a promise rejects. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
    return 'none'
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).name
  }
}
