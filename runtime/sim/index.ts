// The simulated network, for tests of protocols and of applications that speak them: `import 'framewright/sim'`.

export type { BurstLoss, LinkCounters, LinkOptions } from './link.ts'
export { SimNetwork, type SimOptions, type SimSocket } from './network.ts'
export { NodeNetwork, type NodeNetworkOptions, RawPeer } from './node-network.ts'
export { SimRandom } from './random.ts'
export type { SimConnection, StreamOptions } from './stream.ts'
