// Two stream machines of the tiny protocol, joined by the simulated network.
import { SimNetwork } from '../../runtime/sim/network.ts'
import { streamEnd } from './harness.ts'
import { type TCP, tiny } from './tiny.ts'

export interface PairOptions {
  seed?: number
  portion?: number
  transport?: typeof TCP
  overflow?: 'wait' | 'reject'
  changes?: Parameters<typeof tiny>[0]
}

export interface Pair {
  readonly client: ReturnType<typeof streamEnd>
  readonly server: ReturnType<typeof streamEnd>
  readonly network: SimNetwork
  readonly connection: ReturnType<SimNetwork['connect']>
}

export function pair(options: PairOptions = {}): Pair {
  const protocol = tiny(options.changes)
  const network = new SimNetwork({
    seed: options.seed ?? 1,
    stream: { portion: options.portion ?? 65_536, latency: 1 },
  })
  const changes = { overflow: options.overflow ?? ('wait' as const) }
  const client = streamEnd(protocol, 'dials', options.transport, changes)
  const server = streamEnd(protocol, 'accepts', options.transport, changes)
  const connection = network.connect(['a:1', client.machine], ['b:1', server.machine])
  return { client, server, network, connection }
}
