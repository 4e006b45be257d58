// Nodes over real sockets on loopback: what only the operating system can show.
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { protocol } from '../../generated/pea2pea/index.ts'
import { protocol as chaos } from '../../generated/pea2pea/profiles/chaos/index.ts'
import { protocol as text } from '../../generated/pea2pea/profiles/text/index.ts'
import {
  fixed,
  lines,
  Metrics,
  messages,
  Node,
  type NodeOptions,
  type Prefix,
  prefixed,
  unframed,
} from '../../runtime/index.ts'
import { bytes, codeOf } from './harness.ts'

const running: Node<never, never>[] = []
const clients: Socket[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await Promise.all(running.splice(0).map(node => node.shutDown()))
})

function started<N>(node: N): N {
  running.push(node as Node<never, never>)
  return node
}

function plain(options: NodeOptions = {}): { node: Node; received: Uint8Array[] } {
  const received: Uint8Array[] = []
  const node = started(
    new Node({ listener: '127.0.0.1:0', ...options, limits: { connectionsPerAddress: 100, ...options.limits } }),
  )
  const { decoder, encoder } = prefixed('u16be')
  node.enableReading({ codec: decoder, message: message => void received.push(Uint8Array.from(message)) })
  node.enableWriting({ codec: encoder })
  return { node, received }
}

async function until(done: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (done()) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`${what}: not within 5 s`)
}

async function raw(address: string): Promise<Socket> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  clients.push(socket)
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('connect', resolve))
  return socket
}

test('a dial from a bound socket shows its address at the peer, and counts for that address', async () => {
  const { node: far } = plain({ limits: { connectionsPerAddress: 1 } })
  const { node: near } = plain()
  const address = (await far.toggleListener()) as string
  await near.connect(address, { source: { host: '127.0.0.77' } })
  await until(() => far.connectedCount === 1, 'the first')
  expect(far.connectedAddresses[0]).toMatch(/^127\.0\.0\.77:/)
  const { node: second } = plain()
  await second.connect(address, { source: { host: '127.0.0.77' } })
  await until(() => far.heuristics.inboundConnectionsRejected === 1, 'the rejection')
  await plain().node.connect(address, { source: { host: '127.0.0.78' } })
  await until(() => far.connectedCount === 2, 'the other address')
})

test('shutting down frees the port', async () => {
  const { node } = plain()
  const address = (await node.toggleListener()) as string
  const client = await raw(address)
  await until(() => node.connectedCount === 1, 'the client')
  await node.shutDown()
  const { node: next } = plain({ listener: address })
  expect(await next.toggleListener()).toBe(address)
  client.destroy()
})

test('a port that is taken, and a shared one where that cannot be, are refused', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  expect(await codeOf(plain({ listener: `127.0.0.1:${port}` }).node.toggleListener())).toBe('AddrNotAvailable')
  server.close()
  if (Number(process.versions.node.split('.')[0]) < 23)
    expect(await codeOf(plain({ reusePort: true }).node.toggleListener())).toBe('Unsupported')
})

test('nobody listening is ConnectFailed, and takes no place', async () => {
  const { node } = plain()
  expect(await codeOf(node.connect('127.0.0.1:1'))).toBe('ConnectFailed')
  expect([node.connectingCount, node.table.addresses]).toEqual([0, 0])
})

const FRAMINGS = ['u8', 'u16be', 'u16le', 'u32be', 'u32le', 'varint'] as const satisfies readonly Prefix[]
test.each([
  ...FRAMINGS.map(prefix => [prefix, prefixed(prefix)] as const),
  ['lines', lines()] as const,
  ['fixed', fixed(4)] as const,
])('%s frames arrive whole, cut as they may be', async (_, framing) => {
  const far = started(new Node({ listener: '127.0.0.1:0' }))
  const received: string[] = []
  far.enableReading({ codec: framing.decoder, message: message => void received.push(Buffer.from(message).toString()) })
  const client = await raw((await far.toggleListener()) as string)
  const encoder = framing.encoder('', 'initiator')
  const words = ['abcd', 'efgh', 'ijkl']
  const wire = Buffer.concat(
    words.map(word => {
      const into = new Uint8Array(encoder.sizeOf(bytes(word)))
      return into.subarray(0, encoder.encode(bytes(word), into, 0))
    }),
  )
  client.setNoDelay(true)
  for (const byte of wire) {
    client.write(Uint8Array.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  await until(() => received.length === 3, 'three messages')
  expect(received).toEqual(words)
})

test('without framing a message is what a read returned', async () => {
  const far = started(new Node({ listener: '127.0.0.1:0' }))
  let total = 0
  far.enableReading({ codec: unframed().decoder, message: message => void (total += message.length) })
  const client = await raw((await far.toggleListener()) as string)
  client.write(new Uint8Array(100_000))
  await until(() => total === 100_000, 'everything')
})

test('a schema gives framing, types, limits and bounds; handlers are typed by frame', async () => {
  const wire = messages(protocol)
  const far = started(wire.node({ listener: '127.0.0.1:0' }))
  expect(far.settings).toMatchObject({
    nodelay: true,
    connectTimeout: 1000,
    limits: { connections: 100, connectionsPerAddress: 1 },
  })
  const received: number[] = []
  far.enableReading(
    wire.reading({ Message: (frame, from) => void received.push(frame.payloadLength, from.address.length) }),
  )
  const near = started(wire.node({ listener: 'none' }))
  near.enableWriting(wire.writing)
  const connection = await near.connect((await far.toggleListener()) as string)
  await connection.unicast({ frame: 'Message', value: { payload: new Uint8Array(70_000) } })
  await until(() => received.length === 2, 'the message')
  expect(received[0]).toBe(70_000)
  expect(() => connection.unicast({ frame: 'Message', value: { payload: new Uint8Array(9 * 1024 * 1024) } })).toThrow(
    expect.objectContaining({ code: 'InvalidInput' }),
  )
})

test('the metrics of a schema count what happens to its nodes', async () => {
  const metrics = new Metrics({ protocol: protocol.name, frames: protocol.frames, metrics: protocol.metrics })
  const wire = messages(protocol)
  const far = started(wire.node({ listener: '127.0.0.1:0' }, { meter: metrics.meter }))
  far.enableReading(wire.reading({ Message() {} }))
  const near = started(wire.node({ listener: 'none' }))
  near.enableWriting(wire.writing)
  const address = (await far.toggleListener()) as string
  const connection = await near.connect(address)
  for (let i = 0; i < 3; i++) await connection.unicast({ frame: 'Message', value: { payload: new Uint8Array(6) } })
  await raw(address)
  await until(() => far.heuristics.inboundConnectionsRejected === 1 && far.stats.messagesReceived === 3, 'all of it')
  const text = await metrics.text()
  expect(text).toMatch(/p2p_messages_received_total\{[^}]*\} 3\n/)
  expect(text).toMatch(/p2p_bytes_received_total\{[^}]*\} 30\n/)
  expect(text).toMatch(/p2p_inbound_connections_rejected_total\{[^}]*\} 1\n/)
  expect(text).toMatch(/framewright_connections\{[^}]*\} 1\n/)
})

test('profiles of a schema set what they name', () => {
  expect(messages(chaos).settings).toMatchObject({
    nodelay: false,
    connectTimeout: 10,
    limits: { connections: 32, connectionsPerAddress: 32, handshakes: 16 },
    hooks: {
      onConnect: { abortable: false },
      reading: { buffer: 4096, drain: false },
      writing: { buffer: 4096, rejectOversize: false },
    },
  })
})

test('a frame kept while its handler waits stays as it was, whatever arrives meanwhile', async () => {
  const wire = messages(text)
  const far = started(wire.node({ listener: '127.0.0.1:0' }))
  const heard: string[] = []
  far.enableReading(
    wire.reading({
      async Message(frame) {
        await new Promise(resolve => setTimeout(resolve, 2))
        heard.push(frame.text)
      },
    }),
  )
  const near = started(wire.node({ listener: 'none' }))
  near.enableWriting(wire.writing)
  const connection = await near.connect((await far.toggleListener()) as string)
  const words = Array.from({ length: 80 }, (_, i) => `word ${i}`)
  for (const word of words) {
    await connection.send({ frame: 'Message', value: { text: word } })
    if (word.endsWith('5')) await new Promise(resolve => setImmediate(resolve))
  }
  await until(() => heard.length === words.length, 'all words')
  expect(heard).toEqual(words)
})

test('a hundred connections one after the other leave nothing behind', async () => {
  const { node: far, received } = plain()
  const address = (await far.toggleListener()) as string
  for (let turn = 0; turn < 100; turn++) {
    const { node } = plain()
    const connection = await node.connect(address)
    for (let i = 0; i < 10; i++) connection.unicastFast(bytes('x'))
    await connection.unicast(bytes('last'))
    await node.shutDown()
  }
  await until(() => far.connectedCount === 0, 'the last to go')
  expect(received).toHaveLength(1100)
  expect([far.connectingCount, far.table.addresses, far.sendable.size, far.memory.held]).toEqual([0, 0, 0, 0])
})
