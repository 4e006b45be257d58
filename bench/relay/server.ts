// The relay of the comparison in a process of its own: the generated protocol, in the profile of the published crate.
import { protocol } from '../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/index.ts'
import { serve } from '../../runtime/index.ts'

const [size = '1024'] = process.argv.slice(2)
const server = await serve(protocol, {
  listen: 'tcp://127.0.0.1:0',
  params: { packet_len: BigInt(size) },
  relayQueue: {
    overflow: 'backpressure',
    frames: 1024,
    stall: Number.POSITIVE_INFINITY,
    hold: Number.POSITIVE_INFINITY,
  },
  limits: { connections: 256, connectionsPerAddress: 256 },
})
process.on('SIGINT', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
process.send?.({ port: server.port })
if (process.send === undefined) process.stdout.write(`${server.port}\n`)
