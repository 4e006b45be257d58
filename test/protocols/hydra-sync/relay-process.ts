// A relay in a process of its own, for the long runs: default profile, queue and length from the command line.
import { protocol } from '../../../generated/hydra-sync/index.ts'
import { serve } from '../../../runtime/index.ts'
import { Tally } from '../../../runtime/metrics/tally.ts'
import type { Overflow } from '../../../runtime/service/relay/queue.ts'

export interface Report {
  readonly rss: number
  readonly external: number
  readonly connections: number
  readonly bytesOut: number
  /** Frames dropped for full queues, and subscribers given up. */
  readonly dropped: number
  readonly stalled: number
}

// `stall` and `hold` are those of the schema unless they are given.
const [length = '1024', overflow = 'drop-newest', frames = '255', stall, hold] = process.argv.slice(2)
const tally = new Tally(protocol.frames.length)
const server = await serve(protocol, {
  meter: tally,
  listen: 'tcp://127.0.0.1:0',
  params: { packet_len: BigInt(length) },
  relayQueue: {
    overflow: overflow as Overflow,
    frames: Number(frames),
    ...(stall === undefined ? {} : { stall: Number(stall) }),
    ...(hold === undefined ? {} : { hold: Number(hold) }),
  },
  limits: { connections: 20_000, connectionsPerAddress: 20_000, handshakes: 20_000, handshakesPerAddress: 20_000 },
  closeTimeout: 1000,
})
process.on('message', async what => {
  if (what === 'close') {
    const start = performance.now()
    await server.close()
    process.send!({ closed: performance.now() - start })
    process.exit(0)
  }
  globalThis.gc?.()
  const { rss, external } = process.memoryUsage()
  process.send!({
    rss,
    external,
    connections: server.stats.connections,
    bytesOut: server.stats.bytesOut,
    dropped: counted('relay.dropped'),
    stalled: counted('relay.stalled'),
  } satisfies Report)
})
process.on('disconnect', () => process.exit(0))
process.send!({ port: server.port, publicKey: Buffer.from(server.publicKey!).toString('hex') })

function counted(event: string): number {
  return tally.events.get(event)?.get('')?.times ?? 0
}
