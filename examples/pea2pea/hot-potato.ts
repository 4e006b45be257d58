// Hot potato (pea2pea's hot_potato_game): ten nodes in a mesh throw one potato at each other for five seconds. Handshake: bare names of at
// most 16 bytes, the dialler's first; then frames: schema/examples/potato.yaml.
//
//     node --import tsx examples/pea2pea/hot-potato.ts [players] [seconds]

import type { HotPotatoTypes } from '../../generated/hot-potato/index.ts'
import { protocol } from '../../generated/hot-potato/index.ts'
import { type Messages, messages, type NodeExtras, type NodeOptions } from '../../runtime/index.ts'

export const wire: Messages<HotPotatoTypes, 'peer'> = messages(protocol)
export type PotatoNode = ReturnType<typeof wire.node>

export interface Player {
  readonly node: PotatoNode
  /** Throws the potato to somebody at random, telling everybody who has it now. */
  throwPotato(): void
  /** Potatoes caught. */
  caught: number
  /** Who was last heard to have it. */
  holder: string | undefined
  isPlaying: boolean
}

/** The name that a peer gave in its handshake. */
export function nameOf({ secured }: ReturnType<PotatoNode['connection']> & object): unknown {
  return secured?.received.Name?.name
}

/** A node that announces when it has the potato, and throws it on. */
export function player(name: string, options: NodeOptions = {}, extras: NodeExtras = {}): Player {
  const limits = { connectionsPerAddress: 100 }
  const node = wire.node({ name, listener: '127.0.0.1:0', limits, ...options }, extras)
  const self: Player = {
    node,
    caught: 0,
    holder: undefined,
    isPlaying: true,
    throwPotato() {
      node.broadcast({ frame: 'IHaveThePotato', value: { name } })
      const { connections } = node
      const to = connections[Math.floor(Math.random() * connections.length)]
      to?.unicastFast({ frame: 'HotPotato' })
    },
  }
  node
    .enableReading(
      wire.reading({
        HotPotato() {
          self.caught++
          self.holder = name
          if (self.isPlaying) self.throwPotato()
        },
        IHaveThePotato(frame) {
          self.holder = frame.name
        },
      }),
    )
    .enableWriting(wire.writing)
  return self
}

if (import.meta.filename === process.argv[1]) {
  const count = Number(process.argv[2] ?? 10)
  const players = Array.from({ length: count }, (_, i) => player(String(i)))
  for (const { node } of players) await node.toggleListener()
  for (const [i, { node }] of players.entries())
    for (const other of players.slice(i + 1)) await node.connect(other.node.listeningAddress)
  players[0]!.throwPotato()
  await new Promise(resolve => setTimeout(resolve, Number(process.argv[3] ?? 5) * 1000))
  for (const one of players) one.isPlaying = false
  await Promise.all(players.map(({ node }) => node.shutDown()))
  for (const { node, caught } of players) process.stdout.write(`${node.name.padStart(3)} caught ${caught}\n`)
  process.stdout.write(`${players.reduce((sum, { caught }) => sum + caught, 0)} throws\n`)
}
