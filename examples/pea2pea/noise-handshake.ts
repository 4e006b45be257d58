// Noise (pea2pea's noise_handshake): XXpsk3 with fresh static keys and a key that everybody knows, then every message in a record of its own:
// schema/examples/noise.yaml. Byte for byte the published example, its public key included; for anything else take the schema's default
// profile and a key of your own.
//
//     node --import tsx examples/pea2pea/noise-handshake.ts
import { type NoiseFramesTypes, protocol } from '../../generated/noise-frames/profiles/crate-0.57.4/index.ts'
import { type Messages, messages, type NodeOptions } from '../../runtime/index.ts'

export type NoiseMessages = Messages<NoiseFramesTypes, 'peer'>
export type NoiseNode = ReturnType<NoiseMessages['node']>

/** `psk`: of the network, 32 bytes; default: the published one. */
export function exampleNoise(psk?: Uint8Array): NoiseMessages {
  return messages(protocol, psk === undefined ? {} : { params: { psk } })
}

/** A node on which all traffic is encrypted. */
export function noiseNode(
  options: NodeOptions,
  message: (text: Uint8Array, answer: (text: Uint8Array) => void) => unknown,
  wire: NoiseMessages = exampleNoise(),
): NoiseNode {
  return wire
    .node({ limits: { connectionsPerAddress: 100 }, ...options })
    .enableReading(
      wire.reading({
        Message: ({ data = EMPTY }, from) => message(data, back => from.unicastFast(noiseMessage(back))),
      }),
    )
    .enableWriting(wire.writing)
}

/** An empty message is a record without anything in it, as in the published example. */
export function noiseMessage(data: Uint8Array): Parameters<NoiseNode['broadcast']>[0] {
  return { frame: 'Message', value: data.length === 0 ? {} : { data } }
}

const EMPTY = new Uint8Array(0)

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
      .then(peer => peer.unicast(noiseMessage(Buffer.from('a secret'))))
  })
  process.stdout.write(`${await heard}, there and back\n`)
  await server.shutDown()
}
