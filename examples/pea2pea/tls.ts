// TLS (pea2pea's tls): the stream is TLS from its first byte, and has no framing; schema/examples/tls-stream.yaml. The certificates are those
// of the tests; a node that trusts another authority does not get in.
//
//     node --import tsx examples/pea2pea/tls.ts
import { protocol, type TlsStreamTypes } from '../../generated/tls-stream/index.ts'
import { type Messages, messages } from '../../runtime/index.ts'

const FOLDER = new URL('../../test/runtime/certificates/', import.meta.url)
const pem = (name: string): string => new URL(`${name}.pem`, FOLDER).pathname

export function tlsMessages(ca = 'ca'): Messages<TlsStreamTypes, 'peer'> {
  const params = { ca: pem(ca), certificate: pem('server'), private_key: pem('server.key') }
  return messages(protocol, { params })
}

export async function exchange(text: string, ca?: string): Promise<string> {
  const [near, far] = [tlsMessages(ca), tlsMessages()]
  const server = far.node({ listener: '127.0.0.1:0' }).enableWriting(far.writing)
  server.enableReading(
    far.reading({
      async Bytes(frame, from) {
        await from.send({ frame: 'Bytes', value: { data: frame.data } })
      },
    }),
  )
  const client = near.node({ listener: 'none' }).enableWriting(near.writing)
  const back = new Promise<string>(resolve => {
    client.enableReading(near.reading({ Bytes: frame => resolve(Buffer.from(frame.data).toString()) }))
  })
  try {
    const peer = await client.connect((await server.toggleListener()) as string)
    await peer.unicast({ frame: 'Bytes', value: { data: Buffer.from(text) } })
    return await back
  } finally {
    await Promise.all([client.shutDown(), server.shutDown()])
  }
}

if (import.meta.filename === process.argv[1]) process.stdout.write(`${await exchange('herp derp')}\n`)
