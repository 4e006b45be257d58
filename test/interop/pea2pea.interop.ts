// Our nodes and those of the published crate (test/interop/peers/pea2pea) in one network: every framing, Noise, remote calls, handshakes, ends,
// backpressure, and a mesh of ten and ten that plays hot potato. Bytes and behaviour of the crate: docs/protocols/pea2pea.md.
import { afterEach, describe, expect, test } from 'vitest'
import { player } from '../../examples/pea2pea/hot-potato.ts'
import { exampleNoise, noiseMessage, noiseNode } from '../../examples/pea2pea/noise-handshake.ts'
import { processed, RpcClient, rpcServer } from '../../examples/pea2pea/simple-rpc.ts'
import {
  fixed,
  lines,
  Node,
  type NodeOptions,
  type Prefix,
  prefixed,
  type RawFraming,
  unframed,
} from '../../runtime/index.ts'
import { type Line, peer, proto, type Running, run, stopAll } from './process.ts'

const PEER = peer('pea2pea')
const WIDE: NodeOptions = { listener: '127.0.0.1:0', limits: { connectionsPerAddress: 100 } }
const ours: Node<never, never>[] = []

afterEach(async () => {
  stopAll()
  await Promise.all(ours.splice(0).map(node => node.shutDown()))
})

async function crate(...args: string[]): Promise<{ running: Running; address: string }> {
  const running = run(PEER!, ['node', '--timeout', '50000', ...args])
  const { addr } = await running.line(l => l.ev === 'listening')
  return { running, address: String(addr) }
}

function dialling(address: string, ...args: string[]): Running {
  return run(PEER!, ['node', '--timeout', '50000', '--no-listen', '--connect', address, ...args])
}

function keep<N>(node: N): N {
  ours.push(node as Node<never, never>)
  return node
}

function plain(framing: RawFraming, options: NodeOptions = {}): { node: Node; heard: string[] } {
  const heard: string[] = []
  const node = keep(new Node({ ...WIDE, ...options }))
  node.enableReading({
    codec: framing.decoder,
    message(message, from) {
      heard.push(Buffer.from(message).toString())
      from.unicastFast(message)
    },
  })
  node.enableWriting({ codec: framing.encoder })
  return { node, heard }
}

async function until(done: () => boolean, what: string, seconds = 15): Promise<void> {
  for (let i = 0; i < seconds * 100; i++) {
    if (done()) return
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`${what}: not within ${seconds} s`)
}

const isMessage = (l: Line): boolean => l.ev === 'message'
const PREFIXES: readonly Prefix[] = ['u8', 'u16be', 'u16le', 'u32be', 'u32le', 'varint']
const FRAMINGS: readonly (readonly [string, string, RawFraming])[] = [
  ...PREFIXES.map(prefix => [prefix, prefix, prefixed(prefix)] as const),
  ['line', 'line', lines()],
  ['one byte', 'byte1', fixed(1)],
  ['none', 'raw', unframed()],
]

describe.skipIf(!PEER)('framings', () => {
  test.each(FRAMINGS)('%s: the crate dials us, its messages arrive and our answers too', async (_, name, framing) => {
    const { node, heard } = plain(framing)
    const address = (await node.toggleListener()) as string
    const size = name === 'byte1' ? 1 : 200
    const client = dialling(address, '--framing', name, '--send', '1', '--size', String(size), '--expect', '1')
    expect(await client.line(isMessage)).toMatchObject({ len: size })
    expect(heard.join('')).toHaveLength(size)
  })

  test.each(FRAMINGS)('%s: we dial the crate, which echoes', async (_, name, framing) => {
    const { address } = await crate('--framing', name, '--echo')
    const heard: string[] = []
    const node = keep(new Node(WIDE))
    node.enableReading({ codec: framing.decoder, message: m => void heard.push(Buffer.from(m).toString()) })
    node.enableWriting({ codec: framing.encoder })
    const connection = await node.connect(address)
    const text = name === 'byte1' ? 'x' : 'over and out'
    await connection.unicast(Buffer.from(text))
    await until(() => heard.join('') === text, 'the echo')
  })

  test('a hundred thousand messages from the crate arrive, counted exactly at both ends', async () => {
    const framing = prefixed('u32be')
    const node = keep(new Node(WIDE))
    let count = 0
    node.enableReading({ codec: framing.decoder, message: () => void count++ })
    const client = dialling(
      (await node.toggleListener()) as string,
      '--framing',
      'u32be',
      '--send',
      '100000',
      '--size',
      '64',
      '--quiet',
      '--stdin',
    )
    const { messages } = await client.line(l => l.ev === 'sent', 30)
    await until(() => count === 100_000, 'all messages')
    expect([messages, node.stats.messagesReceived, node.stats.bytesReceived]).toEqual([100_000, 100_000, 6_800_000])
  })
})

describe.skipIf(!PEER)('noise', () => {
  const MODE = ['--noise', 'Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s']

  test('the crate dials: handshake hashes agree, records open, also empty ones', async () => {
    const heard: string[] = []
    const node = keep(
      noiseNode(WIDE, (text, answer) => {
        heard.push(Buffer.from(text).toString())
        answer(new Uint8Array(0))
        answer(Buffer.from('right behind'))
      }),
    )
    const hashes: string[] = []
    node.enableOnConnect(({ secured }) => void hashes.push(Buffer.from(secured?.noise?.hash ?? []).toString('hex')))
    const client = dialling(
      (await node.toggleListener()) as string,
      ...MODE,
      '--hello',
      'from the crate',
      '--expect',
      '2',
    )
    const { info } = await client.line(l => l.ev === 'handshake')
    await client.ended()
    expect(heard).toEqual(['from the crate'])
    expect(hashes).toEqual([(info as { hash: string }).hash])
    expect(client.lines.filter(isMessage).map(l => l.text)).toEqual(['', 'right behind'])
  })

  test('we dial the crate, and data right behind the third message is read', async () => {
    const { address } = await crate(...MODE, '--echo')
    const heard: string[] = []
    const node = keep(noiseNode(WIDE, text => void heard.push(Buffer.from(text).toString())))
    const connection = await node.connect(address)
    for (const word of ['one', 'two', 'three']) connection.unicastFast(noiseMessage(Buffer.from(word)))
    await until(() => heard.length === 3, 'the echo')
    expect(heard).toEqual(['one', 'two', 'three'])
  })

  test('another pre-shared key fails the handshake at both ends', async () => {
    const { running, address } = await crate(...MODE)
    const node = keep(noiseNode(WIDE, () => {}, exampleNoise(new Uint8Array(32).fill(1))))
    // The initiator is done when it has sent the third message; the responder refuses it.
    await node.connect(address)
    expect(await running.line(l => l.ev === 'handshake')).toMatchObject({ ok: false })
    await until(() => node.connectedCount === 0, 'the end')
  })
})

describe.skipIf(!PEER)('remote calls', () => {
  test('the crate calls us', async () => {
    const server = keep(rpcServer(processed))
    const client = dialling(
      (await server.toggleListener()) as string,
      '--framing',
      'u32be',
      '--rpc-call',
      'hello',
      '--rpc-call',
      'there',
      '--expect',
      '2',
    )
    await client.ended()
    expect(client.lines.filter(l => l.ev === 'rpc_reply').map(l => l.data)).toEqual([
      'processed: HELLO',
      'processed: THERE',
    ])
  })

  test('we call the crate', async () => {
    const { address } = await crate('--framing', 'u32be', '--rpc')
    const client = new RpcClient()
    keep(client.node)
    const connection = await client.node.connect(address)
    const answers = await Promise.all(['a', 'b', 'c'].map(text => client.call(connection, text)))
    expect(answers).toEqual(['processed: A', 'processed: B', 'processed: C'])
  })
})

describe.skipIf(!PEER)('ends', () => {
  test('we leave: the crate sees it as Reading; it leaves: so do we', async () => {
    const { running, address } = await crate('--framing', 'u32be', '--stdin')
    const { node } = plain(prefixed('u32be'))
    const origins: string[] = []
    node.enableOnDisconnect((_, origin) => void origins.push(origin))
    await (await node.connect(address)).disconnect()
    expect(await running.line(l => l.ev === 'disconnected')).toMatchObject({ origin: 'Reading' })
    const client = dialling((await node.toggleListener()) as string, '--framing', 'u32be', '--disconnect-after', '50')
    expect(await client.line(l => l.ev === 'disconnected')).toMatchObject({ origin: 'User' })
    await until(() => origins.length === 2, 'both ends')
    expect(origins).toEqual(['User', 'Reading'])
  })

  test('what the crate says in its OnDisconnect still arrives', async () => {
    const { node, heard } = plain(prefixed('u32be'))
    const client = dialling(
      (await node.toggleListener()) as string,
      '--framing',
      'u32be',
      '--bye',
      'so long',
      '--disconnect-after',
      '50',
    )
    await client.line(l => l.ev === 'disconnected')
    await until(() => heard.length === 1, 'the goodbye')
    expect(heard).toEqual(['so long'])
  })

  test('a slow crate pushes back, and nothing is lost', async () => {
    const { running, address } = await crate(
      '--framing',
      'u32be',
      '--profile',
      'tiny',
      '--slow',
      '1',
      '--quiet',
      '--expect',
      '400',
    )
    const { node } = plain(prefixed('u32be'))
    const connection = await node.connect(address)
    for (let i = 0; i < 400; i++) await connection.send(new Uint8Array(20_000))
    expect(await running.line(l => l.ev === 'stats', 30)).toMatchObject({ processed: 400, processed_bytes: 8_000_000 })
  })

  test('the crate rejects a second connection: both dials succeed, and one ends at once', async () => {
    const { address } = await crate('--framing', 'u32be', '--per-ip', '1')
    const both = [plain(prefixed('u32be')), plain(prefixed('u32be'))]
    for (const { node } of both) await node.connect(address)
    // Which one is a race among the crate's threads.
    const left = (): number => both.reduce((sum, { node }) => sum + node.connectedCount, 0)
    await until(() => left() === 1, 'the end of one')
  })
})

describe.skipIf(!PEER)('the command line', () => {
  test('proto serve listens and dials as one node among others: the crate on both sides hears its echo', async () => {
    const { running: far, address } = await crate('--framing', 'u32be', '--hello', 'from afar', '--expect', '1')
    const middle = proto(
      'serve',
      'pea2pea',
      '--listen',
      'tcp://127.0.0.1:0',
      '--connect',
      address,
      '--echo',
      '--for',
      '30s',
      '--json',
    )
    const { port } = await middle.line(l => l.event === 'listening')
    const near = dialling(`127.0.0.1:${port}`, '--framing', 'u32be', '--hello', 'from near', '--expect', '1')
    expect(await near.line(isMessage)).toMatchObject({ text: 'from near' })
    expect(await far.line(isMessage)).toMatchObject({ text: 'from afar' })
    expect(middle.lines.filter(l => l.event === 'open')).toHaveLength(2)
  })

  test('proto send and proto listen are nodes to the crate', async () => {
    const { running, address } = await crate('--framing', 'u32be', '--echo', '--hello', 'welcome')
    const sending = proto(
      'send',
      'pea2pea',
      `tcp://${address}`,
      'Message',
      'payload=text:hello',
      '--wait',
      '2',
      '--json',
    )
    expect(await sending.ended()).toBe(0)
    expect(await running.line(isMessage)).toMatchObject({ text: 'hello' })
    const listening = proto('listen', 'pea2pea', `tcp://${address}`, '--count', '1', '--json')
    expect(await listening.ended()).toBe(0)
    const [frame] = listening.lines.filter(l => l.event === 'frame')
    expect(frame).toMatchObject({ dir: 'in', fields: { payload: `0x${Buffer.from('welcome').toString('hex')}` } })
  })
})

describe.skipIf(!PEER)('a mesh of ten and ten', () => {
  test('hot potato goes among all for thirty seconds, and nobody drops out', async () => {
    const players = Array.from({ length: 10 }, (_, i) => player(`us${i}`))
    for (const { node } of players) keep(node)
    const origins: string[] = []
    for (const { node } of players) node.enableOnDisconnect((_, origin) => void origins.push(origin))
    const theirs = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        crate(
          '--handshake',
          'name',
          '--name',
          `crate${i}`,
          '--framing',
          'u8',
          '--nodelay',
          '--echo',
          '--quiet',
          '--stdin',
        ),
      ),
    )
    for (const { node } of players) await node.toggleListener()
    for (const [i, { node }] of players.entries()) {
      for (const other of players.slice(i + 1)) await node.connect(other.node.listeningAddress)
      for (const { address } of theirs) await node.connect(address)
    }
    // Those of the crate know no potato game, but an echo: whoever throws to them catches it himself.
    await until(() => players.every(({ node }) => node.connectedCount === 19), 'the mesh')
    players[0]!.throwPotato()
    await new Promise(resolve => setTimeout(resolve, 30_000))
    for (const one of players) one.isPlaying = false
    const counts = players.map(({ node }) => node.connectedCount)
    const throws = players.reduce((sum, { caught }) => sum + caught, 0)
    process.stdout.write(`figure: ${throws} potatoes caught in 30 s\n`)
    expect(counts).toEqual(Array(10).fill(19))
    expect(players.every(({ caught }) => caught > 0)).toBe(true)
    expect(origins).toEqual([])
  })
})
