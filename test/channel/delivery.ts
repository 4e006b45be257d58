// Two peers over a bad network, a stream of numbered messages from one to the other, and what came of it.

import type { ChannelDescriptor } from '../../runtime/core/protocol.ts'
import type { LinkOptions } from '../../runtime/sim/link.ts'
import { SimNetwork, type SimSocket } from '../../runtime/sim/network.ts'
import { Peer, type PeerOptions } from './peer.ts'

/** 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption. */
export const BAD: Partial<LinkOptions> = {
  latency: 20,
  loss: 0.3,
  reorder: 0.2,
  reorderBy: 30,
  duplicate: 0.1,
  corrupt: 0.05,
}

export interface Pair {
  readonly network: SimNetwork
  readonly a: Peer
  readonly b: Peer
  /** Takes what a command from outside made. */
  readonly touch: () => void
  readonly sockets: readonly [SimSocket, SimSocket]
}

export function pair(
  seed: number,
  link: Partial<LinkOptions>,
  channels: readonly ChannelDescriptor[],
  options: Partial<PeerOptions> = {},
  theirs: readonly ChannelDescriptor[] = channels,
): Pair {
  const network = new SimNetwork({ seed, link })
  const handshakeRtt = 2 * (link.latency ?? 0)
  const a = new Peer({ channels, handshakeRtt, ...options, to: 'b:1' })
  const b = new Peer({ channels: theirs, handshakeRtt, ...options, to: 'a:1' })
  const sockets = [network.datagram('a:1', a), network.datagram('b:1', b)] as const
  return { network, a, b, sockets, touch: () => network.touch() }
}

/** A message whose number and content can be told. */
export function numbered(n: number, size: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(size, 8))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, n)
  view.setUint32(4, bytes.length)
  for (let i = 8; i < bytes.length; i += 97) bytes[i] = n + i
  return bytes
}

/** The number of a message, or -1 when its content is not what was sent. */
export function numberOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const n = view.getUint32(0)
  if (view.getUint32(4) !== bytes.length) return -1
  for (let i = 8; i < bytes.length; i += 97) if (bytes[i] !== ((n + i) & 255)) return -1
  return n
}

export interface Outcome {
  readonly delivered: number
  readonly repeated: number
  readonly broken: number
  /** Delivered after a later one. */
  readonly late: number
  readonly failure: string | undefined
  readonly ms: number
}

/** Sends `total` messages on channel 0, as fast as the queue takes them or one every `every` milliseconds. */
export function run(
  { network, a, b, touch }: Pair,
  total: number,
  size: (n: number) => number,
  options: { readonly every?: number; readonly limit?: number } = {},
): Outcome {
  const { every = 0, limit = 1e9 } = options
  const seen = new Uint8Array(total)
  let delivered = 0
  let repeated = 0
  let broken = 0
  let late = 0
  let highest = -1
  let last = 0
  b.onDeliver = (_, message, now) => {
    const n = numberOf(message)
    if (n < 0 || n >= total) {
      broken++
      return
    }
    if (seen[n] === 1) repeated++
    seen[n] = 1
    delivered++
    last = now
    if (n < highest) late++
    highest = Math.max(highest, n)
  }
  let next = 0
  const feed = () => {
    while (next < total) {
      const result = a.send(network.now, 0, numbered(next, size(next)))
      if (result === 'refused') return
      next++
      if (every > 0) {
        network.at(network.now + every, feed)
        return
      }
    }
  }
  if (every === 0) a.onReady = feed
  feed()
  touch()
  const done = () => (next === total && a.set.unsettled === 0) || a.failure !== undefined || b.failure !== undefined
  network.runUntil(done, limit)
  network.run(network.now + 5000)
  return { delivered, repeated, broken, late, failure: a.failure ?? b.failure, ms: last }
}
