// The default profile over real TLS and UDP on the loopback: who is let in, where it goes on, and who is refused.

import { readFileSync } from 'node:fs'
import { connect as dialTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { protocol } from '../../../generated/fastnet/protocol.ts'
import { connect, serve } from '../../../runtime/index.ts'

const file = (name: string): string => new URL(`../../runtime/certificates/${name}.pem`, import.meta.url).pathname
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

test('a client that trusts the server talks to it on all four channels, with messages of any size', async () => {
  const server = await started()
  expect(server.addresses.map(one => one.transport)).toEqual(['tls', 'udp'])
  const got: string[] = []
  const client = await connect(protocol, server.url, {
    params: { ca: file('ca') },
    onFrame: frame => {
      const { channel, payload, frameName } = frame as unknown as {
        channel: number
        payload: Uint8Array
        frameName: string
      }
      if (frameName === 'Data') got.push(`${channel}:${payload.length}`)
    },
  })
  open.push(client)
  for (const channel of ['ordered', 'unreliable', 'unordered', 'sequenced'] as const)
    for (const size of [0, 1176, 1177, 20_000])
      await client.send('Data', { payload: new Uint8Array(size) }, { channel })
  for (let i = 0; i < 500 && got.length < 16; i++) await new Promise(resolve => setTimeout(resolve, 10))
  expect(got.filter(one => one.startsWith('0'))).toEqual(['0:0', '0:1176', '0:1177', '0:20000'])
  expect(got.length).toBe(16)
})

test('48: a certificate of the same authority for another host is refused', async () => {
  const server = await started()
  const params = { ca: file('ca'), server_name: 'example.org' }
  await expect(connect(protocol, server.url, { params })).rejects.toMatchObject({ code: 'HandshakeFailed' })
  const stranger = { params: { ca: file('stranger-ca') } }
  await expect(connect(protocol, server.url, stranger)).rejects.toMatchObject({ code: 'HandshakeFailed' })
  await expect(connect(protocol, server.url)).rejects.toMatchObject({ code: 'HandshakeFailed' })
})

test('49: TLS 1.2 and another ALPN are refused, and nothing is told', async () => {
  const server = await started()
  for (const options of [
    { maxVersion: 'TLSv1.2', ALPNProtocols: ['fastnet/2'] },
    { ALPNProtocols: ['other/1'] },
    {},
  ] as const) {
    let bytes = 0
    const socket = dialTls({
      host: '127.0.0.1',
      port: server.port,
      ca: readFileSync(file('ca')),
      ...(options as object),
    })
    socket
      .on('error', () => {})
      .on('data', chunk => {
        bytes += chunk.length
      })
    await new Promise(resolve => socket.once('close', resolve))
    expect(bytes).toBe(0)
  }
})

test('the port of the datagrams is no place to begin, and says so', async () => {
  const server = await started()
  await expect(connect(protocol, `udp://127.0.0.1:${server.port}`)).rejects.toThrow(/there is tls/)
})

async function started() {
  const params = { certificate: file('server'), private_key: file('server.key') }
  const server = await serve(protocol, { listen: 'tls://127.0.0.1:0', params, echo: true })
  open.push(server)
  return server
}
