// A network that lets no datagrams through: the client of the default profile goes on inside the TLS stream that its keys
// came through, with the same API and the same promises of its channels.

import { createSocket } from 'node:dgram'
import { createServer, connect as dialTcp, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { protocol as crate } from '../../../generated/fastnet/profiles/crate-0.3.1/protocol.ts'
import { protocol } from '../../../generated/fastnet/protocol.ts'
import { handOverPlaces } from '../../../runtime/core/hand-over-places.ts'
import { connect, type ProtocolDescriptor, serve } from '../../../runtime/index.ts'

const file = (name: string): string => new URL(`../../runtime/certificates/${name}.pem`, import.meta.url).pathname
const open: { close(): Promise<unknown> | void }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** The shipped protocol, with less patience than its two seconds. */
const impatient = (after: number | undefined): typeof protocol => {
  const { handshake } = protocol as ProtocolDescriptor
  const continuation = { ...handshake!.script!.continuation!, fallback: after }
  return { ...protocol, handshake: { ...handshake, script: { ...handshake!.script, continuation } } } as typeof protocol
}

const trust = { ca: file('ca'), server_name: 'localhost' }

/** A server of the protocol, and another place in front of it that passes its TLS on and does as it likes with datagrams. */
async function behind(of: typeof protocol, datagrams: 'swallowed' | 'refused') {
  const params = { certificate: file('server'), private_key: file('server.key') }
  const server = await serve(of, { listen: 'tls://127.0.0.1:0', params, echo: true })
  open.push(server)
  const udp = server.addresses[1]!.port
  let swallowed = 0
  if (datagrams === 'swallowed') {
    const hole = createSocket('udp4')
    hole.on('message', () => swallowed++)
    await new Promise<void>(resolve => hole.bind(udp, '127.0.0.2', resolve))
    open.push({ close: () => void hole.close() })
  }
  const sockets = new Set<Socket>()
  const streams: Socket[] = []
  const front = createServer(socket => {
    const inner = dialTcp(server.port, '127.0.0.1')
    for (const one of [socket, inner]) sockets.add(one.on('error', () => {}))
    streams.push(socket, inner)
    socket.pipe(inner).pipe(socket)
  })
  await new Promise<void>(resolve => front.listen(0, '127.0.0.2', resolve))
  open.push({
    close: () => {
      for (const one of sockets) one.destroy()
      front.close()
    },
  })
  const { port } = front.address() as { port: number }
  return { server, url: `tls://127.0.0.2:${port}`, streams, seen: () => swallowed }
}

const waitFor = async (what: () => boolean, most = 5000): Promise<void> => {
  for (let i = 0; i < most / 10 && !what(); i++) await new Promise(resolve => setTimeout(resolve, 10))
  expect(what()).toBe(true)
}

/** What comes back, by channel. */
function listening() {
  const got: string[] = []
  const onFrame = (frame: unknown): void => {
    const { channel, payload, frameName } = frame as { channel: number; payload: Uint8Array; frameName: string }
    if (frameName === 'Data') got.push(`${channel}:${payload.length}`)
  }
  return { got, onFrame }
}

test('where datagrams are swallowed, all four channels work inside the stream, each message once and ordered ones in order', async () => {
  const quick = impatient(200)
  const { server, url, seen } = await behind(quick, 'swallowed')
  const { got, onFrame } = listening()
  const client = await connect(quick, url, { params: trust, onFrame })
  open.push(client)
  expect(client.address).toMatch(/\/stream$/)
  for (let size = 0; size < 100; size++)
    for (const channel of ['ordered', 'unreliable', 'unordered', 'sequenced'] as const)
      await client.send('Data', { payload: new Uint8Array(size) }, { channel })
  await client.send('Data', { payload: new Uint8Array(200_000) }, { channel: 'ordered' })
  await waitFor(() => got.length >= 401)
  expect(got.filter(one => one.startsWith('0'))).toEqual([
    ...Array.from({ length: 100 }, (_, i) => `0:${i}`),
    '0:200000',
  ])
  expect(new Set(got).size).toBe(401)
  expect(seen()).toBeGreaterThan(0)
  expect([...server.peers].length).toBe(1)
  await client.close()
  await waitFor(() => [...server.peers].length === 0)
})

test('where nobody listens for datagrams, it does not even wait', async () => {
  const patient = impatient(60_000)
  const { url } = await behind(patient, 'refused')
  const { got, onFrame } = listening()
  const from = performance.now()
  const client = await connect(patient, url, { params: trust, onFrame })
  open.push(client)
  await client.send('Data', { payload: new Uint8Array(7) }, { channel: 'ordered' })
  await waitFor(() => got.length === 1)
  expect(got).toEqual(['0:7'])
  expect(performance.now() - from).toBeLessThan(30_000)
})

test('where datagrams arrive, the stream ends when the first answer has come', async () => {
  const params = { certificate: file('server'), private_key: file('server.key') }
  const server = await serve(protocol, { listen: 'tls://127.0.0.1:0', params, echo: true })
  open.push(server)
  const { got, onFrame } = listening()
  const client = await connect(protocol, server.url, { params: { ca: file('ca') }, onFrame })
  open.push(client)
  expect(client.address).toBe(`127.0.0.1:${server.addresses[1]!.port}`)
  await client.send('Data', { payload: new Uint8Array(5) }, { channel: 'ordered' })
  await waitFor(() => got.length === 1)
  expect([...server.peers].map(one => one.address.endsWith('/stream'))).toEqual([false])
})

test('a stream that breaks under a session ends it by name on both sides', async () => {
  const quick = impatient(100)
  const { server, url, streams } = await behind(quick, 'swallowed')
  const client = await connect(quick, url, { params: trust })
  open.push(client)
  for (const one of streams) one.destroy()
  const { error } = (await client.closed) as { error?: { code: string } }
  expect(error?.code).toBe('Reset')
  await waitFor(() => [...server.peers].length === 0)
})

test('without `fallback` the attempt fails by name, and the profile of the crate has none', async () => {
  const none = impatient(undefined)
  const { url } = await behind(none, 'refused')
  await expect(connect(none, url, { params: trust })).rejects.toMatchObject({ code: 'Unreachable' })
  expect(handOverPlaces(crate as ProtocolDescriptor)!.script.continuation!.fallback).toBeUndefined()
  expect(handOverPlaces(protocol as ProtocolDescriptor)!.script.continuation!.fallback).toBe(2000)
})
