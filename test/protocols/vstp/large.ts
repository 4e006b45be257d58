// 100 MB over the simulated network at 5 % loss, byte for byte, between our own peers. Run by .ci/run:
//   node --import tsx test/protocols/vstp/large.ts [BYTES] [SEED]
// Prints one line with its figures; the exit code says whether it worked.

import { protocol } from '../../../generated/vstp/index.ts'
import { SimRandom } from '../../../runtime/sim/random.ts'
import { pair, sha256 } from './network.ts'

const size = Number(process.argv[2] ?? 100_000_000)
const seed = Number(process.argv[3] ?? 1)
const { net, client, server, toServer } = pair(protocol, seed, { latency: 20, jitter: 5, loss: 0.05 })
const payload = new SimRandom(seed).bytes(size)
const begin = performance.now()
client.sendAcked(toServer, 'large', payload)
net.runUntil(() => client.outcomes.length === 1, 60 * 60_000)
const seconds = (performance.now() - begin) / 1000
const [delivered] = server.data
const isWhole = client.outcomes[0] === 'large' && server.data.length === 1 && delivered !== undefined
const isSame = isWhole && sha256(delivered.payload) === sha256(payload)
const { sent, lost } = net.counters
console.log(
  `${isSame ? 'passed' : 'FAILED'}: ${size} bytes at 5 % loss ${isSame ? 'byte for byte' : client.outcomes.join()} in ` +
    `${(net.now / 1000).toFixed(1)} s of the simulated network, ${seconds.toFixed(1)} s of ours; ` +
    `${sent} datagrams, ${lost} lost, ${Math.round(process.memoryUsage().rss / 1e6)} MB resident, seed ${seed}`,
)
process.exitCode = isSame ? 0 : 1
