// TLS over real sockets: who is trusted, under which name, and what happens to everybody else.

import { readFileSync } from 'node:fs'
import { connect as dialTcp } from 'node:net'
import { connect as dialTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import {
  connect,
  MemoryHub,
  type ProtocolDescriptor,
  type ServeOptions,
  type Server,
  serve,
} from '../../runtime/index.ts'
import { read, type TinyReader, text, tiny } from './tiny.ts'

const CERTIFICATES = new URL('./certificates/', import.meta.url)
const path = (name: string): string => new URL(`${name}.pem`, CERTIFICATES).pathname
const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end()
})

test('frames travel over TLS 1.3 between peers that trust each other, both ways', async () => {
  const server = await started({ handlers: { Ask: (frame: TinyReader) => ({ payload: frame.payload.slice() }) } })
  const client = await trusting(server, {})
  const payload = Uint8Array.from({ length: 300_000 }, (_, i) => i & 255)
  const reply = (await client.request('Ask', { payload })) as { payload: Uint8Array }
  expect(Buffer.compare(reply.payload, payload)).toBe(0)
  await client.close()
  expect(await client.closed).toEqual({ reason: 'closed', error: undefined })
})

test('a slow handler stops a peer over TLS, and gets everything in the end', async () => {
  let count = 0
  const protocol = secured({ limits: { ...tiny().limits, queue: { messages: 4, bytes: 50_000 } } })
  const server = await started(
    {
      handlers: {
        Data: async () => {
          await new Promise(resolve => setTimeout(resolve, 1))
          count++
        },
      },
    },
    protocol,
  )
  const client = await trusting(server, {}, protocol)
  for (let i = 0; i < 100; i++) await client.send('Data', { payload: new Uint8Array(20_000) })
  await client.send('Data', { flags: 1 })
  for (let i = 0; count < 101 && i < 1000; i++) await new Promise(resolve => setTimeout(resolve, 2))
  expect(count).toBe(101)
})

test('a server whose authority is not trusted is refused', async () => {
  const server = await started({})
  await expect(trusting(server, { ca: path('stranger-ca') })).rejects.toMatchObject({ code: 'HandshakeFailed' })
  await expect(connect(secured(), server.url)).rejects.toMatchObject({ code: 'HandshakeFailed' })
})

test('a certificate for another name is refused, and the name can be given', async () => {
  const server = await started({})
  await expect(trusting(server, { server_name: 'example.org' })).rejects.toMatchObject({
    code: 'HandshakeFailed',
    message: expect.stringContaining('example.org'),
  })
  const client = await trusting(server, { server_name: 'localhost' })
  await client.send('Data', { flags: 1 })
})

test('with verify none anybody is believed', async () => {
  const server = await started({})
  const client = await trusting(server, { ca: 'none' })
  await client.send('Data', { flags: 1 })
})

test('a peer that offers no protocol of ours is refused by either side (ALPN)', async () => {
  const failures: string[] = []
  const server = await started({ onError: error => void failures.push(error.message) })
  const ca = readFileSync(path('ca'))
  const silent = dialTls({ host: '127.0.0.1', port: server.port, ca, servername: 'localhost' })
  silent.on('error', () => {})
  await new Promise(resolve => silent.once('close', resolve))
  expect(failures.join()).toMatch(/no protocol of ours/)

  const other = secured()
  const foreign: ProtocolDescriptor = {
    ...other,
    handshake: { ...other.handshake!, tls: { ...other.handshake!.tls!, alpn: ['other/9'] } },
  }
  await expect(trusting(server, {}, foreign)).rejects.toMatchObject({ code: 'HandshakeFailed' })
})

test('a TCP connection that never begins its handshake is dropped in time and holds no place', async () => {
  const protocol = secured({ limits: { ...tiny().limits, handshakes: 1 } })
  const server = await started({}, { ...protocol, handshake: { ...protocol.handshake!, timeout: 200 } })
  const idle = dialTcp(server.port, '127.0.0.1').on('error', () => {})
  await new Promise(resolve => idle.once('connect', resolve))
  await expect(trusting(server, {})).rejects.toMatchObject({ name: 'PeerError' })
  await new Promise(resolve => idle.once('close', resolve))
  const client = await trusting(server, {})
  await client.send('Data', { flags: 1 })
})

test('a server without a certificate is not started, and says which param it needs', async () => {
  await expect(serve(secured(), { listen: 'tls://127.0.0.1:0' })).rejects.toThrow(
    'tls needs a certificate: pass params: { certificate: <PEM or its file> }',
  )
  const params = { certificate: path('server'), key: 'no-such-file' }
  await expect(serve(secured(), { listen: 'tls://127.0.0.1:0', params })).rejects.toThrow(
    'the file of the private key cannot be read (ENOENT)',
  )
})

test('clients show a certificate where the schema has them do so', async () => {
  const protocol = secured()
  const mutual: ProtocolDescriptor = {
    ...protocol,
    handshake: {
      ...protocol.handshake!,
      tls: { ...protocol.handshake!.tls!, clientCertificate: { param: 'certificate' } },
    },
  }
  const server = await started({ params: { ca: path('ca') } }, mutual)
  const known = await trusting(server, { certificate: path('client'), key: path('client.key') }, mutual)
  await known.send('Data', { flags: 1 })
  const unknown = await trusting(server, {}, mutual).catch(error => error)
  // The server refuses after the client believes it is done (TLS 1.3), so the client may learn it a moment later.
  const ending = unknown instanceof Error ? { error: unknown } : await unknown.closed
  expect(ending.error).toMatchObject({ code: 'HandshakeFailed' })
})

test('PEM may be given as text, and the same protocol runs in memory without TLS', async () => {
  const texts = { certificate: readFileSync(path('server'), 'utf8'), key: readFileSync(path('server.key'), 'utf8') }
  const server = await started({ params: texts })
  await trusting(server, { ca: readFileSync(path('ca'), 'utf8') })

  const hub = new MemoryHub()
  const got: string[] = []
  const inside = await serve(tiny(), {
    listen: hub,
    handlers: { Data: (frame: TinyReader) => void got.push(read(frame.payload)) },
  })
  const client = await connect(tiny(), hub)
  await client.send('Data', { flags: 1, payload: text('inside') })
  await inside.close()
  expect(got).toEqual(['inside'])
})

async function started(options: ServeOptions, protocol: ProtocolDescriptor = secured()): Promise<Server> {
  const params = { certificate: path('server'), key: path('server.key'), ...(options.params as object) }
  const server = await serve(protocol, { handlers: {}, ...options, params, listen: 'tls://127.0.0.1:0' })
  cleanup.push(() => server.close())
  return server
}

async function trusting(server: Server, params: Record<string, string>, protocol: ProtocolDescriptor = secured()) {
  const client = await connect(protocol, server.url, { handlers: {}, params: { ca: path('ca'), ...params } })
  cleanup.push(() => client.close())
  return client
}

/** The tiny protocol with a TLS section: names and trust come from params. */
function secured(changes: Partial<ProtocolDescriptor> = {}): ProtocolDescriptor {
  const param = (name: string, fallback: ProtocolDescriptor['params'][number]['fallback']) => ({
    name,
    doc: undefined,
    type: { kind: 'text' as const },
    secret: name === 'key',
    for: [],
    required: false,
    fallback,
    min: undefined,
    max: undefined,
  })
  return tiny({
    params: [
      param('server_name', { word: 'target' }),
      param('ca', { value: 'system' }),
      param('certificate', { word: 'none' }),
      param('key', { word: 'none' }),
    ],
    handshake: {
      transport: 'tls',
      timeout: 2000,
      script: undefined,
      unbuilt: [],
      tls: {
        versions: ['1.3'],
        alpn: ['tiny/1'],
        serverName: { param: 'server_name' },
        verify: { param: 'ca' },
        certificate: { param: 'certificate' },
        key: { param: 'key' },
        clientCertificate: undefined,
        tickets: 'ignore',
      },
    },
    ...changes,
  })
}
