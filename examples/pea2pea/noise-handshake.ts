// Noise (pea2pea's noise_handshake): XXpsk3 with fresh static keys and a key that everybody knows, then every message in a record of its own.
// Byte for byte the published example, its public key included; for anything else take one of your own.
//
//     node --import tsx examples/pea2pea/noise-handshake.ts
import { Node, type NodeOptions, type NoiseLayer, noise } from '../../runtime/index.ts'

const PSK = Buffer.from('I dont care for codes of conduct')

/** A layer for one node. */
export function exampleNoise(psk: Uint8Array = PSK): NoiseLayer {
  return noise({ protocol: 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s', psks: [psk] })
}

/** A node on which all traffic is encrypted. */
export function noiseNode(
  options: NodeOptions,
  message: (text: Uint8Array, answer: (text: Uint8Array) => void) => unknown,
  layer: NoiseLayer = exampleNoise(),
): Node {
  return new Node({ limits: { connectionsPerAddress: 100 }, ...options })
    .enableHandshake(layer.handshake)
    .enableReading({ codec: layer.decoder, message: (text, from) => message(text, back => from.unicastFast(back)) })
    .enableWriting({ codec: layer.encoder })
}

if (import.meta.filename === process.argv[1]) {
  const server = noiseNode({ listener: '127.0.0.1:0' }, (text, answer) => answer(text))
  const heard = new Promise<string>(resolve => {
    const client = noiseNode({ listener: 'none' }, text => {
      resolve(Buffer.from(text).toString())
      void client.shutDown()
    })
    void server
      .toggleListener()
      .then(address => client.connect(address as string))
      .then(peer => peer.unicast(Buffer.from('a secret')))
  })
  process.stdout.write(`${await heard}, there and back\n`)
  await server.shutDown()
}
