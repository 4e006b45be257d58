// A js-libp2p node that listens on TCP with Noise and yamux, answers pings, and pings whoever connects. JSON lines on stdout. With an
// argument, a multiaddr, it dials that instead and pings it.
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

// libp2p 3 uses it; Node has it from 22 on.
Promise.withResolvers ??= function () {
  const one = {}
  one.promise = new this((resolve, reject) => Object.assign(one, { resolve, reject }))
  return one
}

const print = line => process.stdout.write(`${JSON.stringify(line)}\n`)
const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: { ping: ping() },
  connectionMonitor: { enabled: false },
})
node.addEventListener('connection:open', ({ detail }) => {
  print({ ev: 'open', peer: detail.remotePeer.toString(), encryption: detail.encryption, muxer: detail.multiplexer })
  if (process.argv[2] === undefined) void pingIt(detail)
})
node.addEventListener('connection:close', () => print({ ev: 'close' }))
print({ ev: 'listening', addr: node.getMultiaddrs()[0].toString() })
if (process.argv[2] !== undefined) void pingIt(await node.dial(multiaddr(process.argv[2])))
setTimeout(() => process.exit(0), 30_000)

async function pingIt(connection) {
  try {
    print({ ev: 'ping', ms: await node.services.ping.ping(connection.remotePeer) })
    print({ ev: 'ping', ms: await node.services.ping.ping(connection.remotePeer) })
  } catch (error) {
    print({ ev: 'failed', error: String(error) })
  }
}
