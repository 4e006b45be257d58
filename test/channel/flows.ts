// Flows over a shared bottleneck and over a lossy path, with the figures that matter. Used by flows.test.ts with short
// runs and by long.ts with long ones.

import { SimNetwork } from '../../runtime/sim/network.ts'
import { Bottleneck, fairness, TcpLike, TcpSink } from './bottleneck.ts'
import { channel, fragment, Peer } from './peer.ts'

type Name = 'newreno' | 'cubic'

/** As a schema for bulk would say it: more on the way, and held for order, than the default of 256. */
const WIDE_WINDOW = { window: 1024, reorder: { messages: 1024, bytes: 4 * 1024 ** 2 } }

export interface Shared {
  readonly utilisation: number
  readonly jain: number
  /** Mb/s of our two flows and the TCP-like one. */
  readonly mbps: readonly number[]
  /** Milliseconds in the queue. */
  readonly wait: { readonly p50: number; readonly p95: number }
  readonly failure: string | undefined
}

/**
 * Two of our flows and one CUBIC TCP-like one over 10 Mb/s with a round trip of 50 ms and `queue` bytes of room, from
 * `from` to `to` seconds. A jitter of one datagram's time keeps the flows from locking into phases (Floyd and Jacobson,
 * "Traffic Phase Effects", 1991).
 */
export function shared(congestion: Name, queue: number, seed: number, from: number, to: number): Shared {
  const network = new SimNetwork({ seed })
  const routes = new Map([1, 2, 3].map(n => [`a:${n}`, `x:${n}`] as const))
  const bottleneck = new Bottleneck(10e6, queue, routes)
  network.datagram('r:1', bottleneck)
  network.link('a', 'r', { jitter: 1 })
  network.link('r', 'x', { latency: 25 })
  network.link('x', 'a', { latency: 25 })
  const bytes = [0, 0, 0]
  const count = (flow: number, size: number, now: number) => {
    if (now >= from * 1000 && now < to * 1000) bytes[flow]! += size
  }
  const ours = [1, 2].map(n => {
    const channels = [channel('bulk', 'reliable-ordered', { congestion, ...WIDE_WINDOW })]
    const a = new Peer({ channels, to: 'r:1', handshakeRtt: 50 })
    const b = new Peer({ channels, to: `a:${n}`, handshakeRtt: 50 })
    const socket = network.datagram(`a:${n}`, a)
    network.datagram(`x:${n}`, b)
    b.onDeliver = (_, message, now) => count(n - 1, message.length + 28, now)
    const feed = () => {
      while (a.send(network.now, 0, new Uint8Array(1172)) !== 'refused') {}
    }
    a.onReady = feed
    network.at(n * 300, () => {
      feed()
      socket.touch()
    })
    return a
  })
  const tcp = new TcpLike('r:1')
  const sink = new TcpSink('a:3')
  sink.onBytes = (now, size) => count(2, size, now)
  network.datagram('a:3', tcp)
  network.datagram('x:3', sink)
  network.at(100, () => tcp.begin(network.now))
  network.run(to * 1000)
  const waits = bottleneck.waits.sort((x, y) => x - y)
  const mbps = bytes.map(size => (size * 8) / (to - from) / 1e6)
  return {
    utilisation: mbps.reduce((x, y) => x + y, 0) / 10,
    jain: fairness(bytes),
    mbps,
    wait: { p50: waits[Math.floor(waits.length / 2)]!, p95: waits[Math.floor(waits.length * 0.95)]! },
    failure: ours.find(one => one.failure !== undefined)?.failure,
  }
}

/** 10 MB over 100 Mb/s with a round trip of 20 ms. `bound`: what the link needs for the bytes that arrive, milliseconds. */
export function bulk(
  congestion: Name,
  loss: number,
  seed: number,
): { ms: number; ratio: number; failure: string | undefined } {
  const network = new SimNetwork({ seed, link: { latency: 10, loss, bandwidth: 12.5e6, queue: 256 * 1024 } })
  const queue = { in: 256, out: 4096, bytes: 32e6, full: 'backpressure', rejectOversize: true } as const
  const channels = [channel('bulk', 'reliable-ordered', { congestion, ...WIDE_WINDOW, fragment: fragment(), queue })]
  const a = new Peer({ channels, to: 'b:1', handshakeRtt: 20 })
  const b = new Peer({ channels, to: 'a:1', handshakeRtt: 20 })
  network.datagram('a:1', a)
  network.datagram('b:1', b)
  let arrived = 0
  let ms = 0
  b.onDeliver = (_, message, now) => {
    arrived += message.length
    ms = now
  }
  for (let left = 10_000_000; left > 0; left -= 65_536) a.send(0, 0, new Uint8Array(Math.min(65_536, left)))
  network.runUntil(() => arrived >= 10_000_000 || a.failure !== undefined, 1e6)
  const bound = (10_000_000 / 12.5e6 / (1 - loss)) * 1000
  return { ms, ratio: ms / bound, failure: a.failure }
}
